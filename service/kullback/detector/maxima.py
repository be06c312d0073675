"""What a stream's block maxima say of how high its surprise gets, and how rarely.

Maxima of many samples follow a generalised extreme value law (Fisher & Tippett 1928), for most streams a
Gumbel law; L-moments fit it to few of them, and what incidents left among them is drawn in.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from kullback.core.kernel import kernel

BLOCK_SAMPLES = 128
PRIOR_BLOCKS = 16
CAP_SCALES = 8.0
MOST_SHAPE = 0.5
SHAPE_PRIOR_BLOCKS = 32.0
SHAPED_REACH = 8.5
MOST_AGREEMENT = 0.9
LEAST_SCALE = 0.05
LEAST_SHAPE = 1e-3
REACHED_BLOCKS, FEWEST_REACHED_OF, REACHED_MARGIN = 3, 16, 1.15
"""What so many of at least so many blocks have reached is not rare; the line lies by so much above it."""
FEWEST_SHOWN_OF, SHOWN_FACTOR = 32, 2.0
"""A line is judged by so many blocks and more; so many times the alarms that are due would be too many."""
ROOT_PRIOR_BLOCKS = 8
ROOT_CAP_SCALES = 4.0
FEWEST_SHAPED_BLOCKS = 8
ROOT_SHAPES = (-0.2, 0.1)
ROOT_SHAPED_REACH = 4.0
"""So far reach 64 maxima; the shape of what lies beyond nobody has seen."""
EULER = 0.5772156649015329
MEDIAN_LEVEL = 0.36651292058166435
"""Gumbel quantile of the median, −ln ln 2."""


@kernel
def cap_of(maxima: NDArray[np.float64], cap_scales: float) -> float:
    """Where maxima are drawn in to: so many scales above the location, both of a fit to the quartiles.

    Parameters
    ----------
    maxima : float64 array, shape (n,)
        Rising.
    cap_scales : float
    """
    n = len(maxima)
    first, middle, third = maxima[(n - 1) // 4], maxima[(n - 1) // 2], maxima[(3 * (n - 1)) // 4]
    rough = (third - first) / 1.5725 + 1e-6
    centre = middle - 0.3665 * rough
    return float(centre + cap_scales * max(rough, 0.02 * abs(centre)))


@kernel
def moments_of(maxima: NDArray[np.float64], cap: float) -> tuple[float, float, float]:
    """Mean, L-scale and L-skewness (Hosking 1990).

    Maxima above `cap` are drawn in to there, so one incident does not lift the line.

    Parameters
    ----------
    maxima : float64 array, shape (n,)
        Rising, n ≥ 3.
    cap : float
    """
    n = len(maxima)
    mean, first, second = 0.0, 0.0, 0.0
    for index in range(n):
        value = min(maxima[index], cap)
        mean += value
        first += value * index / (n - 1.0)
        second += value * index * (index - 1.0) / ((n - 1.0) * (n - 2.0))
    mean, first, second = mean / n, first / n, second / n
    spread = max(2.0 * first - mean, LEAST_SCALE * np.log(2.0))
    return mean, spread, (6.0 * second - 6.0 * first + mean) / spread


@kernel
def fit_maxima(maxima: NDArray[np.float64], cap: float) -> tuple[float, float]:
    """Gumbel location and scale of block maxima by L-moments.

    Parameters
    ----------
    maxima : float64 array, shape (n,)
        Rising, n ≥ 3.
    cap : float
        As for `moments_of`.
    """
    mean, spread, _ = moments_of(maxima, cap)
    return extreme_of(mean, spread, 0.0)


@kernel
def extreme_of(mean: float, spread: float, shape: float) -> tuple[float, float]:
    """Location and scale of the extreme value law with these L-moments and shape (Hosking 1985).

    Parameters
    ----------
    mean, spread : float
    shape : float
        ξ < 1: 0 is Gumbel's law, above it tails are heavy, below it they end.
    """
    if abs(shape) < LEAST_SHAPE:
        scale = spread / np.log(2.0)
        return mean - EULER * scale, scale
    gamma = math.gamma(1.0 - shape)
    scale = spread * shape / ((2.0**shape - 1.0) * gamma)
    return mean - scale * (gamma - 1.0) / shape, scale


@kernel
def reach_of(level: float, shape: float, near: float) -> float:
    """Quantile in scales above the location; beyond `near` the tail goes on as an exponential one.

    Parameters
    ----------
    level : float
        The same quantile of Gumbel's law.
    shape, near : float
        How far so short a history can tell of the shape.
    """
    if abs(shape) < LEAST_SHAPE:
        return level
    seen = min(level, near)
    grown = np.exp(shape * seen)
    return float((grown - 1.0) / shape + (level - seen) * min(grown, 1.0))


@kernel
def pool(
    location: float, scale: float, blocks: int, prior_location: float, prior_scale: float
) -> tuple[float, float]:
    """Average a fit with the prior where it agrees with it.

    Parameters
    ----------
    location, scale : float
        Fitted to `blocks` maxima.
    blocks : int
    prior_location, prior_scale : float
        Worth PRIOR_BLOCKS blocks.
    """
    near = abs(location - prior_location) < 3.15 * prior_scale / np.sqrt(blocks) + 0.15
    alike = abs(np.log(scale / prior_scale)) < 2.55 / np.sqrt(blocks)
    if not (near and alike):
        return location, scale
    mean = location + EULER * scale
    pooled = (PRIOR_BLOCKS * prior_scale + blocks * scale) / (PRIOR_BLOCKS + blocks)
    centre = (PRIOR_BLOCKS * prior_location + blocks * (mean - EULER * pooled)) / (PRIOR_BLOCKS + blocks)
    return centre, pooled


@kernel
def rare_level(samples_per_alarm: float, blocks: float) -> tuple[float, float]:
    """Gumbel quantile crossed once per `samples_per_alarm / BLOCK_SAMPLES` blocks, and its widening.

    The widening stands for the error of a fit to so many blocks: the expected alarm rate, not the median
    one, shall meet the budget.

    Parameters
    ----------
    samples_per_alarm, blocks : float
    """
    level = np.log(max(samples_per_alarm / BLOCK_SAMPLES, 2.0))
    return level, (1.1 + 0.5 * level + 0.6 * level * level) / (2.0 * blocks)


@kernel
def shape_of(skewness: float, blocks: float) -> float:
    """Shape ξ of an extreme value law by its L-skewness (Hosking, Wallis & Wood 1985).

    Drawn towards 0 (Gumbel) as if by SHAPE_PRIOR_BLOCKS blocks.

    Parameters
    ----------
    skewness : float
    blocks : float
        How many independent blocks it was taken from.
    """
    turned = 2.0 / (3.0 + skewness) - np.log(2.0) / np.log(3.0)
    kappa = 7.859 * turned + 2.9554 * turned * turned
    return float(-kappa * blocks / (blocks + SHAPE_PRIOR_BLOCKS))


@kernel
def independent_blocks(maxima: NDArray[np.float64], cap: float) -> float:
    """How many independent blocks the maxima are worth: long windows make neighbours agree.

    Parameters
    ----------
    maxima : float64 array, shape (n,)
        In the order of the blocks.
    cap : float
    """
    n = len(maxima)
    mean = 0.0
    for index in range(n):
        mean += min(maxima[index], cap) / n
    product, square = 0.0, 1e-9
    for index in range(n):
        deviation = min(maxima[index], cap) - mean
        square += deviation * deviation
        if index > 0:
            product += deviation * (min(maxima[index - 1], cap) - mean)
    agreement = min(max(product / square + 1.0 / n, 0.0), MOST_AGREEMENT)
    return float(n * (1.0 - agreement) / (1.0 + agreement))


@kernel
def own_threshold(
    maxima: NDArray[np.float64], samples_per_alarm: float, location: float, scale: float
) -> float:
    """The rank channel's line from its own maxima.

    Parameters
    ----------
    maxima : float64 array, shape (n,)
        In the order of the blocks, but for where the ring begins.
    samples_per_alarm : float
    location, scale : float
        The prior's.
    """
    rising = np.sort(maxima)
    cap = cap_of(rising, CAP_SCALES)
    mean, spread, skewness = moments_of(rising, cap)
    own_location, own_scale = extreme_of(mean, spread, 0.0)
    centre, width = pool(own_location, own_scale, len(maxima), location, scale)
    blocks = independent_blocks(maxima, cap)
    level, widening = rare_level(samples_per_alarm, blocks)
    # No tail is taken to end here: it would break the budget with the first larger maximum.
    shape = min(max(shape_of(skewness, blocks), 0.0), MOST_SHAPE)
    line = centre + width * reach_of(level + widening, shape, SHAPED_REACH)
    return float(max(line, often_reached(rising, samples_per_alarm)))


@kernel
def root_threshold(
    roots: NDArray[np.float64], samples_per_alarm: float, location: float, scale: float
) -> float:
    """The line of the value or the level channel from roots of its own maxima.

    Parameters
    ----------
    roots : float64 array, shape (n,)
        Rising, n ≥ 3.
    samples_per_alarm : float
    location, scale : float
        The prior's, worth ROOT_PRIOR_BLOCKS blocks.
    """
    n = len(roots)
    mean, spread, skewness = moments_of(roots, cap_of(roots, ROOT_CAP_SCALES))
    weight = ROOT_PRIOR_BLOCKS + n
    mean = (ROOT_PRIOR_BLOCKS * (location + EULER * scale) + n * mean) / weight
    spread = (ROOT_PRIOR_BLOCKS * np.log(2.0) * scale + n * spread) / weight
    shape = 0.0
    if n >= FEWEST_SHAPED_BLOCKS:
        shape = min(max(shape_of(skewness, n), ROOT_SHAPES[0]), ROOT_SHAPES[1])
    location, scale = extreme_of(mean, spread, shape)
    level, widening = rare_level(samples_per_alarm, weight)
    line = location + scale * reach_of(level + widening, shape, ROOT_SHAPED_REACH)
    return float(max(line, shown_line(roots, samples_per_alarm)))


@kernel
def shown_line(maxima: NDArray[np.float64], samples_per_alarm: float) -> float:
    """Least line by the largest maxima alone, whatever law was fitted to all of them.

    Where values are few (counts, states) maxima pile up at some of them, and the fitted law may end below one
    that comes again and again. So as many of the largest as are too many to be alarms, and the median, are
    taken for quantiles of Gumbel's law (Weissman 1978).

    Parameters
    ----------
    maxima : float64 array, shape (n,)
        Rising.
    samples_per_alarm : float
        0 is returned where more than a third of the blocks may hold an alarm.
    """
    n = len(maxima)
    above = 1 + int(SHOWN_FACTOR * n * BLOCK_SAMPLES / samples_per_alarm)
    if n < FEWEST_SHOWN_OF or above > n // 3:
        return 0.0
    middle = maxima[(n - 1) // 2]
    level, _ = rare_level(samples_per_alarm, 1.0)
    beyond = (level - MEDIAN_LEVEL) / (np.log(n / above) - MEDIAN_LEVEL)
    return float(middle + (maxima[n - above] - middle) * max(beyond, 1.0))


@kernel
def often_reached(maxima: NDArray[np.float64], samples_per_alarm: float) -> float:
    """Least line that what the stream has shown allows, whatever law was fitted to it.

    A window of 16 samples has a largest surprise. A stream whose daily swing reaches it again and again piles
    its maxima up there, and the fitted line may end just below.

    Parameters
    ----------
    maxima : float64 array, shape (n,)
        Rising.
    samples_per_alarm : float
        0 is returned where REACHED_BLOCKS alarms in the time of the maxima are what the budget allows.
    """
    n = len(maxima)
    allowed = n * BLOCK_SAMPLES / samples_per_alarm
    if n < FEWEST_REACHED_OF or 2.0 * allowed > REACHED_BLOCKS:
        return 0.0
    return float(REACHED_MARGIN * maxima[n - REACHED_BLOCKS])
