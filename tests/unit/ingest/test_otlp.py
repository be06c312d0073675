import json
import math

import numpy as np
import pytest
from google.protobuf.json_format import MessageToJson
from tests.decoded_rules import assert_well_formed
from tests.otlp_messages import CUMULATIVE, DELTA, MS, Exporter, attributes

from kullback.core.batch import STALE_MARKER_BITS
from kullback.core.errors import DecodeError, ErrorId
from kullback.core.labels import Kind
from kullback.core.limits import Limits
from kullback.core.units import unit_of
from kullback.ingest.decoded import Decoded
from kullback.ingest.otlp import OtlpDecoder
from kullback.ingest.otlp_json import OtlpJsonDecoder

NOW_MS = 1_795_328_801_679


def by_protobuf(exporter: Exporter, **options: object) -> Decoded:
    return OtlpDecoder(**options).decode(exporter.request.SerializeToString(), NOW_MS)


def by_json(exporter: Exporter, **options: object) -> Decoded:
    return OtlpJsonDecoder(**options).decode(MessageToJson(exporter.request).encode(), NOW_MS)


@pytest.fixture(params=[by_protobuf, by_json], ids=["protobuf", "json"])
def decode(request: pytest.FixtureRequest):
    def checked(exporter: Exporter, **options: object) -> Decoded:
        decoded = request.param(exporter, **options)
        assert_well_formed(decoded)
        return decoded

    return checked


def test_resource_and_attributes_become_labels(decode) -> None:
    exporter = Exporter()
    exporter.resource(service__name="checkout", service__instance__id="i-1", host__name="h1")
    exporter.gauge(
        "queue.depth", 7.5, time_ms=99, **{"http.route": "/a", "code": 200, "ok": True, "ratio": 0.5}
    )
    batch = decode(exporter).batch
    assert batch.series[0].labels == (
        ("__name__", "queue_depth"),
        ("code", "200"),
        ("http_route", "/a"),
        ("instance", "i-1"),
        ("job", "checkout"),
        ("ok", "true"),
        ("ratio", "0.5"),
    )
    assert (batch.timestamp_ms.tolist(), batch.value.tolist()) == ([99], [7.5])


def test_configured_resource_attributes_become_labels_too(decode) -> None:
    exporter = Exporter()
    exporter.resource(service__namespace="shop", service__name="checkout", host__name="h1")
    exporter.gauge("x", 1.0)
    labels = decode(exporter, resource_labels=["host.name", "absent"]).batch.series[0].labels
    assert labels == (("__name__", "x"), ("host_name", "h1"), ("job", "shop/checkout"))


def test_attributes_of_lists_maps_and_bytes_are_written_as_json(decode) -> None:
    exporter = Exporter()
    exporter.gauge("x", 1.0, list=["a", 1, True], map={"b": {"c": 2.5}}, raw=b"\x00\x01", none=None, empty=[])
    assert dict(decode(exporter).batch.series[0].labels) == {
        "__name__": "x",
        "list": '["a",1,true]',
        "map": '{"b":{"c":2.5}}',
        "raw": "AAE=",
        "empty": "[]",
    }


def test_attributes_that_become_one_name_are_joined(decode) -> None:
    exporter = Exporter()
    exporter.gauge("x", 1.0, **{"a.b": "2", "a-b": "1", "a_b": "3"})
    assert dict(decode(exporter).batch.series[0].labels)["a_b"] == "1;2;3"


