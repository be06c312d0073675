"""Tenants share a service and see, change and count nothing of each other, on any endpoint."""

from __future__ import annotations

import hashlib
import itertools
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bcrypt
import httpx
import numpy as np
import orjson
import pytest
import yaml
from fastapi.routing import APIRoute
from tests.contract.servers import Receiver, eventually
from tests.unit.http.conftest import feed, normal, rows, serving

from kullback.http import ui
from kullback.http.api import described_app
from kullback.http.tenancy import DOCUMENTS, FOLDERS, OPERATORS, SHARED
from kullback.http.write import PATHS as WRITE_PATHS

SECRET = "zq7secret"
"""In each metric name, label, reason and description of the other tenant, and nowhere else."""
REFERENCE = "release-42"

ENDPOINTS = [
    (method.upper(), path)
    for path, methods in described_app().openapi()["paths"].items()
    for method in methods
]
PAGES = [
    (method, route.path)
    for route in ui.router.routes
    if isinstance(route, APIRoute)
    for method in sorted(route.methods)
]
BODIES: dict[str, Any] = {
    "exclude": {"start": 0, "end": 1000},
    "feedback": {"verdict": "false_positive"},
    "maintenance": {"match": "{}", "start": 0, "end": 1},
    "markers": {"text": "deploy", "time": 0},
    "references": {"samples": [float(value) for value in range(20)]},
}


def of(tenant: str, **more: str) -> dict[str, str]:
    return {"X-Scope-OrgID": tenant, **more}


@dataclass(frozen=True)
class Neighbours:
    """A service with two tenants; `theirs` has everything, `mine` one stream."""

    client: httpx.Client
    stream: str
    alert: str
    window: str
    reference: str
    marker: str
    own_stream: str

    def fill(self, path: str) -> str:
        """A path with the other tenant's ids in it."""
        ids = {"/streams/": self.stream, "/alerts/": self.alert, "/markers/": self.marker}
        name = next((known for part, known in ids.items() if part in path), self.window)
        return path.replace("{id}", name).replace("{name}", self.reference)

    def standing(self) -> Any:
        """What the other tenant sees of its own: it must not change."""
        return {
            path: self.client.get(path, headers=of("theirs")).json()
            for path in (
                f"/api/v1/streams/{self.stream}",
                f"/api/v1/alerts/{self.alert}",
                "/api/v1/maintenance",
                "/api/v1/references",
                "/api/v1/markers",
                "/api/v1/audit",
            )
        }


@pytest.fixture(scope="module")
def neighbours(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Neighbours]:
    with serving(tmp_path_factory.mktemp("tenants"), tenants={"enabled": True}) as client:
        client.headers["X-Scope-OrgID"] = "theirs"
        values = np.concatenate([normal(4000), normal(60, 2) + 0.4])
        stream = feed(client, f"{SECRET}_seconds", values, server=SECRET)
        (alert,) = client.get("/api/v1/alerts").json()["alerts"]
        window = {"match": '{job="none"}', "start": 0, "end": 4e12, "reason": SECRET}
        reference = {"stream": stream, "description": SECRET}
        made = client.post("/api/v1/maintenance", json=window).json()["id"]
        assert client.put(f"/api/v1/references/{REFERENCE}", json=reference).status_code == 200
        marker = client.post("/api/v1/markers", json={"text": SECRET, "time": time.time() - 300}).json()["id"]
        client.headers["X-Scope-OrgID"] = "mine"
        own = feed(client, "mine_seconds", normal(50))
        del client.headers["X-Scope-OrgID"]
        yield Neighbours(client, stream, alert["id"], made, REFERENCE, marker, own)


def body_for(path: str) -> Any:
    return next((body for word, body in BODIES.items() if word in path), None)


OPEN = (*DOCUMENTS, *SHARED, *OPERATORS)
"""Tell of no tenant, or are the operator's."""


