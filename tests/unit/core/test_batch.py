import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from kullback.core.batch import STALE_MARKER, STALE_MARKER_BITS, Batch, Buckets, empty_batch
from kullback.core.labels import Series

widths = st.lists(st.tuples(st.integers(0, 4), st.booleans()), max_size=20)


def histogram_batch(row_widths: list[int]) -> Batch:
    n = len(row_widths)
    start = np.concatenate(([0], np.cumsum(row_widths))).astype(np.int64)
    flat = np.arange(start[-1], dtype=np.float64)
    return Batch(
        (Series(()),), np.zeros(n, np.int32), np.arange(n), np.full(n, np.nan), Buckets(start, flat, flat * 2)
    )


@given(widths)
def test_taking_rows_takes_their_buckets(rows: list[tuple[int, bool]]) -> None:
    batch = histogram_batch([width for width, _ in rows])
    keep = np.array([kept for _, kept in rows], bool)
    taken = batch.take(keep)
    assert taken.buckets is not None
    assert batch.buckets is not None
    for new, old in enumerate(np.flatnonzero(keep)):
        expected = batch.buckets.upper_bound[batch.buckets.start[old] : batch.buckets.start[old + 1]]
        found = taken.buckets.upper_bound[taken.buckets.start[new] : taken.buckets.start[new + 1]]
        assert found.tolist() == expected.tolist()


def test_stale_marker_is_the_nan_prometheus_sends() -> None:
    assert np.isnan(STALE_MARKER)
    assert STALE_MARKER.view(np.int64) == STALE_MARKER_BITS


def test_empty_batch_has_no_samples() -> None:
    assert len(empty_batch()) == 0
