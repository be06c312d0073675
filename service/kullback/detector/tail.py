"""Tail evidence: how far a value lies outside its own short past, measured by the reference's own tail.

The distance from the mean of the ten values before is put on an asinh axis, on which heavy tails become
exponential and lighter ones fall off faster. Beyond the place that 2 % of the distances reach on a side, −ln
of the probability is that of an exponential law with their mean excess (Hill 1975; peaks over a threshold:
Pickands 1975). Place, share and mean excess follow the stream by stochastic approximation (Robbins & Monro
1951), so that a few numbers stand for thousands of samples.

The line needs no fit to rare blocks, which on real servers hold incidents: with an exponential law only its
place differs between streams, and the median of the block maxima tells it.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kullback.core.kernel import kernel
from kullback.detector.density import asinh
from kullback.detector.maxima import BLOCK_SAMPLES, MEDIAN_LEVEL, rare_level

LOCAL_SAMPLES = 10
BEYOND_SHARE = 0.02
FEWEST_SAMPLES = 512
"""So many distances make a tail that is trusted."""
MEMORY_SAMPLES = 8192.0
MEMORY_EXCESSES = 160
PRIOR_EXCESSES = 20.0
FIRST_EXCESS = 0.3
ALARM_WEIGHT = 0.25
"""So much does a value count that raises an alarm; in full, the second incident of a kind would be normal."""
FIRST_MEDIAN_NATS = 5.3
MEDIAN_GAIN_NATS = 2.0
MEDIAN_PRIOR_BLOCKS = 8
MEDIAN_BLOCKS = 64
BELOW, ABOVE = 0, 1


@kernel
def local_distance(ring: NDArray[np.float32], at: int) -> float:
    """Distance of the newest value from the mean of those before.

    Parameters
    ----------
    ring : float32 array, shape (2^n,)
        Of values, newest at `at`.
    at : int
    """
    total = 0.0
    for back in range(1, LOCAL_SAMPLES + 1):
        total += ring[(at - back) & (len(ring) - 1)]
    return float(ring[at] - total / LOCAL_SAMPLES)


@kernel
def start_tail(stream: Any, distances: NDArray[np.float64], least_scale: float) -> None:
    """Make the first distances the tails.

    Parameters
    ----------
    stream : stream record
    distances : float64 array, shape (n,)
    least_scale : float
        What the axis takes for one at least, in the unit of the values.
    """
    ordered = np.sort(distances)
    last = len(ordered) - 1
    edge = len(ordered) // 32
    middle = (ordered[3 * last // 4] - ordered[last // 4]) / 1.349
    stream.tail_scale = max(middle, (ordered[last - edge] - ordered[edge]) / 4.0, least_scale)
    for side in range(2):
        outer = ordered[last - edge] if side == ABOVE else -ordered[edge]
        stream.tail_place[side] = asinh(outer / stream.tail_scale)
        stream.tail_excess[side] = FIRST_EXCESS
        stream.tail_share[side] = BEYOND_SHARE
        stream.tail_seen[side] = 0
    stream.tail_usual = FIRST_MEDIAN_NATS
    stream.tail_block = 0.0


@kernel
def tail_surprise(stream: Any, distance: float, samples: int) -> float:
    """Surprise of a distance in nats; 0 where it is not beyond the tail's place, or the tail too young.

    Parameters
    ----------
    stream : stream record
    distance : float
    samples : int
        Before this one.
    """
    if samples < FEWEST_SAMPLES:
        return 0.0
    axis = asinh(distance / stream.tail_scale)
    side = ABOVE if axis > 0.0 else BELOW
    beyond = abs(axis) - stream.tail_place[side]
    if beyond <= 0.0:
        return 0.0
    return float(max(beyond / stream.tail_excess[side] - math.log(stream.tail_share[side]), 0.0))


@kernel
def learn_tail(stream: Any, distance: float, samples: int, weight: float) -> None:
    """Let a distance into the tails.

    Parameters
    ----------
    stream : stream record
    distance : float
    samples : int
    weight : float
        1, or less for one that raised an alarm.
    """
    axis = asinh(distance / stream.tail_scale)
    rate = weight / min(max(samples, 1), MEMORY_SAMPLES)
    for side in range(2):
        beyond = (axis if side == ABOVE else -axis) - stream.tail_place[side]
        reached = 1.0 if beyond > 0.0 else 0.0
        stream.tail_share[side] += rate * (reached - stream.tail_share[side])
        if beyond > 0.0:
            stream.tail_seen[side] = min(stream.tail_seen[side] + 1, MEMORY_EXCESSES)
            share = weight / (stream.tail_seen[side] + PRIOR_EXCESSES)
            stream.tail_excess[side] += share * (beyond - stream.tail_excess[side])
        gain = rate * stream.tail_excess[side] / BEYOND_SHARE
        stream.tail_place[side] += gain * (reached - BEYOND_SHARE)


@kernel
def common_tail_line(samples_per_alarm: float) -> float:
    """Surprise at which a distance would raise an alarm in a stream of independent samples, nats.

    Parameters
    ----------
    samples_per_alarm : float
        Of the channel's share of the budget.
    """
    level, _ = rare_level(samples_per_alarm, 1.0)
    return float(FIRST_MEDIAN_NATS + level - MEDIAN_LEVEL)


@kernel
def tail_line(stream: Any, samples_per_alarm: float, widening: float) -> float:
    """Surprise at which a distance raises an alarm, nats.

    Parameters
    ----------
    stream : stream record
    samples_per_alarm : float
        Of the channel's share of the budget.
    widening : float
        Nats to add while the stream's usual maximum is hardly known.
    """
    own = stream.tail_usual - FIRST_MEDIAN_NATS
    return float(common_tail_line(samples_per_alarm) + own + widening)


@kernel
def close_tail_block(stream: Any, blocks: int) -> None:
    """Move the median of block maxima towards that of the block that is full.

    Parameters
    ----------
    stream : stream record
    blocks : int
        Before this one.
    """
    if blocks * BLOCK_SAMPLES >= FEWEST_SAMPLES:
        step = MEDIAN_GAIN_NATS / (min(blocks, MEDIAN_BLOCKS) + MEDIAN_PRIOR_BLOCKS)
        stream.tail_usual += step if stream.tail_block > stream.tail_usual else -step
    stream.tail_block = 0.0
