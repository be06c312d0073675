"""Names and values of any letters reach the scrape in a form that Prometheus reads."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

import cramjam
import httpx
import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families
from tests.contract.servers import find, free_port, kullback
from tests.wire_messages import WriteRequest

LABELS = {
    "__name__": "durée.réponse",
    "0digit": "x",
    "a.b-c": "y",
    "a_b_c": "z",
    "größe": 'quote " backslash \\ newline \n end',
    "metric": "clash",
    "window": "clash",
    "語": "日本",
    "__hidden": "h",
}

pytestmark = [pytest.mark.contract, pytest.mark.timeout(400)]


def body() -> bytes:
    """Some samples of one series with these labels, in the order of remote write."""
    message, now_ms = WriteRequest(), time.time_ns() // 1_000_000
    series = message.timeseries.add()
    for name, value in sorted(LABELS.items()):
        series.labels.add(name=name, value=value)
    for index in range(100):
        series.samples.add(value=index % 7, timestamp=now_ms - 1000 * (100 - index))
    return bytes(cramjam.snappy.compress_raw(message.SerializeToString()))


def test_promtool_reads_metrics_of_streams_with_any_names(tmp_path: Path) -> None:
    promtool, port = find("promtool"), free_port()
    url = f"http://127.0.0.1:{port}"
    with kullback(tmp_path, port), httpx.Client(base_url=url, trust_env=False, timeout=30) as client:
        headers = {"Content-Type": "application/x-protobuf", "Content-Encoding": "snappy"}
        answer = client.post("/api/v1/write", content=body(), headers=headers)
        assert answer.status_code == 204, answer.text
        page = client.get("/metrics")
        open_metrics = client.get(
            "/metrics", headers={"Accept": "application/openmetrics-text; version=1.0.0"}
        )
        (stream,) = client.get("/api/v1/streams", params={"match[]": '{metric="clash"}'}).json()["streams"]
    assert stream["metric"] == LABELS["__name__"]
    assert stream["labels"] == {name: value for name, value in LABELS.items() if name != "__name__"}
    checked = subprocess.run(
        [promtool, "check", "metrics"], input=page.content, capture_output=True, timeout=60, check=False
    )
    assert b"error while" not in checked.stderr, checked.stderr
    assert checked.returncode in (0, 3), checked.stderr  # 3: matters of style, such as a missing help text
    samples = [s for family in text_string_to_metric_families(open_metrics.text) for s in family.samples]
    (score,) = [sample for sample in samples if sample.name == "kullback_stream_ready"]
    assert score.labels["metric"] == LABELS["__name__"]
    assert LABELS["größe"] in score.labels.values()
    assert len(score.labels) == len(LABELS)
