"""From a sender to a pager: Kullback, a real Alertmanager and its receiver, with a crash in between."""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from tests.contract.servers import Receiver, eventually, free_port, kullback
from tests.contract.test_alertmanager import alertmanager, has_heard, heard, held

pytestmark = [pytest.mark.contract, pytest.mark.timeout(600)]

NORMAL_SAMPLES, BAD_SAMPLES, GOOD_SAMPLES = 3000, 60, 200
STEP_MS = 100
SECRET = b"a key for tests"


def now_ms() -> int:
    return round(time.time() * 1000)


@dataclass
class Sender:
    """Response times of one server: ten samples a second, the newest of them now."""

    url: str
    seed: int = 7

    def send(self, samples: int, median: float, until_ms: int) -> None:
        at_ms = until_ms - STEP_MS * np.arange(samples)[::-1]
        values = np.random.default_rng(self.seed).normal(median, 1.0, samples)
        body = {
            "metric": "response_time_seconds",
            "labels": {"server": "web-1"},
            "values": values.tolist(),
            "timestamps_ms": at_ms.tolist(),
        }
        httpx.post(f"{self.url}/api/v1/ingest", json=body, timeout=60, trust_env=False).raise_for_status()

    def alerts(self) -> list[dict[str, Any]]:
        answer = httpx.get(f"{self.url}/api/v1/alerts", trust_env=False)
        return answer.raise_for_status().json()["alerts"]


@pytest.fixture
def hook() -> Iterator[Receiver]:
    with Receiver() as made:
        yield made


def test_incident_is_one_alert_over_a_crash(tmp_path: Path, receiver: Receiver, hook: Receiver) -> None:
    port, manager_port = free_port(), free_port()
    (tmp_path / "webhook.key").write_bytes(SECRET)
    options = {
        "alerting": {
            "alertmanagers": [f"http://127.0.0.1:{manager_port}"],
            "webhooks": [{"url": f"{hook.url}/alerts", "secret_file": str(tmp_path / "webhook.key")}],
            "keep_firing_for": "2s",
            # Four of them pass before an Alertmanager gives an alert up: longer than the restart takes.
            "resend_interval": "30s",
        }
    }
    sender = Sender(f"http://127.0.0.1:{port}")
    started_ms = now_ms()
    with alertmanager(tmp_path / "alertmanager", receiver, manager_port):
        with kullback(tmp_path, port, options) as server:
            sender.send(NORMAL_SAMPLES, 10.0, started_ms - BAD_SAMPLES * STEP_MS)
            sender.send(BAD_SAMPLES, 16.0, started_ms)
            eventually(has_heard(receiver, "firing"))
            eventually(lambda: hook.received)
            ((before,), (alert,)) = held(manager_port), sender.alerts()
            server.kill()
        with kullback(tmp_path, port, options):
            eventually(lambda: held(manager_port)[0]["updatedAt"] > before["updatedAt"])
            (after,) = held(manager_port)
            assert (after["startsAt"], after["labels"]) == (before["startsAt"], before["labels"])
            assert sender.alerts()[0]["id"] == alert["id"]
            sender.send(GOOD_SAMPLES, 10.0, started_ms + GOOD_SAMPLES * STEP_MS)
            eventually(has_heard(receiver, "firing", "resolved"))
            eventually(lambda: len(hook.received) == 2)
    assert heard(receiver) == ["firing", "resolved"]
    assert [request.headers["X-Kullback-Event"] for request in hook.received] == ["firing", "resolved"]
    for request in hook.received:
        expected = hmac.new(SECRET, request.body, hashlib.sha256).hexdigest()
        assert request.headers["X-Kullback-Signature"] == f"sha256={expected}"
    assert "median" in alert["annotations"]["description"]
