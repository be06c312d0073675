"""Value and level evidence: how rare the newest values are, on several views, summed.

Ranks cannot say how far outside a value lies. The views are the value, the mean of the last 6 and 12
residuals from the season's profile, the step from the median of the five values before, and the same step
of the residual. The value channel sums all of them, the level channel those without steps; both less what
has been usual lately, so that only new surprise counts.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from kullback.core.kernel import kernel
from kullback.detector.density import LARGEST, LEAST, learn_value, start_view, view_surprise
from kullback.detector.season import learn_mean, learn_profile, residual_of
from kullback.detector.tail import LOCAL_SAMPLES, local_distance, start_tail

Views = tuple[float, float, float, float, float]
VIEWS = 5
LEVEL_VIEWS = 3
WEIGHTS: NDArray[np.float64] = np.array([1.0, 0.5, 0.5, 1.0, 1.0])
RING = 16
FIRST_SCORE_SAMPLES = 64
"""So many samples make the first references."""
STEP_SAMPLES = 5
SHORT_MEAN_SAMPLES = 6
LONG_MEAN_SAMPLES = 12
LEAST_SCALE_RATIO = 1e-4
USUAL_SHARE = 0.7
USUAL_MEMORY_SAMPLES = 40.0


@kernel
def _median_before(ring: Any, kind: int, last: int, samples: int) -> float:
    """Median of the five entries before `last`; of fewer, the one before."""
    newest = ring[kind, (last - 1) & (RING - 1)]
    if samples < STEP_SAMPLES:
        return float(newest)
    second, third = ring[kind, (last - 2) & (RING - 1)], ring[kind, (last - 3) & (RING - 1)]
    fourth, fifth = ring[kind, (last - 4) & (RING - 1)], ring[kind, (last - 5) & (RING - 1)]
    low = max(min(newest, second), min(third, fourth))
    high = min(max(newest, second), max(third, fourth))
    return float(max(min(low, high), min(max(low, high), fifth)))


@kernel
def see(stream: Any, value: float, phase: float, samples: int) -> Views:
    """Put a value into the rings and compute its views.

    Parameters
    ----------
    stream : stream record
    value : float
        Relative to the stream's origin.
    phase : float
    samples : int
        Before this one.

    Returns
    -------
    five floats
        The sample on each view.
    """
    at = samples & (RING - 1)
    residual = residual_of(stream, value, phase)
    stream.view_ring[0, at] = value
    stream.view_ring[1, at] = residual
    total, short = 0.0, 0.0
    count = min(LONG_MEAN_SAMPLES, samples + 1)
    for back in range(count):
        total += stream.view_ring[1, (at - back) & (RING - 1)]
        if back == min(SHORT_MEAN_SAMPLES, count) - 1:
            short = total
    step = value - _median_before(stream.view_ring, 0, at, samples) if samples > 0 else 0.0
    odd_step = residual - _median_before(stream.view_ring, 1, at, samples) if samples > 0 else 0.0
    usual = value
    if samples >= FIRST_SCORE_SAMPLES:
        least, largest = stream.view_grid[0, LEAST], stream.view_grid[0, LARGEST]
        usual = min(max(value, 2.0 * least - largest), 2.0 * largest - least)
    learn_mean(stream, usual, samples)
    return value, short / min(SHORT_MEAN_SAMPLES, count), total / count, step, odd_step


@kernel
def start_views(stream: Any, values: Any) -> None:
    """Make the first samples the reference of every view.

    Parameters
    ----------
    stream : stream record
    values : float64 array, shape (n,)
        Relative to the stream's origin, in their order.
    """
    seen = np.empty((VIEWS, len(values)))
    distances = np.empty(len(values) - LOCAL_SAMPLES)
    stream.long_mean = values.mean()
    for index in range(len(values)):
        views = see(stream, values[index], -1.0, index)
        for view in range(VIEWS):
            seen[view, index] = views[view]
        if index >= LOCAL_SAMPLES:
            distances[index - LOCAL_SAMPLES] = local_distance(stream.view_ring[0], index & (RING - 1))
    for view in range(VIEWS):
        start_view(stream, view, seen[view])
    start_tail(stream, distances, max(LEAST_SCALE_RATIO * abs(values.mean() + stream.origin), 1e-9))


@kernel
def value_surprise(stream: Any, value: float, phase: float, samples: int) -> tuple[float, float, float]:
    """New surprise of a sample in the value and in the level channel, and its distance; it is learnt.

    An episode's samples are too: the memory is thousands of samples, so that an incident hardly changes it,
    while a level that stays must stop being news.

    Parameters
    ----------
    stream : stream record
    value : float
        Relative to the stream's origin.
    phase : float
    samples : int
        Before this one.

    Returns
    -------
    value_nats, level_nats, distance : float
        The distance is from the mean of the values before, in their unit.
    """
    views = see(stream, value, phase, samples)
    total, level = 0.0, 0.0
    for view in range(VIEWS):
        nats = WEIGHTS[view] * view_surprise(stream, view, views[view])
        total += nats
        if view < LEVEL_VIEWS:
            level += nats
    new_total = max(total - USUAL_SHARE * stream.usual_nats[0], 0.0)
    new_level = max(level - USUAL_SHARE * stream.usual_nats[1], 0.0)
    stream.usual_nats[0] += (total - stream.usual_nats[0]) / USUAL_MEMORY_SAMPLES
    stream.usual_nats[1] += (level - stream.usual_nats[1]) / USUAL_MEMORY_SAMPLES
    for view in range(VIEWS):
        learn_value(stream, view, views[view])
    learn_profile(stream, value, phase)
    return new_total, new_level, local_distance(stream.view_ring[0], samples & (RING - 1))
