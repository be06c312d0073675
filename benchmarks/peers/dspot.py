"""DSPOT: streaming extreme values on drift-removed samples (Siffer et al., KDD 2017).

Both tails of x_t minus the mean of the last `DEPTH` normal samples. Excesses over the initial 98 % quantile u
follow a generalised Pareto distribution, P(X > x) = (k / n) (1 + g (x - u) / s)^(-1/g); an alarm is P < q.
The paper fits (g, s) by Grimshaw's likelihood; here by probability-weighted moments (Hosking and Wallis
1987), refitted whenever an excess arrives, on at most the last 512 of them, with shapes from 0 to 0.9: a
negative shape is a bound beyond which every value is impossible, and costs DSPOT dearly (area 0.56 instead of
0.74 on the servers of this benchmark).
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

from benchmarks.peers.peer import Feed, Values, each_stream

DEPTH = 5
CALIBRATION_SAMPLES = 1000
LEVEL = 0.98
EXCESSES = 512


@njit(cache=True)
def fit_pareto(excess: NDArray[np.float64], least_scale: float) -> tuple[float, float]:
    """(shape, scale) of a generalised Pareto distribution by probability-weighted moments.

    The scale is at least `least_scale`, so that ties do not make the next step an impossibility. With
    a0 = E[Y], a1 = E[Y (1 - F(Y))]: shape = 2 - a0 / (a0 - 2 a1), scale = 2 a0 a1 / (a0 - 2 a1).
    """
    ordered = np.sort(excess)
    n = len(ordered)
    a0 = ordered.mean()
    a1 = 0.0
    for i in range(n):
        a1 += ordered[i] * (1.0 - (i + 0.65) / n)
    a1 /= n
    denominator = a0 - 2.0 * a1
    if a0 <= 0.0 or denominator <= 1e-12 * a0:
        return 0.0, max(a0, least_scale)
    return min(max(2.0 - a0 / denominator, 0.0), 0.9), max(2.0 * a0 * a1 / denominator, least_scale)


@njit(cache=True)
def _tail_nats(excess: float, shape: float, scale: float, rate: float) -> float:
    """-ln P(X > u + excess)."""
    if abs(shape) < 1e-6:
        return -math.log(rate) + excess / scale
    return -math.log(rate) + math.log1p(shape * excess / scale) / shape


@njit(cache=True)
def _dspot(x: NDArray[np.float64], depth: int, calibration: int, limit: float) -> NDArray[np.float64]:
    n = len(x)
    out = np.zeros(n)
    if n < depth + calibration:
        return out
    recent = x[:depth].copy()
    total = recent.sum()
    residual = np.empty(calibration)
    for t in range(depth, depth + calibration):
        residual[t - depth] = x[t] - total / depth
        total += x[t] - recent[t % depth]
        recent[t % depth] = x[t]
    least_scale = max(0.05 * residual.std(), 1e-9)
    excess = np.zeros((2, EXCESSES))
    found = np.zeros(2, np.int64)
    level, shape, scale = np.zeros(2), np.zeros(2), np.ones(2)
    for side in range(2):
        signed = residual if side == 0 else -residual
        level[side] = np.quantile(signed, LEVEL)
        for v in signed:
            if v > level[side]:
                excess[side, found[side] % EXCESSES] = v - level[side]
                found[side] += 1
        if found[side]:
            shape[side], scale[side] = fit_pareto(excess[side, : min(found[side], EXCESSES)], least_scale)
    seen = calibration
    place = 0
    for t in range(depth + calibration, n):
        step = x[t] - total / depth
        worst, winner = 0.0, -1
        for side in range(2):
            over = (step if side == 0 else -step) - level[side]
            if over > 0 and found[side]:
                nats = _tail_nats(over, shape[side], scale[side], found[side] / seen)
                if nats > worst:
                    worst, winner = nats, side
        out[t] = worst / limit
        if out[t] > 1.0:
            continue
        seen += 1
        if winner >= 0:
            over = (step if winner == 0 else -step) - level[winner]
            excess[winner, found[winner] % EXCESSES] = over
            found[winner] += 1
            shape[winner], scale[winner] = fit_pareto(
                excess[winner, : min(found[winner], EXCESSES)], least_scale
            )
        total += x[t] - recent[place]
        recent[place] = x[t]
        place = (place + 1) % depth
    return out


def dspot(values: Values, feed: Feed) -> Values:
    """-ln P under the fitted tail, in units of ln(samples per alarm) (q = 1 / N)."""
    limit = math.log(feed.samples_per_alarm)
    return each_stream(values, lambda x: _dspot(x, DEPTH, CALIBRATION_SAMPLES, limit))
