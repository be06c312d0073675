"""How the channels divide the alarm budget.

The shares add up to more than one: value, level and tail alarm mostly together, and of most streams a channel
hardly uses its share, because its line is drawn with room for error. What the whole detector realises is
measured on the null families of the benchmarks.

Where samples depend on each other the ranks wander: they stay far out for long spells and tell little. Their
share goes down there and that of the tail up, which looks at a sample beside its own short past.
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
FREQUENT_SAMPLES, RARE_SAMPLES = 1e3, 1e4
"""Samples per alarm up to which the tail's share is the same for all, and from which it grows in full: alarms
as frequent as the first are within what dependent samples do every day."""


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
    most = min(math.sqrt(dependence_factor(stream, 0.0)), MOST_TAIL_FACTOR)
    rarity = math.log(stream.samples_per_alarm / FREQUENT_SAMPLES) / math.log(RARE_SAMPLES / FREQUENT_SAMPLES)
    return float(TAIL_SHARE * most ** min(max(rarity, 0.0), 1.0))
