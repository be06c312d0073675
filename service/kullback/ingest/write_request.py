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
from kullback.ingest.timeseries import Walk
from kullback.ingest.wire import Bytes, Positions

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
    if len(found.owner) == series and not len(found.histogram_owner) and (np.diff(found.owner) == 1).all():
        # The usual case: every series has one sample.
        rows = found.owner.astype(np.int64)
        return Keys(rows, np.zeros(series, np.int64), rows)
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
    bad_series = interner.refused(row_ids)
    refusals = interner.refusals(row_ids[bad_series])
    times, values, keep, buckets = found.timestamp_ms, found.value, ~bad_series, None
    if len(found.histogram_owner):
        rows = read_histograms(body, found.histogram_start, found.histogram_stop)
        times, values = np.concatenate((times, rows.timestamp_ms)), np.concatenate((values, rows.value))
        keep[len(found.owner) :] &= rows.status >= 0
        buckets = buckets_of(rows, len(found.owner)).take(np.flatnonzero(keep))
        # A histogram is refused once, its labels first.
        refusals += refusals_of(rows.status[~bad_series[len(found.owner) :]])
    stream_index, unique = interner.distinct(row_ids[keep])
    series = cast("tuple[Series, ...]", interner.meanings(unique))
    # Copies: the tables they are views of are as long as the body.
    batch = Batch(series, stream_index, times[keep], values[keep], buckets)
    return Decoded(batch, merge_refusals(refusals))
