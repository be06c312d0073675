import math

import numpy as np
import pytest
from tests.decoded_rules import assert_well_formed
from tests.wire_messages import WriteRequest

from kullback.core.batch import STALE_MARKER, STALE_MARKER_BITS
from kullback.core.errors import DecodeError, ErrorId
from kullback.core.labels import Kind
from kullback.core.limits import Limits
from kullback.ingest.decoded import Decoded
from kullback.ingest.remote_write import RemoteWriteDecoder

NOW_MS = 1_795_328_801_679


def series(request: WriteRequest, *labels: tuple[str, str], samples: tuple = (), **more: object) -> object:
    added = request.timeseries.add(**more)
    for name, value in labels:
        added.labels.add(name=name, value=value)
    for timestamp, value in samples:
        added.samples.add(timestamp=timestamp, value=value)
    return added


def decode(request: WriteRequest) -> Decoded:
    decoded = RemoteWriteDecoder().decode(request.SerializeToString(), NOW_MS)
    assert_well_formed(decoded)
    return decoded


def test_unsorted_labels_are_accepted_and_sorted() -> None:
    request = WriteRequest()
    series(request, ("z", "1"), ("__name__", "up"), ("a", "2"), samples=((1, 1.0),))
    series(request, ("__name__", "up"), ("a", "2"), ("z", "1"), samples=((2, 2.0),))
    batch = decode(request).batch
    assert [one.labels for one in batch.series] == [(("__name__", "up"), ("a", "2"), ("z", "1"))]
    assert batch.stream_index.tolist() == [0, 0]


def test_empty_label_values_mean_absent() -> None:
    request = WriteRequest()
    series(request, ("__name__", "up"), ("a", ""), samples=((1, 1.0),))
    assert decode(request).batch.series[0].labels == (("__name__", "up"),)


@pytest.mark.parametrize(
    ("labels", "why"),
    [
        ((), "no labels at all"),
        ((("a", ""),), "no labels at all"),
        ((("__name__", "up"), ("", "x")), "is empty"),
        ((("__name__", "up"), ("a", "1"), ("a", "2")), "occurs twice"),
    ],
)
def test_a_bad_label_set_is_refused_and_the_others_kept(labels: tuple, why: str) -> None:
    request = WriteRequest()
    series(request, *labels, samples=((1, 1.0), (2, 2.0)))
    series(request, ("__name__", "good"), samples=((1, 3.0),))
    decoded = decode(request)
    assert [refusal.error for refusal in decoded.refusals] == [ErrorId.BAD_LABELS]
    assert decoded.refused == 2
    assert why in decoded.refusals[0].detail
    assert decoded.batch.value.tolist() == [3.0]
    assert [one.metric for one in decoded.batch.series] == ["good"]


def test_labels_that_are_not_utf8_are_refused_and_named() -> None:
    request = WriteRequest()
    series(request, ("__name__", "good"), samples=((1, 3.0),))
    body = request.SerializeToString()
    bad = body.replace(b"good", b"g\xff\xfed")
    decoded = RemoteWriteDecoder().decode(bad + body, NOW_MS)
    assert decoded.refusals[0].error is ErrorId.BAD_LABELS
    assert "UTF-8" in decoded.refusals[0].detail
    assert len(decoded.batch) == 1


def test_stale_markers_infinities_and_nan_pass_bit_for_bit() -> None:
    values = np.array([STALE_MARKER, np.nan, np.inf, -np.inf, -0.0])
    request = WriteRequest()
    series(request, ("__name__", "up"), samples=tuple(enumerate(values.tolist())))
    read = decode(request).batch.value.view(np.uint64).tolist()
    assert read == values.view(np.uint64).tolist()
    assert read[0] == STALE_MARKER_BITS


def test_samples_and_native_histograms_of_one_label_set_are_two_series() -> None:
    request = WriteRequest()
    one = series(request, ("__name__", "x"), samples=((1, 1.0),))
    one.histograms.add(timestamp=2, count_int=1, zero_count_int=1)
    assert [found.kind for found in decode(request).batch.series] == [Kind.GAUGE, Kind.HISTOGRAM]


def test_exemplars_alone_are_an_empty_success() -> None:
    request = WriteRequest()
    series(request, ("__name__", "x")).exemplars.add(value=1.0, timestamp=5)
    decoded = decode(request)
    assert (len(decoded.batch), decoded.refusals) == (0, ())