@pytest.mark.parametrize(
    ("method", "path"),
    [
        endpoint
        for endpoint in [*ENDPOINTS, *PAGES]
        if endpoint[1] not in OPEN and not endpoint[1].startswith(FOLDERS)
    ],
)
def test_no_endpoint_answers_without_a_tenant(neighbours: Neighbours, method: str, path: str) -> None:
    answer = neighbours.client.request(method, neighbours.fill(path), json=body_for(path))
    assert (answer.status_code, answer.json()["id"]) == (401, "kb-no-tenant")


@pytest.mark.parametrize(("method", "path"), [*ENDPOINTS, *PAGES])
def test_no_endpoint_tells_or_changes_what_is_anothers(
    neighbours: Neighbours, method: str, path: str
) -> None:
    before = neighbours.standing()
    url, params = neighbours.fill(path), {"start": "0", "end": "4000000000000"}
    if path.endswith("/compare") and "references" in path:
        params["stream"] = neighbours.stream
    with neighbours.client.stream(
        method, url, headers=of("mine"), json=body_for(path), params=params
    ) as answer:
        if "event-stream" in answer.headers.get("content-type", ""):
            text = "".join(itertools.islice(answer.iter_lines(), 6))
        else:
            text = answer.read().decode("utf-8", "replace")
    assert answer.status_code < 500
    assert SECRET not in text
    if answer.status_code != 404:
        assert neighbours.stream not in text
    if "{" in path and method != "PUT":
        assert answer.status_code == 404, text
    assert neighbours.standing() == before
    if method == "PUT":  # it made one of that name for itself
        assert neighbours.client.delete(url, headers=of("mine")).status_code == 204


@pytest.mark.parametrize("path", ["/api/v1/streams", "/api/v1/alerts", "/api/v1/correlate", "/api/v1/audit"])
def test_the_same_lists_do_tell_their_owner(neighbours: Neighbours, path: str) -> None:
    assert SECRET in neighbours.client.get(path, headers=of("theirs")).text


@pytest.mark.parametrize(
    "path", [f"/api/v1/{what}" for what in ("maintenance", "references", "markers", "incidents")]
)
def test_the_other_lists_do_too(neighbours: Neighbours, path: str) -> None:
    assert SECRET in neighbours.client.get(path, headers=of("theirs")).text


def test_a_selector_or_filter_cannot_reach_across(neighbours: Neighbours) -> None:
    for match in ("{}", '{__tenant__="theirs"}', '{__tenant__=~".*"}', f"{SECRET}_seconds"):
        found = neighbours.client.get("/api/v1/streams", params={"match[]": match}, headers=of("mine")).json()
        assert {stream["id"] for stream in found["streams"]} <= {neighbours.own_stream}
    asked = neighbours.client.get("/api/v1/alerts", params={"stream": neighbours.stream}, headers=of("mine"))
    assert asked.json() == {"alerts": []}


def test_events_are_silent_about_others(neighbours: Neighbours) -> None:
    with neighbours.client.stream("GET", "/api/v1/events", headers=of("mine")) as answer:
        told = _told(answer.iter_lines())
        assert {score["stream"] for score in next(told)} == {neighbours.own_stream}
        neighbours.client.headers["X-Scope-OrgID"] = "theirs"
        feed(neighbours.client, f"{SECRET}_seconds", [0.1], later_ms=5000, server=SECRET)
        neighbours.client.headers["X-Scope-OrgID"] = "mine"
        feed(neighbours.client, "mine_seconds", [0.1], later_ms=5000)
        del neighbours.client.headers["X-Scope-OrgID"]
        assert {score["stream"] for score in next(told)} == {neighbours.own_stream}


def _told(lines: Iterator[str]) -> Iterator[Any]:
    for line in lines:
        if line.startswith("data: "):
            yield orjson.loads(line.removeprefix("data: "))


def test_the_walk_covers_every_write_endpoint() -> None:
    assert {("POST", path) for path in WRITE_PATHS} <= set(ENDPOINTS)


