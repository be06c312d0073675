"""Deployments are marked by people and pipelines; charts, metrics and explanations show them."""

from __future__ import annotations

import time
from pathlib import Path

import httpx
import numpy as np
import pytest
from tests.unit.http.conftest import feed, normal, serving
from typer.testing import CliRunner

from kullback.cli import app
from kullback.client import Client


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def test_a_marker_is_listed_for_its_streams_and_taken_away(client: httpx.Client) -> None:
    mine = feed(client, "marked_seconds", normal(100), team="red")
    other = feed(client, "marked_seconds", normal(100), team="blue")
    body = {"text": "deploy red 1", "match": '{team="red"}', "url": "https://ci.example.org/1"}
    made = client.post("/api/v1/markers", json=body)
    assert made.status_code == 201
    marker = made.json()
    assert (marker["text"], marker["match"], marker["url"]) == tuple(body.values())
    assert client.get("/api/v1/markers", params={"stream": mine}).json() == {"markers": [marker]}
    assert client.get("/api/v1/markers", params={"stream": other}).json() == {"markers": []}
    assert client.get("/api/v1/markers", params={"end": "2020-01-01T00:00:00Z"}).json() == {"markers": []}
    assert client.delete(f"/api/v1/markers/{marker['id']}").status_code == 204
    assert client.delete(f"/api/v1/markers/{marker['id']}").status_code == 404


def test_labels_are_a_selector_whatever_they_hold(client: httpx.Client) -> None:
    stream = feed(client, "odd_seconds", normal(10), **{"app.name": 'a"b\\c'})
    made = client.post("/api/v1/markers", json={"text": "odd", "labels": {"app.name": 'a"b\\c'}})
    assert made.status_code == 201, made.text
    assert client.get("/api/v1/markers", params={"stream": stream}).json()["markers"] == [made.json()]


def test_the_same_marker_sent_twice_is_one(client: httpx.Client) -> None:
    body = {"text": "twice", "labels": {"team": "twice"}, "time": "2026-01-02T03:04:05Z"}
    first, again = (client.post("/api/v1/markers", json=body).json() for _ in range(2))
    assert first == again
    listed = client.get("/api/v1/markers", params={"limit": 1000}).json()["markers"]
    assert [marker["text"] for marker in listed].count("twice") == 1


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"text": ""},
        {"text": "x" * 201},
        {"text": "x", "match": "{}", "labels": {"a": "b"}},
        {"text": "x", "url": "javascript:alert(1)"},
        {"text": "x", "match": "{a="},
        {"text": "x", "time": "yesterday"},
    ],
)
def test_a_marker_that_cannot_be_read_is_refused(client: httpx.Client, body: dict[str, object]) -> None:
    assert client.post("/api/v1/markers", json=body).status_code == 400


def test_an_alert_that_begins_soon_after_names_the_deployment(client: httpx.Client) -> None:
    labels = {"job": "shop"}
    client.post("/api/v1/markers", json={"text": "long ago", "labels": labels, "time": now_ms() - 3_600_000})
    marked = {"text": "deploy shop v2.3", "labels": labels, "time": now_ms() - 120_000}
    assert (
        client.post("/api/v1/markers", json={**marked, "url": "https://ci.example.org/9"}).status_code == 201
    )
    stream = feed(client, "shop_seconds", np.concatenate([normal(4000), normal(60, 2) + 0.4]), **labels)
    (alert,) = client.get("/api/v1/alerts", params={"stream": stream, "state": "firing"}).json()["alerts"]
    notes = alert["annotations"]
    assert notes["description"].endswith("after “deploy shop v2.3”")
    assert notes["marker"] == "deploy shop v2.3 https://ci.example.org/9"
    assert "→" in notes["top_bins"]
    assert "p50 " in notes["quantiles"]
    now = client.get(f"/api/v1/streams/{stream}/explain").json()
    assert now["marker"] == "deploy shop v2.3"
    assert "“deploy shop v2.3”" in now["sentence"]
    then = client.get(f"/api/v1/streams/{stream}/explain", params={"time": alert["starts_at"]}).json()
    assert (then["top_bins"], then["quantiles"]) == (notes["top_bins"], notes["quantiles"])


def test_an_alert_of_other_streams_does_not(client: httpx.Client) -> None:
    client.post("/api/v1/markers", json={"text": "deploy else", "labels": {"job": "else"}})
    stream = feed(client, "alone_seconds", np.concatenate([normal(4000), normal(60, 2) + 0.4]), job="alone")
    (alert,) = client.get("/api/v1/alerts", params={"stream": stream}).json()["alerts"]
    assert "marker" not in alert["annotations"]


def test_the_newest_of_equal_markers_is_on_metrics(client: httpx.Client) -> None:
    for at_s in (1_700_000_000, 1_700_000_500):
        client.post("/api/v1/markers", json={"text": "nightly", "labels": {"job": "n"}, "time": at_s})
    lines = [line for line in client.get("/metrics").text.splitlines() if 'text="nightly"' in line]
    assert len(lines) == 1
    assert float(lines[0].split()[-1]) == 1_700_000_500


def test_markers_survive_a_restart_and_are_in_the_audit(tmp_path: Path) -> None:
    with serving(tmp_path) as client:
        made = client.post("/api/v1/markers", json={"text": "kept"}).json()
    with serving(tmp_path) as client:
        assert client.get("/api/v1/markers").json()["markers"] == [made]
        (action,) = client.get("/api/v1/audit").json()["actions"]
        assert (action["action"], action["details"]["text"]) == ("add_marker", "kept")


def test_client_and_command_line_mark(client: httpx.Client) -> None:
    url = str(client.base_url)
    with Client(url) as mine:
        marked = mine.mark("by client", labels={"job": "c"}, url="https://example.org/")
        assert marked in mine.markers()
    words = ["mark", "by command", "--label", "job=c", "--at", "2026-01-01T00:00:00Z", "--url", url]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, done.output
    assert "2026-01-01T00:00:00.000Z  by command" in done.output
    refused = CliRunner().invoke(app, ["mark", "x", "--match", "{a=", "--url", url])
    assert refused.exit_code == 1
    assert "selector" in refused.output
