"""Divergences of a current window from the reference, and how surprising they are for this stream."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from kullback.core.kernel import inner_kernel, kernel
from kullback.detector.binned.layout import (
    BINS,
    CATEGORICAL,
    GAP_BLOCKS,
    KINDS,
    REFERENCE_UNITS,
    UNITS,
    WINDOWS,
)

LEAST_FREEDOM, MOST_FREEDOM = 0.5, 10_000.0
ORDERED_FREEDOM = 1.5
PRIOR_LOOKS = 8.0
"""Weight of the spread of χ² against what a window has shown, in windows that do not overlap."""
EDGE = 1e-9
_WINDOWS = np.array(WINDOWS)


@kernel
def gather(stream: Any, window: int, current: NDArray[np.float64]) -> float:
    """Mass of a current window per bin; the units it holds.

    Windows of up to 16 units are exact; longer ones end at the beginning of a block, so they hold between
    `w − 15` and `w` units.

    Parameters
    ----------
    stream : record
    window : int
        Index into `WINDOWS`.
    current : float64 array, shape (BINS,)
        Overwritten.
    """
    current[:] = 0.0
    length = _WINDOWS[window]
    partial = (stream.units - 1) % UNITS + 1 if stream.units > 0 else 0
    newest = min(length, stream.units) if length <= UNITS else partial
    for back in range(1, newest + 1):
        at = (stream.head - back) % UNITS
        for index in range(stream.bins):
            current[index] += stream.newest[at, index]
    held = float(newest)
    if length > UNITS:
        blocks = min((length - partial) // UNITS, stream.blocks_held)
        for back in range(1, blocks + 1):
            at = (stream.block_head - back) % GAP_BLOCKS
            for index in range(stream.bins):
                current[index] += stream.blocks[at, index]
        held += blocks * UNITS
    return held


@kernel
def half_observation(stream: Any) -> float:
    """Half an observation, in units.

    Parameters
    ----------
    stream : record
    """
    return float(0.5 * min(stream.samples / max(stream.observations, 1.0), 1.0))


@kernel
def categorical_nats(stream: Any, current: NDArray[np.float64], units: float) -> float:
    """D(current ‖ reference), both with half an observation in each bin (Krichevsky & Trofimov 1981).

    Parameters
    ----------
    stream : record
    current : float64 array, shape (BINS,)
    units : float
    """
    half = half_observation(stream)
    extra = half * stream.bins
    nats = 0.0
    for index in range(stream.bins):
        p = (current[index] + half) / (units + extra)
        q = (stream.reference[index] + half) / (stream.reference_units + extra)
        nats += p * np.log(p / q)
    return nats


@inner_kernel
def ordered_nats(stream: Any, current: NDArray[np.float64], units: float) -> float:
    """Binary divergences of the distribution function at each bound, weighted by 1/(F(1−F)) (Zhang 2002).

    Parameters
    ----------
    stream : record
    current : float64 array, shape (BINS,)
    units : float
    """
    half = half_observation(stream)
    below, normal, weights, nats = 0.0, 0.0, 0.0, 0.0
    for index in range(stream.bins - 1):
        below += current[index] / units
        normal += stream.reference[index] / stream.reference_units
        share = stream.reference[index] / stream.reference_units
        if share <= 0.0 or normal <= EDGE or normal >= 1.0 - EDGE:
            continue
        c = (normal * stream.reference_units + half) / (stream.reference_units + 2.0 * half)
        f = min(max((below * units + half) / (units + 2.0 * half), EDGE), 1.0 - EDGE)
        weight = share / (c * (1.0 - c))
        weights += weight
        nats += weight * (f * np.log(f / c) + (1.0 - f) * np.log((1.0 - f) / (1.0 - c)))
    return nats / weights if weights > 0.0 else 0.0


@inner_kernel
def learn_usual(stream: Any, window: int, kind: int, statistic: float) -> None:
    """Let a statistic count for what is usual of it: its mean and mean square over the last 1024.

    Parameters
    ----------
    stream : record
    window, kind : int
    statistic : float
    """
    looks = float(min(max(stream.learnt - _WINDOWS[window], 0) + 1, REFERENCE_UNITS))
    if looks == 1.0:
        stream.mean[window, kind] = statistic
        stream.square[window, kind] = statistic * statistic
    # A change that is not an alarm yet must not make itself usual.
    counted = min(statistic, 4.0 * stream.mean[window, kind])
    stream.mean[window, kind] += (counted - stream.mean[window, kind]) / looks
    stream.square[window, kind] += (counted * counted - stream.square[window, kind]) / looks


@inner_kernel
def surprise(stream: Any, window: int, kind: int, statistic: float) -> float:
    """−ln p of a statistic, as if it were χ² with this stream's own mean and variance of it.

    The moments carry what is special about the stream: how many observations an interval has, how much
    intervals depend on each other.

    Parameters
    ----------
    stream : record
    window, kind : int
    statistic : float
    """
    mean = max(stream.mean[window, kind], 1e-12)
    if not stream.ordered:
        # Categories come one by one: 2·w·D is χ² with a known mean where nothing is rare, and smaller where
        # something is, so only dependence can make it larger than that.
        freedom = max(stream.bins - 1.0, 1.0)
        return chi_square_nats(statistic / max(mean / freedom, 1.0), freedom)
    looks = min(max(stream.learnt - _WINDOWS[window], 0), REFERENCE_UNITS) / _WINDOWS[window]
    usual = 2.0 / (max(stream.bins - 1.0, 1.0) if kind == CATEGORICAL else ORDERED_FREEDOM)
    spread = max(stream.square[window, kind] / (mean * mean) - 1.0, 0.0)
    spread = (looks * spread + PRIOR_LOOKS * usual) / (looks + PRIOR_LOOKS)
    freedom = min(max(2.0 / spread, LEAST_FREEDOM), MOST_FREEDOM)
    return chi_square_nats(freedom * statistic / mean, freedom)


@inner_kernel
def chi_square_nats(statistic: float, freedom: float) -> float:
    """−ln P(χ² > statistic), by Wilson & Hilferty (1931).

    Parameters
    ----------
    statistic, freedom : float
    """
    spread = 2.0 / (9.0 * freedom)
    z = ((statistic / freedom) ** (1.0 / 3.0) - (1.0 - spread)) / np.sqrt(spread)
    return upper_tail_nats(z)


@inner_kernel
def upper_tail_nats(z: float) -> float:
    """−ln P(Z > z) of a standard normal variable.

    Far out by the bound φ(z)/z · (1 − 1/z²), which is exact to 1e-3 beyond 5.

    Parameters
    ----------
    z : float
    """
    if z < 5.0:
        # Abramowitz & Stegun (1964) 26.2.17.
        t = 1.0 / (1.0 + 0.2316419 * abs(z))
        series = t * (
            0.31938153 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429)))
        )
        tail = np.exp(-0.5 * z * z) / np.sqrt(2.0 * np.pi) * series
        return float(-np.log(max(tail if z >= 0.0 else 1.0 - tail, 1e-300)))
    return float(0.5 * z * z + np.log(z * np.sqrt(2.0 * np.pi)) - np.log(1.0 - 1.0 / (z * z)))


@inner_kernel
def statistic_of(stream: Any, kind: int, current: NDArray[np.float64], units: float) -> float:
    """2·w·D, less what a small reference adds to it.

    Parameters
    ----------
    stream : record
    kind : int
    current : float64 array, shape (BINS,)
    units : float
    """
    nats = (
        categorical_nats(stream, current, units)
        if kind == CATEGORICAL
        else ordered_nats(stream, current, units)
    )
    return float(2.0 * units * max(nats, 0.0) / (1.0 + units / max(stream.reference_units, 1.0)))


@inner_kernel
def start_usual(stream: Any) -> None:
    """What is usual before the windows have shown it: that of the newest 16 of the first units, four by four.

    Were units independent, the mean would be the same for windows of any length.

    Parameters
    ----------
    stream : record
    """
    current = np.empty(BINS)
    for kind in range(KINDS):
        freedom = max(stream.bins - 1.0, 1.0) if kind == CATEGORICAL else ORDERED_FREEDOM
        mean = 0.0
        for first in range(0, UNITS, _WINDOWS[0]):
            current[:] = 0.0
            for unit in range(first, first + _WINDOWS[0]):
                for index in range(stream.bins):
                    current[index] += stream.newest[unit, index]
            mean += statistic_of(stream, kind, current, float(_WINDOWS[0])) * _WINDOWS[0] / UNITS
        if not stream.ordered:
            mean = freedom
        for window in range(len(_WINDOWS)):
            stream.mean[window, kind] = mean
            stream.square[window, kind] = mean * mean * (1.0 + 2.0 / freedom)


@inner_kernel
def is_above(stream: Any, current: NDArray[np.float64], units: float) -> bool:
    """Whether the current window lies above the reference: its distribution function is the lower one.

    Parameters
    ----------
    stream : record
    current : float64 array, shape (BINS,)
    units : float
    """
    below, normal, apart = 0.0, 0.0, 0.0
    for index in range(min(stream.bins, BINS) - 1):
        below += current[index] / units
        normal += stream.reference[index] / stream.reference_units
        apart += normal - below
    return apart > 0.0


@kernel
def window_divergences(
    streams: NDArray[Any], slots: NDArray[np.int32], windows: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Divergence of each window of each stream in nats; NaN where it is not full.

    Parameters
    ----------
    streams : array of records
    slots : int32 array, shape (n,)
    windows : int64 array, shape (windows,)
        Indices into `WINDOWS`; −1 for one that is not kept.
    """
    current = np.empty(BINS)
    nats = np.full((len(slots), len(windows)), np.nan)
    for row in range(len(slots)):
        stream = streams[slots[row]]
        for column in range(len(windows)):
            window = windows[column]
            if window >= 0 and stream.units >= _WINDOWS[window]:
                nats[row, column] = categorical_nats(stream, current, gather(stream, window, current))
    return nats
