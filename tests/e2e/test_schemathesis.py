"""Whatever the OpenAPI document allows, and much it does not, is answered as it says; never with a 5xx."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator

import httpx
import pytest
import schemathesis
import uvicorn
from hypothesis import HealthCheck, settings
from schemathesis import checks

from kullback.app import Service
from kullback.http.api import described_app
from kullback.settings import load_settings

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]
schema = schemathesis.openapi.from_dict(described_app().openapi())
NEVER_ENDS = "/api/v1/events"
EXAMPLES = 15


@schemathesis.serializer("application/x-ndjson", "application/x-protobuf")
def as_it_is(context: schemathesis.SerializationContext, value: object) -> bytes:
    """Bodies that are no JSON: random text and bytes."""
    return value if isinstance(value, bytes) else str(value).encode("utf-8", "replace")


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A service of its own: the requests act on it at random."""
    overrides = {
        "storage": {"path": str(tmp_path_factory.mktemp("schemathesis") / "storage"), "sync": "off"},
        "server": {"enable_lifecycle": True, "enable_admin": True},
        "limits": {"max_streams": 1000},
    }
    service = Service(load_settings(None, overrides), None, overrides)
    server = uvicorn.Server(uvicorn.Config(service.app, log_config=None, access_log=False))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        address = f"http://127.0.0.1:{listener.getsockname()[1]}"
        try:
            while httpx.get(f"{address}/-/ready", trust_env=False).status_code != httpx.codes.OK:
                time.sleep(0.05)
            yield address
        finally:
            server.should_exit = True
            thread.join()


@schema.exclude(path=NEVER_ENDS).parametrize()
@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
def test_answers_are_as_described(case: schemathesis.Case, url: str) -> None:
    case.call_and_validate(
        base_url=url,
        checks=[
            checks.not_a_server_error,
            checks.status_code_conformance,
            checks.content_type_conformance,
            checks.response_schema_conformance,
        ],
    )
