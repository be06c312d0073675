"""The maxima of a channel's surprise over blocks of samples, in a ring whose blocks grow with the stream.

A budget of one alarm in 100 000 samples cannot be judged by the last 8000. When the ring is full, neighbours
are merged, so that the same places remember longer, until one stands for MOST_MERGED blocks. The oldest go
then: what a young reference says of its stream is larger than what it says later. The ranks' blocks do not
grow: what lasts piles their maxima up at the largest surprise of a window, and a law fitted there ends below.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from kullback.core.kernel import kernel
from kullback.detector.layout import BLOCKS, RANK

MOST_MERGED = 4
YOUNG_BLOCKS = 16


@kernel
def merged_of(channel: int, blocks: int) -> int:
    """How many blocks one maximum stands for.

    Parameters
    ----------
    channel, blocks : int
        Full so far.
    """
    if channel == RANK:
        return 1
    merged, room = 1, BLOCKS
    while merged < MOST_MERGED and blocks >= room:
        merged *= 2
        room = YOUNG_BLOCKS + merged * BLOCKS
    return merged


@kernel
def _stored(blocks: int, merged: int) -> int:
    return blocks if merged == 1 else (blocks - YOUNG_BLOCKS) // merged


@kernel
def maxima_of(stream: Any, channel: int, blocks: int) -> Any:
    """The maxima that a channel remembers; float64.

    In the order of the blocks, but for where the ring begins.

    Parameters
    ----------
    stream : stream record
    channel : int
    blocks : int
        Full so far.
    """
    held = min(_stored(blocks, merged_of(channel, blocks)), BLOCKS)
    return stream.maxima[channel, :held].astype(np.float64)


@kernel
def observe(stream: Any, channel: int, nats: float) -> None:
    """Let a surprise count in the block under way.

    Parameters
    ----------
    stream : stream record
    channel : int
    nats : float
    """
    stream.block[channel] = max(stream.block[channel], nats)


@kernel
def keep_maximum(stream: Any, channel: int, blocks: int) -> None:
    """Keep the maximum of a channel's block that is full, or of it and those to be merged with it.

    Parameters
    ----------
    stream : stream record
    channel : int
    blocks : int
        Full before this one.
    """
    merged = merged_of(channel, blocks)
    stored = _stored(blocks + 1, merged)
    if stored == _stored(blocks, merged):
        return
    maxima = stream.maxima[channel]
    maxima[(stored - 1) % BLOCKS] = stream.block[channel]
    stream.block[channel] = 0.0
    if merged_of(channel, blocks + 1) > merged:
        _merge(maxima, YOUNG_BLOCKS if merged == 1 else 0)


@kernel
def _merge(maxima: Any, oldest: int) -> None:
    for index in range((BLOCKS - oldest) // 2):
        first = oldest + 2 * index
        maxima[index] = max(maxima[first], maxima[first + 1])
