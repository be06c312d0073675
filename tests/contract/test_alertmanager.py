"""Our alerts in a real Alertmanager, and what its receivers hear of them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import orjson
import pytest
from tests.contract.servers import Receiver, Server, eventually, find, free_port, running

from kullback.alerting.decision import Wording, decide
from kullback.alerting.rule import Rule
from kullback.alerting.state import AlertStates
from kullback.core.labels import sorted_labels, stream_id
from kullback.core.scores import Episode, blank_scores
from kullback.outputs.alertmanager import AlertmanagerDesk
from kullback.outputs.sender import Sender

pytestmark = pytest.mark.contract

RESEND_MS = 1000
SEVERAL_RESENDS_S = 3.5
QUIET, STARTS = Episode.READY, Episode.READY | Episode.ANOMALOUS | Episode.STARTED
LABELS = sorted_labels([("__name__", "response_time_seconds"), ("server", "web-1"), ("k8s.pod", "a-1")])
NUMBERS = np.zeros(1, np.int32)

CONFIGURATION = """
route:
  receiver: hook
  group_by: [alertname, server]
  group_wait: 0s
  group_interval: 1s
  repeat_interval: 1h
receivers:
  - name: hook
    webhook_configs: [{{url: "{url}/", send_resolved: true}}]
"""


def clock() -> int:
    return round(time.time() * 1000)


@contextmanager
def alertmanager(folder: Path, receiver: Receiver, port: int) -> Iterator[Server]:
    folder.mkdir(exist_ok=True)
    (folder / "alertmanager.yml").write_text(CONFIGURATION.format(url=receiver.url))
    command = [
        find("prometheus-alertmanager", "alertmanager"),
        f"--config.file={folder / 'alertmanager.yml'}",
        f"--storage.path={folder / 'storage'}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--cluster.listen-address=",
    ]
    with running(command, f"http://127.0.0.1:{port}/-/ready") as server:
        yield server


class Watch:
    """One stream's alert, from flags of the detector to the Alertmanagers: the service's own path."""

    def __init__(self, *ports: int, saved: dict[str, Any] | None = None) -> None:
        self.states = AlertStates(1)
        self.states.follow(NUMBERS, Rule(keep_firing_for_ms=0))
        desks = [AlertmanagerDesk(f"http://127.0.0.1:{port}", RESEND_MS) for port in ports]
        self.sender = Sender(desks, clock)
        self.sender.start()
        if saved is not None:
            self.states.load(NUMBERS, saved)
            self.sender.adopt([self._worded(self.states.alert(0))])

    def __enter__(self) -> Watch:
        return self

    def __exit__(self, *_: object) -> None:
        self.sender.stop()

    def sample(self, flags: Episode) -> None:
        scores = blank_scores(np.array([clock()], np.int64))
        scores.stream[:], scores.episode[:], scores.score[:] = 0, flags, 1.5
        scores.onset_ms[:] -= 5000
        self.sender.deliver([self._worded(step.alert) for step in self.states.step(scores, clock())])

    def _worded(self, alert: Any) -> Any:
        return decide(alert, stream_id(LABELS), LABELS, Wording(explanation={"description": "p99 +340 ms."}))


def held(port: int) -> list[dict[str, Any]]:
    """The alerts an Alertmanager holds for active."""
    answer = httpx.get(f"http://127.0.0.1:{port}/api/v2/alerts", trust_env=False)
    return answer.raise_for_status().json()


def heard(receiver: Receiver) -> list[str]:
    """What the receiver was notified of, in order."""
    return [orjson.loads(request.body)["status"] for request in receiver.received]


def has_heard(receiver: Receiver, *statuses: str) -> Callable[[], bool]:
    return lambda: heard(receiver) == list(statuses)


def test_receiver_hears_of_firing_once_and_of_the_end_once(tmp_path: Path, receiver: Receiver) -> None:
    port = free_port()
    with alertmanager(tmp_path, receiver, port), Watch(port) as watch:
        watch.sample(STARTS)
        eventually(has_heard(receiver, "firing"))
        time.sleep(SEVERAL_RESENDS_S)
        watch.sample(QUIET)
        eventually(has_heard(receiver, "firing", "resolved"))
        time.sleep(SEVERAL_RESENDS_S)
    assert heard(receiver) == ["firing", "resolved"]
    (alert,) = orjson.loads(receiver.received[0].body)["alerts"]
    assert alert["labels"] == {
        "alertname": "KullbackStreamAnomalous",
        "k8s_pod": "a-1",
        "metric": "response_time_seconds",
        "server": "web-1",
        "severity": "warning",
    }
    assert alert["annotations"]["description"] == "p99 +340 ms."


def test_alert_survives_our_restart_with_the_same_start(tmp_path: Path, receiver: Receiver) -> None:
    port = free_port()
    with alertmanager(tmp_path, receiver, port):
        with Watch(port) as watch:
            watch.sample(STARTS)
            (before,) = eventually(lambda: held(port))
            saved = watch.states.save(NUMBERS)
        with Watch(port, saved=saved) as watch:
            eventually(lambda: held(port)[0]["updatedAt"] > before["updatedAt"])
            (after,) = held(port)
            assert (after["startsAt"], after["fingerprint"]) == (before["startsAt"], before["fingerprint"])
            watch.sample(QUIET)
            eventually(has_heard(receiver, "firing", "resolved"))


def test_alert_outlives_an_alertmanager_that_crashes_and_forgets(tmp_path: Path, receiver: Receiver) -> None:
    port = free_port()
    with ExitStack() as stack:
        server = stack.enter_context(alertmanager(tmp_path / "first", receiver, port))
        watch = stack.enter_context(Watch(port))
        watch.sample(STARTS)
        (before,) = eventually(lambda: held(port))
        server.kill()
        stack.enter_context(alertmanager(tmp_path / "second", receiver, port))
        (after,) = eventually(lambda: held(port))
        assert after["startsAt"] == before["startsAt"]


def test_alertmanager_that_is_down_does_not_hold_the_other(tmp_path: Path, receiver: Receiver) -> None:
    up, down = free_port(), free_port()
    with alertmanager(tmp_path / "up", receiver, up), Watch(down, up) as watch:
        watch.sample(STARTS)
        eventually(has_heard(receiver, "firing"))
        counts = watch.sender.counts()
        assert counts[(f"http://127.0.0.1:{down}", "delivered")] == 0
        assert eventually(lambda: watch.sender.counts()[(f"http://127.0.0.1:{down}", "failed")]) > 0
        with alertmanager(tmp_path / "down", receiver, down):
            (late,) = eventually(lambda: held(down))
            assert late["startsAt"] == held(up)[0]["startsAt"]


def test_unsent_end_leaves_no_alert_behind(tmp_path: Path, receiver: Receiver) -> None:
    """A service that dies while an alert fires must not page for ever: the Alertmanager's copy runs out."""
    port = free_port()
    with alertmanager(tmp_path, receiver, port):
        with Watch(port) as watch:
            watch.sample(STARTS)
            eventually(has_heard(receiver, "firing"))
        eventually(has_heard(receiver, "firing", "resolved"))