def test_whatever_label_a_sender_writes_its_samples_are_its_own(neighbours: Neighbours) -> None:
    row = rows("claimed_seconds", [0.1, 0.2], server="web-1") | {"labels": {"__tenant__": "theirs"}}
    answer = neighbours.client.post("/api/v1/ingest?scores=all", json=row, headers=of("mine")).json()
    (claimed,) = answer["scores"]
    own = neighbours.client.get(f"/api/v1/streams/{claimed['stream']}", headers=of("mine")).json()
    assert (own["metric"], own["labels"]) == ("claimed_seconds", {})
    assert (
        neighbours.client.get(f"/api/v1/streams/{claimed['stream']}", headers=of("theirs")).status_code == 404
    )


def test_equal_series_of_two_tenants_are_two_streams(neighbours: Neighbours) -> None:
    found = set()
    for tenant in ("mine", "theirs", "anonymous"):
        row = rows("equal_seconds", [0.1])
        answer = neighbours.client.post("/api/v1/ingest?scores=all", json=row, headers=of(tenant))
        found.add(answer.json()["scores"][0]["stream"])
    assert len(found) == 3


def test_maintenance_of_one_tenant_silences_no_other(neighbours: Neighbours) -> None:
    now_ms = time.time_ns() // 1_000_000
    window = {"match": "{}", "start": now_ms - 1000, "end": now_ms + 3_600_000}
    made = neighbours.client.post("/api/v1/maintenance", json=window, headers=of("mine")).json()
    try:
        states = neighbours.client.get("/api/v1/status", headers=of("theirs")).json()["streams_by_state"]
        assert states["maintenance"] == 0
        states = neighbours.client.get("/api/v1/status", headers=of("mine")).json()["streams_by_state"]
        assert states["maintenance"] == sum(states.values())
    finally:
        deleted = neighbours.client.delete(f"/api/v1/maintenance/{made['id']}", headers=of("mine"))
        assert deleted.status_code == 204


def test_references_of_one_name_are_each_tenants_own(neighbours: Neighbours) -> None:
    samples = {"samples": [float(value) for value in range(20)]}
    url = "/api/v1/references/common"
    neighbours.client.put(url, json=samples | {"description": "a"}, headers=of("mine"))
    neighbours.client.put(url, json=samples | {"description": "b"}, headers=of("third"))
    assert neighbours.client.get(url, headers=of("mine")).json()["description"] == "a"
    assert neighbours.client.delete(url, headers=of("third")).status_code == 204
    assert neighbours.client.get(url, headers=of("mine")).json()["description"] == "a"


def test_a_deployment_of_one_tenant_explains_no_alert_of_another(neighbours: Neighbours) -> None:
    values = np.concatenate([normal(4000), normal(60, 2) + 0.4])
    told = {}
    for tenant in ("theirs", "mine"):
        posted = rows("deployed_seconds", values)
        neighbours.client.post("/api/v1/ingest", json=posted, headers=of(tenant))
        alerts = neighbours.client.get("/api/v1/alerts", headers=of(tenant)).json()["alerts"]
        (alert,) = [one for one in alerts if one["labels"]["metric"] == "deployed_seconds"]
        told[tenant] = alert["annotations"]
    assert SECRET in told["theirs"]["marker"]
    assert "marker" not in told["mine"]


def test_metrics_say_whose_a_stream_is_and_hide_it_from_others(neighbours: Neighbours) -> None:
    row = rows("labelled_seconds", [0.1]) | {"labels": {"tenant": "theirs"}}
    neighbours.client.post("/api/v1/ingest", json=row, headers=of("mine"))
    of_all = neighbours.client.get("/metrics").text
    assert f'metric="{SECRET}_seconds",tenant="theirs"' in of_all
    assert 'metric="labelled_seconds",tenant="mine",exported_tenant="theirs"' in of_all
    assert 'kullback_samples_ingested_total{protocol="json",tenant="mine"}' in of_all
    assert 'kullback_tenant_streams{tenant="theirs"}' in of_all
    of_mine = neighbours.client.get("/metrics", headers=of("mine")).text
    assert 'tenant="theirs"' not in of_mine.replace('exported_tenant="theirs"', "")
    assert "kullback_build_info" not in of_mine
    assert 'metric="mine_seconds",tenant="mine"' in of_mine


