"""Normal tail probabilities that do not underflow."""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np
from numba import vectorize


@vectorize(cache=True)  # type: ignore[no-untyped-call]
def tail_nats(z):  # type: ignore[no-untyped-def]
    """-ln P(|Z| > z) of a standard normal, by its asymptotic series beyond z = 8."""
    a = abs(z)
    if np.isnan(a):
        return 0.0
    if a < 8.0:
        return -math.log(max(math.erfc(a / math.sqrt(2.0)), 1e-300))
    return 0.5 * a * a + math.log(a * math.sqrt(math.pi / 2.0)) + 1.0 / (a * a)


def two_sided_z(samples_per_alarm: float) -> float:
    """The z that |Z| exceeds once per `samples_per_alarm` independent normal samples."""
    return NormalDist().inv_cdf(1.0 - 0.5 / samples_per_alarm)
