"""Compiled: buckets to complete histograms, and complete histograms to what happened between two of them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kullback.core.batch import STALE_MARKER_BITS
from kullback.core.kernel import kernel
from kullback.core.runs import note_time, was_noted
from kullback.core.scores import Outcome

MAX_BOUNDS = 160
"""As many as an OpenTelemetry exponential histogram has by default; what has more is coarsened."""
MAX_CLASSIC_BOUNDS = 64
PENDING = 3
"""Timestamps of one family that may be incomplete at once."""
TOLERANCE = 1e-9

WHOLE, BUCKET, ABSORB = 0, 1, 2
"""What a row is: a whole histogram, one bucket of a family, or its `_sum` or `_count`."""

_ABSORBED, _DUPLICATE = int(Outcome.ABSORBED), int(Outcome.DUPLICATE)
_OUT_OF_ORDER, _NOT_A_NUMBER, _STALE = (
    int(Outcome.OUT_OF_ORDER),
    int(Outcome.NOT_A_NUMBER),
    int(Outcome.STALE),
)
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
        Bounds of the newest incomplete one.
    afresh : uint8 array
        1 when the next complete one has no predecessor to be compared with.
    known : int32 array
        Bounds of the newest complete one, whose counts since the beginning follow.
    bound, mass : float64 arrays, shape (slots, MAX_BOUNDS)
    pending_ms : int64 array, shape (slots, PENDING)
    pending_known : int32 array, shape (slots, PENDING)
    pending_bound, pending_count : float64 arrays, shape (slots, PENDING, MAX_CLASSIC_BOUNDS)
    """

    seen: NDArray[np.void]
    last_ms: NDArray[np.int64]
    expected: NDArray[np.int32]
    missed: NDArray[np.int32]
    afresh: NDArray[np.uint8]
    known: NDArray[np.int32]
    bound: NDArray[np.float64]
    mass: NDArray[np.float64]
    pending_ms: NDArray[np.int64]
    pending_known: NDArray[np.int32]
    pending_bound: NDArray[np.float64]
    pending_count: NDArray[np.float64]


class Intervals(NamedTuple):
    """Complete intervals as columns: `used` holds the number of rows and of bounds written."""

    used: NDArray[np.int64]
    row: NDArray[np.int64]
    slot: NDArray[np.int32]
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
def take_rows(
    state: Intake, slots: NDArray[np.int32], rows: NDArray[np.int64], columns: Lines, out: Intervals
) -> None:
    """Take rows in their order and write the intervals that they complete.

    Parameters
    ----------
    state : Intake
    slots : int32 array, shape (n,)
    rows : int64 array, shape (n,)
        Row of `columns` per slot.
    columns : Lines
        `outcome` is written for rows that complete nothing.
    out : Intervals
        With room for all of them.
    """
    for i in range(len(slots)):
        slot, row = slots[i], rows[i]
        if columns.part[row] == ABSORB:
            columns.outcome[row] = _ABSORBED
        elif columns.part[row] == BUCKET:
            _take_bucket(state, slot, row, columns, out)
        else:
            _take_whole(state, slot, row, columns, out)


@kernel
def _take_whole(state: Intake, slot: int, row: int, columns: Lines, out: Intervals) -> None:
    first, stop = columns.start[row], columns.start[row + 1]
    at_ms = columns.timestamp_ms[row]
    if stop == first:
        columns.outcome[row] = _missing(columns.value, row)
        return
    bound, count = columns.upper_bound[first:stop], columns.mass[first:stop]
    if not columns.cumulative[row]:
        _emit(out, slot, row, bound, count)
        return
    if at_ms <= state.last_ms[slot]:
        columns.outcome[row] = _DUPLICATE if was_noted(state.seen[slot], at_ms) else _OUT_OF_ORDER
        return
    note_time(state.seen[slot], at_ms)
    fold = (len(bound) + MAX_BOUNDS - 1) // MAX_BOUNDS
    folded = (len(bound) + fold - 1) // fold
    coarse_bound, coarse_count = np.zeros(folded), np.zeros(folded)
    for j in range(len(bound)):
        into = folded - 1 - (len(bound) - 1 - j) // fold  # counted from the top, so that the last bound stays
        coarse_bound[into] = bound[j]
        coarse_count[into] += count[j]
    _complete(state, slot, row, at_ms, coarse_bound, coarse_count, columns, out)