def test_what_is_the_operators_is_no_tenants(neighbours: Neighbours) -> None:
    assert neighbours.client.get("/api/v1/config").status_code == 200
    for method, path in (("GET", "/api/v1/config"), ("POST", "/-/reload")):
        answer = neighbours.client.request(method, path, headers=of("mine"))
        assert (answer.status_code, answer.json()["id"]) == (403, "kb-forbidden")


@pytest.mark.parametrize("name", ["a" * 151, "..", ".", "a|b", "a/b", "a b", "ä", "a\tb"])
def test_a_name_that_mimir_would_refuse_is_refused(neighbours: Neighbours, name: str) -> None:
    answer = neighbours.client.get("/api/v1/streams", headers={"X-Scope-OrgID": name.encode()})
    assert (answer.status_code, answer.json()["id"]) == (400, "kb-bad-tenant")


def test_two_names_in_one_request_are_refused(neighbours: Neighbours) -> None:
    headers = [("X-Scope-OrgID", "mine"), ("X-Scope-OrgID", "theirs")]
    answer = neighbours.client.get("/api/v1/streams", headers=headers)
    assert (answer.status_code, answer.json()["id"]) == (400, "kb-bad-tenant")


def test_every_character_of_mimirs_names_is_taken(neighbours: Neighbours) -> None:
    assert neighbours.client.get("/api/v1/streams", headers=of("aZ09!-_.*'()")).json()["streams"] == []


def test_a_tenants_quota_holds_for_it_alone(tmp_path: Path) -> None:
    quotas = {"enabled": True, "max_streams": 2, "overrides": {"large": {"max_streams": 4}}}
    with serving(tmp_path, tenants=quotas) as client:
        for tenant, most in (("small", 2), ("large", 4), ("another", 2)):
            many = [rows("quota_seconds", [0.1], stream=str(index)) for index in range(6)]
            answer = client.post("/api/v1/ingest", json=many, headers=of(tenant)).json()
            assert answer["accepted"] == most
            assert answer["errors"][0]["id"] == "kb-too-many-streams-of-tenant"
            assert answer["errors"][0]["option"] == "tenants.max_streams"
            status = client.get("/api/v1/status", headers=of(tenant)).json()
            assert (status["streams"], status["max_streams"]) == (most, most)


def test_a_limit_per_metric_is_counted_per_tenant(tmp_path: Path) -> None:
    limits = {"max_streams": 100, "max_streams_per_metric": 2}
    with serving(tmp_path, tenants={"enabled": True}, limits=limits) as client:
        for tenant in ("a", "b"):
            many = [rows("metric_seconds", [0.1], stream=str(index)) for index in range(3)]
            assert client.post("/api/v1/ingest", json=many, headers=of(tenant)).json()["accepted"] == 2


def test_without_tenants_the_header_means_nothing(client: httpx.Client) -> None:
    client.post("/api/v1/ingest", json=rows("open_seconds", [0.1]), headers=of("mine"))
    found = client.get("/api/v1/streams?match[]=open_seconds", headers=of("not/a name")).json()
    assert len(found["streams"]) == 1
    assert "tenant" not in client.get("/metrics").text


def test_streams_from_before_belong_to_anonymous(tmp_path: Path) -> None:
    with serving(tmp_path) as client:
        stream = feed(client, "early_seconds", normal(20))
        client.post("/api/v1/maintenance", json={"match": "{}", "start": 0, "end": 4e12})
    with serving(tmp_path, tenants={"enabled": True}) as client:
        assert client.get(f"/api/v1/streams/{stream}", headers=of("mine")).status_code == 404
        assert client.get(f"/api/v1/streams/{stream}", headers=of("anonymous")).status_code == 200
        assert client.get("/api/v1/maintenance", headers=of("mine")).json() == {"maintenance": []}
        own = client.get("/api/v1/maintenance", headers=of("anonymous")).json()["maintenance"]
        assert len(own) == 1


