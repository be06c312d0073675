"""Labels that come and go, explosions of them, and more samples than fit: the service stays as it was."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from tests.contract.servers import Server, eventually, free_port, kullback

MAX_STREAMS, EXPLOSION, PER_REQUEST = 1000, 200_000, 10_000
GROWTH_LIMIT_BYTES = 60 * 2**20
KEEP_UP_LIMIT_SAMPLES, LARGE_SAMPLES, SENDERS, POSTS = 20_000, 10_000, 16, 96

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(400)]


@contextmanager
def service(folder: Path, **options: Any) -> Iterator[tuple[Server, httpx.Client]]:
    port = free_port()
    with (
        kullback(folder, port, options) as server,
        httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=120) as client,
    ):
        yield server, client


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def regular(metric: str, count: int, end_ms: int, seed: int = 1, **labels: str) -> dict[str, Any]:
    values = np.random.default_rng(seed).gamma(20, 0.005, count)
    times = [end_ms - 1000 * (count - 1 - index) for index in range(count)]
    return {"metric": metric, "labels": labels, "values": values.tolist(), "timestamps_ms": times}


def streams(client: httpx.Client, selector: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]]
    found = client.get("/api/v1/streams", params={"match[]": selector, "limit": 1000}).json()["streams"]
    return found


def ingest(client: httpx.Client, rows: Any, query: str = "?scores=none") -> httpx.Response:
    return client.post(f"/api/v1/ingest{query}", json=rows)


def rejected(client: httpx.Client, reason: str) -> float:
    line = f'kullback_samples_rejected_total{{protocol="json",reason="{reason}"}} '
    found = [
        row.removeprefix(line) for row in client.get("/metrics").text.splitlines() if row.startswith(line)
    ]
    return float(found[0]) if found else 0.0


def resident_bytes(server: Server) -> int:
    status = Path(f"/proc/{server.process.pid}/status").read_text()
    (line,) = [line for line in status.splitlines() if line.startswith("VmRSS")]
    return int(line.split()[1]) * 1024


def test_a_redeploy_keeps_the_history(tmp_path: Path) -> None:
    profiles = [
        {"match": '{job="shop"}', "ignore_labels": ["pod", "instance"]},
        {"match": '{job="bank"}', "identity_labels": ["job", "route"]},
    ]
    end_ms = now_ms() - 700_000
    with service(tmp_path, profiles=profiles) as (_, client):
        for job in ("shop", "bank"):
            before = {"job": job, "route": "/", "pod": f"{job}-7f9c-x", "instance": "10.0.0.1:80"}
            after = {**before, "pod": f"{job}-8d11-y", "instance": "10.0.0.9:80"}
            assert ingest(client, regular("latency_seconds", 2500, end_ms, **before)).status_code == 200
            (old,) = streams(client, f'latency_seconds{{job="{job}"}}')
            answer = ingest(client, regular("latency_seconds", 600, end_ms + 700_000, 2, **after))
            assert answer.status_code == 200
            (new,) = streams(client, f'latency_seconds{{job="{job}"}}')
            assert new["id"] == old["id"]
            assert new["labels"] == {"job": job, "route": "/"}
            assert new["samples"] == old["samples"] + 600
            assert new["ready"]
            assert new["anomalies"] == old["anomalies"] == 0


def explode(client: httpx.Client, first: int) -> Counter[str]:
    """Post samples of label sets that nobody has seen; how many were refused, by id."""
    rows = [
        {
            "metric": "exploding",
            "labels": {"user": f"user-{number}", "path": f"/{number}/{number * 7}"},
            "value": 1,
        }
        for number in range(first, first + PER_REQUEST)
    ]
    answer = ingest(client, rows)
    assert answer.status_code in (200, 400), answer.text
    return Counter({error["id"]: error["count"] for error in answer.json()["errors"]})


def test_an_explosion_of_labels_is_bounded_and_harms_nobody(tmp_path: Path) -> None:
    limits = {"max_streams": MAX_STREAMS, "max_streams_per_metric": 500}
    with service(tmp_path, limits=limits) as (server, client):
        known = [regular("known_seconds", 600, now_ms() - 60_000, n, n=str(n)) for n in range(400)]
        assert ingest(client, known).json()["rejected"] == 0
        before = {stream["id"]: stream for stream in streams(client, "known_seconds")}
        refused = explode(client, 0)
        settled_bytes = resident_bytes(server)
        for first in range(PER_REQUEST, EXPLOSION, PER_REQUEST):
            refused += explode(client, first)
        grown_bytes = resident_bytes(server) - settled_bytes
        after = {stream["id"]: stream for stream in streams(client, "known_seconds")}
        assert after == before
        assert len(streams(client, "exploding")) == 500
        assert refused == {"kb-too-many-streams-per-metric": EXPLOSION - 500}
        assert rejected(client, "too_many_streams_per_metric") == EXPLOSION - 500
        more = [{"metric": f"metric_{number}", "value": 1} for number in range(PER_REQUEST)]
        assert ingest(client, more).json()["rejected"] == PER_REQUEST - (MAX_STREAMS - 900)
        assert rejected(client, "too_many_streams") == PER_REQUEST - (MAX_STREAMS - 900)
        alive = [regular("known_seconds", 10, now_ms(), n, n=str(n)) for n in range(400)]
        assert ingest(client, alive).json()["accepted"] == 4000
    print(f"\nresident memory grew by {grown_bytes / 2**20:.1f} MiB from {settled_bytes / 2**20:.1f} MiB")
    assert grown_bytes < GROWTH_LIMIT_BYTES


def test_overload_is_told_and_over_when_it_is_over(tmp_path: Path) -> None:
    limits = {"max_queue_samples": KEEP_UP_LIMIT_SAMPLES}
    with service(tmp_path, limits=limits) as (_, client):
        end_ms = now_ms()

        def post(number: int) -> httpx.Response:
            return ingest(client, regular("load", LARGE_SAMPLES, end_ms, number, n=str(number)))

        with ThreadPoolExecutor(SENDERS) as senders:
            answers = list(senders.map(post, range(POSTS)))
        statuses = Counter(answer.status_code for answer in answers)
        print(f"\n{statuses}")
        assert set(statuses) == {200, 429}, statuses
        told = [answer for answer in answers if answer.status_code == 429]
        assert all(int(answer.headers["retry-after"]) > 0 for answer in told)
        assert {answer.json()["id"] for answer in told} == {"kb-queue-full"}
        assert len(streams(client, "load")) == statuses[200]
        again = [eventually(lambda n=n: post(n).status_code == 200, 60, "recovery") for n in range(POSTS)]
        assert all(again)
        found = streams(client, "load")
        assert len(found) == POSTS
        assert {stream["samples"] for stream in found} == {LARGE_SAMPLES}


def test_bodies_in_progress_are_bounded(tmp_path: Path) -> None:
    limits = {"max_inflight_bytes": 1_000_000, "max_body_bytes": 900_000}
    with service(tmp_path, limits=limits) as (_, client):
        end_ms = now_ms()

        def post(number: int) -> httpx.Response:
            return ingest(client, regular("bodies", LARGE_SAMPLES, end_ms, number, n=str(number)))

        with ThreadPoolExecutor(SENDERS) as senders:
            answers = list(senders.map(post, range(POSTS)))
        refused = [answer for answer in answers if answer.status_code == 503]
        assert refused
        assert {answer.status_code for answer in answers} == {200, 503}
        assert {answer.json()["id"] for answer in refused} == {"kb-bodies-full"}
        assert all(int(answer.headers["retry-after"]) > 0 for answer in refused)
        assert all(eventually(lambda n=n: post(n).status_code == 200, 60) for n in range(4))
