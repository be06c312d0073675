"""What people do to a reference: accept, resize, strike out."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from kullback.core.kernel import kernel
from kullback.detector.lifecycle import ANOMALOUS, ENDED, READY, REBASELINED, rebaseline
from kullback.detector.reference import mark_struck, scratch_samples


@kernel
def accept_as_normal(streams: NDArray[Any], tables: NDArray[Any], slot: int, newest: int) -> None:
    """Make the `newest` samples the reference and end the episode.

    Parameters
    ----------
    streams : array of stream records
    tables : array of one tables record
    slot, newest : int
    """
    stream: Any = streams[slot]
    rebaseline(stream, tables[0], newest, np.empty(scratch_samples(stream), np.int64))
    ended = ENDED if stream.episode & ANOMALOUS else 0
    stream.episode = READY | ended | REBASELINED


def resize_reference(stream: Any, old_limit: int) -> None:
    """Bring a reference to the limit in its plan, keeping the newest samples.

    Parameters
    ----------
    stream : stream record
    old_limit : int
        Under which the ring was written.
    """
    size = int(stream["reference_count"])
    kept = min(size, int(stream["reference_limit"]))
    at = (int(stream["reference_head"]) - kept + np.arange(kept)) % max(old_limit, 1)
    high, low = stream["reference_high"][at], stream["reference_low"][at]
    stream["reference_high"][:kept], stream["reference_low"][:kept] = high, low
    keys = (high.astype(np.int64) << 8) + low
    stream["order"][:kept] = np.argsort(keys, kind="stable")
    stream["reference_count"] = kept
    stream["reference_head"] = kept % int(stream["reference_limit"])


@kernel
def strike_span(streams: NDArray[Any], slot: int, newest: int, oldest: int) -> int:
    """Keep samples out of the reference by their age, counted back from the newest (0).

    Parameters
    ----------
    streams : array of stream records
    slot : int
    newest, oldest : int
        First age struck, and the age after the last.

    Returns
    -------
    int
        How many were struck.
    """
    stream: Any = streams[slot]
    room = len(stream.codes)
    queued = int(stream.queued)
    struck = 0
    for age in range(newest, min(oldest, queued)):
        mark_struck(stream, (stream.head - 1 - age) % room, True)
        struck += 1
    first = max(newest - queued, 0)
    last = min(oldest - queued, stream.reference_count - 64)
    if last > first:
        struck += _drop(stream, first, last, np.empty(scratch_samples(stream), np.int64))
    return struck


@kernel
def _drop(stream: Any, newest: int, oldest: int, scratch: NDArray[np.int64]) -> int:
    """Take samples of the given ages out of the reference, closing the ring behind them."""
    size, limit = np.int64(stream.reference_count), np.int64(stream.reference_limit)
    kept = 0
    for age in range(size - 1, -1, -1):
        if newest <= age < oldest:
            continue
        at = (stream.reference_head - 1 - age) % limit
        scratch[kept] = (np.int64(stream.reference_high[at]) << 8) + stream.reference_low[at]
        kept += 1
    for at in range(kept):
        key = scratch[at]
        stream.reference_high[at] = key >> 8
        stream.reference_low[at] = key & 255
        scratch[at] = (key << 16) | at
    scratch[:kept].sort()
    for rank in range(kept):
        stream.order[rank] = scratch[rank] & 0xFFFF
    stream.reference_count = kept
    stream.reference_head = kept % limit
    return int(size - kept)
