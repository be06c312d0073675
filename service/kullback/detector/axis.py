"""The quantile axis: fixed bins in the rank of the reference, on which every stream looks alike.

A sample stands at its rank among the reference's samples, divided by their number + 1. On this axis the
reference is uniform by construction, so the null distribution of a divergence does not depend on the metric.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kullback.core.kernel import kernel

COARSE_BINS = 16
CUTS: NDArray[np.float64] = np.array(
    [0.002, 0.01, *(i / COARSE_BINS for i in range(1, COARSE_BINS)), 0.99, 0.998], np.float64
)
BINS = len(CUTS) + 1
EDGES: NDArray[np.float64] = np.concatenate(([0.0], CUTS, [1.0]))
WIDTHS: NDArray[np.float64] = np.diff(EDGES)
IS_COARSE: NDArray[np.bool_] = np.ones(len(CUTS), np.bool_)
IS_COARSE[[0, 1, -2, -1]] = False
COARSE_OF: NDArray[np.int64] = np.concatenate(([0], np.cumsum(IS_COARSE))).astype(np.int64)
"""Coarse bin of each bin."""

UNITS = 2000
"""Mass of one sample; integers, so that what enters a window leaves it exactly, and a multiple of what makes
every cut one."""

ORDERED_WEIGHTS: NDArray[np.float64] = np.where(IS_COARSE, 1.0 / (CUTS * (1.0 - CUTS)), 0.0)
ORDERED_WEIGHTS /= ORDERED_WEIGHTS.sum()
TAIL_WEIGHTS: NDArray[np.float64] = 0.5 * (WIDTHS[:-1] + WIDTHS[1:]) / (CUTS * (1.0 - CUTS))
TAIL_WEIGHTS /= TAIL_WEIGHTS.sum()

_PAIRS = [(low, high) for low in range(BINS) for high in range(low, BINS)]
PAIR: NDArray[np.uint8] = np.zeros((BINS, BINS), np.uint8)
"""Code of the block of bins low..high over which one sample spreads; a single bin is the block of itself."""
for _code, (_low, _high) in enumerate(_PAIRS):
    PAIR[_low, _high] = _code
BLOCK: NDArray[np.int64] = np.array(_PAIRS, np.int64)


def _units_below_cuts() -> NDArray[np.int32]:
    left, right = EDGES[BLOCK[:, 0]], EDGES[BLOCK[:, 1] + 1]
    below = (CUTS[None, :] - left[:, None]) / (right - left)[:, None]
    return np.rint(UNITS * np.clip(below, 0.0, 1.0)).astype(np.int32)


UNITS_BELOW: NDArray[np.int32] = _units_below_cuts()
"""Mass below each cut per code; shape (codes, cuts)."""


@kernel
def bin_of(position: float) -> int:
    """Bin of a position on the axis.

    Parameters
    ----------
    position : float
        In [0, 1]; a position on a cut belongs to the bin above.
    """
    coarse = min(int(position * 16.0), 15)
    if coarse == 0:
        return int(position >= 0.002) + int(position >= 0.01)
    if coarse == 15:
        return 17 + int(position >= 0.99) + int(position >= 0.998)
    return coarse + 2


@kernel
def code_of(below: int, through: int, size: int, draw: float) -> int:
    """Block of bins for a sample whose ties with the reference cover `below .. through` of its ranks.

    The rank interval [below, through + 1] / (size + 1) holds the sample with equal chance anywhere (conformal
    rank, Vovk et al. 2005). Bins wholly inside share its mass as one block; a part of a bin at either end
    receives it as often as its share of the interval, by `draw`. The mean mass per bin is exact.

    Parameters
    ----------
    below, through : int
        Reference samples smaller than, and not larger than, the sample.
    size : int
        Samples in the reference.
    draw : float
        Equidistributed in [0, 1).
    """
    left = below / (size + 1.0)
    right = (through + 1.0) / (size + 1.0)
    low = bin_of(left)
    high = bin_of(right - 1e-9)
    if low == high:
        return int(PAIR[low, low])
    whole_low = low if left <= EDGES[low] else low + 1
    whole_high = high if right >= EDGES[high + 1] - 1e-9 else high - 1
    chosen = min(max(bin_of(left + draw * (right - left)), low), high)
    if whole_low <= chosen <= whole_high:
        return int(PAIR[whole_low, whole_high])
    return int(PAIR[chosen, chosen])
