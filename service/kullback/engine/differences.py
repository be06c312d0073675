"""Compiled: what a complete histogram adds to the one before, and the state in which both are kept."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kullback.core.batch import STALE_MARKER_BITS
from kullback.core.kernel import kernel
from kullback.core.scores import Outcome

MAX_BOUNDS = 160
"""As many as an OpenTelemetry exponential histogram has by default; what has more is coarsened."""
MAX_CLASSIC_BOUNDS = 64
WAITING = 512
"""Buckets of one family that may wait for others of their time: forty scrapes of a dozen bounds."""
TOLERANCE = 1e-9

WHOLE, BUCKET, ABSORB = 0, 1, 2
"""What a row is: a whole histogram, one bucket of a family, or its `_sum` or `_count`."""

BUCKETS_WAITING = np.dtype([("at_ms", "i8"), ("bound", "f8"), ("total", "f8")])
"""A bucket that waits, with its count since the process began, of all up to its bound."""

ABSORBED = int(Outcome.ABSORBED)
_NOT_A_NUMBER, _STALE = int(Outcome.NOT_A_NUMBER), int(Outcome.STALE)
_STALE_BITS = np.uint64(STALE_MARKER_BITS)


class Intake(NamedTuple):
    """One row per slot.

    Parameters
    ----------
    seen : array of runs records
        Times of the cumulative whole histograms.
    last_ms : int64 array
        Time of the newest complete histogram.
    expected : int32 array
        Bounds that make a family complete; 0 while that is not known.
    missed : int32 array
        Requests in a row that began a new time before any older one was complete.
    afresh : uint8 array
        1 when the next complete one has no predecessor to be compared with.
    known : int32 array
        Bounds of the newest complete one, whose counts since the beginning follow.
    bound, mass : float64 arrays, shape (slots, MAX_BOUNDS)
    waiting : int32 array
        Buckets that wait, in the order in which they came.
    bucket : array of BUCKETS_WAITING, shape (slots, WAITING)
    """

    seen: NDArray[np.void]
    last_ms: NDArray[np.int64]
    expected: NDArray[np.int32]
    missed: NDArray[np.int32]
    afresh: NDArray[np.uint8]
    known: NDArray[np.int32]
    bound: NDArray[np.float64]
    mass: NDArray[np.float64]
    waiting: NDArray[np.int32]
    bucket: NDArray[np.void]


class Intervals(NamedTuple):
    """Complete intervals as columns: `used` holds the number of rows and of bounds written."""

    used: NDArray[np.int64]
    row: NDArray[np.int64]
    slot: NDArray[np.int32]
    at_ms: NDArray[np.int64]
    start: NDArray[np.int64]
    upper_bound: NDArray[np.float64]
    mass: NDArray[np.float64]


class Lines(NamedTuple):
    """Columns of a batch as the kernel reads them; `cumulative` marks whole histograms."""

    timestamp_ms: NDArray[np.int64]
    value: NDArray[np.float64]
    part: NDArray[np.uint8]
    bound: NDArray[np.float64]
    start: NDArray[np.int64]
    upper_bound: NDArray[np.float64]
    mass: NDArray[np.float64]
    cumulative: NDArray[np.bool_]
    outcome: NDArray[np.uint8]


@kernel
def complete(
    state: Intake,
    slot: int,
    row: int,
    at_ms: int,
    bound: NDArray[np.float64],
    count: NDArray[np.float64],
    columns: Lines,
    out: Intervals,
) -> None:
    """Emit what a complete histogram adds to the one before, and remember it.

    Parameters
    ----------
    state : Intake
    slot, row, at_ms : int
    bound, count : float64 arrays, shape (k,)
        Not cumulative over bounds.
    columns : Lines
    out : Intervals
    """
    known = state.known[slot]
    columns.outcome[row] = ABSORBED
    if known > 0 and not state.afresh[slot]:
        added = count.copy()
        if count.sum() >= state.mass[slot, :known].sum():
            _subtract(added, bound, state.bound[slot, :known], state.mass[slot, :known])
        if added.min() >= -TOLERANCE * max(count.sum(), 1.0):
            columns.outcome[row] = 0
            emit(out, slot, row, at_ms, bound, np.maximum(added, 0.0))
    state.bound[slot, : len(bound)] = bound
    state.mass[slot, : len(bound)] = count
    state.known[slot] = len(bound)
    state.last_ms[slot] = at_ms
    state.afresh[slot] = 0


@kernel
def _subtract(
    added: NDArray[np.float64],
    bound: NDArray[np.float64],
    before_bound: NDArray[np.float64],
    before_count: NDArray[np.float64],
) -> None:
    """Take earlier counts off, each from the first bound that holds it."""
    into = 0
    for j in range(len(before_bound)):
        while into < len(bound) - 1 and bound[into] < before_bound[j]:
            into += 1
        added[into] -= before_count[j]


@kernel
def emit(
    out: Intervals,
    slot: int,
    row: int,
    at_ms: int,
    bound: NDArray[np.float64],
    count: NDArray[np.float64],
) -> None:
    """Write an interval down.

    Parameters
    ----------
    out : Intervals
    slot, row, at_ms : int
    bound, count : float64 arrays, shape (k,)
    """
    n, first = out.used[0], out.used[1]
    out.row[n], out.slot[n], out.at_ms[n] = row, slot, at_ms
    out.upper_bound[first : first + len(bound)] = bound
    out.mass[first : first + len(bound)] = count
    out.start[n + 1] = first + len(bound)
    out.used[0], out.used[1] = n + 1, first + len(bound)


@kernel
def missing(value: NDArray[np.float64], row: int) -> int:
    """Outcome of a row without a number.

    Parameters
    ----------
    value : float64 array
    row : int
    """
    return _STALE if value.view(np.uint64)[row] == _STALE_BITS else _NOT_A_NUMBER
