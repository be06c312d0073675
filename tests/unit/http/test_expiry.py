"""Streams that fall silent make room for others, and what was said of them stays, through HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import numpy as np
import pytest
from tests.unit.http.conftest import normal, rows, serving
from tests.unit.http.test_write import counted

MINUTE_MS = 60_000
START_MS = 1_795_328_801_679
EXPIRE_MINUTES = 5


@dataclass
class Clock:
    """The service's clock, in the test's hand."""

    now_ms: int = START_MS

    def __call__(self) -> int:
        return self.now_ms


@dataclass
class Room:
    """A service with room for three streams."""

    client: httpx.Client
    clock: Clock

    def send(self, metric: str, values: np.ndarray | list[float]) -> httpx.Response:
        return self.client.post("/api/v1/ingest?scores=all", json=rows(metric, values, self.clock.now_ms))

    def pass_minutes(self, count: int, lively: str) -> None:
        """Time in which only one stream gets samples."""
        for _ in range(count):
            self.clock.now_ms += MINUTE_MS
            assert self.send(lively, normal(10)).status_code == 200

    def streams(self) -> dict[str, dict[str, Any]]:
        return {stream["metric"]: stream for stream in self.client.get("/api/v1/streams").json()["streams"]}


@pytest.fixture
def room(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[Room]:
    clock = Clock()
    monkeypatch.setattr("kullback.app.service.now_ms", clock)
    limits = {"max_streams": 3, "expire_streams_after": f"{EXPIRE_MINUTES}m"}
    with serving(tmp_path_factory.mktemp("expiry"), limits=limits) as client:
        yield Room(client, clock)


def test_a_full_house_refuses_and_makes_room_when_streams_fall_silent(room: Room) -> None:
    for metric in ("lively", "quiet_one", "quiet_two"):
        assert room.send(metric, normal(100)).status_code == 200
    refused = room.send("latecomer", normal(5))
    (error,) = refused.json()["errors"]
    assert (error["id"], error["count"], error["option"]) == ("kb-too-many-streams", 5, "max_streams")
    refusals = {"protocol": "json", "reason": "too_many_streams"}
    assert counted(room.client, "kullback_samples_rejected_total", **refusals) == 5

    room.pass_minutes(EXPIRE_MINUTES - 1, "lively")
    assert set(room.streams()) == {"lively", "quiet_one", "quiet_two"}
    room.pass_minutes(3, "lively")
    assert set(room.streams()) == {"lively"}
    assert "quiet" not in room.client.get("/metrics").text

    assert room.send("latecomer", normal(5)).json()["accepted"] == 5
    found = room.streams()
    assert (found["latecomer"]["samples"], found["latecomer"]["state"]) == (5, "warming_up")
    assert found["lively"]["samples"] == 100 + 10 * (EXPIRE_MINUTES + 2)


def test_a_stream_that_comes_back_begins_anew(room: Room) -> None:
    room.send("lively", normal(10))
    before = room.send("comes_back", normal(300)).json()["scores"][0]
    room.pass_minutes(EXPIRE_MINUTES + 3, "lively")
    assert room.client.get(f"/api/v1/streams/{before['stream']}").status_code == 404
    after = room.send("comes_back", normal(5)).json()["scores"][0]
    assert (after["stream"], after["score"]) == (before["stream"], None)
    assert room.streams()["comes_back"]["samples"] == 5


def test_the_alert_of_a_stream_that_expires_ends_and_stays_in_the_book(room: Room) -> None:
    room.send("lively", normal(10))
    room.send("goes_bad", normal(1500))
    room.clock.now_ms += MINUTE_MS
    (bad,) = room.send("goes_bad", normal(60, 2) + 0.4).json()["scores"]
    (alert,) = room.client.get("/api/v1/alerts?state=firing").json()["alerts"]
    assert alert["stream"] == bad["stream"]
    room.pass_minutes(EXPIRE_MINUTES + 3, "lively")
    assert set(room.streams()) == {"lively"}
    ended = room.client.get(f"/api/v1/alerts/{alert['id']}").json()
    assert ended["state"] == "resolved"
    assert ended["annotations"]["description"]
    assert room.client.get("/api/v1/alerts?state=firing").json()["alerts"] == []


def test_nothing_expires_while_nobody_sends(room: Room) -> None:
    room.send("lively", normal(10))
    room.send("quiet", normal(10))
    room.clock.now_ms += 7 * 24 * 60 * MINUTE_MS
    assert room.send("lively", normal(10)).status_code == 200
    assert set(room.streams()) == {"lively", "quiet"}
