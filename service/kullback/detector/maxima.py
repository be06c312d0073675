"""What a stream's block maxima say of how high its surprise gets, and how rarely.

Maxima of many samples follow a generalised extreme value law (Fisher & Tippett 1928), for most streams a
Gumbel law; L-moments fit it to few of them, and what incidents left among them is drawn in or set apart.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kullback.core.kernel import kernel

BLOCK_SAMPLES = 128
PRIOR_BLOCKS = 16
CAP_SCALES = 8.0
MOST_SHAPE = 0.5
SHAPE_PRIOR_BLOCKS = 32.0
LEAST_SHAPE = 1e-3
SHAPED_REACH = 8.5
MOST_AGREEMENT = 0.9
GAP_REACH, NEAREST_LEVEL = 0.6, 5.0
REACHED_BLOCKS, FEWEST_REACHED_OF, REACHED_MARGIN = 3, 16, 1.15
"""What so many of at least so many blocks have reached is not rare; the line lies by so much above it."""
INCIDENT_GAP = 7.0
"""So many times its mean is the gap that sets incidents apart; by chance one stream in 50 shows it."""
FEWEST_GAP_BLOCKS = 16
EULER = 0.5772156649015329


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
def fit_maxima(maxima: NDArray[np.float64], cap: float) -> tuple[float, float]:
    """Gumbel location and scale of block maxima by L-moments (Hosking 1990).

    Maxima above `cap` are drawn in to there, so one incident does not lift the line.

    Parameters
    ----------
    maxima : float64 array, shape (n,)
        Rising, n ≥ 2.
    cap : float
    """
    n = len(maxima)
    mean = 0.0
    weighted = 0.0
    for index in range(n):
        value = min(maxima[index], cap)
        mean += value
        weighted += index * value
    mean /= n
    scale = max((2.0 * weighted / (n * (n - 1.0)) - mean) / np.log(2.0), 0.05)
    return mean - EULER * scale, scale


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
    """Gumbel quantile exceeded in one block of `samples_per_alarm / BLOCK_SAMPLES`, and its widening.

    The widening stands for the error of a fit to so many blocks: the expected alarm rate, not the median
    one, shall meet the budget.

    Parameters
    ----------
    samples_per_alarm, blocks : float
    """
    rare = min(BLOCK_SAMPLES / samples_per_alarm, 0.5)
    level = -np.log(-np.log1p(-rare))
    return level, (1.1 + 0.5 * level + 0.6 * level * level) / (2.0 * blocks)


@kernel
def tail_shape(maxima: NDArray[np.float64], cap: float, blocks: float) -> float:
    """Shape ξ of a generalised extreme value distribution by L-moments (Hosking, Wallis & Wood 1985).

    Drawn towards 0 (Gumbel) as if by SHAPE_PRIOR_BLOCKS blocks, and never below: a bounded tail would break
    the budget with the first larger maximum.

    Parameters
    ----------
    maxima : float64 array, shape (n,)
        Rising, n ≥ 3.
    cap : float
    blocks : float
        How many independent blocks the maxima are worth.
    """
    n = len(maxima)
    mean, first, second = 0.0, 0.0, 0.0
    for index in range(n):
        value = min(maxima[index], cap)
        mean += value
        first += value * index / (n - 1.0)
        second += value * index * (index - 1.0) / ((n - 1.0) * (n - 2.0))
    mean, first, second = mean / n, first / n, second / n
    skewness = (6.0 * second - 6.0 * first + mean) / max(2.0 * first - mean, 1e-9)
    kappa = 7.859 * (2.0 / (3.0 + skewness) - np.log(2.0) / np.log(3.0))
    return float(min(max(-kappa * blocks / (blocks + SHAPE_PRIOR_BLOCKS), 0.0), MOST_SHAPE))


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
    own_location, own_scale = fit_maxima(rising, cap)
    centre, spread = pool(own_location, own_scale, len(maxima), location, scale)
    blocks = independent_blocks(maxima, cap)
    level, widening = rare_level(samples_per_alarm, blocks)
    shape, reach = tail_shape(rising, cap, blocks), level + widening
    if shape > LEAST_SHAPE:
        # Beyond what so short a history can say of the shape, the tail goes on as an exponential one.
        near = min(reach, SHAPED_REACH)
        reach += (np.exp(shape * near) - 1.0) / shape - near
    return float(max(centre + spread * reach, often_reached(rising, samples_per_alarm)))


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


@kernel
def usual_blocks(maxima: NDArray[np.float64], level: float) -> int:
    """How many of the maxima are the stream's everyday; those above them are incidents.

    The gap below the r-th largest of many Gumbel values is exponential with mean scale / r (Weissman 1978).
    Where recurring incidents stand apart from everyday maxima by a gap far too wide for that, they must not
    lift the line above the next one of them. Location and scale are fitted to the 0.2 and 0.6 quantiles, and
    at most a third of the blocks are taken for incidents.

    Parameters
    ----------
    maxima : float64 array, shape (n,)
        Rising.
    level : float
        Gumbel quantile of the line; a gap counts only well on the way to it.
    """
    n = len(maxima)
    if n < FEWEST_GAP_BLOCKS:
        return n
    low, high = -np.log(-np.log(0.2)), -np.log(-np.log(0.6))
    first, second = maxima[int(0.2 * (n - 1))], maxima[int(0.6 * (n - 1))]
    scale = max((second - first) / (high - low), 0.05)
    location = first - scale * low
    kept, widest = n, INCIDENT_GAP
    for above in range(2, n // 3 + 1):
        gap = above * (maxima[n - above] - maxima[n - above - 1]) / scale
        if gap > widest and maxima[n - above] - location > GAP_REACH * max(level, NEAREST_LEVEL) * scale:
            kept, widest = n - above, gap
    return kept