def test_unknown_fields_are_skipped() -> None:
    request = WriteRequest()
    series(request, ("__name__", "x"), samples=((7, 1.5),))
    body = request.SerializeToString()
    # Field 99 as varint, 8 bytes, text and 4 bytes.
    extra = b"\x98\x06\x05" + b"\x99\x06" + b"x" * 8 + b"\x9a\x06\x03abc" + b"\x9d\x06abcd"
    assert RemoteWriteDecoder().decode(extra + body + extra, NOW_MS).batch.value.tolist() == [1.5]


def test_labels_with_other_fields_between_them_are_found() -> None:
    label_1 = b"\x0a\x0d\x0a\x08__name__\x12\x01x"
    sample = b"\x12\x0b\x09" + b"\x00" * 8 + b"\x10\x07"
    label_2 = b"\x0a\x06\x0a\x01a\x12\x01b"
    inner = label_1 + sample + label_2
    decoded = RemoteWriteDecoder().decode(b"\x0a" + bytes([len(inner)]) + inner, NOW_MS)
    assert decoded.batch.series[0].labels == (("__name__", "x"), ("a", "b"))
    assert decoded.batch.timestamp_ms.tolist() == [7]


def histogram_rows(**fields: object) -> Decoded:
    request = WriteRequest()
    series(request, ("__name__", "h")).histograms.add(timestamp=9, **fields)
    return decode(request)


def span(offset: int, length: int) -> dict[str, int]:
    return {"offset": offset, "length": length}


@pytest.mark.parametrize(
    ("fields", "bounds", "counts"),
    [
        (
            {"positive_spans": [span(1, 2), span(2, 1)], "positive_deltas": [3, -1, 5]},
            [1, 2, 4, 16, 32],
            [0, 3, 2, 0, 7],
        ),
        (
            {
                "positive_spans": [span(0, 1)],
                "positive_counts": [2.5],
                "zero_count_float": 1.5,
                "zero_threshold": 0.25,
            },
            [0, 0.25, 0.5, 1],
            [0, 1.5, 0, 2.5],
        ),
        (
            {
                "negative_spans": [span(0, 1), span(1, 1)],
                "negative_deltas": [4, 1],
                "positive_spans": [span(1, 1)],
                "positive_deltas": [6],
                "zero_count_int": 2,
                "zero_threshold": 0.125,
            },
            [-4, -2, -1, -0.5, -0.125, 0.125, 1, 2],
            [0, 5, 0, 4, 0, 2, 0, 6],
        ),
        (
            {
                "schema": -53,
                "custom_values": [-1, 0.5, 10],
                "positive_spans": [span(1, 1), span(1, 1)],
                "positive_deltas": [2, 1],
            },
            [-1, 0.5, 10, math.inf],
            [0, 2, 0, 3],
        ),
        ({"zero_threshold": 1e-128}, [1e-128], [0]),
        ({}, [0], [0]),
    ],
    ids=[
        "spans with a gap",
        "float counts",
        "both sides",
        "custom bounds",
        "nothing observed",
        "no field at all",
    ],
)
def test_native_histogram_becomes_a_rising_row_of_buckets(fields: dict, bounds: list, counts: list) -> None:
    buckets = histogram_rows(**fields).batch.buckets
    assert buckets.upper_bound.tolist() == bounds
    assert buckets.count.tolist() == counts


@pytest.mark.parametrize(
    "fields",
    [
        {"positive_spans": [span(0, 3)], "positive_deltas": [1, 1]},
        {"positive_spans": [span(0, 2**32 - 1)], "positive_deltas": [1]},
        {"positive_deltas": [1]},
        {"positive_spans": [span(0, 2)], "positive_deltas": [1, -2]},
        {"positive_spans": [span(0, 1)], "positive_counts": [math.nan]},
        {"positive_spans": [span(0, 1)], "positive_counts": [math.inf]},
        {"zero_threshold": -1.0},
        {"zero_count_float": math.nan},
        {"schema": 9},
        {"schema": -5},
        {"schema": -53, "custom_values": [1, 1], "positive_spans": [span(0, 1)], "positive_deltas": [1]},
        {"schema": -53, "custom_values": [1], "positive_spans": [span(2, 1)], "positive_deltas": [1]},
        {"schema": -53, "custom_values": [1], "negative_spans": [span(0, 1)], "negative_deltas": [1]},
    ],
)
def test_a_native_histogram_that_does_not_fit_together_is_refused(fields: dict) -> None:
    decoded = histogram_rows(**fields)
    assert [refusal.error for refusal in decoded.refusals] == [ErrorId.BAD_HISTOGRAM]
    assert len(decoded.batch) == 0