@pytest.mark.parametrize(
    ("name", "unit", "shape", "expected"),
    [
        ("http.server.duration", "s", "gauge", "http_server_duration_seconds"),
        ("latency_ms", "ms", "gauge", "latency_ms_milliseconds"),
        ("size.bytes", "By", "gauge", "size_bytes"),
        ("cpu", "1", "gauge", "cpu_ratio"),
        ("cpu", "1", "sum", "cpu_total"),
        ("requests", "{request}", "sum", "requests_total"),
        ("requests.total.count", "", "sum", "requests_count_total"),
        ("speed", "m/s", "gauge", "speed_meters_per_second"),
        ("io", "By/min", "gauge", "io_bytes_per_min"),
        ("io", "{op}/s", "gauge", "io_per_second"),
        ("__weird..name--", "", "gauge", "weird_name"),
        ("2xx", "", "gauge", "_2xx"),
        ("job:rate", "", "gauge", "job:rate"),
        ("dropped", "packets", "gauge", "dropped_packets"),
        ("memory", "%", "gauge", "memory_percent"),
    ],
)
def test_names_follow_the_rules_for_prometheus(
    decode, name: str, unit: str, shape: str, expected: str
) -> None:
    exporter = Exporter()
    if shape == "gauge":
        exporter.gauge(name, 1.0, unit=unit)
    else:
        held = exporter.metric(name, unit).sum
        held.aggregation_temporality, held.is_monotonic = CUMULATIVE, True
        held.data_points.add(time_unix_nano=MS, as_int=1)
    series = decode(exporter).batch.series[0]
    assert series.metric == expected
    assert series.unit == unit


def sum_of(
    exporter: Exporter, *, temporality: int, monotonic: bool, value: int, start_ms: int, time_ms: int
) -> None:
    held = exporter.metric("requests", "By").sum
    held.aggregation_temporality, held.is_monotonic = temporality, monotonic
    held.data_points.add(start_time_unix_nano=start_ms * MS, time_unix_nano=time_ms * MS, as_int=value)


@pytest.mark.parametrize(
    ("temporality", "monotonic", "kind", "value", "unit"),
    [
        (CUMULATIVE, True, Kind.COUNTER, 600.0, "By/s"),
        (CUMULATIVE, False, Kind.GAUGE, 600.0, "By"),
        (DELTA, False, Kind.GAUGE, 600.0, "By"),
        (DELTA, True, Kind.GAUGE, 10.0, "By/s"),
    ],
)
def test_sums_are_counters_gauges_or_rates(
    decode, temporality: int, monotonic: bool, kind: Kind, value: float, unit: str
) -> None:
    exporter = Exporter()
    sum_of(exporter, temporality=temporality, monotonic=monotonic, value=600, start_ms=1000, time_ms=61_000)
    batch = decode(exporter).batch
    assert batch.series[0].kind is kind
    assert batch.value[0] == pytest.approx(value)
    assert unit_of(batch.series[0]) == unit


def test_a_delta_of_a_split_second_does_not_explode_into_a_rate(decode) -> None:
    exporter = Exporter()
    sum_of(exporter, temporality=DELTA, monotonic=True, value=600, start_ms=1000, time_ms=1001)
    assert decode(exporter).batch.value.tolist() == [600.0]


def test_a_delta_without_a_start_stays_as_it_is(decode) -> None:
    exporter = Exporter()
    sum_of(exporter, temporality=DELTA, monotonic=True, value=600, start_ms=0, time_ms=9_000)
    assert decode(exporter).batch.value.tolist() == [600.0]


def explicit(exporter: Exporter, temporality: int = DELTA, **fields: object) -> None:
    held = exporter.metric("latency", "s").histogram
    held.aggregation_temporality = temporality
    held.data_points.add(time_unix_nano=MS, attributes=attributes({"route": "/"}), **fields)


