"""The rolling reference: a ring of keys in order of age, and their order by value."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from kullback.core.kernel import kernel
from kullback.detector.layout import REFRESH_SAMPLES

LARGEST = 3.4e38


@kernel
def scratch_samples(stream: Any) -> int:
    """Length of the scratch array that the kernels need.

    Parameters
    ----------
    stream : stream record
    """
    return 2 * len(stream.order) + 2 * len(stream.codes) + 64


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
        at = stream.order[middle]
        if (np.int64(stream.reference_high[at]) << 8) + stream.reference_low[at] < key:
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
    at = stream.order[below]
    if (np.int64(stream.reference_high[at]) << 8) + stream.reference_low[at] > key:
        return below
    return count_below(stream, size, key + 1)


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
    """The gap that the samples so far allow: a quarter of them until the reference is full.

    Parameters
    ----------
    stream : stream record
    """
    if stream.reference_count >= stream.reference_limit:
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
            scratch[taken] = (np.int64(stream.queue_high[at]) << 8) + stream.queue_low[at]
            taken += 1
    stream.queued -= count
    limit = stream.reference_limit
    first = max(0, taken - limit)
    taken -= first
    evicted = max(0, stream.reference_count + taken - limit)
    if taken > REFRESH_SAMPLES or stream.reference_count == 0:
        _replace(stream, scratch[first : first + taken], evicted)
        _sort(stream, scratch)
    elif taken > 0:
        _merge(stream, scratch, taken, evicted)


@kernel
def _replace(stream: Any, keys: NDArray[np.int64], evicted: int) -> None:
    limit = stream.reference_limit
    for key in keys:
        at = stream.reference_head
        stream.reference_high[at] = key >> 8
        stream.reference_low[at] = key & 255
        stream.reference_head = (at + 1) % limit
    stream.reference_count += len(keys) - evicted


@kernel
def _sort(stream: Any, scratch: NDArray[np.int64]) -> None:
    size, limit = stream.reference_count, stream.reference_limit
    for age in range(size):
        at = (stream.reference_head - size + age) % limit
        key = (np.int64(stream.reference_high[at]) << 8) + stream.reference_low[at]
        scratch[age] = (key << 16) | at
    scratch[:size].sort()
    for rank in range(size):
        stream.order[rank] = scratch[rank] & 0xFFFF


@kernel
def _merge(stream: Any, scratch: NDArray[np.int64], taken: int, evicted: int) -> None:
    """Put `taken` keys (at the start of `scratch`) in the place of the `evicted` oldest, keeping the order.

    One pass over the order; the places of the new keys are found by bisection.
    """
    size, limit = stream.reference_count, stream.reference_limit
    oldest = (stream.reference_head - size) % limit
    for step in range(taken):
        at = (stream.reference_head + step) % limit
        scratch[step] = (scratch[step] << 16) | at
    scratch[:taken].sort()
    for step in range(taken):
        scratch[taken + step] = count_below(stream, size, scratch[step] >> 16)
    written, read, base = 0, 0, 2 * taken
    for step in range(taken + 1):
        stop = scratch[taken + step] if step < taken else size
        while read < stop:
            at = np.int64(stream.order[read])
            scratch[base + written] = at
            age = at - oldest
            if age < 0:
                age += limit
            written += age >= evicted
            read += 1
        if step < taken:
            scratch[base + written] = scratch[step] & 0xFFFF
            written += 1
    for step in range(taken):
        key = scratch[step] >> 16
        at = scratch[step] & 0xFFFF
        stream.reference_high[at] = key >> 8
        stream.reference_low[at] = key & 255
    for rank in range(written):
        stream.order[rank] = scratch[base + rank]
    stream.reference_head = (stream.reference_head + taken) % limit
    stream.reference_count = written
