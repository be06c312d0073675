"""Every write protocol is answered in its own manner; valid samples are kept, bad ones counted by reason."""

from __future__ import annotations

import gzip
import struct
import time
from typing import Any

import cramjam
import httpx
import pytest
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)
from tests.unit.http.conftest import rows

PROTOBUF = "application/x-protobuf"
V2 = f"{PROTOBUF};proto=io.prometheus.write.v2.Request"


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def ingest(client: httpx.Client, body: Any, query: str = "") -> httpx.Response:
    return client.post(f"/api/v1/ingest{query}", json=body)


def counted(client: httpx.Client, name: str, **labels: str) -> float:
    """The value of a self metric on /metrics, 0 when it is not there."""
    wanted = name + "{" + ",".join(f'{key}="{value}"' for key, value in sorted(labels.items())) + "} "
    for line in client.get("/metrics").text.splitlines():
        if line.startswith(wanted):
            return float(line.removeprefix(wanted))
    return 0.0


def varint(number: int) -> bytes:
    parts = bytearray()
    while number > 0x7F:
        parts.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*parts, number])


def field(number: int, content: bytes) -> bytes:
    return varint(number << 3 | 2) + varint(len(content)) + content


def write_request(metric: str, *samples: tuple[float, int]) -> bytes:
    """A remote write 1.0 message written by the specification."""
    label = field(1, b"__name__") + field(2, metric.encode())
    series = field(1, label)
    for value, timestamp_ms in samples:
        series += field(2, b"\x09" + struct.pack("<d", value) + b"\x10" + varint(timestamp_ms))
    return field(1, series)


def remote_write(
    client: httpx.Client, message: bytes, content_type: str = PROTOBUF, **headers: str
) -> httpx.Response:
    packed = bytes(cramjam.snappy.compress_raw(message))
    sent = {"Content-Type": content_type, "Content-Encoding": "snappy", **headers}
    return client.post("/api/v1/write", content=packed, headers=sent)


def test_a_receipt_counts_and_scores(client: httpx.Client) -> None:
    answer = ingest(client, [{"metric": "receipt", "value": 1.0}, {"metric": "receipt_2", "values": [1, 2]}])
    receipt = answer.json()
    assert answer.status_code == 200
    assert (receipt["accepted"], receipt["rejected"], receipt["errors"]) == (3, 0, [])
    assert [score["state"] for score in receipt["scores"]] == ["warming_up", "warming_up"]
    assert receipt["scores"][0]["score"] is None


@pytest.mark.parametrize(("query", "count"), [("", 100), ("?scores=none", 0), ("?scores=all", 150)])
def test_a_receipt_shows_as_many_streams_as_asked(client: httpx.Client, query: str, count: int) -> None:
    body = [{"metric": "many", "labels": {"n": str(n)}, "value": n} for n in range(150)]
    assert len(ingest(client, body, query).json()["scores"]) == count


def test_an_unknown_scores_parameter_is_refused(client: httpx.Client) -> None:
    answer = ingest(client, {"metric": "x", "value": 1}, "?scores=some")
    assert (answer.status_code, answer.json()["id"]) == (400, "kb-bad-request")


def test_a_partly_bad_request_keeps_what_is_valid(client: httpx.Client) -> None:
    old = {"metric": "partly", "value": 2.0, "timestamp_ms": now_ms() - 20_000_000}
    answer = ingest(client, [{"metric": "partly", "value": 1.0}, old])
    receipt = answer.json()
    assert (answer.status_code, receipt["accepted"], receipt["rejected"]) == (200, 1, 1)
    (error,) = receipt["errors"]
    assert (error["id"], error["count"], error["option"]) == ("kb-sample-too-old", 1, "max_sample_age_ms")
    assert "max_sample_age_ms" in error["message"]


def test_a_request_without_any_valid_sample_is_a_problem(client: httpx.Client) -> None:
    answer = ingest(client, {"metric": "future", "value": 1.0, "timestamp_ms": now_ms() + 3_600_000})
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"
    assert (answer.json()["id"], answer.json()["option"]) == ("kb-sample-in-future", "future_tolerance_ms")
    assert answer.json()["accepted"] == 0


