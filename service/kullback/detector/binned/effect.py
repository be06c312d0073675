"""How far a binned stream has moved: a histogram in its own unit, categories in shares."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from kullback.core.kernel import inner_kernel, kernel
from kullback.detector.binned.layout import BINS
from kullback.detector.binned.statistics import gather
from kullback.detector.effect import is_gated, smallest_move, wanted_move


@kernel
def ends_of(bounds: NDArray[np.float64]) -> NDArray[np.float64]:
    """Where bins begin and end when their mass is spread evenly over them.

    The lowest bin begins at 0, or has no width where its bound is negative; nor has the one above all bounds.

    Parameters
    ----------
    bounds : float64 array, shape (bins - 1,)

    Returns
    -------
    float64 array, shape (bins + 1,)
        Zeros when there is no bound.
    """
    ends = np.zeros(len(bounds) + 2)
    if len(bounds) > 0:
        ends[0] = min(0.0, bounds[0])
        ends[1:-1] = bounds
        ends[-1] = bounds[-1]
    return ends


@inner_kernel
def _median(ends: NDArray[np.float64], masses: NDArray[np.float64], total: float) -> float:
    below = 0.0
    for index in range(len(ends) - 1):
        if masses[index] > 0.0 and below + masses[index] >= 0.5 * total:
            inside = (0.5 * total - below) / masses[index]
            return float(ends[index] + inside * (ends[index + 1] - ends[index]))
        below += masses[index]
    return float(ends[-1])


@inner_kernel
def _mean(ends: NDArray[np.float64], masses: NDArray[np.float64], total: float) -> float:
    weighted = 0.0
    for index in range(len(ends) - 1):
        weighted += masses[index] * 0.5 * (ends[index] + ends[index + 1])
    return weighted / total


@inner_kernel
def _histogram_move(stream: Any, current: NDArray[np.float64], units: float) -> tuple[float, float]:
    ends = ends_of(stream.bounds[: stream.bins - 1])
    normal, total = stream.reference, stream.reference_units
    usual = _median(ends, normal, total)
    median = _median(ends, current, units) - usual
    mean = _mean(ends, current, units) - _mean(ends, normal, total)
    return wanted_move(stream, median, mean), smallest_move(stream, usual)


@inner_kernel
def _category_move(stream: Any, current: NDArray[np.float64], units: float) -> tuple[float, float]:
    """Of the category that goes furthest beyond what counts for it, or falls least short."""
    move, smallest = 0.0, np.inf
    for index in range(stream.bins):
        usual = stream.reference[index] / stream.reference_units
        change = abs(current[index] / units - usual)
        least = smallest_move(stream, usual)
        if change > 0.0 and (smallest == np.inf or change * smallest > move * least):
            move, smallest = change, least
    return move, smallest


@inner_kernel
def _move(stream: Any, current: NDArray[np.float64], units: float) -> tuple[float, float]:
    if stream.ordered:
        return _histogram_move(stream, current, units)
    return _category_move(stream, current, units)


@inner_kernel
def effect_is_small(stream: Any, current: NDArray[np.float64], units: float) -> bool:
    """Whether the current window has moved less than counts.

    Parameters
    ----------
    stream : record
    current : float64 array, shape (BINS,)
    units : float
    """
    if not is_gated(stream):
        return False
    move, smallest = _move(stream, current, units)
    return move < smallest


@kernel
def effect_gate(streams: NDArray[Any], slot: int, window: int) -> tuple[float, float]:
    """How far a stream has moved and the least that counts; NaN when nothing is gated or compared yet.

    Of a histogram that is the larger move of median and mean, of categories the change of one share.

    Parameters
    ----------
    streams : array of records
    slot : int
    window : int
        Index into `WINDOWS`.
    """
    stream: Any = streams[slot]
    if not is_gated(stream) or stream.units == 0:
        return np.nan, np.nan
    current = np.empty(BINS)
    units = gather(stream, window, current)
    return _move(stream, current, units)
