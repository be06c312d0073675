"""Rules on the distance from a level: what dashboards and alert rules do today."""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

from benchmarks.peers.peer import Feed, Values, each_stream
from benchmarks.peers.tail import tail_nats, two_sided_z
from benchmarks.peers.window import trailing_moments

WINDOW_SAMPLES = 1024
SEASON_SLOTS = 96
SEASON_MEMORY = 0.1


@njit(cache=True)
def _robust_z(x: NDArray[np.float64], size: int) -> NDArray[np.float64]:
    centre, spread = trailing_moments(x, size, 0, 8)
    return np.abs(x - centre) / spread


def _finite(scores: Values) -> Values:
    return np.nan_to_num(scores, nan=0.0, posinf=1e9)


def mad(values: Values, feed: Feed) -> Values:
    """|x - median| / MAD over the last 1024 samples (Iglewicz and Hoaglin 1993)."""
    limit = two_sided_z(feed.samples_per_alarm)
    return each_stream(values, lambda x: _finite(_robust_z(x, WINDOW_SAMPLES) / limit))


def difference_mad(values: Values, feed: Feed) -> Values:
    """|x_t - x_(t-1)| against the robust sigma of the last 1024 differences."""
    limit = two_sided_z(feed.samples_per_alarm)
    return each_stream(
        values, lambda x: _finite(_robust_z(np.diff(x, prepend=x[:1]), WINDOW_SAMPLES) / limit)
    )


@njit(cache=True)
def _windowed_z(x: NDArray[np.float64], long: int, short: int, least: int) -> NDArray[np.float64]:
    """|mean of the last `short`| in sigmas of the `long` samples before them."""
    n = len(x)
    total, square = np.zeros(n + 1), np.zeros(n + 1)
    origin = x[0] if n else 0.0
    for t in range(n):
        v = x[t] - origin
        total[t + 1] = total[t] + v
        square[t + 1] = square[t] + v * v
    out = np.zeros(n)
    for t in range(least + short, n):
        now = t + 1 - short
        begin = max(0, now - long)
        count = now - begin
        mean = (total[now] - total[begin]) / count
        variance = (square[now] - square[begin]) / count - mean * mean
        level = (total[t + 1] - total[now]) / short
        out[t] = abs(level - mean) / math.sqrt(max(variance, 1e-12 * (mean * mean + 1e-12)))
    return out


def windowed_gaussian(values: Values, feed: Feed) -> Values:
    """Normal tail probability of a sample under the 6400 before it (NAB's windowedGaussian, log form)."""
    limit = math.log(feed.samples_per_alarm)
    return each_stream(values, lambda x: tail_nats(_windowed_z(x, 6400, 1, 64)) / limit)


def adaptive_mean(values: Values, feed: Feed) -> Values:
    """Mean +- 3 sigma of one day, on means of 3: the usual recording rule in PromQL."""
    return each_stream(values, lambda x: _windowed_z(x, feed.day_samples, 3, 64) / 3.0)


@njit(cache=True)
def _seasonal_z(x: NDArray[np.float64], period: int, slots: int, memory: float) -> NDArray[np.float64]:
    mean, variance, seen = np.zeros(slots), np.zeros(slots), np.zeros(slots)
    out = np.zeros(len(x))
    for t in range(len(x)):
        k = (t % period) * slots // period
        distance = x[t] - mean[k]
        if seen[k] >= 8:
            out[t] = abs(distance) / math.sqrt(max(variance[k], 1e-12 * (mean[k] ** 2 + 1e-12)))
        seen[k] += 1
        weight = max(1.0 / seen[k], memory * slots / period)
        mean[k] += weight * distance
        variance[k] = (1 - weight) * (variance[k] + weight * distance * distance)
    return out


def seasonal_z(values: Values, feed: Feed) -> Values:
    """z-score against the exponentially weighted mean and variance of the same quarter of an hour."""
    limit = two_sided_z(feed.samples_per_alarm)
    period = feed.day_samples
    slots = min(SEASON_SLOTS, period)
    return each_stream(values, lambda x: _seasonal_z(x, period, slots, SEASON_MEMORY) / limit)