def test_tenants_outlive_a_restart(tmp_path: Path) -> None:
    with serving(tmp_path, tenants={"enabled": True}) as client:
        client.post("/api/v1/ingest", json=rows("kept_seconds", [0.1]), headers=of("mine"))
        client.post("/api/v1/maintenance", json={"match": "{}", "start": 0, "end": 4e12}, headers=of("mine"))
        client.post("/api/v1/ingest", json=rows("kept_seconds", [0.1]), headers=of("theirs"))
    with serving(tmp_path, tenants={"enabled": True}) as client:
        found = {
            tenant: client.get("/api/v1/streams", headers=of(tenant)).json()["streams"]
            for tenant in ("mine", "theirs")
        }
        assert [stream["state"] for stream in found["mine"]] == ["maintenance"]
        assert [stream["state"] for stream in found["theirs"]] == ["warming_up"]


@pytest.fixture(scope="module")
def bound(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    folder = tmp_path_factory.mktemp("bound")
    tokens = [
        {"name": name, "sha256": hashlib.sha256(name.encode()).hexdigest(), "scopes": ["admin"], **more}
        for name, more in (("operator", {}), ("mine", {"tenant": "mine"}))
    ]
    web = {
        "bearer_tokens": tokens,
        "basic_auth_users": {"alice": bcrypt.hashpw(b"secret", bcrypt.gensalt(4)).decode()},
        "basic_auth_tenants": {"alice": "theirs"},
    }
    (folder / "web.yml").write_text(yaml.safe_dump(web))
    server = {"web_config_file": str(folder / "web.yml")}
    with serving(folder, server=server, tenants={"enabled": True}) as client:
        yield client


def test_credentials_of_a_tenant_need_no_header_and_reach_no_other(bound: httpx.Client) -> None:
    token = {"Authorization": "Bearer mine"}
    assert bound.get("/api/v1/streams", headers=token).status_code == 200
    assert bound.get("/api/v1/streams", headers=of("mine", **token)).status_code == 200
    assert bound.get("/api/v1/streams", headers=of("theirs", **token)).status_code == 403
    assert bound.get("/api/v1/streams", auth=("alice", "secret")).status_code == 200
    assert bound.get("/api/v1/streams", auth=("alice", "secret"), headers=of("mine")).status_code == 403
    for path in ("/api/v1/config", "/-/reload"):
        method = "GET" if path.endswith("config") else "POST"
        assert bound.request(method, path, headers=token).status_code == 403
        assert bound.request(method, path, headers={"Authorization": "Bearer operator"}).status_code == 200


def test_bound_credentials_without_tenants_are_refused_at_the_start(tmp_path: Path) -> None:
    token = {"name": "a", "sha256": "0" * 64, "scopes": ["read"], "tenant": "mine"}
    (tmp_path / "web.yml").write_text(yaml.safe_dump({"bearer_tokens": [token]}))
    with (
        pytest.raises(Exception, match=r"set tenants\.enabled"),
        serving(tmp_path, server={"web_config_file": str(tmp_path / "web.yml")}),
    ):
        pass


def test_receivers_are_told_whose_an_alert_is(tmp_path: Path) -> None:
    with Receiver() as receiver:
        webhooks = {"webhooks": [{"url": receiver.url}]}
        with serving(tmp_path, tenants={"enabled": True}, alerting=webhooks) as client:
            client.headers["X-Scope-OrgID"] = "mine"
            values = np.concatenate([normal(4000), normal(60, 2) + 0.4])
            feed(client, "told_seconds", values, tenant="theirs")
            eventually(lambda: receiver.received, within_s=60)
        labels = orjson.loads(receiver.received[0].body)["alert"]["labels"]
        assert (labels["tenant"], labels["exported_tenant"]) == ("mine", "theirs")
