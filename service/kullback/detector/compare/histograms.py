"""Two histograms, also with different bounds."""

from __future__ import annotations

import numpy as np

from kullback.core.errors import ErrorId, RequestError
from kullback.detector.compare.counts import Comparison, Floats, Options, check_counts, compare_counts

Histogram = tuple[Floats, Floats]
"""Rising upper bounds, shape (k,), and counts, shape (k,) or (k + 1,) with the open last bucket."""


def compare_histograms(current: Histogram, reference: Histogram, options: Options) -> Comparison:
    """Compare two histograms; different bounds are split at their union, mass lying evenly in a bucket.

    Parameters
    ----------
    current, reference : Histogram
    options : Options

    Raises
    ------
    RequestError
        When bounds do not rise, counts do not fit or are negative, or a histogram is empty.
    """
    ours, theirs = _whole(*current), _whole(*reference)
    bounds = np.union1d(ours[0], theirs[0])
    counts = _split(*ours, bounds), _split(*theirs, bounds)
    upper = bounds.tolist()
    lower = [_lowest(bounds), *upper]
    names = [("", *edges) for edges in zip(lower, [*upper, None], strict=True)]
    gap = np.cumsum(counts[0])[:-1] / counts[0].sum() - np.cumsum(counts[1])[:-1] / counts[1].sum()
    ordered: dict[str, float | str] = {
        "wasserstein": _wasserstein(counts, bounds, gap),
        "kolmogorov_smirnov": float(np.abs(gap).max(initial=0.0)),
    }
    return compare_counts(*counts, names, options, ordered)


def _whole(bounds: Floats, counts: Floats) -> Histogram:
    """Finite bounds and one more count than bounds."""
    if len(bounds) and bounds[-1] == np.inf:
        bounds = bounds[:-1]
    if len(counts) == len(bounds):
        counts = np.append(counts, 0.0)
    rising = bool(np.isfinite(bounds).all() and (np.diff(bounds) > 0).all())
    if not len(bounds) or not rising or len(counts) != len(bounds) + 1:
        raise RequestError(
            ErrorId.BAD_HISTOGRAM,
            "upper_bounds must rise strictly and be finite (but for a last +Inf), and counts must hold one "
            "count per bound and at most one more for the open last bucket.",
        )
    check_counts("counts", counts)
    return bounds, counts


def _lowest(bounds: Floats) -> float | None:
    """Where the first bucket begins: 0 when its bound is positive (as Prometheus assumes), else nowhere."""
    return 0.0 if bounds[0] > 0 else None


def _split(bounds: Floats, counts: Floats, finer: Floats) -> Floats:
    """Counts on finer bounds; the mass of open buckets lies at their one bound."""
    low = _lowest(bounds)
    knots, heights = bounds, np.cumsum(counts)[:-1]
    if low is not None:
        knots, heights = np.append(low, knots), np.append(0.0, heights)
    below = np.interp(finer, knots, heights, left=0.0)
    return np.diff(np.concatenate(([0.0], below, [counts.sum()])))


def _wasserstein(counts: tuple[Floats, Floats], bounds: Floats, gap: Floats) -> float | str:
    """∫|F − G| with both linear inside buckets; the outer buckets must be empty or closed."""
    low = _lowest(bounds)
    if low is None and any(side[0] > 0 for side in counts):
        return "The first bucket is open below and has mass."
    if any(side[-1] > 0 for side in counts):
        return "The last bucket is open above and has mass."
    grid = bounds if low is None else np.concatenate(([low], bounds))
    at_edges = gap if low is None else np.concatenate(([0.0], gap))
    return float(np.sum(_area(at_edges[:-1], at_edges[1:]) * np.diff(grid)))


def _area(left: Floats, right: Floats) -> Floats:
    """∫₀¹ |left + (right − left) t| dt."""
    size = np.abs(left) + np.abs(right)
    crossing = (left**2 + right**2) / (2 * np.where(size > 0, size, 1.0))
    return np.where(left * right >= 0, size / 2, crossing)
