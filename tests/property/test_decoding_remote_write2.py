"""Round trips of remote write 2.0 against a writer made from the specification."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.decoded_rules import assert_well_formed
from tests.wire_messages import Request

from kullback.core.labels import sorted_labels
from kullback.ingest.remote_write2 import RemoteWrite2Decoder

DECODER = RemoteWrite2Decoder()

label_sets = st.dictionaries(
    st.text(min_size=1, max_size=20), st.text(min_size=1, max_size=60), min_size=1, max_size=8
)
samples = st.lists(st.tuples(st.integers(-(2**63), 2**63 - 1), st.floats(width=64)), max_size=5)
requests = st.lists(st.tuples(label_sets, samples, st.integers(0, 7)), max_size=8)


@given(requests, st.randoms(use_true_random=False))
@settings(max_examples=300, deadline=None)
def test_every_sample_comes_back_whatever_the_order_of_the_symbols(request: list, random: object) -> None:
    symbols = sorted({text for labels, *_ in request for pair in labels.items() for text in pair})
    random.shuffle(symbols)
    number = {text: i for i, text in enumerate(["", *symbols])}
    message = Request(symbols=list(number))
    for labels, rows, kind in request:
        series = message.timeseries.add(
            labels_refs=[number[text] for pair in labels.items() for text in pair]
        )
        series.metadata.type = kind
        for timestamp, value in rows:
            series.samples.add(timestamp=timestamp, value=value)
    decoded = DECODER.decode(message.SerializeToString(), 0)
    assert_well_formed(decoded)
    batch = decoded.batch
    rows = [(sorted_labels(labels.items()), *row) for labels, of_series, _ in request for row in of_series]
    assert decoded.refusals == ()
    assert [batch.series[i].labels for i in batch.stream_index] == [labels for labels, *_ in rows]
    assert batch.timestamp_ms.tolist() == [timestamp for _, timestamp, _ in rows]
    expected = np.array([value for *_, value in rows], np.float64)
    assert batch.value.view(np.uint64).tolist() == expected.view(np.uint64).tolist()
