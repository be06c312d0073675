"""How the channels divide the alarm budget.

The shares add up to more than one: value, level and tail alarm mostly together, and of most streams a channel
hardly uses its share, because its line is drawn with room for error. What the whole detector realises is
measured on the null families of the benchmarks.

Where samples depend on each other the ranks wander: they stay far out for long spells and tell little. Their
share goes down there and that of the tail up, which looks at a sample beside its own short past. It goes down
again where tails are heavy: what wanders and leaps is mostly habit.
"""

from __future__ import annotations

import math
from typing import Any

from kullback.core.kernel import kernel
from kullback.detector.dependence import dependence_factor

RANK_SHARE, VALUE_SHARE, LEVEL_SHARE, TAIL_SHARE = 0.5, 0.7, 0.35, 0.8
FOUND_SEASON_FACTOR = 0.2
"""Ranks of what a season leaves that nobody declared: days that are unlike the others are no incidents."""
MOST_TAIL_FACTOR = 4.0
LIGHT_EXCESS = 0.25
"""Mean excess of a tail, on its asinh axis, up to which it counts as light."""
FREQUENT_SAMPLES = 1e3
"""Alarms as frequent as one in so many samples are within what every stream does every day."""
MOST_DECADES = 2.0
"""Powers of ten above that, from which on the tail's share follows the stream in full."""


@kernel
def decades_of(samples_per_alarm: float) -> float:
    """How rare alarms shall be: powers of ten above one in FREQUENT_SAMPLES samples, at least 0.

    Parameters
    ----------
    samples_per_alarm : float
    """
    return math.log10(max(samples_per_alarm / FREQUENT_SAMPLES, 1.0))


@kernel
def rank_share(stream: Any) -> float:
    """Share of the rank channel.

    Parameters
    ----------
    stream : stream record
    """
    trust = FOUND_SEASON_FACTOR if stream.deseasoned and not stream.season_declared else 1.0
    return float(trust * RANK_SHARE / dependence_factor(stream, 0.0) ** (1.0 / 3.0))


@kernel
def tail_share(stream: Any) -> float:
    """Share of the tail channel.

    Parameters
    ----------
    stream : stream record
    """
    wander = min(math.sqrt(dependence_factor(stream, 0.0)), MOST_TAIL_FACTOR)
    heavy = max(stream.tail_excess[0], stream.tail_excess[1], LIGHT_EXCESS) / LIGHT_EXCESS
    decades = min(decades_of(stream.samples_per_alarm), MOST_DECADES)
    return float(TAIL_SHARE * (wander / heavy**2) ** decades)
