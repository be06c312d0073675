"""How far a stream has moved in its own unit."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from kullback.core.kernel import kernel
from kullback.detector.layout import State
from kullback.detector.reference import value_of

ABOVE, BELOW = 1, 2


@kernel
def reference_median(state: State, slot: int, stream: Any) -> float:
    """Median of the reference, in the metric's unit.

    Parameters
    ----------
    state : State
    slot : int
    stream : STREAM record
    """
    size = stream.reference_count
    low = state.order[slot, (size - 1) // 2]
    high = state.order[slot, size // 2]
    values = _reference_value(state, slot, stream, low) + _reference_value(state, slot, stream, high)
    return float(0.5 * values)


@kernel
def _reference_value(state: State, slot: int, stream: Any, at: int) -> float:
    key = (np.int64(state.reference_high[slot, at]) << 8) + state.reference_low[slot, at]
    return value_of(key, stream.origin)


@kernel
def reference_mean(state: State, slot: int, stream: Any) -> float:
    """Mean of the reference, in the metric's unit.

    Parameters
    ----------
    state : State
    slot : int
    stream : STREAM record
    """
    total = 0.0
    for rank in range(stream.reference_count):
        total += _reference_value(state, slot, stream, state.order[slot, rank])
    return float(total / max(stream.reference_count, 1))


@kernel
def moves(state: State, slot: int, stream: Any, span: int, scratch: NDArray[np.int64]) -> tuple[float, float]:
    """Current minus reference: of the medians and of the means, in the metric's unit.

    Parameters
    ----------
    state : State
    slot : int
    stream : STREAM record
    span : int
        How many of the newest samples are the current ones.
    scratch : int64 array
    """
    room = state.codes.shape[1]
    count = max(1, min(span, stream.queued))
    total = 0.0
    for back in range(count):
        at = (stream.head - 1 - back) % room
        scratch[back] = (np.int64(state.queue_high[slot, at]) << 8) + state.queue_low[slot, at]
        total += value_of(scratch[back], stream.origin)
    scratch[:count].sort()
    low = value_of(scratch[(count - 1) // 2], stream.origin)
    high = value_of(scratch[count // 2], stream.origin)
    median = 0.5 * (low + high) - reference_median(state, slot, stream)
    return median, total / count - reference_mean(state, slot, stream)


@kernel
def effect_limit(state: State, slot: int, stream: Any) -> float:
    """Smallest move that counts, in the metric's unit; 0 when every move does.

    Parameters
    ----------
    state : State
    slot : int
    stream : STREAM record
    """
    if stream.effect_absolute <= 0.0 and stream.effect_relative <= 0.0:
        return 0.0
    relative = stream.effect_relative * abs(reference_median(state, slot, stream))
    return float(max(stream.effect_absolute, relative))


@kernel
def effect_size(state: State, slot: int, stream: Any, span: int, scratch: NDArray[np.int64]) -> float:
    """The larger move of median and mean, in the wanted direction.

    Parameters
    ----------
    state : State
    slot : int
    stream : STREAM record
    span : int
    scratch : int64 array
    """
    median, mean = moves(state, slot, stream, span, scratch)
    if stream.direction == ABOVE:
        return float(max(median, mean))
    if stream.direction == BELOW:
        return float(max(-median, -mean))
    return float(max(abs(median), abs(mean)))


@kernel
def effect_is_small(state: State, slot: int, stream: Any, span: int, scratch: NDArray[np.int64]) -> bool:
    """Whether the move is below the smallest one that counts.

    Parameters
    ----------
    state : State
    slot : int
    stream : STREAM record
    span : int
    scratch : int64 array
    """
    limit = effect_limit(state, slot, stream)
    return bool(limit > 0.0 and effect_size(state, slot, stream, span, scratch) < limit)
