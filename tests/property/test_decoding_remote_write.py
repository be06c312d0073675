"""Round trips: what an independent protobuf writer encodes, the decoder reads back bit for bit."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.decoded_rules import assert_well_formed
from tests.wire_messages import WriteRequest

from kullback.core.labels import sorted_labels
from kullback.ingest.remote_write import RemoteWriteDecoder

DECODER = RemoteWriteDecoder()

names = st.text(min_size=1, max_size=20)
label_sets = st.dictionaries(names, st.text(min_size=1, max_size=60), min_size=1, max_size=8)
times = st.integers(-(2**63), 2**63 - 1)
samples = st.lists(st.tuples(times, st.floats(width=64)), max_size=5)
requests = st.lists(st.tuples(label_sets, samples), max_size=8)


def encode(request: list) -> bytes:
    message = WriteRequest()
    for labels, rows in request:
        series = message.timeseries.add()
        for name, value in labels.items():
            series.labels.add(name=name, value=value)
        for timestamp, value in rows:
            series.samples.add(timestamp=timestamp, value=value)
    return message.SerializeToString()


def bits(values: object) -> list[int]:
    return np.array(values, np.float64).view(np.uint64).tolist()


@given(requests)
@settings(max_examples=300, deadline=None)
def test_every_sample_comes_back(request: list) -> None:
    decoded = DECODER.decode(encode(request), 0)
    assert_well_formed(decoded)
    batch = decoded.batch
    rows = [(sorted_labels(labels.items()), *row) for labels, rows in request for row in rows]
    assert decoded.refusals == ()
    assert [batch.series[i].labels for i in batch.stream_index] == [labels for labels, *_ in rows]
    assert batch.timestamp_ms.tolist() == [timestamp for _, timestamp, _ in rows]
    assert bits(batch.value) == bits([value for *_, value in rows])


@given(requests, requests)
@settings(max_examples=100, deadline=None)
def test_two_bodies_one_after_the_other_are_one_body(first: list, second: list) -> None:
    joined = DECODER.decode(encode(first) + encode(second), 0).batch
    apart = [DECODER.decode(encode(part), 0).batch for part in (first, second)]
    assert bits(joined.value) == bits([value for batch in apart for value in batch.value])
    assert [joined.series[i] for i in joined.stream_index] == [
        batch.series[i] for batch in apart for i in batch.stream_index
    ]


spans = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 4)), max_size=4)


@given(
    st.integers(-4, 8), st.integers(-40, 40), spans, st.integers(-40, 40), spans, st.integers(0, 9), st.data()
)
@settings(max_examples=300, deadline=None)
def test_a_native_histogram_keeps_its_observations_where_they_were(
    schema: int,
    start: int,
    positive: list,
    negative_start: int,
    negative: list,
    zero: int,
    data: st.DataObject,
) -> None:
    request = WriteRequest()
    series = request.timeseries.add()
    series.labels.add(name="__name__", value="h")
    histogram = series.histograms.add(schema=schema, zero_count_int=zero, zero_threshold=1e-200, timestamp=1)
    expected: dict[float, int] = {1e-200: zero} if zero else {}
    base = 2.0 ** (2.0**-schema)
    for side, first, spans_of_side in (("positive", start, positive), ("negative", negative_start, negative)):
        index, before = 0, 0
        for gap, length in [(first, length) for _, length in spans_of_side[:1]] + spans_of_side[1:]:
            getattr(histogram, f"{side}_spans").add(offset=gap, length=length)
            index += gap
            for _ in range(length):
                count = data.draw(st.integers(0, 2**40))
                getattr(histogram, f"{side}_deltas").append(count - before)
                before = count
                if count:
                    upper = base**index if side == "positive" else -(base ** (index - 1))
                    expected[upper] = count
                index += 1
    buckets = DECODER.decode(request.SerializeToString(), 0).batch.buckets
    held = {bound: count for bound, count in zip(buckets.upper_bound, buckets.count, strict=True) if count}
    assert list(held.values()) == [count for _, count in sorted(expected.items())]
    np.testing.assert_allclose(list(held), sorted(expected), rtol=1e-9)
    assert (np.diff(buckets.upper_bound) > 0).all()
