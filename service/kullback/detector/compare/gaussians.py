"""Two Gaussians with diagonal covariance, in closed form where there is one.

For the latents of a variational autoencoder: dimension by dimension against N(0, 1).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, sqrt
from math import log as ln

import numpy as np

from kullback.core.errors import ErrorId, RequestError
from kullback.detector.compare.counts import Comparison, Floats, Found, Part, comparison, terms

NO_CLOSED_FORM = "Has no closed form for Gaussians of several dimensions."


@dataclass(frozen=True, slots=True)
class Gaussian:
    """A normal distribution with independent dimensions.

    Parameters
    ----------
    mean, variance : float64 array, shape (d,)
    """

    mean: Floats
    variance: Floats


def compare_gaussians(current: Gaussian, reference: Gaussian) -> Comparison:
    """Compare two Gaussians.

    Parameters
    ----------
    current, reference : Gaussian
        Of the same number of dimensions; variances > 0.

    Returns
    -------
    Comparison
        Parts are the dimensions' shares of D(current ‖ reference); their ratios are NaN.

    Raises
    ------
    RequestError
        When dimensions differ, or a variance is not positive.
    """
    _check(current, reference)
    nats = _gaussian_terms(current, reference)
    forward, back = float(nats.sum()), float(_gaussian_terms(reference, current).sum())
    parts = tuple(Part(str(d), None, None, np.nan, np.nan, float(share)) for d, share in enumerate(nats))
    found: Found = {
        "kl": forward,
        "kl_reverse": back,
        "jeffreys": forward + back,
        "psi": "PSI is defined on bins; jeffreys is the same sum without bins.",
        "hellinger": _gaussian_hellinger(current, reference),
        "wasserstein_2": _gaussian_wasserstein_2(current, reference),
        "p_value": "Gaussians are given, not sampled.",
    }
    one_dimensional = len(current.mean) == 1
    return comparison(found | (_one_dimension(current, reference) if one_dimensional else _several()), parts)


def _several() -> Found:
    return dict.fromkeys(("jensen_shannon", "wasserstein", "kolmogorov_smirnov"), NO_CLOSED_FORM)


def _check(current: Gaussian, reference: Gaussian) -> None:
    shapes = {len(array) for side in (current, reference) for array in (side.mean, side.variance)}
    if len(shapes) != 1 or 0 in shapes:
        raise RequestError(ErrorId.BAD_REQUEST, "All means and variances must have one same length.")
    for name, side in (("current", current), ("reference", reference)):
        finite = np.isfinite(side.mean).all() and np.isfinite(side.variance).all()
        if not finite or (side.variance <= 0).any():
            raise RequestError(
                ErrorId.BAD_REQUEST,
                f"{name} must have finite means and variances above 0: "
                "with a variance of 0 every divergence is 0 or infinite.",
            )


def _gaussian_terms(own: Gaussian, other: Gaussian) -> Floats:
    """½ [ln(σ²other/σ²own) + (σ²own + Δμ²)/σ²other − 1] per dimension."""
    scaled = (own.variance + (own.mean - other.mean) ** 2) / other.variance
    return (np.log(other.variance / own.variance) + scaled - 1) / 2


def _gaussian_hellinger(current: Gaussian, reference: Gaussian) -> float:
    total = current.variance + reference.variance
    overlap = np.log(2 * np.sqrt(current.variance * reference.variance) / total) / 2
    overlap -= (current.mean - reference.mean) ** 2 / (4 * total)
    return sqrt(max(0.0, 1 - exp(float(overlap.sum()))))


def _gaussian_wasserstein_2(current: Gaussian, reference: Gaussian) -> float:
    """√(‖Δμ‖² + ‖Δσ‖²) (Dowson & Landau 1982)."""
    spread = np.sqrt(current.variance) - np.sqrt(reference.variance)
    return sqrt(float(np.sum((current.mean - reference.mean) ** 2 + spread**2)))


def _one_dimension(current: Gaussian, reference: Gaussian) -> Found:
    """Measures by quadrature on a grid that is dense wherever either density is."""
    z = np.linspace(-12, 12, 4001)
    sides = [(float(side.mean[0]), sqrt(float(side.variance[0]))) for side in (current, reference)]
    x = np.unique(np.concatenate([mean + deviation * z for mean, deviation in sides]))
    p, q = (np.exp(-(((x - mean) / s) ** 2) / 2) / (s * sqrt(2 * np.pi)) for mean, s in sides)
    middle = (p + q) / 2
    gap = np.concatenate(([0.0], np.cumsum(np.diff(x) * (p[1:] + p[:-1] - q[1:] - q[:-1]) / 2)))
    return {
        "jensen_shannon": min(ln(2), float(np.trapezoid(terms(p, middle) + terms(q, middle), x) / 2)),
        "wasserstein": float(np.trapezoid(np.abs(gap), x)),
        "kolmogorov_smirnov": float(np.abs(gap).max()),
    }
