"""Which times were seen: runs of times at equal distance, so that a sender may repeat hours of samples.

A scraper's times are a handful of runs, whatever their length: the newest grows while its step holds, and
ends with a gap or a restart. Times without a step fill runs in pairs and are soon forgotten; of a time before
the oldest run nobody can say any more whether it was seen.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from kullback.core.kernel import kernel

PAST_RUNS = 8

NEWEST_RUN = [("run_first_ms", "i8"), ("run_step_ms", "i8"), ("run_count", "i4"), ("run_head", "i4")]
OLDER_RUNS = [
    ("past_first_ms", "i8", (PAST_RUNS,)),
    ("past_step_ms", "i8", (PAST_RUNS,)),
    ("past_count", "i4", (PAST_RUNS,)),
]
RUNS = np.dtype([*NEWEST_RUN, *OLDER_RUNS], align=True)
"""A record of its own, for those that keep nothing else by time."""


@kernel
def note_time(runs: Any, timestamp_ms: int) -> None:
    """Remember a time that is newer than all before.

    Parameters
    ----------
    runs : record with the fields of `NEWEST_RUN` and `OLDER_RUNS`
    timestamp_ms : int
    """
    elapsed_ms = timestamp_ms - runs.run_first_ms
    if runs.run_count == 1 and elapsed_ms > 0:
        runs.run_step_ms = elapsed_ms
        runs.run_count = 2
    elif runs.run_count > 1 and elapsed_ms == runs.run_count * runs.run_step_ms:
        runs.run_count += 1
    else:
        _begin(runs, timestamp_ms)


@kernel
def note_late(runs: Any, timestamp_ms: int) -> None:
    """Remember a time that is older than the newest, where it fits to a run as one that was overtaken does.

    Parameters
    ----------
    runs : record with the fields of `NEWEST_RUN` and `OLDER_RUNS`
    timestamp_ms : int
    """
    early_ms = runs.run_first_ms - timestamp_ms
    if early_ms > 0 and (runs.run_count == 1 or early_ms == runs.run_step_ms):
        runs.run_first_ms, runs.run_step_ms = timestamp_ms, early_ms
        runs.run_count += 1
        return
    for index in range(PAST_RUNS):
        step_ms, count = runs.past_step_ms[index], runs.past_count[index]
        if step_ms > 0 and timestamp_ms == runs.past_first_ms[index] + count * step_ms:
            runs.past_count[index] = count + 1
            return


@kernel
def was_noted(runs: Any, timestamp_ms: int) -> bool:
    """Whether a time is among those remembered.

    Parameters
    ----------
    runs : record with the fields of `NEWEST_RUN` and `OLDER_RUNS`
    timestamp_ms : int
    """
    if _holds(runs.run_first_ms, runs.run_step_ms, runs.run_count, timestamp_ms):
        return True
    for index in range(PAST_RUNS):
        count = runs.past_count[index]
        if _holds(runs.past_first_ms[index], runs.past_step_ms[index], count, timestamp_ms):
            return True
    return False


@kernel
def was_let_go(runs: Any, timestamp_ms: int) -> bool:
    """Whether a time is older than all that are remembered, while older ones were seen and forgotten.

    Parameters
    ----------
    runs : record with the fields of `NEWEST_RUN` and `OLDER_RUNS`
    timestamp_ms : int
    """
    oldest = runs.run_head % PAST_RUNS
    return bool(runs.past_count[oldest] > 0 and timestamp_ms < runs.past_first_ms[oldest])


@kernel
def _begin(runs: Any, timestamp_ms: int) -> None:
    if runs.run_count > 0:
        place = runs.run_head % PAST_RUNS
        runs.past_first_ms[place] = runs.run_first_ms
        runs.past_step_ms[place] = runs.run_step_ms
        runs.past_count[place] = runs.run_count
        runs.run_head = place + 1
    runs.run_first_ms = timestamp_ms
    runs.run_step_ms = 0
    runs.run_count = 1


@kernel
def _holds(first_ms: int, step_ms: int, count: int, timestamp_ms: int) -> bool:
    elapsed_ms = timestamp_ms - first_ms
    if count == 0 or elapsed_ms < 0:
        return False
    if elapsed_ms == 0:
        return True
    return step_ms > 0 and elapsed_ms % step_ms == 0 and elapsed_ms // step_ms < count