def test_backfill_takes_samples_of_any_age(client: httpx.Client) -> None:
    body = {"metric": "backfilled", "value": 1.0, "timestamp_ms": 1_000_000_000_000}
    assert ingest(client, body).status_code == 400
    assert ingest(client, body, "?backfill=true").json()["accepted"] == 1


def test_null_and_duplicates_are_no_fault(client: httpx.Client) -> None:
    row = rows("harmless", [1.0, 2.0])
    assert ingest(client, row).json()["accepted"] == 2
    row["values"] = [1.0, None]
    again = ingest(client, row)
    receipt = again.json()
    assert (again.status_code, receipt["accepted"], receipt["rejected"]) == (200, 0, 0)
    assert receipt["duplicates"] + receipt["not_a_number"] == 2


def test_ndjson_is_read_by_its_content_type(client: httpx.Client) -> None:
    body = b'{"metric": "lines", "value": 1}\n{"metric": "lines_2", "value": 2}\n'
    answer = client.post("/api/v1/ingest", content=body, headers={"Content-Type": "application/x-ndjson"})
    assert answer.json()["accepted"] == 2


@pytest.mark.parametrize("kind", ["", "application/json", "text/plain", "nonsense"])
def test_json_is_read_with_any_harmless_content_type(client: httpx.Client, kind: str) -> None:
    answer = client.post(
        "/api/v1/ingest", content=b'{"metric": "kinds", "value": 1}', headers={"Content-Type": kind}
    )
    assert answer.status_code == 200


@pytest.mark.parametrize("kind", ["application/x-protobuf", "application/x-snappy"])
def test_protobuf_at_the_json_endpoint_is_415(client: httpx.Client, kind: str) -> None:
    answer = client.post("/api/v1/ingest", content=b"\x0a", headers={"Content-Type": kind})
    assert (answer.status_code, answer.json()["id"]) == (415, "kb-unsupported-content-type")


@pytest.mark.parametrize(
    ("body", "error"),
    [(b"{", "kb-bad-json"), (b"", "kb-bad-json"), (b"3", "kb-bad-sample"), (b"\xff", "kb-bad-json")],
)
def test_broken_json_is_refused_and_counted(client: httpx.Client, body: bytes, error: str) -> None:
    labels = {"protocol": "json", "reason": error.removeprefix("kb-").replace("-", "_")}
    before = counted(client, "kullback_samples_rejected_total", **labels)
    answer = client.post("/api/v1/ingest", content=body)
    assert (answer.status_code, answer.json()["id"]) == (400, error)
    assert counted(client, "kullback_samples_rejected_total", **labels) == before + 1


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "zstd", "snappy"])
def test_bodies_may_be_packed(client: httpx.Client, encoding: str) -> None:
    plain = b'{"metric": "packed", "value": 1}'
    packers = {
        "gzip": gzip.compress,
        "deflate": lambda body: bytes(cramjam.deflate.compress(body)),
        "zstd": lambda body: bytes(cramjam.zstd.compress(body)),
        "snappy": lambda body: bytes(cramjam.snappy.compress_raw(body)),
    }
    answer = client.post(
        "/api/v1/ingest", content=packers[encoding](plain), headers={"Content-Encoding": encoding}
    )
    assert answer.status_code == 200, answer.text


def test_an_unknown_encoding_is_415(client: httpx.Client) -> None:
    answer = client.post("/api/v1/ingest", content=b"{}", headers={"Content-Encoding": "br"})
    assert answer.status_code == 415


def test_a_body_over_the_limit_is_413_before_it_is_unpacked(client: httpx.Client) -> None:
    answer = client.post("/api/v1/ingest", content=b" " * 1_000_001)
    assert (answer.status_code, answer.json()["option"]) == (413, "max_body_bytes")


def test_a_body_of_unknown_length_is_cut_off_at_the_limit(client: httpx.Client) -> None:
    def parts() -> Any:
        for _ in range(20):
            yield b" " * 100_000

    answer = client.post("/api/v1/ingest", content=parts())
    assert (answer.status_code, answer.json()["id"]) == (413, "kb-body-too-large")


