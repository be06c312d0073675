"""Scores written to a real Prometheus: every one of them, with its sample's own time."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from tests.contract.servers import Server, eventually, find, free_port, kullback, running

WITHIN_S = 60.0
pytestmark = [pytest.mark.contract, pytest.mark.timeout(400)]


@contextmanager
def receiver(folder: Path, port: int) -> Iterator[str]:
    folder.mkdir(exist_ok=True)
    (folder / "prometheus.yml").write_text(json.dumps({"global": {}}))
    command = [find("prometheus"), f"--config.file={folder / 'prometheus.yml'}"]
    command += [f"--storage.tsdb.path={folder / 'tsdb'}", f"--web.listen-address=127.0.0.1:{port}"]
    command += ["--web.enable-remote-write-receiver"]
    with running(command, f"http://127.0.0.1:{port}/-/ready"):
        yield f"http://127.0.0.1:{port}"


def samples_of(url: str, selector: str) -> list[list[Any]]:
    query = {"query": f"{selector}[1h]"}
    answer = httpx.get(f"{url}/api/v1/query", params=query, trust_env=False).json()
    assert answer["status"] == "success", answer
    found = answer["data"]["result"]
    return found[0]["values"] if found else []


def post(service: str, metric: str, times_ms: list[int], values: list[float]) -> None:
    row = {"metric": metric, "labels": {"job": "shop"}, "values": values, "timestamps_ms": times_ms}
    answer = httpx.post(f"{service}/api/v1/ingest", json=row, trust_env=False, timeout=60)
    assert answer.status_code == 200, answer.text


def test_every_score_is_written_at_its_own_time_also_after_the_receiver_was_away(tmp_path: Path) -> None:
    port, prometheus_port = free_port(), free_port()
    service = f"http://127.0.0.1:{port}"
    url = f"http://127.0.0.1:{prometheus_port}/api/v1/write"
    options = {"metrics": {"remote_write": [{"url": url, "match": "wanted_seconds"}]}}
    values = np.random.default_rng(1).gamma(20, 0.005, 300).tolist()
    now_ms = time.time_ns() // 1_000_000
    times_ms = [now_ms - 1000 * (300 - at) + 7 for at in range(300)]
    with kullback(tmp_path / "kullback", port, options):
        for first in range(0, 300, 100):  # before the receiver is there
            some = slice(first, first + 100)
            post(service, "wanted_seconds", times_ms[some], values[some])
            post(service, "other_seconds", times_ms[some], values[some])
        with receiver(tmp_path / "prometheus", prometheus_port) as prometheus:
            selector = 'kullback_score{metric="wanted_seconds", job="shop"}'
            eventually(lambda: len(samples_of(prometheus, selector)) == 300 - 63, WITHIN_S, "all scores")
            written = samples_of(prometheus, selector)
            assert [round(1000 * float(at)) for at, _ in written] == times_ms[63:]
            stored = httpx.get(f"{service}/api/v1/streams?match[]=wanted_seconds", trust_env=False).json()
            assert float(written[-1][1]) == pytest.approx(stored["streams"][0]["score"], rel=1e-6)
            assert samples_of(prometheus, 'kullback_score{metric="other_seconds"}') == []
            told = httpx.get(f"{service}/metrics", trust_env=False).text
            counted = [line for line in told.splitlines() if 'outcome="delivered"' in line]
            assert any(
                line.startswith("kullback_remote_write_samples_total") and line.endswith(" 237.0")
                for line in counted
            )


def reload_with(folder: Path, server: Server, targets: list[dict[str, str]], *, told: str) -> None:
    """Send SIGHUP for other receivers, and wait until the service says how that went once more."""
    path = folder / "kullback.yml"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"metrics": {"remote_write": targets}}))
    before = server.output.read_text().count(told)
    os.kill(server.process.pid, signal.SIGHUP)
    eventually(lambda: server.output.read_text().count(told) > before, WITHIN_S, told)


def test_receivers_come_change_and_go_with_a_reload(tmp_path: Path) -> None:
    port, first_port, second_port = free_port(), free_port(), free_port()
    folder, service = tmp_path / "kullback", f"http://127.0.0.1:{port}"
    now_ms = time.time_ns() // 1_000_000
    times_ms = [now_ms - 1000 * (200 - at) for at in range(200)]

    def score(first: int, stop: int) -> None:
        for metric in ("a_seconds", "b_seconds"):
            post(service, metric, times_ms[first:stop], [0.1] * (stop - first))

    def at_ms(prometheus: str, metric: str) -> list[int]:
        found = samples_of(prometheus, f'kullback_score{{metric="{metric}"}}')
        return [round(1000 * float(at)) for at, _ in found]

    with (
        kullback(folder, port) as server,
        receiver(tmp_path / "first", first_port) as first,
        receiver(tmp_path / "second", second_port) as second,
    ):
        to_first = {"url": f"{first}/api/v1/write", "match": "a_seconds"}
        to_second = {"url": f"{second}/api/v1/write"}
        score(0, 100)
        reload_with(folder, server, [to_first], told="reloaded")
        score(100, 110)
        bad = to_first | {"bearer_token_file": str(tmp_path / "missing")}
        reload_with(folder, server, [bad, to_second], told="reload_failed")
        score(110, 120)
        eventually(lambda: at_ms(first, "a_seconds") == times_ms[100:120], WITHIN_S, "the old one, still")
        assert at_ms(first, "b_seconds") == at_ms(second, "a_seconds") == []
        reload_with(folder, server, [to_first | {"match": "b_seconds"}, to_second], told="reloaded")
        score(120, 130)
        eventually(lambda: at_ms(first, "b_seconds") == times_ms[120:130], WITHIN_S, "the changed one")
        eventually(lambda: at_ms(second, "a_seconds") == times_ms[120:130], WITHIN_S, "the added one")
        reload_with(folder, server, [to_second], told="reloaded")
        score(130, 140)
        eventually(lambda: at_ms(second, "b_seconds") == times_ms[120:140], WITHIN_S, "the one that stays")
        assert at_ms(first, "a_seconds") == times_ms[100:120]
        assert at_ms(first, "b_seconds") == times_ms[120:130]


def test_a_replay_writes_nothing_again(tmp_path: Path) -> None:
    port, prometheus_port = free_port(), free_port()
    service = f"http://127.0.0.1:{port}"
    options = {"metrics": {"remote_write": [{"url": f"http://127.0.0.1:{prometheus_port}/api/v1/write"}]}}
    now_ms = time.time_ns() // 1_000_000
    times_ms = [now_ms - 1000 * (100 - at) for at in range(100)]
    with kullback(tmp_path / "kullback", port, options):
        post(service, "once_seconds", times_ms, [0.1] * 100)
    with (
        receiver(tmp_path / "prometheus", prometheus_port) as prometheus,
        kullback(tmp_path / "kullback", port, options),
    ):
        post(service, "once_seconds", [now_ms + 1], [0.1])
        eventually(lambda: len(samples_of(prometheus, "kullback_score")) > 0, WITHIN_S, "the new score")
        assert [round(1000 * float(at)) for at, _ in samples_of(prometheus, "kullback_score")] == [now_ms + 1]
