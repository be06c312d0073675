"""What must hold for everything a decoder gives, whatever it was fed."""

import numpy as np

from kullback.core.labels import Kind, Series
from kullback.ingest.decoded import Decoded

MOST_LINES = 1000


def assert_well_formed(decoded: Decoded) -> None:
    batch = decoded.batch
    rows = len(batch)
    assert batch.stream_index.dtype == np.int32
    assert batch.timestamp_ms.dtype == np.int64
    assert batch.value.dtype == np.float64
    assert len(batch.timestamp_ms) == len(batch.value) == rows
    assert all(type(series) is Series for series in batch.series)
    assert len({series.key for series in batch.series}) == len(batch.series)
    used = np.unique(batch.stream_index)
    assert used.tolist() == list(range(len(batch.series)))
    assert all(refusal.count > 0 for refusal in decoded.refusals)
    assert all(len(refusal.detail) < 2000 for refusal in decoded.refusals)
    assert len(decoded.lines) <= MOST_LINES
    _assert_buckets(decoded)
    _assert_categories(decoded)


def _assert_buckets(decoded: Decoded) -> None:
    batch, buckets = decoded.batch, decoded.batch.buckets
    histogram = np.array([series.kind is Kind.HISTOGRAM for series in batch.series], bool)[batch.stream_index]
    if buckets is None:
        assert not histogram.any()
        return
    width = np.diff(buckets.start)
    assert len(buckets.start) == len(batch) + 1
    assert buckets.start[0] == 0
    assert buckets.start[-1] == len(buckets.upper_bound) == len(buckets.count)
    assert (width >= 0).all()
    assert (width[~histogram] == 0).all()
    assert (buckets.count >= 0).all()
    assert np.isfinite(buckets.count).all()
    rising = np.diff(buckets.upper_bound) > 0
    rising[buckets.start[1:-1][(buckets.start[1:-1] > 0) & (buckets.start[1:-1] <= len(rising))] - 1] = True
    assert rising.all()
    assert buckets.cumulative is None or len(buckets.cumulative) == len(batch)


def _assert_categories(decoded: Decoded) -> None:
    batch = decoded.batch
    category = np.array([series.kind is Kind.CATEGORY for series in batch.series], bool)[batch.stream_index]
    codes = batch.value[category]
    assert (codes >= 0).all()
    assert (codes < max(len(batch.categories), 1)).all()
    assert len(set(batch.categories)) == len(batch.categories)
