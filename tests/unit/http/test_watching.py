"""How a stream is watched is visible, and the configuration has the last word."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from tests.unit.http.conftest import serving

PROFILES = [
    {"match": "watched_bytes", "counter": True},
    {"match": "watched_level_total", "counter": False},
]
RESOURCE = {"service.name": "shop", "deployment.environment.name": "prod", "host.name": "h1"}


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    otlp = {"resource_labels": ["deployment.environment.name"]}
    with serving(tmp_path_factory.mktemp("watching"), profiles=PROFILES, otlp=otlp) as client:
        yield client


def fed(client: httpx.Client, metric: str, step: float = 10.0) -> dict[str, Any]:
    """A stream that rises by `step` a second."""
    last_ms = time.time_ns() // 1_000_000
    times = [last_ms - 1000 * back for back in range(199, -1, -1)]
    row = {"metric": metric, "values": [step * n for n in range(200)], "timestamps_ms": times}
    (score,) = client.post("/api/v1/ingest", json=row).json()["scores"]
    found: dict[str, Any] = client.get(f"/api/v1/streams/{score['stream']}").json()
    return found


def middle(client: httpx.Client, stream: dict[str, Any]) -> float:
    windows = client.get(f"/api/v1/streams/{stream['id']}/windows?window=64").json()
    return float(next(q["current"] for q in windows["quantiles"] if q["level"] == 0.5))


@pytest.mark.parametrize(
    ("metric", "counter"),
    [
        ("watched_total", True),
        ("watched_seconds", False),
        ("watched_bytes", True),
        ("watched_level_total", False),
    ],
)
def test_a_counter_is_told_by_its_name_unless_a_profile_says_otherwise(
    service: httpx.Client, metric: str, counter: bool
) -> None:
    stream = fed(service, metric)
    assert (stream["form"], stream["counter"]) == ("number", counter)
    assert (middle(service, stream) == pytest.approx(10.0, rel=0.1)) is counter


def otlp() -> ExportMetricsServiceRequest:
    request = ExportMetricsServiceRequest()
    resource = request.resource_metrics.add()
    for key, value in RESOURCE.items():
        resource.resource.attributes.add(key=key).value.string_value = value
    metric = resource.scope_metrics.add().metrics.add(name="watched.depth")
    metric.gauge.data_points.add(time_unix_nano=time.time_ns(), as_int=3)
    return request


def test_chosen_resource_attributes_become_labels_in_both_encodings(service: httpx.Client) -> None:
    message = otlp()
    protobuf = {"Content-Type": "application/x-protobuf"}
    sent = service.post("/v1/metrics", content=message.SerializeToString(), headers=protobuf)
    assert (sent.status_code, sent.content) == (200, b"")
    attributes = [{"key": key, "value": {"stringValue": value}} for key, value in RESOURCE.items()]
    point = {"timeUnixNano": str(time.time_ns()), "asInt": "4"}
    metric = {"name": "watched.json.depth", "gauge": {"dataPoints": [point]}}
    body = {"resource": {"attributes": attributes}, "scopeMetrics": [{"metrics": [metric]}]}
    assert service.post("/v1/metrics", json={"resourceMetrics": [body]}).json() == {}
    found = service.get("/api/v1/streams", params={"match[]": '{__name__=~"watched_(json_)?depth"}'}).json()
    labels = {stream["metric"]: stream["labels"] for stream in found["streams"]}
    expected = {"job": "shop", "deployment_environment_name": "prod"}
    assert labels == {"watched_depth": expected, "watched_json_depth": expected}
