"""Control charts: CUSUM, EWMA, Page-Hinkley.

CUSUM and EWMA watch the residual from the median of a trailing reference (1024 samples, gap 1024), in units
of its robust sigma: what an engineer gets who applies the textbook to a stream of unknown level.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

from benchmarks.peers.peer import Feed, Values, each_stream
from benchmarks.peers.tail import two_sided_z
from benchmarks.peers.window import trailing_moments

REFERENCE_SAMPLES = 1024
ALLOWANCE = 0.5
EWMA_WEIGHT = 0.1


@njit(cache=True)
def _standardised(x: NDArray[np.float64]) -> NDArray[np.float64]:
    centre, spread = trailing_moments(x, REFERENCE_SAMPLES, REFERENCE_SAMPLES, 16)
    z = (x - centre) / spread
    for t in range(len(z)):
        if np.isnan(z[t]):
            z[t] = 0.0
    return z


@njit(cache=True)
def _cusum(x: NDArray[np.float64], allowance: float) -> NDArray[np.float64]:
    z = _standardised(x)
    out = np.zeros(len(x))
    up = down = 0.0
    for t in range(len(x)):
        up = max(0.0, up + z[t] - allowance)
        down = max(0.0, down - z[t] - allowance)
        out[t] = max(up, down)
    return out


@njit(cache=True)
def _ewma(x: NDArray[np.float64], weight: float) -> NDArray[np.float64]:
    z = _standardised(x)
    out = np.zeros(len(x))
    level = 0.0
    for t in range(len(x)):
        level += weight * (z[t] - level)
        out[t] = abs(level)
    return out


def cusum_limit(samples_per_alarm: float, allowance: float) -> float:
    """Two-sided CUSUM limit with the given in-control run length (Siegmund 1985, eq. 2.9).

    Parameters
    ----------
    samples_per_alarm : float
    allowance : float
        k, in sigmas.
    """
    low, high = 0.0, 100.0
    for _ in range(60):
        h = 0.5 * (low + high)
        b = 2.0 * allowance * (h + 1.166)
        run_length = (math.exp(min(b, 700.0)) - b - 1.0) / (2.0 * allowance**2) / 2.0
        low, high = (h, high) if run_length < samples_per_alarm else (low, h)
    return high


def cusum(values: Values, feed: Feed) -> Values:
    """Page's cumulative sums (Biometrika 1954), k = 0.5, limit by Siegmund's approximation."""
    limit = cusum_limit(feed.samples_per_alarm, ALLOWANCE)
    return each_stream(values, lambda x: _cusum(x, ALLOWANCE) / limit)


def ewma(values: Values, feed: Feed) -> Values:
    """Exponentially weighted mean (Roberts 1959), lambda = 0.1, limit at the stationary normal quantile."""
    limit = two_sided_z(feed.samples_per_alarm) * math.sqrt(EWMA_WEIGHT / (2.0 - EWMA_WEIGHT))
    return each_stream(values, lambda x: _ewma(x, EWMA_WEIGHT) / limit)


@njit(cache=True)
def _page_hinkley(
    x: NDArray[np.float64], tolerance: float, threshold: float, forgetting: float, least: int
) -> NDArray[np.float64]:
    out = np.zeros(len(x))
    mean = up = down = 0.0
    lowest, highest = np.inf, -1.0
    seen = 0
    for t in range(len(x)):
        seen += 1
        mean += (x[t] - mean) / seen
        up = forgetting * up + (x[t] - mean - tolerance)
        down = forgetting * down + (x[t] - mean + tolerance)
        lowest, highest = min(lowest, up), max(highest, down)
        if seen < least:
            continue
        out[t] = max(up - lowest, highest - down) / threshold
        if out[t] > 1.0:
            mean = up = down = 0.0
            lowest, highest = np.inf, -1.0
            seen = 0
    return out


def page_hinkley(values: Values, feed: Feed) -> Values:
    """Page-Hinkley test (Mouss et al. 2004) with river's defaults: 0.005, 50, 0.9999, 30 samples."""
    del feed
    return each_stream(values, lambda x: _page_hinkley(x, 0.005, 50.0, 0.9999, 30))
