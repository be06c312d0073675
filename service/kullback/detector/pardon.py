"""A strike taken back: what was kept out of the reference comes in again."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from kullback.detector.layout import SMALL_REFERENCE_SAMPLES

Entries = NDArray[np.int64]
"""Samples of a reference, shape (2, n): number of the block each came in with, and its key."""


def put_back(stream: Any, before: Any, after: Any) -> None:
    """Undo a strike and keep what came since.

    Samples that were queued and have passed the gap meanwhile, marked, are gone for good.

    Parameters
    ----------
    stream : stream record
        As it is now.
    before, after : stream record
        Just before and after the strike.
    """
    _unmark(stream, before, after)
    old, kept, now = _entries(before), _entries(after), _entries(stream)
    known = now[:, now[0] < before["newest_block"]]
    left = kept[:, kept[0] >= stream["oldest_block"]]
    if kept.shape == old.shape or not np.array_equal(_sorted(known), _sorted(left)):
        return  # nothing was taken out of the reference, or it is another one by now
    merged = np.concatenate((now[:, now[0] >= before["newest_block"]], old), axis=1)
    _write(stream, merged)


def _unmark(stream: Any, before: Any, after: Any) -> None:
    room = len(stream["codes"])
    since = int(stream["samples"]) - int(before["samples"])
    still = min(int(before["queued"]), int(stream["queued"]) - since)
    for age in range(still):
        at = (int(before["head"]) - 1 - age) % room
        if _struck(after, at) and not _struck(before, at):
            stream["struck"][at >> 3] &= 255 - (1 << (at & 7))


def _struck(stream: Any, at: int) -> bool:
    return bool((int(stream["struck"][at >> 3]) >> (at & 7)) & 1)


def _last_number(stream: Any) -> int:
    return 255 if len(stream["reference_block"]) <= SMALL_REFERENCE_SAMPLES else 4095


def _entries(stream: Any) -> Entries:
    size, oldest = int(stream["reference_count"]), int(stream["oldest_block"])
    number = stream["reference_block"][:size].astype(np.int64)
    key = (stream["reference_high"][:size].astype(np.int64) << 8) + stream["reference_low"][:size]
    return np.stack((oldest + ((number - oldest) & _last_number(stream)), key))


def _sorted(entries: Entries) -> Entries:
    return entries[:, np.lexsort(entries)]


def _write(stream: Any, entries: Entries) -> None:
    """Make samples the reference; the oldest blocks leave where there are too many."""
    oldest = int(stream["oldest_block"])
    while np.count_nonzero(entries[0] >= oldest) > stream["reference_limit"]:
        oldest += 1
    entries = entries[:, entries[0] >= oldest]
    # In rising order; of equal keys the newest first, as they come in.
    number, key = entries[:, np.lexsort((-entries[0], entries[1]))]
    size = len(key)
    stream["oldest_block"], stream["reference_count"] = oldest, size
    stream["reference_high"][:size] = key >> 8
    stream["reference_low"][:size] = key & 255
    stream["reference_block"][:size] = number & _last_number(stream)