def test_a_bomb_is_413_after_unpacking(client: httpx.Client) -> None:
    bomb = gzip.compress(b" " * 50_000_000)
    answer = client.post("/api/v1/ingest", content=bomb, headers={"Content-Encoding": "gzip"})
    assert (answer.status_code, answer.json()["option"]) == (413, "max_unpacked_bytes")


def test_a_large_body_is_decoded_off_the_event_loop_alike(client: httpx.Client) -> None:
    body = [rows(f"large_{n}", [0.123456789] * 100) for n in range(120)]
    packed = gzip.compress(httpx.Request("POST", "http://x", json=body).content)
    assert len(packed) < 256 * 1024
    answer = client.post("/api/v1/ingest", content=packed, headers={"Content-Encoding": "gzip"})
    assert answer.json()["accepted"] == 12_000


def test_remote_write_is_answered_with_nothing(client: httpx.Client) -> None:
    answer = remote_write(client, write_request("rw_one", (1.0, now_ms() - 1000), (2.0, now_ms())))
    assert (answer.status_code, answer.content) == (204, b"")


def test_remote_write_that_is_partly_bad_is_400_with_a_readable_text(client: httpx.Client) -> None:
    answer = remote_write(client, write_request("rw_part", (1.0, now_ms() - 99_000_000), (2.0, now_ms())))
    assert answer.status_code == 400
    assert answer.headers["content-type"].startswith("text/plain")
    assert "Kept 1 samples, refused 1" in answer.text
    assert "max_sample_age_ms" in answer.text
    (stream,) = client.get("/api/v1/streams?match[]=rw_part").json()["streams"]
    assert stream["samples"] == 1


def test_remote_write_of_nan_only_is_a_success(client: httpx.Client) -> None:
    assert remote_write(client, write_request("rw_nan", (float("nan"), now_ms()))).status_code == 204


def test_remote_write_without_samples_is_a_success(client: httpx.Client) -> None:
    assert remote_write(client, b"").status_code == 204


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        (f"{PROTOBUF};proto=prometheus.WriteRequest", 204),
        (f"{PROTOBUF};proto=io.prometheus.write.v3.Request", 415),
        ("application/json", 415),
    ],
)
def test_the_content_type_of_remote_write_chooses_its_version(
    client: httpx.Client, kind: str, status: int
) -> None:
    assert remote_write(client, write_request("rw_kind", (1.0, now_ms())), kind).status_code == status


def test_remote_write_2_is_always_told_what_was_written(client: httpx.Client) -> None:
    accepted, broken = remote_write(client, b"", V2), remote_write(client, b"\xff", V2)
    assert (accepted.status_code, broken.status_code) == (204, 400)
    for answer in (accepted, broken):
        assert answer.headers["x-prometheus-remote-write-samples-written"] == "0"
        assert answer.headers["x-prometheus-remote-write-histograms-written"] == "0"
        assert answer.headers["x-prometheus-remote-write-exemplars-written"] == "0"


@pytest.mark.parametrize(
    "packed", [b"\xff\xff\xff", bytes(cramjam.snappy.compress_raw(b"\xff\xff")), b"\x00"[:0] + b"\x05ab"]
)
def test_broken_remote_write_is_400(client: httpx.Client, packed: bytes) -> None:
    answer = client.post("/api/v1/write", content=packed, headers={"Content-Type": PROTOBUF})
    assert answer.status_code == 400
    assert "[kb-bad-" in answer.text


def test_otlp_json_is_answered_in_json(client: httpx.Client) -> None:
    answer = client.post("/v1/metrics", json={"resourceMetrics": []})
    assert (answer.status_code, answer.json()) == (200, {})
    assert client.post("/v1/metrics", json=[1]).json()["message"].endswith("]")


