"""Round trips of OTLP: OpenTelemetry's own classes write, both decoders read, and they agree."""

import numpy as np
from google.protobuf.json_format import MessageToJson
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.decoded_rules import assert_well_formed
from tests.otlp_messages import CUMULATIVE, DELTA, MS, Exporter, attributes

from kullback.core.batch import Batch
from kullback.ingest.decoded import Decoded
from kullback.ingest.otlp import OtlpDecoder
from kullback.ingest.otlp_json import OtlpJsonDecoder

BY_PROTOBUF, BY_JSON = OtlpDecoder(resource_labels=("zone",)), OtlpJsonDecoder(resource_labels=("zone",))
NOW_MS = 1_795_328_801_679

texts = st.text(max_size=8)
values = st.one_of(
    texts, st.booleans(), st.integers(-(2**63), 2**63 - 1), st.binary(max_size=6), st.lists(texts, max_size=2)
)
labels = st.dictionaries(st.text(min_size=1, max_size=8), values, max_size=4)
resources = st.dictionaries(
    st.sampled_from(["service.name", "service.instance.id", "zone", "x"]), texts, max_size=4
)
names = st.sampled_from(["a", "b.c", "d total", "größe", "9x", "--"])
units = st.sampled_from(["", "1", "s", "By/s", "{x}"])
counts = st.lists(st.integers(0, 2**40), max_size=5)


@st.composite
def requests(draw: st.DrawFn) -> Exporter:
    exporter = Exporter()
    for _ in range(draw(st.integers(1, 2))):
        exporter.resource(**draw(resources))
        for _ in range(draw(st.integers(0, 4))):
            metric = exporter.metric(draw(names), draw(units))
            shape = draw(st.sampled_from([_gauge, _sum, _histogram, _exponential, _summary]))
            for _ in range(draw(st.integers(0, 3))):
                shape(draw, metric)
    return exporter


def _common(draw: st.DrawFn) -> dict:
    return {
        "time_unix_nano": draw(st.integers(0, 2**40)) * MS,
        "start_time_unix_nano": draw(st.integers(0, 2**40)) * MS,
        "attributes": attributes(draw(labels)),
        "flags": draw(st.sampled_from([0, 0, 0, 1])),
    }


def _value(draw: st.DrawFn) -> dict:
    whole = {"as_int": draw(st.integers(-(2**63), 2**63 - 1))}
    return draw(st.sampled_from([whole, {"as_double": draw(st.floats(allow_nan=False, width=64))}, {}]))


def _gauge(draw: st.DrawFn, metric: object) -> None:
    metric.gauge.data_points.add(**_common(draw), **_value(draw))


def _sum(draw: st.DrawFn, metric: object) -> None:
    metric.sum.aggregation_temporality = draw(st.sampled_from([0, DELTA, CUMULATIVE]))
    metric.sum.is_monotonic = draw(st.booleans())
    metric.sum.data_points.add(**_common(draw), **_value(draw))


def _histogram(draw: st.DrawFn, metric: object) -> None:
    metric.histogram.aggregation_temporality = draw(st.sampled_from([DELTA, CUMULATIVE]))
    observed = draw(counts)
    bounds = [float(i) for i in range(max(len(observed) - draw(st.sampled_from([1, 1, 1, 0])), 0))]
    metric.histogram.data_points.add(**_common(draw), bucket_counts=observed, explicit_bounds=bounds)


def _exponential(draw: st.DrawFn, metric: object) -> None:
    metric.exponential_histogram.aggregation_temporality = draw(st.sampled_from([DELTA, CUMULATIVE]))
    sides = {
        side: {"offset": draw(st.integers(-50, 50)), "bucket_counts": draw(counts)}
        for side in ("positive", "negative")
    }
    metric.exponential_histogram.data_points.add(
        **_common(draw), scale=draw(st.integers(-11, 21)), zero_count=draw(st.integers(0, 9)), **sides
    )


def _summary(draw: st.DrawFn, metric: object) -> None:
    metric.summary.data_points.add(count=draw(st.integers(0, 9)))


def rows_of(batch: Batch) -> list[tuple]:
    """Comparable rows, in an order that does not depend on the decoder."""
    rows = []
    for i, number in enumerate(batch.stream_index):
        series = batch.series[number]
        held: tuple = ()
        if batch.buckets is not None:
            own = slice(batch.buckets.start[i], batch.buckets.start[i + 1])
            cumulative = batch.buckets.cumulative is not None and bool(batch.buckets.cumulative[i])
            filled = own.stop > own.start
            held = (
                batch.buckets.upper_bound[own].tolist(),
                batch.buckets.count[own].tolist(),
                cumulative and filled,
            )
        value = batch.value.view(np.uint64)[i] if not np.isnan(batch.value[i]) else "nan"
        rows.append(
            (series.labels, series.kind, int(batch.timestamp_ms[i]), str(value), held or ([], [], False))
        )
    return sorted(rows, key=repr)


def reasons(decoded: Decoded) -> dict:
    return {refusal.error: refusal.count for refusal in decoded.refusals}


@given(requests())
@settings(max_examples=120, deadline=None)
def test_protobuf_and_json_of_one_request_are_read_alike(exporter: Exporter) -> None:
    by_protobuf = BY_PROTOBUF.decode(exporter.request.SerializeToString(), NOW_MS)
    by_json = BY_JSON.decode(MessageToJson(exporter.request).encode(), NOW_MS)
    assert_well_formed(by_protobuf)
    assert_well_formed(by_json)
    assert reasons(by_protobuf) == reasons(by_json)
    assert rows_of(by_protobuf.batch) == rows_of(by_json.batch)


@given(requests())
@settings(max_examples=100, deadline=None)
def test_every_point_is_read_or_counted(exporter: Exporter) -> None:
    decoded = BY_PROTOBUF.decode(exporter.request.SerializeToString(), NOW_MS)
    points = sum(
        len(getattr(metric, metric.WhichOneof("data")).data_points)
        for resource in exporter.request.resource_metrics
        for scope in resource.scope_metrics
        for metric in scope.metrics
        if metric.WhichOneof("data")
    )
    assert len(decoded.batch) + decoded.refused == points
