"""Bodies of the OpenTelemetry SDK, collectd and Netdata, read as their own formats say."""

import gzip
import json
from pathlib import Path

import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from tests.decoded_rules import assert_well_formed

from kullback.core.labels import Kind
from kullback.ingest.collectd import CollectdDecoder
from kullback.ingest.decoded import Decoded
from kullback.ingest.opentsdb import OpenTsdbDecoder
from kullback.ingest.otlp import OtlpDecoder

HERE = Path(__file__).parent
NOW_MS = 1_795_328_801_679


def unpacked(path: Path) -> bytes:
    body = path.read_bytes()
    return gzip.decompress(body) if body[:2] == b"\x1f\x8b" else body


def kinds(decoded: Decoded) -> dict[str, Kind]:
    return {series.metric: series.kind for series in decoded.batch.series}


@pytest.mark.parametrize("path", sorted(HERE.glob("otlp/*.bin")), ids=lambda path: path.stem)
def test_every_point_of_the_opentelemetry_sdk_is_read(path: Path) -> None:
    body = unpacked(path)
    request = ExportMetricsServiceRequest.FromString(body)
    points = [
        (metric, point)
        for resource in request.resource_metrics
        for scope in resource.scope_metrics
        for metric in scope.metrics
        for point in getattr(metric, metric.WhichOneof("data")).data_points
    ]
    decoded = OtlpDecoder().decode(body, NOW_MS)
    assert_well_formed(decoded)
    assert decoded.refusals == ()
    assert len(decoded.batch) == len(points)
    assert sorted(decoded.batch.timestamp_ms) == sorted(point.time_unix_nano // 10**6 for _, point in points)
    assert {dict(series.labels)["job"] for series in decoded.batch.series} == {"checkout"}


def test_the_sdk_s_metrics_have_their_prometheus_names_and_kinds() -> None:
    decoded = OtlpDecoder().decode(unpacked(HERE / "otlp/none_001.bin"), NOW_MS)
    assert kinds(decoded) == {
        "req_total": Kind.COUNTER,
        "inflight": Kind.GAUGE,
        "cpu_ratio": Kind.GAUGE,
        "lat_milliseconds": Kind.HISTOGRAM,
        "lat_exp_milliseconds": Kind.HISTOGRAM,
    }
    assert decoded.batch.buckets.count.sum() == 8
    assert decoded.batch.buckets.cumulative.sum() == 2


def test_delta_temporality_gives_rates_and_histograms_of_the_interval() -> None:
    decoded = OtlpDecoder().decode(unpacked(HERE / "otlp/delta_001.bin"), NOW_MS)
    assert kinds(decoded)["req_total"] is Kind.GAUGE
    assert not decoded.batch.buckets.cumulative.any()


def test_packed_and_plain_bodies_of_the_sdk_are_one_and_the_same_series() -> None:
    decoder = OtlpDecoder()
    packed = decoder.decode(unpacked(HERE / "otlp/gzip_001.bin"), NOW_MS)
    plain = decoder.decode(unpacked(HERE / "otlp/none_001.bin"), NOW_MS)
    assert packed.batch.series == plain.batch.series


@pytest.mark.parametrize("path", sorted(HERE.glob("collectd/json*.bin")), ids=lambda path: path.stem)
def test_every_value_of_collectd_is_read(path: Path) -> None:
    body = path.read_bytes()
    lists = json.loads(body)
    decoded = CollectdDecoder().decode(body, NOW_MS)
    assert_well_formed(decoded)
    assert decoded.refusals == ()
    expected = [float("nan") if value is None else value for one in lists for value in one["values"]]
    assert [repr(value) for value in decoded.batch.value.tolist()] == [
        repr(float(value)) for value in expected
    ]
    assert set(decoded.batch.timestamp_ms.tolist()) == {round(one["time"] * 1000) for one in lists}


def test_collectd_counters_are_counters_and_stored_rates_are_not() -> None:
    raw = CollectdDecoder().decode((HERE / "collectd/json_counters_002.bin").read_bytes(), NOW_MS)
    rates = CollectdDecoder().decode((HERE / "collectd/json_002.bin").read_bytes(), NOW_MS)
    assert kinds(raw)["collectd_interface_if_octets_rx"] is Kind.COUNTER
    assert kinds(rates)["collectd_interface_if_octets_rx"] is Kind.GAUGE


def test_both_connectors_of_netdata_give_the_same_series() -> None:
    decoder = OpenTsdbDecoder()
    by_json, by_opentsdb = (
        decoder.decode((HERE / f"netdata/{name}_002.bin").read_bytes(), NOW_MS)
        for name in ("json", "opentsdb_http")
    )
    for decoded in (by_json, by_opentsdb):
        assert_well_formed(decoded)
        assert decoded.refusals == ()
    labels = {series.labels for series in by_json.batch.series}
    assert labels
    assert labels == {series.labels for series in by_opentsdb.batch.series}


@pytest.mark.parametrize("name", ["json_001", "opentsdb_http_001"])
def test_the_empty_array_netdata_sends_first_is_an_empty_success(name: str) -> None:
    decoded = OpenTsdbDecoder().decode((HERE / f"netdata/{name}.bin").read_bytes(), NOW_MS)
    assert (len(decoded.batch), decoded.refusals) == (0, ())
