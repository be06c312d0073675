"""No endpoint of the running service can be reached around the gate."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import bcrypt
import httpx
import pytest
import yaml
from tests.unit.http.conftest import serving

from kullback.http.api import described_app
from kullback.http.auth import needed_scope

OPEN = ("/-/healthy", "/-/ready")
PAGES = (
    ("GET", "/"),
    ("GET", "/docs"),
    ("GET", "/openapi.json"),
    ("GET", "/static/nothing.js"),
    ("GET", "/nowhere"),
)
ENDPOINTS = [
    (method.upper(), path.replace("{id}", "x").replace("{name}", "x"))
    for path, methods in described_app().openapi()["paths"].items()
    for method in methods
    if path not in OPEN
]


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    folder = tmp_path_factory.mktemp("secured")
    tokens = [
        {"name": scope, "sha256": hashlib.sha256(scope.encode()).hexdigest(), "scopes": [scope]}
        for scope in ("write", "read", "admin")
    ]
    users = {"alice": bcrypt.hashpw(b"secret", bcrypt.gensalt(4)).decode()}
    (folder / "web.yml").write_text(yaml.safe_dump({"bearer_tokens": tokens, "basic_auth_users": users}))
    with serving(folder, server={"web_config_file": str(folder / "web.yml")}) as client:
        yield client


@pytest.mark.parametrize(("method", "path"), [*ENDPOINTS, *PAGES])
def test_nothing_is_served_without_credentials(secured: httpx.Client, method: str, path: str) -> None:
    for headers in ({}, {"Authorization": "Bearer nonsense"}):
        answer = secured.request(method, path, headers=headers)
        assert (answer.status_code, answer.json()["id"]) == (401, "kb-unauthenticated")
        assert "www-authenticate" in answer.headers


@pytest.mark.parametrize(("method", "path"), ENDPOINTS)
@pytest.mark.parametrize("scope", ["write", "read"])
def test_a_token_reaches_its_own_endpoints_only(
    secured: httpx.Client, method: str, path: str, scope: str
) -> None:
    with secured.stream(method, path, headers={"Authorization": f"Bearer {scope}"}) as answer:
        refused = answer.status_code == httpx.codes.FORBIDDEN
    assert refused == (needed_scope(method, path) != scope)


@pytest.mark.parametrize("path", OPEN)
def test_health_is_told_to_everybody(secured: httpx.Client, path: str) -> None:
    assert secured.get(path).status_code == 200


def test_the_audit_tells_who_acted(secured: httpx.Client) -> None:
    body = {"match": "{}", "start": 1, "end": 2}
    secured.post("/api/v1/maintenance", json=body, headers={"Authorization": "Bearer admin"})
    secured.post("/api/v1/maintenance", json=body, auth=("alice", "secret"))
    audit = secured.get("/api/v1/audit", headers={"Authorization": "Bearer read"}).json()
    assert [action["author"] for action in audit["actions"]] == ["alice", "admin"]


def test_secrets_are_in_no_answer(secured: httpx.Client) -> None:
    for path in ("/api/v1/config", "/api/v1/status", "/metrics"):
        text = secured.get(path, headers={"Authorization": "Bearer admin"}).text
        assert "$2b$" not in text
        assert hashlib.sha256(b"admin").hexdigest() not in text
