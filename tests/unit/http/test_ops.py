"""The service says how it is."""

from __future__ import annotations

import asyncio
import gzip
import time
from typing import Any

import httpx
import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_openmetrics
from prometheus_client.parser import text_string_to_metric_families as read_plain
from tests.unit.http.conftest import feed, normal

from kullback.outputs.exposition import render


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("path", ["/-/healthy", "/-/ready"])
def test_health_is_told_by_get_and_head(client: httpx.Client, method: str, path: str) -> None:
    answer = client.request(method, path)
    assert answer.status_code == 200
    assert bool(answer.content) == (method == "GET")


def test_status_tells_streams_memory_and_positions(client: httpx.Client) -> None:
    feed(client, "status_seconds", [1.0])
    status = client.get("/api/v1/status").json()
    assert status["ready"] is True
    assert status["streams"] == sum(status["streams_by_state"].values()) > 0
    assert status["max_streams"] == 5000
    assert status["log"]["last_offset"] > 0
    assert status["resident_bytes"] > 10_000_000
    assert status["bytes_per_stream"] > 1000


def test_config_tells_what_is_in_force(client: httpx.Client) -> None:
    config = client.get("/api/v1/config").json()
    assert config["limits"]["max_streams"] == 5000


def test_a_reload_is_counted(client: httpx.Client) -> None:
    before_s = time.time()
    assert client.post("/-/reload").status_code == 200
    lines = client.get("/metrics").text.splitlines()
    values = dict(line.rsplit(" ", 1) for line in lines if line.startswith("kullback_config"))
    assert float(values["kullback_config_last_reload_successful"]) == 1
    assert float(values["kullback_config_last_reload_success_timestamp_seconds"]) >= before_s - 1


SELF_METRICS = {
    "kullback_samples_ingested_total",
    "kullback_request_duration_seconds_count",
    "kullback_ingest_queue_samples",
    "kullback_streams",
    "kullback_log_last_offset",
    "kullback_log_append_duration_seconds_count",
    "kullback_snapshot_age_seconds",
    "kullback_replay_samples_total",
    "kullback_config_last_reload_successful",
    "kullback_config_last_reload_success_timestamp_seconds",
    "kullback_build_info",
}
STREAM_METRICS = {
    "kullback_score",
    "kullback_divergence_nats",
    "kullback_alert_state",
    "kullback_stream_ready",
    "kullback_alarm_budget_per_day",
    "kullback_realised_alarms_per_day",
    "kullback_anomalies_total",
}


def test_metrics_hold_every_name_of_the_contract(client: httpx.Client) -> None:
    feed(client, "exposed_seconds", normal(300), job="api", window="own")
    answer = client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    samples = [sample for family in read_plain(answer.text) for sample in family.samples]
    assert {sample.name for sample in samples} >= SELF_METRICS
    own = [sample for sample in samples if sample.labels.get("metric") == "exposed_seconds"]
    assert {sample.name for sample in own} == STREAM_METRICS
    divergences = [sample for sample in own if sample.name == "kullback_divergence_nats"]
    assert {"4", "16", "64"} <= {sample.labels["window"] for sample in divergences}
    assert {sample.labels["exported_window"] for sample in own} == {"own"}


def test_metrics_speak_openmetrics_and_gzip_when_asked(client: httpx.Client) -> None:
    headers = {"Accept": "application/openmetrics-text;version=1.0.0", "Accept-Encoding": "gzip"}
    with client.stream("GET", "/metrics", headers=headers) as answer:
        packed = b"".join(answer.iter_raw())
    assert answer.headers["content-encoding"] == "gzip"
    assert answer.headers["content-type"].startswith("application/openmetrics-text; version=1.0.0")
    families = {family.name for family in read_openmetrics(gzip.decompress(packed).decode())}
    assert {"kullback_score", "kullback_anomalies", "kullback_samples_ingested"} <= families


def test_the_event_loop_does_not_render_metrics(
    client: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A scrape of a large fleet takes longer than others should wait."""
    loops: list[object] = []

    def watched(*arguments: Any) -> Any:
        loops.append(asyncio._get_running_loop())
        return render(*arguments)

    monkeypatch.setattr("kullback.http.metrics.render", watched)
    assert client.get("/metrics").status_code == 200
    assert loops == [None]


def test_the_score_on_metrics_is_the_score_of_the_api(client: httpx.Client) -> None:
    stream = feed(client, "same_seconds", normal(500, 3))
    told = client.get(f"/api/v1/streams/{stream}").json()["score"]
    (line,) = [
        line
        for line in client.get("/metrics").text.splitlines()
        if line.startswith('kullback_score{metric="same_seconds"')
    ]
    assert float(line.rsplit(" ", 1)[1]) == pytest.approx(told)


def test_every_handler_is_timed_under_its_template(client: httpx.Client) -> None:
    client.get("/api/v1/streams/some-id-nobody-has")
    text = client.get("/metrics").text
    assert 'kullback_request_duration_seconds_count{code="404",handler="/api/v1/streams/{id}"}' in text
    assert 'handler="/api/v1/ingest"' in text
    assert "some-id-nobody-has" not in text


def test_answers_carry_the_security_headers(client: httpx.Client) -> None:
    for path in ("/", "/-/healthy", "/nowhere", "/docs"):
        headers = client.get(path).headers
        assert "default-src 'self'" in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"


def test_the_explorer_needs_nothing_from_elsewhere(client: httpx.Client) -> None:
    page = client.get("/docs").text
    assert "http" not in page.replace("<!doctype html>", "")
    for path in ("/docs/assets/swagger-ui.css", "/docs/assets/swagger-ui-bundle.js", "/docs/start.js"):
        assert client.get(path).status_code == 200
