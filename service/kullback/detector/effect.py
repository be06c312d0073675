"""How far a stream has moved in its own unit."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from kullback.core.kernel import kernel
from kullback.detector.reference import key_at, scratch_samples, value_of

ABOVE, BELOW = 1, 2


@kernel
def reference_median(stream: Any) -> float:
    """Median of the reference, in the metric's unit.

    Parameters
    ----------
    stream : stream record
    """
    size = stream.reference_count
    values = _reference_value(stream, (size - 1) // 2) + _reference_value(stream, size // 2)
    return float(0.5 * values)


@kernel
def _reference_value(stream: Any, at: int) -> float:
    key = (np.int64(stream.reference_high[at]) << 8) + stream.reference_low[at]
    return value_of(key, stream.origin + stream.baseline)


@kernel
def reference_mean(stream: Any) -> float:
    """Mean of the reference, in the metric's unit.

    Parameters
    ----------
    stream : stream record
    """
    total = 0.0
    for rank in range(stream.reference_count):
        total += _reference_value(stream, rank)
    return float(total / max(stream.reference_count, 1))


@kernel
def moves(stream: Any, span: int, scratch: NDArray[np.int64]) -> tuple[float, float]:
    """Current minus reference: of the medians and of the means, in the metric's unit.

    Parameters
    ----------
    stream : stream record
    span : int
        How many of the newest samples are the current ones.
    scratch : int64 array
    """
    room = len(stream.codes)
    count = max(1, min(span, stream.queued))
    total = 0.0
    for back in range(count):
        at = (stream.head - 1 - back) % room
        scratch[back] = key_at(stream, at)
        total += value_of(scratch[back], stream.origin + stream.baseline)
    scratch[:count].sort()
    low = value_of(scratch[(count - 1) // 2], stream.origin + stream.baseline)
    high = value_of(scratch[count // 2], stream.origin + stream.baseline)
    median = 0.5 * (low + high) - reference_median(stream)
    return median, total / count - reference_mean(stream)


@kernel
def is_gated(stream: Any) -> bool:
    """Whether there is a smallest move that counts; else every move does.

    Parameters
    ----------
    stream : record of any form
    """
    return bool(stream.effect_absolute > 0.0 or stream.effect_relative > 0.0)


@kernel
def smallest_move(stream: Any, level: float) -> float:
    """Smallest move that counts, in the metric's unit.

    Parameters
    ----------
    stream : record of any form
    level : float
        What a relative limit is a part of.
    """
    return float(max(stream.effect_absolute, stream.effect_relative * abs(level)))


@kernel
def wanted_move(stream: Any, median: float, mean: float) -> float:
    """The larger move of median and mean, in the wanted direction.

    Parameters
    ----------
    stream : record of any form
    median, mean : float
        Current minus reference.
    """
    if stream.direction == ABOVE:
        return float(max(median, mean))
    if stream.direction == BELOW:
        return float(max(-median, -mean))
    return float(max(abs(median), abs(mean)))


@kernel
def effect_is_small(stream: Any, span: int, scratch: NDArray[np.int64]) -> bool:
    """Whether the move is below the smallest one that counts.

    Parameters
    ----------
    stream : stream record
    span : int
        How many of the newest samples are the current ones.
    scratch : int64 array
    """
    if not is_gated(stream):
        return False
    median, mean = moves(stream, span, scratch)
    return wanted_move(stream, median, mean) < smallest_move(stream, reference_median(stream))


@kernel
def effect_gate(streams: NDArray[Any], slot: int, span: int) -> tuple[float, float]:
    """Size of the move and the smallest one that counts; NaN when nothing is gated or compared yet.

    Parameters
    ----------
    streams : array of stream records
    slot : int
    span : int
    """
    stream: Any = streams[slot]
    if not is_gated(stream) or stream.reference_count == 0:
        return np.nan, np.nan
    median, mean = moves(stream, span, np.empty(scratch_samples(stream), np.int64))
    return wanted_move(stream, median, mean), smallest_move(stream, reference_median(stream))
