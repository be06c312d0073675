"""Buckets as they arrive onto the buckets a stream keeps."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from kullback.core.kernel import inner_kernel, kernel
from kullback.detector.binned.layout import BINS, FIRST_UNITS, GAP_BLOCKS, UNITS


@inner_kernel
def spread(
    stream: Any, upper_bound: NDArray[np.float64], count: NDArray[np.float64], shares: NDArray[np.float64]
) -> float:
    """Shares of one interval over the stream's bins; its number of observations.

    The stream's bounds are those of its first intervals. Where an interval's buckets do not fit them, mass is
    divided in proportion to width.

    Parameters
    ----------
    stream : record
    upper_bound : float64 array, shape (k,)
        Rising; the last may be +Inf.
    count : float64 array, shape (k,)
    shares : float64 array, shape (BINS,)
        Overwritten.
    """
    mass = count.sum()
    shares[:] = 0.0
    if not mass > 0.0 or not np.isfinite(mass):
        return 0.0
    _learn_bounds(stream, upper_bound)
    lower = -np.inf
    for index in range(len(upper_bound)):
        if count[index] > 0.0:
            _divide(stream, lower, upper_bound[index], count[index] / mass, shares)
        lower = upper_bound[index]
    return float(mass)


@inner_kernel
def _learn_bounds(stream: Any, upper_bound: NDArray[np.float64]) -> None:
    stream.bins = max(stream.bins, 1)
    # Of more bounds than bins, every k-th.
    stride = -(-len(upper_bound) // (BINS - 1))
    for index in range(0, len(upper_bound), stride):
        if np.isfinite(upper_bound[index]):
            learn_bound(stream, upper_bound[index])


@kernel
def learn_bound(stream: Any, bound: float) -> None:
    """Make a bound one of the stream's own, unless it is.

    Once there is a reference, one among the others is left out: how the mass around it was divided before is
    not known, and a guess would look like a change. One beyond all others is always taken; when there is no
    room, in place of the one between the two emptiest bins.

    Parameters
    ----------
    stream : record
    bound : float
    """
    finite = stream.bins - 1
    at = int(np.searchsorted(stream.bounds[:finite], bound))
    inside = 0 < at < finite
    if (at < finite and stream.bounds[at] == bound) or (inside and stream.samples >= FIRST_UNITS):
        return
    if stream.bins >= BINS:
        if inside:
            return
        _forget_bound(stream, _between_emptiest(stream))
        finite = stream.bins - 1
        at = int(np.searchsorted(stream.bounds[:finite], bound))
    part = _part_below(stream, at, bound)
    for index in range(finite, at, -1):
        stream.bounds[index] = stream.bounds[index - 1]
    stream.bounds[at] = bound
    _split(stream.reference, at, stream.bins, part)
    for unit in range(UNITS):
        _split(stream.newest[unit], at, stream.bins, part)
    for block in range(GAP_BLOCKS):
        _split(stream.blocks[block], at, stream.bins, part)
    stream.bins += 1


@inner_kernel
def _between_emptiest(stream: Any) -> int:
    """Index of the bound whose two bins together hold least of reference and newest units."""
    least, found = np.inf, 0
    lower = stream.reference[0] + stream.newest[:, 0].sum()
    for index in range(stream.bins - 1):
        upper = stream.reference[index + 1] + stream.newest[:, index + 1].sum()
        if lower + upper < least:
            least, found = lower + upper, index
        lower = upper
    return found


@inner_kernel
def _forget_bound(stream: Any, at: int) -> None:
    for index in range(at, stream.bins - 2):
        stream.bounds[index] = stream.bounds[index + 1]
    _join(stream.reference, at, stream.bins)
    for unit in range(UNITS):
        _join(stream.newest[unit], at, stream.bins)
    for block in range(GAP_BLOCKS):
        _join(stream.blocks[block], at, stream.bins)
    stream.bins -= 1


@inner_kernel
def _join(masses: NDArray[np.float64], at: int, bins: int) -> None:
    masses[at] += masses[at + 1]
    for index in range(at + 1, bins - 1):
        masses[index] = masses[index + 1]
    masses[bins - 1] = 0.0


@inner_kernel
def _part_below(stream: Any, at: int, bound: float) -> float:
    """Share of bin `at` that lies below a new bound inside it; of an open bin, what lies nearer counts."""
    finite = stream.bins - 1
    if at == finite:
        return 1.0
    if at == 0:
        return 0.0
    lower, upper = stream.bounds[at - 1], stream.bounds[at]
    return float((bound - lower) / (upper - lower))


@inner_kernel
def _split(masses: NDArray[np.float64], at: int, bins: int, part: float) -> None:
    for index in range(bins, at + 1, -1):
        masses[index] = masses[index - 1]
    whole = masses[at]
    masses[at] = part * whole
    masses[at + 1] = whole - part * whole


@inner_kernel
def _divide(stream: Any, lower: float, upper: float, share: float, shares: NDArray[np.float64]) -> None:
    """Put the mass of a bucket into the bins it covers, by width."""
    finite = stream.bins - 1
    first = np.searchsorted(stream.bounds[:finite], lower, side="right")
    last = np.searchsorted(stream.bounds[:finite], upper)
    if first >= last or not np.isfinite(lower) or not np.isfinite(upper):
        shares[min(first, finite) if not np.isfinite(upper) else min(last, finite)] += share
        return
    for index in range(first, last + 1):
        left = max(lower, stream.bounds[index - 1]) if index > 0 else lower
        right = min(upper, stream.bounds[index]) if index < finite else upper
        if right > left:
            shares[index] += share * (right - left) / (upper - lower)
