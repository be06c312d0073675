"""Histograms of any buckets on the fixed bins of their stream."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from kullback.core.kernel import kernel

MASS_BINS = 64
SMOOTHING = 0.5
REFERENCE_INTERVALS = 512.0
WINDOW_INTERVALS: NDArray[np.float64] = np.array([4.0, 16.0, 64.0, 256.0, 1024.0])

HISTOGRAM = np.dtype(
    [
        ("intervals", "i8"),
        ("observations", "f8"),
        ("edges", "f8", (MASS_BINS - 1,)),
        ("reference", "f8", (MASS_BINS,)),
        ("current", "f4", (len(WINDOW_INTERVALS), MASS_BINS)),
        ("bins", "i4"),
    ],
    align=True,
)
"""What is kept of a stream of histograms.

- `edges` inner edges of its bins, `bins` how many bins are in use
- `reference` observations per bin, decayed over REFERENCE_INTERVALS
- `current` mean observations per interval and bin, decayed over each of WINDOW_INTERVALS
"""


@kernel
def choose_edges(histogram: Any, bounds: NDArray[np.float64]) -> None:
    """Take the finite bounds of a first sample as edges; of too many, every k-th.

    Parameters
    ----------
    histogram : HISTOGRAM record
    bounds : float64 array, shape (n,)
        Upper bounds, rising; the last may be +Inf.
    """
    finite = len(bounds)
    while finite > 0 and np.isinf(bounds[finite - 1]):
        finite -= 1
    step = max(1, -(-finite // (MASS_BINS - 1)))
    used = 0
    for index in range(0, finite, step):
        histogram.edges[used] = bounds[index]
        used += 1
    histogram.bins = used + 1


@kernel
def spread_counts(
    histogram: Any, bounds: NDArray[np.float64], counts: NDArray[np.float64], mass: NDArray[np.float64]
) -> float:
    """Distribute bucket counts over the stream's bins, evenly within a bucket.

    The first bucket is open below and counts just under its bound; the last may be open above and counts
    just over its lower bound.

    Parameters
    ----------
    histogram : HISTOGRAM record
    bounds, counts : float64 arrays, shape (n,)
    mass : float64 array, shape (MASS_BINS,)
        Overwritten.

    Returns
    -------
    float
        Observations.
    """
    mass[:] = 0.0
    total = 0.0
    for index in range(len(bounds)):
        count = max(counts[index], 0.0)
        if count == 0.0 or np.isnan(count):
            continue
        total += count
        upper = bounds[index]
        lower = bounds[index - 1] if index > 0 else upper
        if np.isinf(upper):
            mass[_bin_above(histogram, lower)] += count
        elif index == 0 or lower >= upper:
            mass[_bin_up_to(histogram, upper)] += count
        else:
            _spread(histogram, lower, upper, count, mass)
    return total


@kernel
def _bin_above(histogram: Any, value: float) -> int:
    """Bin of what lies just over a value."""
    index = 0
    while index < histogram.bins - 1 and histogram.edges[index] <= value:
        index += 1
    return index


@kernel
def _bin_up_to(histogram: Any, value: float) -> int:
    """Bin of what lies just under a value or on it: bounds are inclusive above."""
    index = 0
    while index < histogram.bins - 1 and histogram.edges[index] < value:
        index += 1
    return index


@kernel
def _spread(histogram: Any, lower: float, upper: float, count: float, mass: NDArray[np.float64]) -> None:
    index = _bin_above(histogram, lower)
    start = lower
    while index < histogram.bins - 1 and histogram.edges[index] < upper:
        mass[index] += count * (histogram.edges[index] - start) / (upper - lower)
        start = histogram.edges[index]
        index += 1
    mass[index] += count * (upper - start) / (upper - lower)


@kernel
def interval_divergence(histogram: Any, mass: NDArray[np.float64], total: float) -> float:
    """D(interval ‖ reference) in nats, both smoothed (Krichevsky & Trofimov 1981).

    The reference is smoothed as if it held as many observations as the interval, so that the two are drawn
    to the middle alike, however much the reference has grown.

    Parameters
    ----------
    histogram : HISTOGRAM record
    mass : float64 array, shape (MASS_BINS,)
    total : float
        Observations in the interval.
    """
    bins = histogram.bins
    held = 0.0
    for index in range(bins):
        held += histogram.reference[index]
    scale = total / held
    divergence = 0.0
    for index in range(bins):
        share = (mass[index] + SMOOTHING) / (total + SMOOTHING * bins)
        usual = (histogram.reference[index] * scale + SMOOTHING) / (total + SMOOTHING * bins)
        divergence += share * np.log(share / usual)
    return max(divergence, 0.0)


@kernel
def judge(
    histograms: NDArray[Any],
    slots: NDArray[np.int32],
    start: NDArray[np.int64],
    bounds: NDArray[np.float64],
    counts: NDArray[np.float64],
    mass: NDArray[np.float64],
    total: NDArray[np.float64],
    divergence: NDArray[np.float64],
) -> None:
    """Place rows on the bins of their streams and measure them against the references.

    Parameters
    ----------
    histograms : HISTOGRAM array
    slots : int32 array, shape (n,)
    start : int64 array, shape (n + 1,)
    bounds, counts : float64 arrays, shape (k,)
    mass : float64 array, shape (n, MASS_BINS)
        Filled: observations per bin.
    total : float64 array, shape (n,)
        Filled: observations.
    divergence : float64 array, shape (n,)
        Filled: D(interval ‖ reference) in nats; NaN for the first interval of a stream and empty ones.
    """
    for index in range(len(slots)):
        histogram = histograms[slots[index]]
        row = slice(start[index], start[index + 1])
        if histogram.bins == 0:
            choose_edges(histogram, bounds[row])
        total[index] = spread_counts(histogram, bounds[row], counts[row], mass[index])
        divergence[index] = np.nan
        if histogram.intervals > 0 and total[index] > 0.0:
            divergence[index] = interval_divergence(histogram, mass[index], total[index])


@kernel
def learn(
    histograms: NDArray[Any],
    slots: NDArray[np.int32],
    mass: NDArray[np.float64],
    total: NDArray[np.float64],
    seen: NDArray[np.bool_],
    usual: NDArray[np.bool_],
) -> None:
    """Let intervals into the current windows, and into the references where they are usual.

    Parameters
    ----------
    histograms : HISTOGRAM array
    slots : int32 array, shape (n,)
    mass : float64 array, shape (n, MASS_BINS)
    total : float64 array, shape (n,)
    seen : bool array, shape (n,)
        Whether the interval counts at all.
    usual : bool array, shape (n,)
        Whether the stream is outside an episode.
    """
    for index in range(len(slots)):
        if seen[index]:
            _learn_row(histograms[slots[index]], mass[index], total[index], usual[index])


@kernel
def _learn_row(histogram: Any, mass: NDArray[np.float64], total: float, usual: bool) -> None:
    histogram.intervals += 1
    histogram.observations += total
    for window in range(len(WINDOW_INTERVALS)):
        weight = 1.0 / min(float(histogram.intervals), WINDOW_INTERVALS[window])
        for place in range(histogram.bins):
            held = histogram.current[window, place]
            histogram.current[window, place] = held + weight * (mass[place] - held)
    if usual:
        keep = 1.0 - 1.0 / REFERENCE_INTERVALS
        for place in range(histogram.bins):
            histogram.reference[place] = keep * histogram.reference[place] + mass[place]