@pytest.mark.parametrize("temporality", [DELTA, CUMULATIVE])
def test_explicit_histograms_keep_bounds_and_counts(decode, temporality: int) -> None:
    exporter = Exporter()
    exporter.gauge("g", 1.0)
    explicit(
        exporter,
        temporality,
        bucket_counts=[1, 0, 3],
        explicit_bounds=[0.1, 1],
        count=4,
        sum=2.5,
        min=0,
        max=1,
    )
    batch = decode(exporter).batch
    assert [(series.metric, series.kind) for series in batch.series] == [
        ("g", Kind.GAUGE),
        ("latency_seconds", Kind.HISTOGRAM),
    ]
    assert batch.buckets.start.tolist() == [0, 0, 3]
    assert batch.buckets.upper_bound.tolist() == [0.1, 1, math.inf]
    assert batch.buckets.count.tolist() == [1, 0, 3]
    cumulative = np.zeros(2, bool) if batch.buckets.cumulative is None else batch.buckets.cumulative
    assert cumulative.tolist() == [False, temporality == CUMULATIVE]


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"count": 4, "sum": 2.5}, "no buckets"),
        ({"bucket_counts": [4]}, "no buckets"),
        ({"bucket_counts": [1, 2], "explicit_bounds": [1, 2]}, "do not fit together"),
        ({"bucket_counts": [1, 2, 3], "explicit_bounds": [2, 1]}, "do not fit together"),
        ({"bucket_counts": [1, 2, 3], "explicit_bounds": [1, math.inf]}, "do not fit together"),
        ({"bucket_counts": [1, 2], "explicit_bounds": [math.nan]}, "do not fit together"),
    ],
)
def test_histograms_that_do_not_fit_together_are_refused(decode, fields: dict, why: str) -> None:
    exporter = Exporter()
    exporter.gauge("g", 1.0)
    explicit(exporter, **fields)
    decoded = decode(exporter)
    assert len(decoded.batch) == 1
    assert [(refusal.error, refusal.count) for refusal in decoded.refusals] == [(ErrorId.BAD_HISTOGRAM, 1)]
    assert why in decoded.refusals[0].detail


def exponential(exporter: Exporter, **fields: object) -> None:
    held = exporter.metric("latency").exponential_histogram
    held.aggregation_temporality = CUMULATIVE
    held.data_points.add(time_unix_nano=MS, attributes=attributes({"route": "/"}), **fields)


def test_exponential_histograms_become_rising_rows(decode) -> None:
    exporter = Exporter()
    exponential(
        exporter,
        scale=0,
        zero_count=2,
        zero_threshold=0.125,
        positive={"offset": 0, "bucket_counts": [5, 0, 7]},
        negative={"offset": 1, "bucket_counts": [3]},
    )
    buckets = decode(exporter).batch.buckets
    assert buckets.upper_bound.tolist() == [-4, -2, -0.125, 0.125, 1, 2, 4, 8]
    assert buckets.count.tolist() == [0, 3, 0, 2, 0, 5, 0, 7]
    assert buckets.cumulative.tolist() == [True]


@pytest.mark.parametrize(
    "fields", [{"scale": 21}, {"scale": -11}, {"zero_threshold": -1.0}, {"zero_threshold": math.nan}]
)
def test_exponential_histograms_out_of_range_are_refused(decode, fields: dict) -> None:
    exporter = Exporter()
    exponential(exporter, positive={"bucket_counts": [1]}, **fields)
    assert [refusal.error for refusal in decode(exporter).refusals] == [ErrorId.BAD_HISTOGRAM]


def test_summaries_are_counted_as_unsupported_and_said_so(decode) -> None:
    exporter = Exporter()
    held = exporter.metric("rpc").summary
    held.data_points.add(time_unix_nano=MS, count=1)
    held.data_points.add(time_unix_nano=MS, count=1)
    exporter.gauge("g", 1.0)
    decoded = decode(exporter)
    assert [(refusal.error, refusal.count) for refusal in decoded.refusals] == [
        (ErrorId.UNSUPPORTED_SAMPLE, 2)
    ]
    assert "histogram instead" in decoded.refusals[0].detail
    assert len(decoded.batch) == 1


def test_a_point_flagged_as_having_no_value_is_a_stale_marker(decode) -> None:
    exporter = Exporter()
    exporter.metric("g").gauge.data_points.add(time_unix_nano=MS, flags=1)
    explicit(exporter, flags=1)
    batch = decode(exporter).batch
    assert batch.value.view(np.uint64).tolist() == [STALE_MARKER_BITS] * 2
    assert batch.buckets.start.tolist() == [0, 0, 0]


