"""Textbook KL divergence: 50 samples against the 500 before them, 20 equal-width bins, alarm at 0.1."""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

from benchmarks.peers.peer import Feed, Values, each_stream

CURRENT_SAMPLES, REFERENCE_SAMPLES, BINS = 50, 500, 20
EMPTY_BIN = 1e-4
THRESHOLD_NATS = 0.1


@njit(cache=True)
def _bin(value: float, low: float, width: float, bins: int) -> int:
    return min(max(int((value - low) / width), 0), bins - 1) if width > 0 else 0


@njit(cache=True)
def _divergence(x: NDArray[np.float64], current: int, reference: int, bins: int) -> NDArray[np.float64]:
    out = np.zeros(len(x))
    p, q = np.empty(bins), np.empty(bins)
    for t in range(current + reference, len(x)):
        old = x[t + 1 - current - reference : t + 1 - current]
        low, high = old.min(), old.max()
        width = (high - low) / bins
        p[:], q[:] = EMPTY_BIN, EMPTY_BIN
        for v in old:
            q[_bin(v, low, width, bins)] += 1.0 / reference
        for v in x[t + 1 - current : t + 1]:
            p[_bin(v, low, width, bins)] += 1.0 / current
        nats = 0.0
        for k in range(bins):
            nats += p[k] * math.log(p[k] / q[k])
        out[t] = nats
    return out


def textbook_kl(values: Values, feed: Feed) -> Values:
    """D(last 50 || 500 before) with empty bins filled with 1e-4, over the usual threshold of 0.1 nats."""
    del feed
    return each_stream(
        values, lambda x: _divergence(x, CURRENT_SAMPLES, REFERENCE_SAMPLES, BINS) / THRESHOLD_NATS
    )
