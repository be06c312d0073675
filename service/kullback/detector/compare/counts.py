"""Two sets of counts over the same bins: all measures both ways, shares per bin, p-value.

Everything is in nats and seen as *current against reference*; `kl` is D(current ‖ reference). A measure
that is infinite or has no meaning for the given form is None with the reason, never `inf`.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from kullback.core.errors import ErrorId, RequestError

Floats = NDArray[np.float64]
BinName = tuple[str, float | None, float | None]
"""A category's name, or "" with the bounds of an interval; None where it is open."""
Found = dict[str, float | str]
"""Per measure its value, or the reason why it has none."""

TOO_LARGE = "Not finite: the numbers are too large for float64."
KT_SMOOTHING = 0.5
"""Krichevsky-Trofimov: half an observation per bin, the minimax-regret prior of a multinomial."""

MAX_SHUFFLED_COUNT = 10**9  # NumPy's bound for its hypergeometric generator
MAX_SHUFFLED_CELLS = 10**7
"""Permutations times bins: what a shuffle may take of memory."""


@dataclass(frozen=True, slots=True)
class Part:
    """One bin's share of the divergence; the `nats` of all parts sum to `kl`.

    Parameters
    ----------
    name : str
        The category or dimension, "" for an interval.
    lower, upper : float or None
        Bounds of an interval (lower < x <= upper), None where it is open.
    current_ratio, reference_ratio : float
        Share of the mass after smoothing; for a dimension of a Gaussian NaN.
    nats : float
    """

    name: str
    lower: float | None
    upper: float | None
    current_ratio: float
    reference_ratio: float
    nats: float


@dataclass(frozen=True, slots=True)
class Comparison:
    """What two distributions have between them.

    Parameters
    ----------
    measures : dict of str to float or None
        kl, kl_reverse, jeffreys, jensen_shannon, psi, hellinger, wasserstein, kolmogorov_smirnov, p_value.
    why_none : dict of str to str
        For each measure that is None, the reason.
    parts : tuple of Part
    """

    measures: dict[str, float | None]
    why_none: dict[str, str]
    parts: tuple[Part, ...]


def comparison(found: Found, parts: tuple[Part, ...]) -> Comparison:
    """Sort what was found into values and reasons.

    Parameters
    ----------
    found : dict of str to (float or str)
    parts : tuple of Part
    """
    reasons = {name: value for name, value in found.items() if isinstance(value, str)}
    values = {name: value for name, value in found.items() if not isinstance(value, str)}
    reasons |= {name: TOO_LARGE for name, value in values.items() if not np.isfinite(value)}
    measures = {name: None if name in reasons else float(values[name]) for name in found}
    return Comparison(measures, reasons, parts)


@dataclass(frozen=True, slots=True)
class Options:
    """How to compare.

    Parameters
    ----------
    bins : int
        Bins of equal reference mass that samples are put into.
    smoothing : float
        Observations added to every bin; 0 leaves the counts as they are.
    permutations : int
        Shuffles behind the p-value; 0 leaves it out.
    seed : int
    """

    bins: int = 16
    smoothing: float = KT_SMOOTHING
    permutations: int = 999
    seed: int = 0


def compare_counts(
    current: Floats, reference: Floats, names: list[BinName], options: Options, ordered: Found
) -> Comparison:
    """Compare counts over the same bins; bins that are empty on both sides do not count.

    Parameters
    ----------
    current, reference : float64 array, shape (bins,)
    names : list of BinName
    options : Options
    ordered : Found
        Measures that need an order or a distance, which the caller knows.
    """
    seen = (current + reference) > 0
    current, reference = current[seen], reference[seen]
    names = [name for name, there in zip(names, seen, strict=True) if there]
    p, q = (smoothed(counts, options.smoothing) for counts in (current, reference))
    found = divergences(p, q, names) | ordered | {"p_value": p_value(current, reference, options)}
    return comparison(found, _parts(p, q, names))


def check_counts(name: str, counts: Floats) -> None:
    """Refuse counts that are none.

    Parameters
    ----------
    name : str
        What to call them.
    counts : float64 array

    Raises
    ------
    RequestError
    """
    if not np.isfinite(counts).all() or (counts < 0).any() or counts.sum() <= 0:
        raise RequestError(
            ErrorId.BAD_REQUEST, f"{name} must be finite, not negative, and have at least one observation."
        )


