"""Whoever listens is told of scores and alerts as they change."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import httpx
import numpy as np
import orjson
import pytest
from tests.unit.http.conftest import feed, normal, serving


@contextmanager
def listening(client: httpx.Client, selector: str) -> Iterator[Iterator[tuple[str, Any]]]:
    with client.stream("GET", "/api/v1/events", params={"match[]": selector}) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        yield _events(answer.iter_lines())


def _events(lines: Iterator[str]) -> Iterator[tuple[str, Any]]:
    name = ""
    for line in lines:
        if line.startswith("event: "):
            name = line.removeprefix("event: ")
        if line.startswith("data: "):
            yield name, orjson.loads(line.removeprefix("data: "))


def test_scores_are_told_when_samples_arrive(client: httpx.Client) -> None:
    stream = feed(client, "told_seconds", normal(100))
    with listening(client, "told_seconds") as events:
        name, first = next(events)
        assert (name, [score["stream"] for score in first]) == ("scores", [stream])
        feed(client, "told_seconds", [0.1], later_ms=1000)
        name, second = next(events)
        assert second[0]["timestamp_ms"] > first[0]["timestamp_ms"]
        assert second[0]["value"] == np.float32(0.1)


def test_alerts_are_told_when_they_fire_and_when_they_end(client: httpx.Client) -> None:
    stream = feed(client, "alarming_seconds", normal(1500))
    with listening(client, "alarming_seconds") as events:
        assert next(events)[0] == "scores"
        feed(client, "alarming_seconds", normal(60) + 0.4, later_ms=60_000)
        alert = next(content for name, content in events if name == "alert")
        assert (alert["stream"], alert["state"]) == (stream, "firing")
        client.post(f"/api/v1/streams/{stream}/rebaseline")
        ended = next(content for name, content in events if name == "alert")
        assert (ended["id"], ended["state"]) == (alert["id"], "resolved")


def test_a_bad_selector_is_refused_before_the_stream_begins(client: httpx.Client) -> None:
    answer = client.get("/api/v1/events", params={"match[]": "{"})
    assert (answer.status_code, answer.json()["id"]) == (400, "kb-bad-selector")


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    with serving(tmp_path_factory.mktemp("listeners"), limits={"max_event_listeners": 2}) as client:
        yield client


def test_one_listener_too_many_is_told_which_limit_it_was(small: httpx.Client) -> None:
    with ExitStack() as open_streams:
        for _ in range(2):
            open_streams.enter_context(listening(small, "never_told"))
        refused = small.get("/api/v1/events")
        problem = refused.json()
        assert (refused.status_code, problem["id"]) == (503, "kb-too-many-listeners")
        assert problem["option"] == "max_event_listeners"
        assert "limits.max_event_listeners allows 2" in problem["detail"]
        assert int(refused.headers["retry-after"]) > 0
        assert small.get("/api/v1/streams").status_code == 200


def test_a_listener_that_leaves_makes_room(small: httpx.Client) -> None:
    for _ in range(6):  # the service notices soon, not at once, that one has gone
        while True:
            with small.stream("GET", "/api/v1/events") as answer:
                if answer.status_code == httpx.codes.OK:
                    break
            time.sleep(0.05)
