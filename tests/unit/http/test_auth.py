"""Credentials open exactly the doors they are for."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import os
from collections.abc import Callable
from pathlib import Path

import bcrypt
import httpx
import pytest
import yaml
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp

from kullback.core.errors import ErrorId, KullbackError, RequestError
from kullback.http.auth import ANYBODY, Gate, needed_scope
from kullback.http.edge import Edge
from kullback.outputs.meters import Meters

NOW_MS = 1_795_328_801_679
TOKENS = {"agent": "token-of-the-agent", "viewer": "token-of-the-viewer", "boss": "token-of-the-boss"}


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def web_yml(**changes: object) -> dict[str, object]:
    return {
        "basic_auth_users": {"alice": bcrypt.hashpw(b"secret", bcrypt.gensalt(4)).decode()},
        "bearer_tokens": [
            {
                "name": "agent",
                "sha256": sha256(TOKENS["agent"]),
                "scopes": ["write"],
                "requests_per_minute": 2,
            },
            {"name": "viewer", "sha256": sha256(TOKENS["viewer"]), "scopes": ["read"]},
            {"name": "boss", "sha256": sha256(TOKENS["boss"]), "scopes": ["admin"]},
        ],
        **changes,
    }


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "web.yml"
    file.write_text(yaml.safe_dump(web_yml()))
    return file


def basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def bearer(name: str) -> str:
    return f"Bearer {TOKENS[name]}"


def gate_of(path: Path | None, clock: Callable[[], int] = lambda: NOW_MS) -> Gate:
    return Gate(path, clock)


def admitted(gate: Gate, authorization: str, method: str = "GET", path: str = "/api/v1/streams") -> str:
    return asyncio.run(gate.admit(method, path, authorization)).name


def refusal(gate: Gate, authorization: str, method: str = "GET", path: str = "/api/v1/streams") -> ErrorId:
    with pytest.raises(KullbackError) as caught:
        asyncio.run(gate.admit(method, path, authorization))
    return caught.value.error


@pytest.mark.parametrize(
    ("method", "path", "scope"),
    [
        ("POST", "/api/v1/write", "write"),
        ("POST", "/v1/metrics", "write"),
        ("GET", "/api/v1/streams", "read"),
        ("HEAD", "/-/healthy", "read"),
        ("POST", "/api/v1/compare", "read"),
        ("POST", "/api/v1/backtest", "read"),
        ("DELETE", "/api/v1/streams/abc", "admin"),
        ("POST", "/api/v1/streams/abc/rebaseline", "admin"),
        ("PUT", "/api/v1/references/x", "admin"),
        ("POST", "/-/reload", "admin"),
    ],
)
def test_each_endpoint_needs_one_scope(method: str, path: str, scope: str) -> None:
    assert needed_scope(method, path) == scope


def test_without_a_file_everybody_may_come_in() -> None:
    assert asyncio.run(gate_of(None).admit("DELETE", "/api/v1/streams/x", "")) is ANYBODY


def test_users_of_basic_auth_may_do_everything(path: Path) -> None:
    gate = gate_of(path)
    assert admitted(gate, basic("alice", "secret"), "POST", "/-/reload") == "alice"


@pytest.mark.parametrize(
    "authorization",
    [
        "",
        "Basic",
        "Basic !!!",
        "Bearer",
        "Bearer nonsense",
        "Digest x",
        basic("alice", "wrong"),
        basic("bob", "secret"),
        basic("alice", "secret" + "x" * 100),
        basic("alice", "secret\0"),
        "Bearer \udcff",
    ],
)
def test_wrong_credentials_are_refused(path: Path, authorization: str) -> None:
    gate = gate_of(path)
    admitted(gate, basic("alice", "secret"))
    assert refusal(gate, authorization) is ErrorId.UNAUTHENTICATED


def test_a_token_opens_its_own_scope_only(path: Path) -> None:
    gate = gate_of(path)
    assert admitted(gate, bearer("agent"), "POST", "/api/v1/write") == "agent"
    assert refusal(gate, bearer("agent")) is ErrorId.FORBIDDEN
    assert refusal(gate, bearer("viewer"), "POST", "/api/v1/write") is ErrorId.FORBIDDEN
    assert refusal(gate, bearer("viewer"), "DELETE", "/api/v1/streams/x") is ErrorId.FORBIDDEN
    assert admitted(gate, bearer("boss"), "DELETE", "/api/v1/streams/x") == "boss"


def test_a_token_is_slowed_down_to_its_rate(path: Path) -> None:
    now_ms = [NOW_MS]
    gate = gate_of(path, lambda: now_ms[0])
    write = (bearer("agent"), "POST", "/api/v1/write")
    admitted(gate, *write)
    admitted(gate, *write)
    assert refusal(gate, *write) is ErrorId.RATE_LIMITED
    now_ms[0] += 30_000
    assert admitted(gate, *write) == "agent"
    now_ms[0] -= 3_600_000
    assert refusal(gate, *write) is ErrorId.RATE_LIMITED


def test_health_needs_no_credentials_but_metrics_do(path: Path) -> None:
    gate = gate_of(path)
    assert admitted(gate, "", "GET", "/-/ready") == ""
    assert refusal(gate, "", "GET", "/metrics") is ErrorId.UNAUTHENTICATED


def rewrite(path: Path, content: str) -> None:
    path.write_text(content)
    later_ns = path.stat().st_mtime_ns + 1_000_000_000
    os.utime(path, ns=(later_ns, later_ns))


def test_a_changed_file_counts_at_once(path: Path) -> None:
    gate = gate_of(path)
    admitted(gate, basic("alice", "secret"))
    hashed = bcrypt.hashpw(b"other", bcrypt.gensalt(4)).decode()
    rewrite(path, yaml.safe_dump({"basic_auth_users": {"alice": hashed}}))
    assert refusal(gate, basic("alice", "secret")) is ErrorId.UNAUTHENTICATED
    assert admitted(gate, basic("alice", "other")) == "alice"
    assert refusal(gate, bearer("boss")) is ErrorId.UNAUTHENTICATED


@pytest.mark.parametrize("content", ["{", "- a list", "basic_auth_users: {x: plain}", "unknown: 1"])
def test_a_file_that_became_bad_changes_nothing(path: Path, content: str) -> None:
    gate = gate_of(path)
    rewrite(path, content)
    assert refusal(gate, "") is ErrorId.UNAUTHENTICATED
    assert admitted(gate, bearer("viewer")) == "viewer"
    path.unlink()
    assert refusal(gate, "") is ErrorId.UNAUTHENTICATED


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"basic_auth_users": {"alice": "plain"}}, "bcrypt"),
        ({"bearer_tokens": [{"name": "x", "sha256": "short", "scopes": ["read"]}]}, "sha256"),
        ({"bearer_tokens": [{"name": "x", "sha256": "0" * 64, "scopes": []}]}, "scopes"),
        ({"bearer_tokens": [{"name": "x", "sha256": "0" * 64, "scopes": ["root"]}]}, "scopes"),
        ({"basic_auth_user": {}}, "basic_auth_user"),
        ({"tls_server_config": {"cert_file": "c"}}, "key_file"),
        (
            {
                "tls_server_config": {
                    "cert_file": "c",
                    "key_file": "k",
                    "client_auth_type": "RequireAndVerifyClientCert",
                }
            },
            "client_ca_file",
        ),
    ],
)
def test_a_bad_file_at_the_start_is_named_without_its_secrets(
    tmp_path: Path, changes: dict[str, object], named: str
) -> None:
    file = tmp_path / "web.yml"
    file.write_text(yaml.safe_dump(web_yml(**changes)))
    with pytest.raises(RequestError) as caught:
        gate_of(file)
    assert caught.value.error is ErrorId.BAD_CONFIG
    assert named in caught.value.detail
    assert "plain" not in caught.value.detail
    assert "$2b$" not in caught.value.detail


def answer(app: ASGIApp, authorization: str = "", path: str = "/api/v1/streams") -> httpx.Response:
    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://kullback") as client:
            return await client.get(path, headers={"Authorization": authorization})

    return asyncio.run(ask())


def test_refusals_are_problems_with_a_challenge_and_security_headers(path: Path) -> None:
    app = Edge(PlainTextResponse("in"), gate_of(path), Meters())
    refused = answer(app)
    assert (refused.status_code, refused.json()["id"]) == (401, "kb-unauthenticated")
    assert refused.headers["www-authenticate"].startswith("Basic")
    for response in (refused, answer(app, bearer("viewer"))):
        assert response.headers["x-content-type-options"] == "nosniff"
        assert "script-src 'self'" in response.headers["content-security-policy"]
    assert answer(app, bearer("viewer")).text == "in"
    assert answer(app, bearer("agent")).json()["id"] == "kb-forbidden"


def test_headers_of_the_file_win(path: Path) -> None:
    headers = {"Strict-Transport-Security": "max-age=1", "X-Frame-Options": "SAMEORIGIN"}
    rewrite(path, yaml.safe_dump({"http_server_config": {"headers": headers}}))
    response = answer(Edge(PlainTextResponse("in"), gate_of(path), Meters()))
    assert response.headers["strict-transport-security"] == "max-age=1"
    assert response.headers["x-frame-options"] == "SAMEORIGIN"


def test_every_request_is_timed_by_handler_and_code(path: Path) -> None:
    meters = Meters()
    answer(Edge(PlainTextResponse("in"), gate_of(path), meters), path="/some/guess")
    labels = {"handler": "other", "code": "401"}
    assert meters.registry.get_sample_value("kullback_request_duration_seconds_count", labels) == 1