def smoothed(counts: Floats, smoothing: float) -> Floats:
    """Shares of the mass after `smoothing` observations were added to every bin.

    Parameters
    ----------
    counts : float64 array, shape (bins,)
    smoothing : float
    """
    shares: Floats = (counts + smoothing) / (counts.sum() + smoothing * len(counts))
    return shares


def terms(p: Floats, q: Floats) -> Floats:
    """p ln(p/q) per bin with 0 ln 0 = 0; +inf where q is 0 and p is not.

    Parameters
    ----------
    p, q : float64 array
    """
    ratio = np.divide(p, q, out=np.full_like(p, np.inf), where=q > 0)
    return np.where(p > 0, p * np.log(np.where(p > 0, ratio, 1.0)), 0.0)


def _parts(p: Floats, q: Floats, names: list[BinName]) -> tuple[Part, ...]:
    return tuple(
        Part(*name, float(own), float(other), float(nats))
        for name, own, other, nats in zip(names, p, q, terms(p, q), strict=True)
    )


def divergences(p: Floats, q: Floats, names: list[BinName]) -> Found:
    """KL both ways (Kullback & Leibler 1951), Jeffreys, Jensen-Shannon (Lin 1991), PSI and Hellinger.

    Parameters
    ----------
    p, q : float64 array, shape (bins,)
        Masses that sum to 1, current and reference.
    names : list of BinName
    """
    middle = (p + q) / 2
    forward = _one_way(p, q, names, "reference")
    back = _one_way(q, p, names, "current set")
    both = "Infinite: one of the two directions is."
    if not isinstance(forward, str) and not isinstance(back, str):
        both_ways: float | str = forward + back
    else:
        both_ways = both
    return {
        "kl": forward,
        "kl_reverse": back,
        "jeffreys": both_ways,
        "jensen_shannon": max(0.0, float(terms(p, middle).sum() + terms(q, middle).sum()) / 2),
        "psi": both_ways,
        "hellinger": sqrt(float(np.sum((np.sqrt(p) - np.sqrt(q)) ** 2)) / 2),
    }


def _one_way(p: Floats, q: Floats, names: list[BinName], empty: str) -> float | str:
    value = float(terms(p, q).sum())
    if value < np.inf:
        return max(0.0, value)
    bare = names[int(np.argmax((p > 0) & (q == 0)))]
    return f"Infinite: the {empty} has no mass in {_shown(bare)}; set smoothing above 0."


def _shown(name: BinName) -> str:
    category, lower, upper = name
    if category:
        return repr(category)
    return f"({'-Inf' if lower is None else f'{lower:g}'}, {'+Inf' if upper is None else f'{upper:g}'}]"


def p_value(current: Floats, reference: Floats, options: Options) -> float | str:
    """Permutation test of `kl`: shuffled bin counts are multivariate hypergeometric, so none is sorted.

    Parameters
    ----------
    current, reference : float64 array, shape (bins,)
        Counts before smoothing.
    options : Options

    Returns
    -------
    float or str
        The p-value, or why there is none.
    """
    pooled = current + reference
    if not options.permutations:
        return "Permutations are switched off."
    if (current % 1).any() or (reference % 1).any():
        return "Counts must be whole numbers of observations to be shuffled."
    if pooled.sum() >= MAX_SHUFFLED_COUNT:
        return f"{MAX_SHUFFLED_COUNT} observations or more are not shuffled."
    if options.permutations * len(pooled) > MAX_SHUFFLED_CELLS:
        return f"{options.permutations} permutations of {len(pooled)} bins are too many; ask for fewer."
    smoothing = options.smoothing or KT_SMOOTHING
    drawn = _shuffled_kl(pooled.astype(np.int64), int(current.sum()), smoothing, options)
    seen = terms(smoothed(current, smoothing), smoothed(reference, smoothing)).sum()
    return float((1 + np.sum(drawn >= seen - 1e-12)) / (1 + options.permutations))


def _shuffled_kl(pooled: NDArray[np.int64], taken: int, smoothing: float, options: Options) -> Floats:
    generator = np.random.default_rng(options.seed)
    shuffled = generator.multivariate_hypergeometric(
        pooled, taken, size=options.permutations, method="marginals"
    )
    padding = smoothing * len(pooled)
    p = (shuffled + smoothing) / (taken + padding)
    q = (pooled - shuffled + smoothing) / (pooled.sum() - taken + padding)
    divergence: Floats = np.sum(p * np.log(p / q), axis=1)
    return divergence
