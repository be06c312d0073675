"""What a person reads of one stream: reference and current distribution, side by side."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kullback.detector.axis import COARSE_BINS, CUTS, IS_COARSE, UNITS
from kullback.detector.divergence import Measures, contributions, measure, smooth, wasserstein_of_samples

SHOWN_QUANTILES = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)
Column = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class WindowView:
    """One current window beside the reference.

    Parameters
    ----------
    window_samples, reference_samples : int
        How many samples each holds; both 0 during the first samples of a stream.
    full : bool
        Whether the window holds its full number.
    edges : float64 array, shape (bins + 1,)
        In the metric's unit, rising; the end bins are open (±inf). Equal neighbours: one value fills the bin.
    reference_mass, current_mass : float64 arrays, shape (bins,)
        Shares of samples; each sums to 1.
    smoothed_mass : float64 array, shape (bins,)
        The current shares as they enter the divergence: half a sample added to each bin.
    contributions_nats : float64 array, shape (bins,)
        Sum to `divergence_nats`.
    quantile_levels, reference_quantiles, current_quantiles : float64 arrays, shape (levels,)
        Quantiles in the metric's unit; NaN when there are no samples.
    measures : Measures
    reference_values, current_values : float64 arrays
        The samples themselves in the metric's unit, where the detector keeps them.
    names : tuple of str
        Of the bins, where these are categories; empty otherwise.
    """

    window_samples: int
    reference_samples: int
    full: bool
    edges: Column
    reference_mass: Column
    current_mass: Column
    smoothed_mass: Column
    contributions_nats: Column
    divergence_nats: float
    quantile_levels: Column
    reference_quantiles: Column
    current_quantiles: Column
    measures: Measures
    reference_values: Column = field(default_factory=lambda: np.empty(0))
    current_values: Column = field(default_factory=lambda: np.empty(0))
    names: tuple[str, ...] = ()


def values_of(high: NDArray[np.uint16], low: NDArray[np.uint8], origin: float) -> Column:
    """Values of keys (the inverse of `reference.key_of`).

    Parameters
    ----------
    high, low : uint16 and uint8 arrays, shape (n,)
    origin : float
    """
    folded = (high.astype(np.uint32) << np.uint32(16)) | (low.astype(np.uint32) << np.uint32(8))
    positive = folded & np.uint32(0x80000000) != 0
    bits = np.where(positive, folded & np.uint32(0x7FFFFFFF), ~folded)
    return bits.astype(np.uint32).view(np.float32).astype(np.float64) + origin


def _zero(stream: Any) -> float:
    """What keys are relative to; with a season out, values are shown as they would stand now."""
    return float(stream["origin"] + stream["baseline"])


def reference_values(stream: Any) -> Column:
    """The reference's samples in rising order, in the metric's unit.

    Parameters
    ----------
    stream : stream record
    """
    size = int(stream["reference_count"])
    return values_of(stream["reference_high"][:size], stream["reference_low"][:size], _zero(stream))


def newest_values(stream: Any, count: int) -> Column:
    """The newest samples, oldest first, in the metric's unit.

    Parameters
    ----------
    stream : stream record
    count : int
    """
    room = len(stream["codes"])
    held = min(count, int(stream["queued"]))
    at = (int(stream["head"]) - held + np.arange(held)) % room
    return values_of(stream["queue_high"][at], stream["queue_low"][at], _zero(stream))


def newest_known(stream: Any, count: int) -> Column:
    """The newest samples, rising; where the queue is still short, those of a rolling reference as well.

    Parameters
    ----------
    stream : stream record
    count : int
    """
    newest = newest_values(stream, count)
    if len(newest) < count and not stream["pinned"]:
        newest = np.concatenate((newest, reference_values(stream)))
    return np.sort(newest)


def view_window(stream: Any, window: int, length: int) -> WindowView:
    """A window beside the reference.

    Parameters
    ----------
    stream : stream record
    window : int
        Index of the window.
    length : int
        The window's length in samples.
    """
    fill = int(min(stream["fill"], length))
    below = stream["mass"][window].astype(np.float64)[IS_COARSE] / UNITS
    counts = np.diff(np.concatenate(([0.0], below, [float(fill)])))
    uniform = np.full(COARSE_BINS, 1.0 / COARSE_BINS)
    smoothed = smooth(counts)
    reference, current = reference_values(stream), newest_values(stream, fill)
    terms = contributions(smoothed, uniform)
    distance = wasserstein_of_samples(current, reference) if fill and len(reference) else float("nan")
    return WindowView(
        window_samples=fill,
        reference_samples=len(reference),
        full=fill == length,
        edges=_edges(reference),
        reference_mass=uniform,
        current_mass=counts / max(fill, 1) if fill else uniform.copy(),
        smoothed_mass=smoothed,
        contributions_nats=terms,
        divergence_nats=float(terms.sum()),
        quantile_levels=np.array(SHOWN_QUANTILES),
        reference_quantiles=_quantiles(reference),
        current_quantiles=_quantiles(current),
        measures=measure(smoothed, uniform, distance),
        reference_values=reference,
        current_values=current,
    )


def _quantiles(values: Column) -> Column:
    return np.quantile(values, SHOWN_QUANTILES) if len(values) else np.full(len(SHOWN_QUANTILES), np.nan)


def _edges(reference: Column) -> Column:
    if not len(reference):
        return np.concatenate(([-np.inf], np.full(COARSE_BINS - 1, np.nan), [np.inf]))
    rank = CUTS[IS_COARSE] * (len(reference) + 1) - 1
    inner = np.interp(rank, np.arange(len(reference)), reference)
    return np.concatenate(([-np.inf], inner, [np.inf]))
