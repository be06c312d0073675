"""Histograms as agents send them become the counts of single intervals.

A classic histogram is a family of counters: `<name>_bucket{le="…"}` count the observations up to a bound
since the process began (Prometheus exposition formats, "Histograms"). Its buckets may arrive in different
requests. They are collected per timestamp, and when all bounds of the last complete one are there, the
histogram is complete. Native and exponential ones come whole, but may count since the process began as well.

What is sent is the difference of two complete ones. A count that fell means that the process began anew, so
the newer counts from zero. An incomplete one is dropped; its observations are in the next difference.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kullback.core.batch import Batch, Buckets
from kullback.core.runs import RUNS
from kullback.core.scores import Scores, blank_scores
from kullback.engine.assembly import take_rows
from kullback.engine.differences import (
    BUCKETS_WAITING,
    MAX_BOUNDS,
    MAX_CLASSIC_BOUNDS,
    WAITING,
    Intake,
    Intervals,
    Lines,
)

BUCKETS = "bucket"
"""The one column that is saved as wide as it is used."""


@dataclass(frozen=True, slots=True)
class Parts:
    """What the rows of a batch are to the histograms they belong to.

    Parameters
    ----------
    part : uint8 array, shape (n,)
        WHOLE, BUCKET or ABSORB.
    bound : float64 array, shape (n,)
        Upper bound of a bucket's row.
    """

    part: NDArray[np.uint8]
    bound: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Completed:
    """Intervals, in the order of time within a slot.

    Parameters
    ----------
    slot : int32 array, shape (n,)
    row : int64 array, shape (n,)
        The batch's row that completed each; several may owe themselves to one.
    timestamp_ms : int64 array, shape (n,)
    buckets : Buckets
    """

    slot: NDArray[np.int32]
    row: NDArray[np.int64]
    timestamp_ms: NDArray[np.int64]
    buckets: Buckets


class HistogramIntake:
    """Assembles and differences the histograms of one shard.

    Parameters
    ----------
    capacity : int
        Slots; memory is touched only for those that hold histograms.
    """

    def __init__(self, capacity: int) -> None:
        self._state = Intake(
            seen=np.zeros(capacity, RUNS),
            last_ms=np.zeros(capacity, np.int64),
            expected=np.zeros(capacity, np.int32),
            missed=np.zeros(capacity, np.int32),
            afresh=np.zeros(capacity, np.uint8),
            known=np.zeros(capacity, np.int32),
            bound=np.zeros((capacity, MAX_BOUNDS)),
            mass=np.zeros((capacity, MAX_BOUNDS)),
            waiting=np.zeros(capacity, np.int32),
            bucket=np.zeros((capacity, WAITING), BUCKETS_WAITING),
        )

    def intervals(
        self,
        slots: NDArray[np.int32],
        rows: NDArray[np.int64],
        batch: Batch,
        parts: Parts | None,
        scores: Scores,
    ) -> Completed:
        """Take rows and give the intervals they complete.

        Parts of histograms are taken in the order of their times: a request may hold hours of one bucket
        before the first of the next.

        Parameters
        ----------
        slots : int32 array, shape (m,)
        rows : int64 array, shape (m,)
            Row of the batch per slot.
        batch : Batch
        parts : Parts or None
            None when all rows are whole histograms.
        scores : Scores
            Gets the outcome of rows that complete nothing.

        """
        columns = _rows(batch, parts, scores)
        waiting = 0
        if parts is not None:
            order = np.lexsort((batch.timestamp_ms[rows], slots))
            slots, rows = slots[order], rows[order]
            waiting = int(self._state.waiting[np.unique(slots)].sum())
        out = _room(columns, len(rows) + waiting)
        take_rows(self._state, slots, rows, columns, out)
        n, bounds = int(out.used[0]), int(out.used[1])
        buckets = Buckets(out.start[: n + 1], out.upper_bound[:bounds], out.mass[:bounds])
        return Completed(out.slot[:n], out.row[:n], out.at_ms[:n], buckets)

    def close(self, slots: NDArray[np.int32]) -> None:
        """Clear rows.

        Parameters
        ----------
        slots : int32 array, shape (n,)
        """
        for column in self._state:
            column[slots] = np.zeros((), column.dtype)

    def save(self, slots: NDArray[np.int32]) -> dict[str, NDArray[Any]]:
        """Copies of rows; of the buckets that wait only as many columns as are in use, mostly few.

        Parameters
        ----------
        slots : int32 array, shape (n,)
        """
        columns = self._state._asdict()
        bucket, widest = columns.pop(BUCKETS), self._state.waiting[slots].max(initial=0)
        return {**{name: column[slots] for name, column in columns.items()}, BUCKETS: bucket[slots, :widest]}

    def load(self, slots: NDArray[np.int32], arrays: dict[str, NDArray[Any]]) -> None:
        """Put back what `save` gave.

        Parameters
        ----------
        slots : int32 array, shape (n,)
        arrays : dict of str to array, shape (n, …)
        """
        columns, bucket = self._state._asdict(), arrays[BUCKETS]
        columns.pop(BUCKETS)[slots, : bucket.shape[1]] = bucket
        for name, column in columns.items():
            column[slots] = arrays[name]


def warmup() -> None:
    """Compile the kernels, or load them from Numba's cache."""
    one = np.zeros(1, np.int32)
    batch = Batch((), one, np.ones(1, np.int64), np.zeros(1))
    HistogramIntake(1).intervals(one, np.zeros(1, np.int64), batch, None, blank_scores(batch.timestamp_ms))


def _rows(batch: Batch, parts: Parts | None, scores: Scores) -> Lines:
    n, buckets = len(batch), batch.buckets
    if parts is None:
        parts = Parts(np.zeros(n, np.uint8), np.zeros(n))
    if buckets is None:
        buckets = Buckets(np.zeros(n + 1, np.int64), np.empty(0), np.empty(0))
    cumulative = np.zeros(n, np.bool_) if buckets.cumulative is None else buckets.cumulative
    return Lines(
        batch.timestamp_ms,
        batch.value,
        parts.part,
        parts.bound,
        buckets.start,
        buckets.upper_bound,
        buckets.count,
        cumulative,
        scores.outcome,
    )


def _room(rows: Lines, n: int) -> Intervals:
    # Only touched as far as it is written.
    bounds = len(rows.upper_bound) + n * MAX_CLASSIC_BOUNDS
    return Intervals(
        np.zeros(2, np.int64),
        np.empty(n, np.int64),
        np.empty(n, np.int32),
        np.empty(n, np.int64),
        np.zeros(n + 1, np.int64),
        np.empty(bounds),
        np.empty(bounds),
    )
