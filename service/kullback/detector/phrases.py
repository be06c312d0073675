"""An explanation in words: the sentence, the bins behind it, and how the quantiles moved."""

from __future__ import annotations

import numpy as np

from kullback.detector.explain import Explanation, percent, quantity, range_text
from kullback.detector.views import WindowView

TOP_BINS = 3
LEAST_SHARE = 0.05
"""Bins with a smaller part of the divergence are not worth a mention."""
TOLD_LEVELS = (0.5, 0.9, 0.99)


def words(why: Explanation, unit: str = "") -> dict[str, str]:
    """The annotations of an alert that say what moved.

    Parameters
    ----------
    why : Explanation
    unit : str
        Of the values.

    Returns
    -------
    dict of str to str
        `description`, `top_bins`, `quantiles`; those with nothing to say are left out.
    """
    told = {
        "description": why.sentence(unit),
        "top_bins": top_bins(why.view, unit),
        "quantiles": quantile_moves(why.view, unit),
    }
    return {name: text for name, text in told.items() if text}


def top_bins(view: WindowView, unit: str = "") -> str:
    """The bins that contribute most, e.g. `250-500 ms: 3 % → 19 % (0.3 nats); …`.

    Parameters
    ----------
    view : WindowView
    unit : str
    """
    terms = view.contributions_nats
    if view.window_samples == 0 or view.reference_samples == 0:
        return ""
    gained = float(np.clip(terms, 0.0, None).sum())
    order = [int(at) for at in np.argsort(-terms, kind="stable")[:TOP_BINS]]
    return "; ".join(_bin(view, at, unit) for at in order if terms[at] > LEAST_SHARE * gained)


def _bin(view: WindowView, at: int, unit: str) -> str:
    where = (
        view.names[at] if view.names else range_text(float(view.edges[at]), float(view.edges[at + 1]), unit)
    )
    before, after = percent(float(view.reference_mass[at])), percent(float(view.current_mass[at]))
    return f"{where}: {before} → {after} ({view.contributions_nats[at]:.2g} nats)"


def quantile_moves(view: WindowView, unit: str = "") -> str:
    """Quantiles of the reference and of now, e.g. `p50 110 ms → 112 ms; …`; "" for categories.

    Parameters
    ----------
    view : WindowView
    unit : str
    """
    rows = zip(view.quantile_levels, view.reference_quantiles, view.current_quantiles, strict=True)
    return "; ".join(
        f"p{100 * level:g} {quantity(float(before), unit)} → {quantity(float(after), unit)}"
        for level, before, after in rows
        if round(float(level), 4) in TOLD_LEVELS and np.isfinite(before) and np.isfinite(after)
    )
