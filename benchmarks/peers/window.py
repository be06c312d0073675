"""A sliding window that stays sorted, and the robust moments read from it."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

MAD_TO_SIGMA = 1.4826
"""Median absolute deviation -> standard deviation of a normal distribution."""

MEAN_DEVIATION_TO_SIGMA = 1.2533
"""Mean absolute deviation -> standard deviation of a normal distribution."""


@njit(cache=True)
def insert(ordered: NDArray[np.float64], count: int, value: float) -> None:
    """Put `value` into the first `count` ordered values; there must be room for one more."""
    place = np.searchsorted(ordered[:count], value)
    for k in range(count, place, -1):
        ordered[k] = ordered[k - 1]
    ordered[place] = value


@njit(cache=True)
def replace(ordered: NDArray[np.float64], leaving: float, entering: float) -> None:
    """Exchange one value of a full window, keeping it ordered."""
    k = np.searchsorted(ordered, leaving)
    while k + 1 < len(ordered) and ordered[k + 1] < entering:
        ordered[k] = ordered[k + 1]
        k += 1
    while k > 0 and ordered[k - 1] > entering:
        ordered[k] = ordered[k - 1]
        k -= 1
    ordered[k] = entering


@njit(cache=True)
def median_and_sigma(ordered: NDArray[np.float64]) -> tuple[float, float]:
    """Median and scaled median absolute deviation of ordered values, in one walk outwards.

    With more than half of the values equal the mean absolute deviation stands in (Iglewicz and Hoaglin 1993).
    """
    n = len(ordered)
    median = 0.5 * (ordered[(n - 1) // 2] + ordered[n // 2])
    low, high = n // 2 - 1, n // 2
    deviation = 0.0
    for _ in range(n // 2 + 1):
        below = median - ordered[low] if low >= 0 else np.inf
        above = ordered[high] - median if high < n else np.inf
        if below < above:
            deviation, low = below, low - 1
        else:
            deviation, high = above, high + 1
    sigma = MAD_TO_SIGMA * deviation
    if sigma <= 0.0:
        sigma = MEAN_DEVIATION_TO_SIGMA * np.abs(ordered - median).mean()
    return median, max(sigma, 1e-9 * (abs(median) + 1e-9))


@njit(cache=True)
def trailing_moments(
    x: NDArray[np.float64], size: int, gap: int, refresh: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Median and robust sigma of the `size` samples that end `gap` samples before each one.

    NaN until half a window has been seen. Refreshed every `refresh` samples.
    """
    n = len(x)
    centre, spread = np.full(n, np.nan), np.full(n, np.nan)
    ordered = np.empty(size)
    count = 0
    for t in range(n):
        if t - gap - 1 >= 0:
            entering = x[t - gap - 1]
            if count < size:
                insert(ordered, count, entering)
                count += 1
            else:
                replace(ordered, x[t - gap - 1 - size], entering)
        if count < size // 2:
            continue
        if t % refresh == 0 or np.isnan(centre[t - 1]):
            centre[t], spread[t] = median_and_sigma(ordered[:count])
        else:
            centre[t], spread[t] = centre[t - 1], spread[t - 1]
    return centre, spread
