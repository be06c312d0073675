"""Whatever the OpenAPI document allows, and much it does not, is answered as it says; never with a 5xx."""

from __future__ import annotations

import hashlib
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
import schemathesis
import uvicorn
import yaml
from hypothesis import HealthCheck, settings
from schemathesis import checks

from kullback.app import Service
from kullback.http.api import described_app
from kullback.http.auth import needed_scope
from kullback.settings import load_settings

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]
schema = schemathesis.openapi.from_dict(described_app().openapi())
NEVER_ENDS = "/api/v1/events"
FOR_ANYBODY = ["/-/healthy", "/-/ready"]
EXAMPLES = 15
CHECKS = [
    checks.not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_schema_conformance,
]


@schemathesis.serializer("application/x-ndjson", "application/x-protobuf")
def as_it_is(context: schemathesis.SerializationContext, value: object) -> bytes:
    """Bodies that are no JSON: random text and bytes."""
    return value if isinstance(value, bytes) else str(value).encode("utf-8", "replace")


@dataclass(frozen=True)
class Door:
    """Where the service is, and what opens it."""

    url: str
    headers: dict[str, str]


@pytest.fixture(scope="module", params=["open", "guarded"])
def door(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    """A service of its own, without and with credentials: the requests act on it at random."""
    folder = tmp_path_factory.mktemp("schemathesis")
    guarded = request.param == "guarded"
    overrides = {
        "storage": {"path": str(folder / "storage"), "sync": "off"},
        "server": {
            "enable_lifecycle": True,
            "enable_admin": True,
            "web_config_file": web_config(folder / "web.yml") if guarded else None,
        },
        "limits": {"max_streams": 1000},
    }
    service = Service(load_settings(None, overrides), None, overrides)
    server = uvicorn.Server(uvicorn.Config(service.app, log_config=None, access_log=False))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        made = Door(f"http://127.0.0.1:{listener.getsockname()[1]}", bearer("admin") if guarded else {})
        try:
            ready = f"{made.url}/-/ready"
            while not httpx.get(ready, headers=made.headers, trust_env=False).is_success:
                time.sleep(0.05)
            yield made
        finally:
            server.should_exit = True
            thread.join()


def web_config(path: Path) -> str:
    tokens = [
        {"name": scope, "sha256": hashlib.sha256(token(scope).encode()).hexdigest(), "scopes": [scope]}
        for scope in ("admin", "write")
    ]
    path.write_text(yaml.safe_dump({"bearer_tokens": tokens}))
    return str(path)


def token(scope: str) -> str:
    return f"token-with-the-scope-{scope}"


def bearer(scope: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token(scope)}"}


@schema.exclude(path=NEVER_ENDS).parametrize()
@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
def test_answers_are_as_described(case: schemathesis.Case, door: Door) -> None:
    case.call_and_validate(base_url=door.url, headers=door.headers, checks=CHECKS)


@pytest.mark.parametrize("door", ["guarded"], indirect=True)
@schema.exclude(path=[NEVER_ENDS, *FOR_ANYBODY]).parametrize()
@settings(max_examples=EXAMPLES // 5, deadline=None, suppress_health_check=list(HealthCheck))
def test_nothing_is_answered_without_credentials_where_they_are_asked_for(
    case: schemathesis.Case, door: Door
) -> None:
    wanted = {"": 401, "Bearer a-guess": 401}
    if needed_scope(case.method, case.path) != "write":
        wanted |= {bearer("write")["Authorization"]: 403}
    for authorization, status in wanted.items():
        answer = case.call(base_url=door.url, headers={"Authorization": authorization})
        case.validate_response(answer, checks=CHECKS)
        assert answer.status_code == status, answer.text
        assert answer.headers["content-type"] == ["application/problem+json"]
