"""Reference and current window of a binned stream, side by side."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from kullback.detector.binned.effect import ends_of
from kullback.detector.binned.layout import BINS, FIRST_UNITS, WINDOWS
from kullback.detector.binned.statistics import gather, half_observation
from kullback.detector.divergence import contributions, measure, wasserstein_of_samples
from kullback.detector.views import SHOWN_QUANTILES, WindowView

Column = NDArray[np.float64]


def view_bins(stream: Any, window: int, edges: Column, quantiles: bool) -> WindowView:
    """One current window beside the reference, in the stream's own bins.

    Parameters
    ----------
    stream : record
    window : int
        Index into `WINDOWS`.
    edges : float64 array, shape (bins + 1,)
    quantiles : bool
        Whether the bins are ranges of values, so that there are quantiles and a distance.
    """
    bins = len(edges) - 1
    current = np.zeros(BINS)
    units = gather(stream, window, current) if stream["samples"] > FIRST_UNITS else 0.0
    current, reference = current[:bins], stream["reference"][:bins].astype(np.float64)
    total = float(stream["reference_units"])
    half = half_observation(stream)
    p = (current + half) / (units + half * bins)
    q = (reference + half) / (total + half * bins)
    terms = contributions(p, q) if units else np.zeros(bins)
    shown = [
        _quantiles(edges, masses) if quantiles else np.full(len(SHOWN_QUANTILES), np.nan)
        for masses in (reference, current)
    ]
    distance = _distance(edges, current, reference) if quantiles and units and total else float("nan")
    return WindowView(
        window_samples=int(units),
        reference_samples=int(total),
        full=bool(stream["units"] >= WINDOWS[window]),
        edges=edges,
        reference_mass=reference / total if total else np.full(bins, 1.0 / bins),
        current_mass=current / units if units else np.full(bins, 1.0 / bins),
        smoothed_mass=p,
        contributions_nats=terms,
        divergence_nats=float(terms.sum()) if units else float("nan"),
        quantile_levels=np.array(SHOWN_QUANTILES),
        reference_quantiles=shown[0],
        current_quantiles=shown[1],
        measures=measure(p, q, distance),
    )


def _quantiles(edges: Column, masses: Column) -> Column:
    """Quantiles by linear interpolation inside bins."""
    total = masses.sum()
    if not total or len(edges) < 3:
        return np.full(len(SHOWN_QUANTILES), np.nan)
    below = np.concatenate(([0.0], np.cumsum(masses) / total))
    shown: Column = np.interp(SHOWN_QUANTILES, below, ends_of(edges[1:-1]))
    return shown


def _distance(edges: Column, current: Column, reference: Column) -> float:
    middle = _quantile_grid(edges, current), _quantile_grid(edges, reference)
    return wasserstein_of_samples(*middle)


def _quantile_grid(edges: Column, masses: Column) -> Column:
    levels = (np.arange(200) + 0.5) / 200
    below = np.concatenate(([0.0], np.cumsum(masses) / masses.sum()))
    grid: Column = np.interp(levels, below, ends_of(edges[1:-1]))
    return grid
