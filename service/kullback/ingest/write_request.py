"""From a walked write request to a batch, for both versions of remote write."""

from __future__ import annotations

from collections.abc import Hashable
from typing import NamedTuple, TypeVar, cast

import numpy as np

from kullback.core.batch import Batch
from kullback.core.errors import merge_refusals
from kullback.core.labels import Kind, Series
from kullback.ingest.decoded import Decoded
from kullback.ingest.interner import Ids, Interner
from kullback.ingest.native import buckets_of, read_histograms, refusals_of
from kullback.ingest.timeseries import Positions, Walk
from kullback.ingest.wire import Bytes

T = TypeVar("T", bound=Hashable)


class Keys(NamedTuple):
    """What must be looked up: a series that has samples, one that has histograms, or both.

    Parameters
    ----------
    series : int64 array, shape (k,)
        Number of the series.
    histogram : int64 array, shape (k,)
        1 when the key stands for the series' histograms, 0 for its samples.
    of_row : int64 array, shape (n,)
        The key of each row: all samples, then all histograms.
    """

    series: Positions
    histogram: Positions
    of_row: Positions


def keys_of(found: Walk) -> Keys:
    """The distinct keys of a request.

    Parameters
    ----------
    found : Walk
    """
    series = len(found.key_start)
    of_row = np.concatenate((found.owner, found.histogram_owner + series)).astype(np.int64)
    used = np.zeros(2 * series, np.bool_)
    used[of_row] = True
    numbers = np.flatnonzero(used)
    position = np.cumsum(used) - 1
    histogram = (numbers >= series).astype(np.int64)
    return Keys(numbers - series * histogram, histogram, position[of_row])


class Written(NamedTuple):
    """What a request wrote, as the `X-Prometheus-Remote-Write-…-Written` headers of 2.0 say it."""

    samples: int
    histograms: int
    exemplars: int = 0


def written(batch: Batch) -> Written:
    """Count the samples and histograms of a batch.

    Parameters
    ----------
    batch : Batch
        What was admitted.
    """
    of_series = np.array([series.kind is Kind.HISTOGRAM for series in batch.series], np.bool_)
    histograms = int(of_series[batch.stream_index].sum())
    return Written(len(batch) - histograms, histograms)


def decoded(body: Bytes, found: Walk, interner: Interner[T], row_ids: Ids) -> Decoded:
    """The batch of a request.

    Parameters
    ----------
    body : uint8 array
    found : Walk
    interner : Interner
    row_ids : int32 array, shape (n,)
        The interner's id of each row: all samples, then all histograms.
    """
    rows = read_histograms(body, found.histogram_start, found.histogram_stop)
    bad_series = interner.refused(row_ids)
    keep = ~bad_series
    keep[len(found.owner) :] &= rows.status >= 0
    stream_index, unique = interner.distinct(row_ids[keep])
    buckets = buckets_of(rows, len(found.owner)) if len(rows.status) else None
    batch = Batch(
        cast("tuple[Series, ...]", tuple(interner.meanings(unique))),
        stream_index,
        np.concatenate((found.timestamp_ms, rows.timestamp_ms))[keep],
        np.concatenate((found.value, rows.value))[keep],
        buckets.take(np.flatnonzero(keep)) if buckets else None,
    )
    refusals = interner.refusals(row_ids[bad_series]) + refusals_of(rows)
    return Decoded(batch, merge_refusals(refusals))