@kernel
def _take_bucket(state: Intake, slot: int, row: int, columns: Lines, out: Intervals) -> None:
    at_ms, bound, count = columns.timestamp_ms[row], columns.bound[row], columns.value[row]
    if np.isnan(count):
        columns.outcome[row] = _missing(columns.value, row)
        return
    columns.outcome[row] = _ABSORBED
    if at_ms <= state.last_ms[slot]:
        _take_late_bucket(state, slot, row, columns)
        return
    place = _pending_place(state, slot, at_ms)
    known = state.pending_known[slot, place]
    for j in range(known):
        if state.pending_bound[slot, place, j] == bound:
            columns.outcome[row] = _DUPLICATE
            return
    if known == MAX_CLASSIC_BOUNDS:
        return  # counts are cumulative over bounds: what is left out is in the next bound
    state.pending_bound[slot, place, known] = bound
    state.pending_count[slot, place, known] = count
    state.pending_known[slot, place] = known + 1
    if known + 1 == state.expected[slot]:
        _complete_family(state, slot, row, place, columns, out)


@kernel
def _take_late_bucket(state: Intake, slot: int, row: int, columns: Lines) -> None:
    """A bucket of the newest complete histogram: sent again, or of a bound that was not known."""
    if columns.timestamp_ms[row] < state.last_ms[slot]:
        return
    for j in range(state.known[slot]):
        if state.bound[slot, j] == columns.bound[row]:
            columns.outcome[row] = _DUPLICATE
            return
    if not state.afresh[slot] and state.expected[slot] < MAX_CLASSIC_BOUNDS:
        state.expected[slot] += 1
        state.afresh[slot] = 1


@kernel
def _pending_place(state: Intake, slot: int, at_ms: int) -> int:
    """Where buckets of a time are collected; the oldest collection makes room."""
    oldest = 0
    for place in range(PENDING):
        if state.pending_known[slot, place] > 0 and state.pending_ms[slot, place] == at_ms:
            return place
    for place in range(PENDING):
        if state.pending_known[slot, place] == 0:
            if place == 0 or state.expected[slot] > 0:
                state.pending_ms[slot, place] = at_ms
                return place
            break
        if state.pending_ms[slot, place] < state.pending_ms[slot, oldest]:
            oldest = place
    _give_up(state, slot, oldest)
    state.pending_ms[slot, oldest] = at_ms
    return oldest


@kernel
def _give_up(state: Intake, slot: int, place: int) -> None:
    """Drop an incomplete collection; if the one before had as many bounds, that is how many there are now."""
    known = state.pending_known[slot, place]
    if state.expected[slot] == 0 or known == state.missed[slot]:
        state.expected[slot] = known
        state.afresh[slot] = 1
        state.missed[slot] = 0
    else:
        state.missed[slot] = known
    state.pending_known[slot, place] = 0


@kernel
def _complete_family(state: Intake, slot: int, row: int, place: int, columns: Lines, out: Intervals) -> None:
    known = state.pending_known[slot, place]
    at_ms = state.pending_ms[slot, place]
    order = np.argsort(state.pending_bound[slot, place, :known])
    bound = state.pending_bound[slot, place, :known][order]
    total = state.pending_count[slot, place, :known][order]
    count = np.empty(known)
    below = 0.0
    for j in range(known):
        count[j] = max(total[j] - below, 0.0)
        below = max(total[j], below)
    for other in range(PENDING):
        if state.pending_ms[slot, other] <= at_ms:
            state.pending_known[slot, other] = 0
    state.missed[slot] = 0
    _complete(state, slot, row, at_ms, bound, count, columns, out)


@kernel
def _complete(
    state: Intake,
    slot: int,
    row: int,
    at_ms: int,
    bound: NDArray[np.float64],
    count: NDArray[np.float64],
    columns: Lines,
    out: Intervals,
) -> None:
    """Emit what a complete histogram adds to the one before, and remember it."""
    known = state.known[slot]
    columns.outcome[row] = _ABSORBED
    if known > 0 and not state.afresh[slot]:
        added = count.copy()
        if count.sum() >= state.mass[slot, :known].sum():
            _subtract(added, bound, state.bound[slot, :known], state.mass[slot, :known])
        if added.min() >= -TOLERANCE * max(count.sum(), 1.0):
            columns.outcome[row] = 0
            _emit(out, slot, row, bound, np.maximum(added, 0.0))
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
def _emit(
    out: Intervals, slot: int, row: int, bound: NDArray[np.float64], count: NDArray[np.float64]
) -> None:
    n, first = out.used[0], out.used[1]
    out.row[n], out.slot[n] = row, slot
    out.upper_bound[first : first + len(bound)] = bound
    out.mass[first : first + len(bound)] = count
    out.start[n + 1] = first + len(bound)
    out.used[0], out.used[1] = n + 1, first + len(bound)


@kernel
def _missing(value: NDArray[np.float64], row: int) -> int:
    return _STALE if value.view(np.uint64)[row] == _STALE_BITS else _NOT_A_NUMBER
