"""Compiled: buckets of classic histograms wait until all of their time are there.

How many bounds a family has is not said anywhere. It is learnt from the buckets of the first time that is
followed by another one, and learnt again when nothing is complete over several requests: requests, because
one that holds the samples series by series brings many times before it brings the second bound.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kullback.core.kernel import kernel
from kullback.core.scores import Outcome
from kullback.engine.differences import (
    ABSORBED,
    MAX_CLASSIC_BOUNDS,
    WAITING,
    Intake,
    Intervals,
    Lines,
    complete,
    missing,
)

PATIENCE_REQUESTS = 8
NEVER = np.iinfo(np.int64).max
_DUPLICATE = int(Outcome.DUPLICATE)


@kernel
def take_bucket(state: Intake, slot: int, row: int, first: bool, columns: Lines, out: Intervals) -> None:
    """Take one bucket, and write the intervals that are complete with it.

    Parameters
    ----------
    state : Intake
    slot, row : int
    first : bool
        Whether it is the request's first of this family.
    columns : Lines
    out : Intervals
    """
    at_ms, bound, total = columns.timestamp_ms[row], columns.bound[row], columns.value[row]
    if np.isnan(total):
        columns.outcome[row] = missing(columns.value, row)
        return
    columns.outcome[row] = ABSORBED
    if at_ms <= state.last_ms[slot]:
        if at_ms == state.last_ms[slot] and not _amend(state, slot, bound, total):
            columns.outcome[row] = _DUPLICATE
        return
    if _waits(state, slot, at_ms, bound):
        columns.outcome[row] = _DUPLICATE
        return
    if state.waiting[slot] > 0 and at_ms > _newest(state, slot):
        _begin_time(state, slot, row, first, columns, out)
    _keep(state, slot, at_ms, bound, total)
    if _known_at(state, slot, at_ms) == state.expected[slot]:
        _complete_time(state, slot, row, at_ms, columns, out)


@kernel
def _amend(state: Intake, slot: int, bound: float, total: float) -> bool:
    """Put a bound that was not known into the newest complete histogram; false when it was known."""
    known = state.known[slot]
    bounds, mass = state.bound[slot], state.mass[slot]
    place, below = 0, 0.0
    while place < known and bounds[place] < bound:
        below += mass[place]
        place += 1
    if place < known and bounds[place] == bound:
        return False
    if known >= MAX_CLASSIC_BOUNDS:
        return True  # counts are cumulative over bounds: what is left out is in the next bound
    for j in range(known, place, -1):
        bounds[j], mass[j] = bounds[j - 1], mass[j - 1]
    bounds[place], mass[place] = bound, max(total - below, 0.0)
    if place < known:
        mass[place] = min(mass[place], mass[place + 1])
        mass[place + 1] -= mass[place]
    state.known[slot] = known + 1
    state.expected[slot] = known + 1
    return True


@kernel
def _begin_time(state: Intake, slot: int, row: int, first: bool, columns: Lines, out: Intervals) -> None:
    """Learn how many bounds there are, where that is not known or has changed, before a new time begins."""
    if first:
        state.missed[slot] += 1
    impatient = state.missed[slot] >= PATIENCE_REQUESTS
    if state.expected[slot] > 0 and not impatient:
        return
    most = 0
    for index in range(state.waiting[slot]):
        most = max(most, _known_at(state, slot, state.bucket[slot, index].at_ms))
    if most < 2 and not impatient:
        return  # one bound alone says nothing; the others are on their way
    state.expected[slot] = most
    state.afresh[slot] = 1
    while True:
        at_ms = _earliest_complete(state, slot)
        if at_ms == NEVER:
            return
        _complete_time(state, slot, row, at_ms, columns, out)


@kernel
def _keep(state: Intake, slot: int, at_ms: int, bound: float, total: float) -> None:
    """Let a bucket wait; the oldest time makes room."""
    if state.waiting[slot] == WAITING:
        oldest = NEVER
        for index in range(WAITING):
            oldest = min(oldest, state.bucket[slot, index].at_ms)
        _drop(state, slot, oldest)
    if _known_at(state, slot, at_ms) == MAX_CLASSIC_BOUNDS:
        return
    entry = state.bucket[slot, state.waiting[slot]]
    entry.at_ms, entry.bound, entry.total = at_ms, bound, total
    state.waiting[slot] += 1


@kernel
def _drop(state: Intake, slot: int, until_ms: int) -> None:
    """Forget what waits of a time and of those before."""
    kept = 0
    for index in range(state.waiting[slot]):
        entry = state.bucket[slot, index]
        if entry.at_ms > until_ms:
            state.bucket[slot, kept] = entry
            kept += 1
    state.waiting[slot] = kept


@kernel
def _complete_time(state: Intake, slot: int, row: int, at_ms: int, columns: Lines, out: Intervals) -> None:
    known, many = 0, _known_at(state, slot, at_ms)
    bound, total = np.empty(many), np.empty(many)
    for index in range(state.waiting[slot]):
        entry = state.bucket[slot, index]
        if entry.at_ms == at_ms:
            bound[known], total[known] = entry.bound, entry.total
            known += 1
    order = np.argsort(bound)
    _drop(state, slot, at_ms)
    state.missed[slot] = 0
    complete(state, slot, row, at_ms, bound[order], _per_bound(total[order]), columns, out)


@kernel
def _per_bound(total: NDArray[np.float64]) -> NDArray[np.float64]:
    """Counts of single bounds from counts up to each; one that falls is taken as unchanged."""
    count = np.empty(len(total))
    below = 0.0
    for j in range(len(total)):
        count[j] = max(total[j] - below, 0.0)
        below = max(total[j], below)
    return count


@kernel
def _waits(state: Intake, slot: int, at_ms: int, bound: float) -> bool:
    for index in range(state.waiting[slot]):
        entry = state.bucket[slot, index]
        if entry.at_ms == at_ms and entry.bound == bound:
            return True
    return False


@kernel
def _known_at(state: Intake, slot: int, at_ms: int) -> int:
    """Bounds of a time that wait."""
    known = 0
    for index in range(state.waiting[slot]):
        if state.bucket[slot, index].at_ms == at_ms:
            known += 1
    return known


@kernel
def _newest(state: Intake, slot: int) -> int:
    newest = state.bucket[slot, 0].at_ms
    for index in range(1, state.waiting[slot]):
        newest = max(newest, state.bucket[slot, index].at_ms)
    return int(newest)


@kernel
def _earliest_complete(state: Intake, slot: int) -> int:
    """The first waiting time with all bounds, NEVER when there is none."""
    earliest = NEVER
    for index in range(state.waiting[slot]):
        at_ms = state.bucket[slot, index].at_ms
        if at_ms < earliest and _known_at(state, slot, at_ms) == state.expected[slot]:
            earliest = at_ms
    return int(earliest)
