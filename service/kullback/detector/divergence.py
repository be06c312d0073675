"""Measures of how far two discrete distributions lie apart."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Masses = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Measures:
    """All measures both ways; the divergences in nats.

    Parameters
    ----------
    kl_nats, kl_reverse_nats : float
        D(current ‖ reference) and D(reference ‖ current).
    jeffreys_nats : float
        Their sum.
    psi : float
        Population stability index Σ (p − q) ln(p/q); the same number as Jeffreys', under the name of credit
        scoring.
    jensen_shannon_nats : float
        At most ln 2.
    hellinger : float
        In [0, 1].
    wasserstein : float
        Earth mover's distance in the metric's unit; NaN for categories.
    """

    kl_nats: float
    kl_reverse_nats: float
    jeffreys_nats: float
    psi: float
    jensen_shannon_nats: float
    hellinger: float
    wasserstein: float


def contributions(current: Masses, reference: Masses) -> Masses:
    """Terms p ln(p/q) of D(current ‖ reference), which sum to it; 0 ln 0 = 0.

    Parameters
    ----------
    current, reference : float64 arrays, shape (bins,)
        Each sums to 1; reference > 0 where current > 0, else the term is +inf.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        terms: Masses = np.where(current > 0, current * np.log(current / reference), 0.0)
    return terms


def kl_nats(current: Masses, reference: Masses) -> float:
    """D(current ‖ reference) in nats (Kullback & Leibler 1951).

    Parameters
    ----------
    current, reference : float64 arrays, shape (bins,)
    """
    return max(float(contributions(current, reference).sum()), 0.0)


def smooth(counts: Masses, alpha: float = 0.5) -> Masses:
    """Shares from counts with `alpha` added to each (Krichevsky & Trofimov 1981 at ½).

    Parameters
    ----------
    counts : float64 array, shape (bins,)
    alpha : float
    """
    shares: Masses = (counts + alpha) / (counts.sum() + alpha * len(counts))
    return shares


def measure(current: Masses, reference: Masses, wasserstein: float = float("nan")) -> Measures:
    """All measures of two distributions over the same bins.

    Parameters
    ----------
    current, reference : float64 arrays, shape (bins,)
        Each sums to 1.
    wasserstein : float
        Computed by the caller, who knows where the bins lie.
    """
    forward, backward = kl_nats(current, reference), kl_nats(reference, current)
    middle = 0.5 * (current + reference)
    jensen_shannon = 0.5 * (kl_nats(current, middle) + kl_nats(reference, middle))
    overlap = float(np.sqrt(current * reference).sum())
    both = forward + backward
    return Measures(
        forward, backward, both, both, jensen_shannon, float(np.sqrt(max(1.0 - overlap, 0.0))), wasserstein
    )


def wasserstein_of_samples(current: Masses, reference: Masses) -> float:
    """Earth mover's distance of two sets of samples: the area between their distribution functions.

    Parameters
    ----------
    current, reference : float64 arrays, shapes (n,) and (m,)
        At least one sample each.
    """
    points = np.sort(np.concatenate((current, reference)))
    share_current = np.searchsorted(np.sort(current), points[:-1], side="right") / len(current)
    share_reference = np.searchsorted(np.sort(reference), points[:-1], side="right") / len(reference)
    return float(np.sum(np.abs(share_current - share_reference) * np.diff(points)))


def wasserstein_of_masses(current: Masses, reference: Masses, centres: Masses) -> float:
    """Earth mover's distance of two distributions on the same points of the line.

    Parameters
    ----------
    current, reference : float64 arrays, shape (bins,)
    centres : float64 array, shape (bins,)
        Rising.
    """
    return float(np.sum(np.abs(np.cumsum(current - reference)[:-1]) * np.diff(centres)))
