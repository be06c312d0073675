"""Compiled: rows of a batch to the intervals they complete."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kullback.core.kernel import kernel
from kullback.core.runs import note_time, was_let_go, was_noted
from kullback.core.scores import Outcome
from kullback.engine.differences import (
    ABSORB,
    ABSORBED,
    BUCKET,
    MAX_BOUNDS,
    Intake,
    Intervals,
    Lines,
    complete,
    emit,
    missing,
)
from kullback.engine.waiting import take_bucket

_DUPLICATE, _OUT_OF_ORDER = int(Outcome.DUPLICATE), int(Outcome.OUT_OF_ORDER)


@kernel
def take_rows(
    state: Intake, slots: NDArray[np.int32], rows: NDArray[np.int64], columns: Lines, out: Intervals
) -> None:
    """Take rows in their order and write the intervals that they complete.

    Parameters
    ----------
    state : Intake
    slots : int32 array, shape (n,)
        Equal ones side by side wherever there are buckets, and within them the times rising.
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
            columns.outcome[row] = ABSORBED
        elif columns.part[row] == BUCKET:
            first = i == 0 or slots[i - 1] != slot
            take_bucket(state, slot, row, first, columns, out)
        else:
            _take_whole(state, slot, row, columns, out)


@kernel
def _take_whole(state: Intake, slot: int, row: int, columns: Lines, out: Intervals) -> None:
    first, stop = columns.start[row], columns.start[row + 1]
    at_ms = columns.timestamp_ms[row]
    if stop == first:
        columns.outcome[row] = missing(columns.value, row)
        return
    bound, count = columns.upper_bound[first:stop], columns.mass[first:stop]
    if not columns.cumulative[row]:
        emit(out, slot, row, at_ms, bound, count)
        return
    if at_ms <= state.last_ms[slot]:
        seen = state.seen[slot]
        known = was_noted(seen, at_ms) or was_let_go(seen, at_ms)
        columns.outcome[row] = _DUPLICATE if known else _OUT_OF_ORDER
        return
    note_time(state.seen[slot], at_ms)
    fold = (len(bound) + MAX_BOUNDS - 1) // MAX_BOUNDS
    folded = (len(bound) + fold - 1) // fold
    coarse_bound, coarse_count = np.zeros(folded), np.zeros(folded)
    for j in range(len(bound)):
        into = folded - 1 - (len(bound) - 1 - j) // fold  # counted from the top, so that the last bound stays
        coarse_bound[into] = bound[j]
        coarse_count[into] += count[j]
    complete(state, slot, row, at_ms, coarse_bound, coarse_count, columns, out)