def test_a_point_without_a_value_is_refused(decode) -> None:
    exporter = Exporter()
    exporter.metric("g").gauge.data_points.add(time_unix_nano=MS)
    exporter.gauge("h", 1.0)
    decoded = decode(exporter)
    assert len(decoded.batch) == 1
    assert "has no value" in decoded.refusals[0].detail


def test_a_point_without_a_time_is_of_now(decode) -> None:
    exporter = Exporter()
    exporter.gauge("g", 1.0, time_ms=0)
    assert decode(exporter).batch.timestamp_ms.tolist() == [NOW_MS]


def test_special_values_pass(decode) -> None:
    exporter = Exporter()
    for i, value in enumerate([math.nan, math.inf, -math.inf]):
        exporter.gauge(f"g{i}", value)
    np.testing.assert_array_equal(decode(exporter).batch.value, [math.nan, math.inf, -math.inf])


def test_a_metric_without_a_usable_name_is_refused(decode) -> None:
    exporter = Exporter()
    exporter.gauge("---", 1.0)
    assert [refusal.error for refusal in decode(exporter).refusals] == [ErrorId.BAD_LABELS]


def test_an_empty_request_is_an_empty_success(decode) -> None:
    assert decode(Exporter()).refusals == ()


def test_two_scopes_of_one_metric_are_one_series(decode) -> None:
    exporter = Exporter()
    exporter.gauge("g", 1.0, time_ms=1)
    exporter.gauge("g", 2.0, time_ms=2)
    batch = decode(exporter).batch
    assert len(batch.series) == 1
    assert batch.value.tolist() == [1.0, 2.0]


@pytest.mark.parametrize("body", [b"\x0a", b"\x0a\x05abc", b"\x08\x01", b"\x0a\x02\x12\x7f", b"\xff" * 20])
def test_malformed_protobuf_is_refused_with_its_offset(body: bytes) -> None:
    with pytest.raises(DecodeError, match="malformed at byte"):
        OtlpDecoder().decode(body, NOW_MS)


@pytest.mark.parametrize("body", ["[]", "5", '{"resourceMetrics": 5}', '{"resourceMetrics": [5]}'])
def test_json_of_another_shape_is_refused(body: str) -> None:
    with pytest.raises(DecodeError, match="not an OTLP metrics request"):
        OtlpJsonDecoder().decode(body.encode(), NOW_MS)


def test_a_broken_point_in_json_loses_only_itself() -> None:
    points = [
        {"asDouble": 1, "timeUnixNano": "5000000"},
        {"asDouble": "x"},
        {"asInt": "99999999999999999999999"},
    ]
    metric = {"name": "g", "gauge": {"dataPoints": points}}
    body = json.dumps({"resourceMetrics": [{"scopeMetrics": [{"metrics": [metric]}]}]}).encode()
    decoded = OtlpJsonDecoder().decode(body, NOW_MS)
    assert decoded.batch.timestamp_ms.tolist() == [5]
    assert decoded.refused == 2
    assert "A point of g needs a number as `asDouble`" in decoded.refusals[0].detail


def test_labels_that_are_not_utf8_are_refused_alone() -> None:
    exporter = Exporter()
    exporter.gauge("g", 1.0, a="badly")
    exporter.gauge("g", 2.0, a="good")
    body = exporter.request.SerializeToString().replace(b"badly", b"b\xff\xfedy")
    decoded = OtlpDecoder().decode(body, NOW_MS)
    assert decoded.batch.value.tolist() == [2.0]
    assert decoded.refusals[0].error is ErrorId.BAD_LABELS


@pytest.mark.parametrize("run", [by_protobuf, by_json])
def test_more_points_than_allowed_are_refused(run) -> None:
    exporter = Exporter()
    for _ in range(11):
        exporter.gauge("g", 1.0)
    with pytest.raises(DecodeError, match="max_samples_per_request"):
        run(exporter, limits=Limits(max_samples_per_request=10))
