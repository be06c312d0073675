"""The alarm line in the values' own unit: what a single next sample would have to be."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Scored = Callable[[NDArray[np.float64]], NDArray[np.float64]]
"""Scores that values would get as the next sample, each on its own."""
AlarmLimits = tuple[float | None, float | None]
"""Below and above which a sample raises an alarm; None where none does."""

STEPS = 33
REFINEMENTS = 2
NEAREST, FARTHEST = -3.0, 14.0
"""Powers of two of the usual spread, between which the first alarm is looked for."""


def alarm_limits(scored: Scored, middle: float, spread: float) -> AlarmLimits:
    """Search outwards from the middle for the first value that raises an alarm.

    Parameters
    ----------
    scored : callable
    middle, spread : float
        Of the values as they usually are.
    """
    if not np.isfinite(middle) or scored(np.array([middle]))[0] > 1.0:
        return None, None
    usual = spread if np.isfinite(spread) and spread > 0 else max(abs(middle), 1.0) * 0.01
    away = usual * 2.0 ** np.linspace(NEAREST, FARTHEST, STEPS)
    return _first(scored, middle, -away), _first(scored, middle, away)


def _first(scored: Scored, middle: float, away: NDArray[np.float64]) -> float | None:
    calm = 0.0
    for _ in range(1 + REFINEMENTS):
        alarms = np.flatnonzero(scored(middle + away) > 1.0)
        if not len(alarms):
            return None
        at = int(alarms[0])
        calm, alarm = (float(away[at - 1]) if at else calm), float(away[at])
        away = np.linspace(calm, alarm, STEPS)[1:]
    return middle + alarm
