"""The rolling reference: keys in rising order, each with the number of the block it came in with.

Samples enter in blocks of REFRESH_SAMPLES and leave in the same blocks, so a small number per sample is all
that is kept of its age.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from kullback.core.kernel import kernel
from kullback.detector.layout import REFRESH_SAMPLES, SMALL_REFERENCE_SAMPLES

LARGEST = 3.4e38


@kernel
def scratch_samples(stream: Any) -> int:
    """Length of the scratch array that the kernels need.

    Parameters
    ----------
    stream : stream record
    """
    return 2 * len(stream.reference_low) + 2 * len(stream.codes) + 64


@kernel
def key_of(value: float, origin: float) -> int:
    """Key of a value: 24 bits that order as the values do.

    The distance from the stream's origin as float32, its sign folded so that integers order as the numbers,
    rounded to 16 significant bits: equal values keep equal keys, neighbours 0.0015 % of that distance apart
    may share one.

    Parameters
    ----------
    value, origin : float
        Finite.
    """
    distance = np.float32(min(max(value - origin, -LARGEST), LARGEST))
    bits = np.int64(distance.view(np.uint32))
    folded = 0xFFFFFFFF - bits if bits & 0x80000000 else bits | 0x80000000
    return int((folded + 0x80) >> 8)


@kernel
def value_of(key: int, origin: float) -> float:
    """The value that a key stands for.

    Parameters
    ----------
    key : int
    origin : float
    """
    folded = np.int64(key) << 8
    bits = folded & 0x7FFFFFFF if folded & 0x80000000 else 0xFFFFFFFF - folded
    return float(np.uint32(bits).view(np.float32)) + origin


@kernel
def count_below(stream: Any, size: int, key: int) -> int:
    """How many of the reference's `size` samples have a smaller key.

    Parameters
    ----------
    stream : stream record
    size, key : int
    """
    low, high = 0, size
    while low < high:
        middle = (low + high) >> 1
        if (np.int64(stream.reference_high[middle]) << 8) + stream.reference_low[middle] < key:
            low = middle + 1
        else:
            high = middle
    return low


@kernel
def count_through(stream: Any, size: int, key: int, below: int) -> int:
    """How many of the reference's samples have a key not larger, given how many are smaller.

    Parameters
    ----------
    stream : stream record
    size, key, below : int
    """
    if below == size:
        return below
    if (np.int64(stream.reference_high[below]) << 8) + stream.reference_low[below] > key:
        return below
    return count_below(stream, size, key + 1)


@kernel
def key_at(stream: Any, at: int) -> int:
    """Key of a queued sample.

    Parameters
    ----------
    stream : stream record
    at : int
        Place in the queue's ring.
    """
    return int((np.int64(stream.queue_high[at]) << 8) + stream.queue_low[at])


@kernel
def key_before(stream: Any, at: int) -> int:
    """Key of the sample queued before a place.

    Parameters
    ----------
    stream : stream record
    at : int
        Place in the queue's ring.
    """
    return key_at(stream, at - 1 if at > 0 else len(stream.codes) - 1)


@kernel
def is_struck(stream: Any, at: int) -> bool:
    """Whether a queued sample is kept out of the reference.

    Parameters
    ----------
    stream : stream record
    at : int
    """
    return bool((stream.struck[at >> 3] >> (at & 7)) & 1)


@kernel
def mark_struck(stream: Any, at: int, struck: bool) -> None:
    """Say whether a queued sample is kept out of the reference.

    Parameters
    ----------
    stream : stream record
    at : int
    struck : bool
    """
    bit = 1 << (at & 7)
    if struck:
        stream.struck[at >> 3] |= bit
    else:
        stream.struck[at >> 3] &= 255 - bit


@kernel
def mark_newest(stream: Any, count: int, struck: bool) -> None:
    """Mark the `count` newest queued samples.

    Parameters
    ----------
    stream : stream record
    count : int
    struck : bool
    """
    room = len(stream.codes)
    for back in range(1, min(count, stream.queued) + 1):
        mark_struck(stream, (stream.head - back) % room, struck)


@kernel
def gap_now(stream: Any) -> int:
    """The gap that the samples so far allow: a quarter of them until a rolling reference is full.

    Parameters
    ----------
    stream : stream record
    """
    if stream.pinned or stream.reference_count >= stream.reference_limit:
        return int(stream.gap_limit)
    share = (stream.reference_count + stream.queued) >> 2
    return int(min(stream.gap_limit, max(REFRESH_SAMPLES, share)))


@kernel
def admit(stream: Any, count: int, scratch: NDArray[np.int64]) -> None:
    """Move the oldest queued samples into the reference, the struck ones to nowhere.

    Parameters
    ----------
    stream : stream record
    count : int
        At most the samples queued.
    scratch : int64 array, shape (scratch_samples,)
        Overwritten.
    """
    room = len(stream.codes)
    taken = 0
    for step in range(count):
        at = (stream.head - stream.queued + step) % room
        if not is_struck(stream, at):
            scratch[taken] = key_at(stream, at)
            taken += 1
        if taken == REFRESH_SAMPLES or (taken > 0 and step == count - 1):
            make_room(stream, taken)
            _merge(stream, taken, scratch)
            taken = 0
    stream.queued -= count


@kernel
def make_room(stream: Any, wanted: int) -> None:
    """Mark the oldest blocks for removal until `wanted` more samples fit.

    Parameters
    ----------
    stream : stream record
    wanted : int
    """
    size = stream.reference_count
    left = size
    while left > 0 and (
        left + wanted > stream.reference_limit or _live_blocks(stream) >= _last_number(stream)
    ):
        oldest = stream.oldest_block & _last_number(stream)
        for rank in range(size):
            left -= stream.reference_block[rank] == oldest
        stream.oldest_block += 1


@kernel
def _last_number(stream: Any) -> int:
    """Largest number a block can have; small references keep it in one byte."""
    return 255 if len(stream.reference_block) <= SMALL_REFERENCE_SAMPLES else 4095


@kernel
def _live_blocks(stream: Any) -> int:
    return int(stream.newest_block - stream.oldest_block)


@kernel
def _merge(stream: Any, taken: int, scratch: NDArray[np.int64]) -> None:
    """Put `taken` keys (at the start of `scratch`) in as the newest block; leave out the blocks marked."""
    live = _live_blocks(stream)
    block = stream.newest_block & _last_number(stream)
    scratch[:taken].sort()
    for step in range(taken):
        scratch[taken + step] = count_below(stream, stream.reference_count, scratch[step])
    written, read, base = 0, 0, 2 * taken
    for step in range(taken + 1):
        stop = scratch[taken + step] if step < taken else stream.reference_count
        while read < stop:
            number = np.int64(stream.reference_block[read])
            high, low = np.int64(stream.reference_high[read]), np.int64(stream.reference_low[read])
            scratch[base + written] = (high << 24) | (low << 16) | number
            written += ((number - stream.oldest_block) & _last_number(stream)) < live
            read += 1
        if step < taken:
            scratch[base + written] = (scratch[step] << 16) | block
            written += 1
    for rank in range(written):
        packed = scratch[base + rank]
        stream.reference_high[rank] = packed >> 24
        stream.reference_low[rank] = (packed >> 16) & 255
        stream.reference_block[rank] = packed & 0xFFFF
    stream.newest_block += 1
    stream.reference_count = written


@kernel
def drop_blocks(stream: Any, first: int, last: int) -> int:
    """Take the blocks `first` to `last` (numbers as in `newest_block`) out of the reference.

    Parameters
    ----------
    stream : stream record
    first, last : int

    Returns
    -------
    int
        How many samples are gone.
    """
    size = stream.reference_count
    written = 0
    for rank in range(size):
        number = stream.oldest_block + (
            (np.int64(stream.reference_block[rank]) - stream.oldest_block) & _last_number(stream)
        )
        stream.reference_high[written] = stream.reference_high[rank]
        stream.reference_low[written] = stream.reference_low[rank]
        stream.reference_block[written] = stream.reference_block[rank]
        written += number < first or number > last
    stream.reference_count = written
    return int(size - written)


@kernel
def clear_reference(stream: Any) -> None:
    """Forget the reference.

    Parameters
    ----------
    stream : stream record
    """
    stream.reference_count = 0
    stream.newest_block = 0
    stream.oldest_block = 0
