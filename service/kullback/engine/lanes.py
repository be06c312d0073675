"""A large batch on several cores: streams know nothing of each other, so each lane of them has its thread.

The kernels run outside the interpreter's lock. Samples of one stream stay in one lane and in their order, so
the scores are those of a single thread, to the bit.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

T = TypeVar("T")

MOST_LANES = 4
LANE_SAMPLES = 1000
"""Fewer are scored sooner than a thread wakes up."""


def _cores() -> int:
    affinity = getattr(os, "sched_getaffinity", None)  # not on every system
    return len(affinity(0)) if affinity else os.cpu_count() or 1


LANES = min(_cores(), MOST_LANES)
_threads = ThreadPoolExecutor(max(LANES - 1, 1), thread_name_prefix="kullback-lane")


def aside(task: Callable[[], T]) -> Future[T]:
    """Let another thread do something that needs no interpreter for most of its time.

    Parameters
    ----------
    task : callable
    """
    return _threads.submit(task)


def in_lanes(slots: NDArray[np.int32], score: Callable[[NDArray[np.int64]], None]) -> None:
    """Call a function with rows of each lane, in a thread each, and wait for all.

    Parameters
    ----------
    slots : int32 array, shape (n,)
    score : callable
        Takes rising positions within `slots`; those of one slot come in one call.
    """
    lanes = min(LANES, len(slots) // LANE_SAMPLES)
    if lanes < 2:
        score(np.arange(len(slots)))
        return
    lane = slots % lanes
    others = [aside(partial(score, np.flatnonzero(lane == one))) for one in range(1, lanes)]
    try:
        score(np.flatnonzero(lane == 0))
    finally:
        for other in others:
            other.result()
