"""The samples of one request as columns."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from kullback.core.labels import Series

STALE_MARKER_BITS = 0x7FF0000000000002
"""Bit pattern of the NaN by which Prometheus says that a series has ended (prometheus/model/value)."""

STALE_MARKER: np.float64 = np.frombuffer(STALE_MARKER_BITS.to_bytes(8, "little"), dtype=np.float64)[0]


@dataclass(frozen=True, slots=True)
class Buckets:
    """The histogram counts of a batch, ragged: row `i` owns `start[i]:start[i + 1]`.

    Parameters
    ----------
    start : int64 array, shape (n + 1,)
        Rows of scalar samples own an empty range.
    upper_bound : float64 array, shape (k,)
        Upper bound of each bucket, rising within a row; the last may be +Inf. The first bucket is open below.
    count : float64 array, shape (k,)
        Observations per bucket, not cumulative over buckets.
    cumulative : bool array, shape (n,), or None
        Whether a row counts since its stream began (native Prometheus and cumulative OpenTelemetry
        histograms) instead of for its interval only; the engine differences such rows. None: no row does.
    """

    start: NDArray[np.int64]
    upper_bound: NDArray[np.float64]
    count: NDArray[np.float64]
    cumulative: NDArray[np.bool_] | None = None

    def take(self, rows: NDArray[np.int64]) -> Buckets:
        """The buckets of the given rows, in that order.

        Parameters
        ----------
        rows : int64 array, shape (m,)
        """
        width = (self.start[1:] - self.start[:-1])[rows]
        start = np.concatenate(([0], np.cumsum(width))).astype(np.int64)
        flat = np.repeat(self.start[:-1][rows] - start[:-1], width) + np.arange(start[-1])
        cumulative = self.cumulative[rows] if self.cumulative is not None else None
        return Buckets(start, self.upper_bound[flat], self.count[flat], cumulative)


@dataclass(frozen=True, slots=True)
class Batch:
    """Samples of one request.

    Parameters
    ----------
    series : tuple of Series
        The request's distinct series.
    stream_index : int32 array, shape (n,)
        Index into `series` per sample.
    timestamp_ms : int64 array, shape (n,)
        Unix time.
    value : float64 array, shape (n,)
        The sample; for a categorical series the index into `categories`; NaN for a histogram sample.
        NaN, ±Inf and the stale marker are allowed: the engine counts them.
    buckets : Buckets or None
        Histogram counts, None when the request has no histogram sample.
    categories : tuple of str
        Names of the categories that `value` points into.
    """

    series: tuple[Series, ...]
    stream_index: NDArray[np.int32]
    timestamp_ms: NDArray[np.int64]
    value: NDArray[np.float64]
    buckets: Buckets | None = None
    categories: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.stream_index)

    def take(self, keep: NDArray[np.bool_]) -> Batch:
        """The samples where `keep` is true, with the same series table.

        Parameters
        ----------
        keep : bool array, shape (n,)
        """
        if keep.all():
            return self
        return replace(
            self,
            stream_index=self.stream_index[keep],
            timestamp_ms=self.timestamp_ms[keep],
            value=self.value[keep],
            buckets=self.buckets.take(np.flatnonzero(keep)) if self.buckets else None,
        )


def empty_batch() -> Batch:
    """A batch without samples (a request of metadata only decodes to it)."""
    return Batch((), np.empty(0, np.int32), np.empty(0, np.int64), np.empty(0, np.float64))
