"""What people do to a reference: accept, resize, strike out."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from kullback.core.kernel import kernel
from kullback.detector.layout import State
from kullback.detector.lifecycle import ANOMALOUS, ENDED, READY, REBASELINED, rebaseline
from kullback.detector.reference import mark_struck
from kullback.detector.tables import Tables


def scratch_samples(state: State) -> int:
    """Length of the scratch array that the kernels need.

    Parameters
    ----------
    state : State
    """
    return int(2 * state.order.shape[1] + 2 * state.codes.shape[1] + 64)


@kernel
def accept_as_normal(
    state: State, tables: Tables, slot: int, newest: int, scratch: NDArray[np.int64]
) -> None:
    """Make the `newest` samples the reference and end the episode.

    Parameters
    ----------
    state : State
    tables : Tables
    slot, newest : int
    scratch : int64 array, shape (scratch_samples,)
    """
    stream = state.stream[slot]
    rebaseline(state, tables, slot, stream, newest, scratch)
    ended = ENDED if stream.episode & ANOMALOUS else 0
    stream.episode = READY | ended | REBASELINED


def resize_reference(state: State, slot: int, old_limit: int) -> None:
    """Bring a reference to the limit in its plan, keeping the newest samples.

    Parameters
    ----------
    state : State
    slot : int
    old_limit : int
        Under which the ring was written.
    """
    stream = state.stream[slot]
    size = int(stream["reference_count"])
    kept = min(size, int(stream["reference_limit"]))
    at = (int(stream["reference_head"]) - kept + np.arange(kept)) % max(old_limit, 1)
    high, low = state.reference_high[slot, at], state.reference_low[slot, at]
    state.reference_high[slot, :kept], state.reference_low[slot, :kept] = high, low
    keys = (high.astype(np.int64) << 8) + low
    state.order[slot, :kept] = np.argsort(keys, kind="stable")
    stream["reference_count"] = kept
    stream["reference_head"] = kept % int(stream["reference_limit"])


@kernel
def strike_span(state: State, slot: int, newest: int, oldest: int, scratch: NDArray[np.int64]) -> int:
    """Keep samples out of the reference by their age, counted back from the newest (0).

    Parameters
    ----------
    state : State
    slot : int
    newest, oldest : int
        First age struck, and the age after the last.
    scratch : int64 array, shape (scratch_samples,)

    Returns
    -------
    int
        How many were struck.
    """
    stream: Any = state.stream[slot]
    room = state.codes.shape[1]
    queued = int(stream.queued)
    struck = 0
    for age in range(newest, min(oldest, queued)):
        mark_struck(state, slot, (stream.head - 1 - age) % room, True)
        struck += 1
    first = max(newest - queued, 0)
    last = min(oldest - queued, stream.reference_count - 64)
    if last > first:
        struck += _drop(state, slot, first, last, scratch)
    return struck


@kernel
def _drop(state: State, slot: int, newest: int, oldest: int, scratch: NDArray[np.int64]) -> int:
    """Take samples of the given ages out of the reference, closing the ring behind them."""
    stream: Any = state.stream[slot]
    size, limit = np.int64(stream.reference_count), np.int64(stream.reference_limit)
    kept = 0
    for age in range(size - 1, -1, -1):
        if newest <= age < oldest:
            continue
        at = (stream.reference_head - 1 - age) % limit
        scratch[kept] = (np.int64(state.reference_high[slot, at]) << 8) + state.reference_low[slot, at]
        kept += 1
    for at in range(kept):
        key = scratch[at]
        state.reference_high[slot, at] = key >> 8
        state.reference_low[slot, at] = key & 255
        scratch[at] = (key << 16) | at
    scratch[:kept].sort()
    for rank in range(kept):
        state.order[slot, rank] = scratch[rank] & 0xFFFF
    stream.reference_count = kept
    stream.reference_head = kept % limit
    return int(size - kept)