def test_otlp_that_is_partly_bad_is_a_partial_success(client: httpx.Client) -> None:
    def gauge(name: str, time_ms: int) -> dict[str, Any]:
        return {
            "name": name,
            "gauge": {"dataPoints": [{"asDouble": 1.0, "timeUnixNano": str(time_ms * 10**6)}]},
        }

    metrics = [gauge("otlp_good", now_ms()), gauge("otlp_old", now_ms() - 99_000_000)]
    answer = client.post("/v1/metrics", json={"resourceMetrics": [{"scopeMetrics": [{"metrics": metrics}]}]})
    assert answer.status_code == 200
    assert answer.json()["partialSuccess"]["rejectedDataPoints"] == "1"
    assert "max_sample_age_ms" in answer.json()["partialSuccess"]["errorMessage"]


def test_otlp_protobuf_is_answered_in_protobuf(client: httpx.Client) -> None:
    request = ExportMetricsServiceRequest()
    scope = request.resource_metrics.add().scope_metrics.add()
    point = scope.metrics.add(name="otlp_late").gauge.data_points.add()
    point.as_double, point.time_unix_nano = 1.0, (now_ms() - 99_000_000) * 10**6
    headers = {"Content-Type": PROTOBUF}
    answer = client.post("/v1/metrics", content=request.SerializeToString(), headers=headers)
    parsed = ExportMetricsServiceResponse.FromString(answer.content)
    assert (answer.status_code, answer.headers["content-type"]) == (200, PROTOBUF)
    assert parsed.partial_success.rejected_data_points == 1
    assert "max_sample_age_ms" in parsed.partial_success.error_message
    broken = client.post("/v1/metrics", content=b"\xff", headers=headers)
    assert broken.status_code == 400
    assert Status.FromString(broken.content).message.endswith("[kb-bad-protobuf]")


@pytest.mark.parametrize("path", ["/write", "/api/v2/write"])
def test_influx_lines_are_kept_but_for_the_bad_ones(client: httpx.Client, path: str) -> None:
    good = f"influx,host=a value=1 {now_ms()}"
    assert client.post(f"{path}?precision=ms", content=good).status_code == 204
    answer = client.post(f"{path}?precision=ms", content=f"{good}\nnot a line\n")
    assert (answer.status_code, answer.json()["lines"]) == (400, [2])
    assert answer.json()["code"] == "invalid"
    assert client.post(f"{path}?precision=weeks", content=good).status_code == 400


def test_collectd_is_answered_with_200(client: httpx.Client) -> None:
    value = {
        "values": [1.0],
        "dstypes": ["gauge"],
        "dsnames": ["value"],
        "time": now_ms() / 1000,
        "interval": 10,
        "host": "h",
        "plugin": "load",
        "plugin_instance": "",
        "type": "load",
        "type_instance": "",
    }
    assert client.post("/collectd", json=[value]).status_code == 200
    late = {**value, "time": now_ms() / 1000 - 99_000}
    answer = client.post("/collectd", json=[{**value, "host": "h2"}, late])
    assert (answer.status_code, answer.json()["option"]) == (400, "max_sample_age_ms")


def test_opentsdb_is_answered_with_204(client: httpx.Client) -> None:
    point = {"metric": "sys.load", "timestamp": now_ms(), "value": 1, "tags": {"host": "a"}}
    assert client.post("/api/put", json=point).status_code == 204
    late = {**point, "timestamp": now_ms() - 99_000_000}
    answer = client.post("/api/put", json=[late, {**point, "tags": {"host": "b"}}])
    assert (answer.status_code, answer.json()["success"], answer.json()["failed"]) == (400, 1, 1)


@pytest.mark.parametrize(
    "path", ["/api/v1/ingest", "/api/v1/write", "/v1/metrics", "/write", "/collectd", "/api/put"]
)
def test_write_endpoints_take_post_only(client: httpx.Client, path: str) -> None:
    answer = client.get(path)
    assert (answer.status_code, answer.json()["id"]) == (405, "kb-method-not-allowed")
    assert answer.headers["allow"] == "POST"


def test_samples_are_counted_by_protocol(client: httpx.Client) -> None:
    before = counted(client, "kullback_samples_ingested_total", protocol="json")
    ingest(client, {"metric": "counted", "values": [1, 2, 3]})
    assert counted(client, "kullback_samples_ingested_total", protocol="json") == before + 3
