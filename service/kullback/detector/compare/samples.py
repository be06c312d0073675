"""Two sets of samples, or of category counts."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from kullback.core.errors import ErrorId, RequestError
from kullback.detector.compare.counts import Comparison, Floats, Options, check_counts, compare_counts

NO_ORDER = "Categories have no order and no distance."


def compare_samples(current: Floats, reference: Floats, options: Options) -> Comparison:
    """Compare two sets of samples, binned by the reference's quantiles with open end bins.

    Parameters
    ----------
    current, reference : float64 array, shapes (n,) and (m,)
        Finite values.
    options : Options

    Raises
    ------
    RequestError
        When a set is empty or holds NaN or ±Inf.
    """
    for name, values in (("current", current), ("reference", reference)):
        if not len(values) or not np.isfinite(values).all():
            raise RequestError(
                ErrorId.BAD_REQUEST, f"{name} must hold at least one sample, all of them finite."
            )
    cuts = reference_cuts(reference, options.bins)
    counts = _binned(current, cuts), _binned(reference, cuts)
    lower, upper = [None, *cuts.tolist()], [*cuts.tolist(), None]
    names = [("", *bounds) for bounds in zip(lower, upper, strict=True)]
    grid = np.sort(np.concatenate((current, reference)))
    gap = np.abs(_steps(current, grid) - _steps(reference, grid))
    distance = float(np.sum(gap[:-1] * np.diff(grid)))
    ordered = {"wasserstein": distance, "kolmogorov_smirnov": float(gap.max())}
    return compare_counts(*counts, names, options, dict(ordered))


def compare_categories(
    current: Mapping[str, float], reference: Mapping[str, float], options: Options
) -> Comparison:
    """Compare two sets of category counts.

    Parameters
    ----------
    current, reference : mapping of str to float
        Observations per category; absent means 0.
    options : Options

    Raises
    ------
    RequestError
        When a count is negative or not finite, or a side has no observation.
    """
    names = sorted(current.keys() | reference.keys())
    counts = [np.array([side.get(name, 0.0) for name in names]) for side in (current, reference)]
    for name, side in zip(("current", "reference"), counts, strict=True):
        check_counts(name, side)
    ordered: dict[str, float | str] = {"wasserstein": NO_ORDER, "kolmogorov_smirnov": NO_ORDER}
    return compare_counts(counts[0], counts[1], [(name, None, None) for name in names], options, ordered)


def reference_cuts(reference: Floats, bins: int) -> Floats:
    """Upper bounds of all bins but the open last one, learned from the reference only.

    Parameters
    ----------
    reference : float64 array, shape (m,)
    bins : int

    Returns
    -------
    float64 array
        The quantiles i/bins without repetition. When the reference has no more distinct values than
        bins, each value has a bin of its own and what lies outside of all has one on either side.
    """
    distinct = np.unique(reference)
    if len(distinct) > bins:
        return np.unique(np.quantile(reference, np.arange(1, bins) / bins, method="inverted_cdf"))
    between = (distinct[:-1] + distinct[1:]) / 2
    return np.unique(np.concatenate(([np.nextafter(distinct[0], -np.inf)], between, distinct[-1:])))


def _binned(values: Floats, cuts: Floats) -> Floats:
    return np.bincount(np.searchsorted(cuts, values, side="left"), minlength=len(cuts) + 1).astype(np.float64)


def _steps(values: Floats, grid: Floats) -> Floats:
    """The empirical distribution function on a grid."""
    return np.searchsorted(np.sort(values), grid, side="right") / len(values)
