"""A change reaches people: Kullback, real Prometheus with the shipped rules, real Alertmanager, a receiver.

Only addresses and waiting times differ from the shipped files.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import yaml
from tests.contract.servers import Receiver, eventually, find, free_port, kullback, running
from tests.contract.test_queries import queries

DEPLOY = Path(__file__).parents[2] / "deploy"
METRIC = "response_time_seconds"
STEP_MS = 500
NORMAL_SAMPLES, BAD_SAMPLES, RECOVERY_SAMPLES = 3000, 60, 400

pytestmark = [pytest.mark.contract, pytest.mark.timeout(240)]


@dataclass(frozen=True)
class Stack:
    """Addresses of what runs, and what people were sent."""

    kullback: str
    prometheus: str
    people: Receiver


def prometheus_yml(folder: Path, own: str, alertmanager: str) -> Path:
    """The shipped configuration at the addresses of this test, scraping each second."""
    (folder / "rules.yml").write_text(hurried((DEPLOY / "prometheus/rules.yml").read_text(encoding="utf-8")))
    text = (DEPLOY / "prometheus/prometheus.yml").read_text(encoding="utf-8")
    for shipped, here in (("kullback:9797", own), ("alertmanager:9093", alertmanager), ("15s", "1s")):
        text = text.replace(shipped, here)
    configuration = yaml.safe_load(text)
    jobs = configuration["scrape_configs"]
    configuration["scrape_configs"] = [job for job in jobs if job["job_name"] == "kullback"]
    path = folder / "prometheus.yml"
    path.write_text(yaml.safe_dump(configuration), encoding="utf-8")
    return path


def hurried(rules: str) -> str:
    """Rules whose waiting times are seconds."""
    return re.sub(r"(for: )\d+[mh]\b", r"\g<1>2s", rules)


def alertmanager_yml(folder: Path, people: Receiver) -> Path:
    """The shipped configuration with a receiver behind `people`, grouping for a second."""
    configuration = yaml.safe_load((DEPLOY / "alertmanager/alertmanager.yml").read_text(encoding="utf-8"))
    configuration["route"].update(group_wait="1s", group_interval="1s")
    for receiver in configuration["receivers"]:
        if receiver["name"] == "people":
            receiver["webhook_configs"] = [{"url": f"{people.url}/people", "send_resolved": True}]
    path = folder / "alertmanager.yml"
    path.write_text(yaml.safe_dump(configuration), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    folder = tmp_path_factory.mktemp("stack")
    port = free_port()
    own, prometheus, alertmanager = (
        f"127.0.0.1:{port}",
        f"127.0.0.1:{free_port()}",
        f"127.0.0.1:{free_port()}",
    )
    with Receiver() as people, Receiver() as direct, ExitStack() as started:
        commands = {
            alertmanager: [
                find("prometheus-alertmanager", "alertmanager"),
                f"--config.file={alertmanager_yml(folder, people)}",
                f"--storage.path={folder / 'alertmanager'}",
                f"--web.listen-address={alertmanager}",
                "--cluster.listen-address=",
            ],
            prometheus: [
                find("prometheus"),
                f"--config.file={prometheus_yml(folder, own, alertmanager)}",
                f"--storage.tsdb.path={folder / 'prometheus'}",
                f"--web.listen-address={prometheus}",
            ],
        }
        started.enter_context(kullback(folder / "kullback", port, ends_at_once_and_tells(direct)))
        for address, command in commands.items():
            started.enter_context(running(command, f"http://{address}/-/ready"))
        yield Stack(f"http://{own}", f"http://{prometheus}", people)


def ends_at_once_and_tells(direct: Receiver) -> dict[str, Any]:
    """Options of the service: alerts end at once, and a webhook is told directly as well."""
    return {"alerting": {"keep_firing_for": "1s", "webhooks": [{"url": f"{direct.url}/direct"}]}}


class Sender:
    """Sends response times whose timestamps follow each other; they end now."""

    def __init__(self, kullback: str) -> None:
        self._url = f"{kullback}/api/v1/ingest"
        self._random = np.random.default_rng(1)
        total = NORMAL_SAMPLES + BAD_SAMPLES + RECOVERY_SAMPLES
        self._next_ms = time.time_ns() // 1_000_000 - total * STEP_MS

    def send(self, samples: int, slower: float = 1.0) -> None:
        """Send this many samples, `slower` times as long as normal."""
        values = 0.12 * slower * self._random.lognormal(0.0, 0.3, samples)
        timestamps_ms = self._next_ms + STEP_MS * np.arange(samples)
        self._next_ms += samples * STEP_MS
        self._post(values.tolist(), timestamps_ms.tolist()).raise_for_status()

    def send_what_is_not_scored(self) -> None:
        """One sample that is too old, and one that was there before."""
        self._post([1.0], [1])
        self._post([1.0], [self._next_ms - STEP_MS])

    def _post(self, values: list[float], timestamps_ms: list[int]) -> httpx.Response:
        labels = {"server": "web-1", "job": "api"}
        row = {"metric": METRIC, "labels": labels, "values": values, "timestamps_ms": timestamps_ms}
        return httpx.post(self._url, json=row, timeout=120)


def told(people: Receiver) -> list[dict[str, Any]]:
    """What people were told of the stream."""
    group = {"alertname": "KullbackStreamAnomalous", "job": "api", "metric": METRIC}
    notices = [json.loads(one.body) for one in people.received]
    return [notice for notice in notices if notice["groupLabels"] == group]


def await_notice(people: Receiver, status: str) -> None:
    """Wait until people were told that the alert fires, or that it is resolved."""
    eventually(lambda: status in {notice["status"] for notice in told(people)}, what=status)


@pytest.fixture(scope="module")
def history(stack: Stack) -> Stack:
    """The stack after a deployment, and an incident that came and went."""
    sender = Sender(stack.kullback)
    httpx.post(f"{stack.kullback}/api/v1/markers", json={"text": "deploy shop v1"}).raise_for_status()
    sender.send(NORMAL_SAMPLES)
    sender.send_what_is_not_scored()
    sender.send(BAD_SAMPLES, slower=4.0)
    await_notice(stack.people, "firing")
    sender.send(RECOVERY_SAMPLES)
    await_notice(stack.people, "resolved")
    return stack


def test_change_is_told_once_and_its_end_once(history: Stack) -> None:
    assert [notice["status"] for notice in told(history.people)] == ["firing", "resolved"]


def test_notice_names_the_stream_and_its_runbook(history: Stack) -> None:
    (alert,) = told(history.people)[0]["alerts"]
    named = {name: alert["labels"].get(name) for name in ("metric", "server", "job", "severity")}
    assert named == {"metric": METRIC, "server": "web-1", "job": "api", "severity": "warning"}
    assert alert["annotations"]["runbook_url"].endswith("#kullbackstreamanomalous")


def test_score_is_read_back_by_promql(history: Stack) -> None:
    query = f'max_over_time(kullback_score{{metric="{METRIC}", server="web-1", job="api"}}[5m])'
    answer = httpx.get(f"{history.prometheus}/api/v1/query", params={"query": query}).json()
    (series,) = answer["data"]["result"]
    assert float(series["value"][1]) > 1.0


@pytest.mark.parametrize("query", [pytest.param(text, id=title) for title, text in queries()])
def test_dashboard_query_finds_something(history: Stack, query: str) -> None:
    now_s = time.time()
    asked = {"query": query, "start": str(now_s - 240), "end": str(now_s), "step": "1s"}

    def answered() -> Any:
        answer = httpx.get(f"{history.prometheus}/api/v1/query_range", params=asked).json()
        assert answer["status"] == "success", answer
        return answer["data"]["result"]

    assert eventually(answered, within_s=10, what=query)
