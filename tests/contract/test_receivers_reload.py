"""Receivers of alerts change while the service runs."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import httpx
import pytest
from tests.contract.servers import Receiver, eventually, free_port, kullback
from tests.contract.test_alert_through_service import BAD_SAMPLES, NORMAL_SAMPLES, STEP_MS, Sender, now_ms
from tests.contract.test_alertmanager import alertmanager, has_heard, heard

pytestmark = [pytest.mark.contract, pytest.mark.timeout(600)]


def reload_with(folder: Path, process_id: int, alerting: dict[str, object]) -> None:
    path = folder / "kullback.yml"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"alerting": alerting}))
    os.kill(process_id, signal.SIGHUP)


def test_new_alertmanager_learns_of_the_alerts_that_fire_already(tmp_path: Path, receiver: Receiver) -> None:
    port, manager_port = free_port(), free_port()
    sender = Sender(f"http://127.0.0.1:{port}")
    with alertmanager(tmp_path / "am", receiver, manager_port), kullback(tmp_path, port) as server:
        started_ms = now_ms()
        sender.send(NORMAL_SAMPLES, 10.0, started_ms - BAD_SAMPLES * STEP_MS)
        sender.send(BAD_SAMPLES, 16.0, started_ms)
        eventually(lambda: [alert["state"] for alert in sender.alerts()] == ["firing"])
        assert heard(receiver) == []
        broken = {"webhooks": [{"url": "http://127.0.0.1:9", "secret_file": str(tmp_path / "missing")}]}
        reload_with(tmp_path, server.process.pid, broken)
        eventually(lambda: "reload_failed" in server.log())
        reload_with(tmp_path, server.process.pid, {"alertmanagers": [f"http://127.0.0.1:{manager_port}"]})
        eventually(has_heard(receiver, "firing"))
        assert httpx.get(f"{sender.url}/-/healthy", trust_env=False).status_code == 200


def test_alert_shows_the_highest_score_so_far(tmp_path: Path) -> None:
    port = free_port()
    sender = Sender(f"http://127.0.0.1:{port}")
    with kullback(tmp_path, port):
        started_ms = now_ms()
        sender.send(NORMAL_SAMPLES, 10.0, started_ms - BAD_SAMPLES * STEP_MS)
        sender.send(30, 16.0, started_ms - (BAD_SAMPLES - 30) * STEP_MS)
        (early,) = sender.alerts()
        sender.send(BAD_SAMPLES - 30, 90.0, started_ms)
        (late,) = sender.alerts()
    assert late["id"] == early["id"]
    assert late["max_score"] > early["max_score"] > 1
    assert late["annotations"] == early["annotations"]