def test_a_bad_histogram_of_a_bad_series_is_refused_once() -> None:
    request = WriteRequest()
    series(request).histograms.add(timestamp=1, schema=99)
    decoded = decode(request)
    assert [(refusal.error, refusal.count) for refusal in decoded.refusals] == [(ErrorId.BAD_LABELS, 1)]


def test_buckets_beyond_floating_point_are_merged_and_no_count_is_lost() -> None:
    fields = {
        "schema": -4,
        "positive_spans": [span(-80, 3), span(150, 3)],
        "positive_deltas": [1, 0, 0, 0, 0, 0],
    }
    buckets = histogram_rows(**fields).batch.buckets
    assert buckets.count.sum() == 6
    assert (np.diff(buckets.upper_bound) > 0).all()


def test_a_gauge_histogram_is_not_cumulative() -> None:
    assert not histogram_rows(reset_hint=3).batch.buckets.cumulative.any()
    assert histogram_rows(reset_hint=2).batch.buckets.cumulative.all()


@pytest.mark.parametrize(
    "body",
    [
        b"\x0a",
        b"\x0a\x05abc",
        b"\x00\x00",
        b"\xff" * 11,
        b"\x08\x01",
        b"\x0a\x02\x12\x7f",
        b"\x0b\x0c",
        b"\x0a\x04\x12\x02\x08\x01",
    ],
)
def test_malformed_bytes_are_refused_with_their_offset(body: bytes) -> None:
    with pytest.raises(DecodeError, match="malformed at byte") as caught:
        RemoteWriteDecoder().decode(body, NOW_MS)
    assert caught.value.error is ErrorId.BAD_PROTOBUF


def test_more_samples_than_one_request_may_hold_are_refused_before_they_are_read() -> None:
    empty_samples = b"\x0a\x80\x01" + b"\x12\x00" * 64
    with pytest.raises(DecodeError, match="max_samples_per_request"):
        RemoteWriteDecoder(Limits(max_samples_per_request=1000)).decode(empty_samples * 16, NOW_MS)


@pytest.mark.parametrize(
    "body", [b"\x0a\x00", b"\x0a\x02\x0a\x00", b"\x1a\x00"], ids=["series", "labels", "metadata"]
)
def test_countless_empty_parts_are_refused_and_some_are_no_fault(body: bytes) -> None:
    decoder = RemoteWriteDecoder(Limits(max_samples_per_request=10))
    assert len(decoder.decode(body * 70, NOW_MS).batch) == 0
    with pytest.raises(DecodeError, match="max_samples_per_request"):
        decoder.decode(body * 100_000, NOW_MS)


def test_tables_grow_with_bodies_of_many_small_parts() -> None:
    request = WriteRequest()
    for i in range(3000):
        series(request, ("a", str(i % 7)), samples=((i, float(i)),))
    series(request, ("b", "c"), samples=tuple((i, float(i)) for i in range(20_000)))
    batch = decode(request).batch
    assert batch.value.tolist() == [*map(float, range(3000)), *map(float, range(20_000))]


def kinds(*bodies: tuple[tuple[str, ...], ...]) -> dict[str, Kind]:
    decoder, found = RemoteWriteDecoder(), {}
    for metrics in bodies:
        request = WriteRequest()
        for metric, *labels in metrics:
            series(request, ("__name__", metric), *((name, "1") for name in labels), samples=((1, 1.0),))
        batch = decoder.decode(request.SerializeToString(), NOW_MS).batch
        found |= {one.metric: one.kind for one in batch.series}
    return found


def test_sum_and_count_of_a_classic_histogram_or_summary_count() -> None:
    histogram = (("lat_count",), ("lat_sum",), ("lat_bucket", "le"))
    summary = (("rpc", "quantile"), ("rpc_sum",), ("rpc_count",))
    found = kinds(histogram + summary)
    assert {metric: kind for metric, kind in found.items() if kind is not Kind.COUNTER} == {"rpc": Kind.GAUGE}


def test_sum_and_count_are_known_from_buckets_of_an_earlier_request() -> None:
    assert kinds((("lat_bucket", "le"),), (("lat_count",),))["lat_count"] is Kind.COUNTER


def test_a_count_or_bucket_of_no_family_is_a_gauge() -> None:
    assert set(kinds((("threads_count",), ("rain_bucket",), ("price_sum",))).values()) == {Kind.GAUGE}


def test_the_same_series_is_the_same_object_in_every_request() -> None:
    request = WriteRequest()
    series(request, ("__name__", "x"), samples=((7, 1.5),))
    decoder = RemoteWriteDecoder()
    first = decoder.decode(request.SerializeToString(), NOW_MS).batch.series[0]
    assert decoder.decode(request.SerializeToString(), NOW_MS).batch.series[0] is first
