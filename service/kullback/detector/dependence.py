"""How much a sample tells of the next: the lag-one autocorrelation of ranks.

Dependent samples make a divergence as large as few independent ones would: (1 + r)/(1 − r) is the factor that
dependence takes from their number. It raises the line until the stream has block maxima of its own, divides
the budget among the channels, and says how much louder an incident must get to be news once more.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from kullback.core.kernel import kernel
from kullback.detector.reference import key_at

MEMORY_SAMPLES = 512
STRONGEST = 0.98


@kernel
def note_rank(stream: Any, rank: float) -> None:
    """Let a sample's rank count.

    Parameters
    ----------
    stream : stream record
    rank : float
        Position on the quantile axis, in [0, 1].
    """
    centred = rank - 0.5
    stream.rank_count = min(stream.rank_count + 1, MEMORY_SAMPLES)
    weight = 1.0 / stream.rank_count
    stream.rank_product += weight * (centred * stream.rank_last - stream.rank_product)
    stream.rank_square += weight * (centred * centred - stream.rank_square)
    stream.rank_last = centred


@kernel
def note_oldest(stream: Any, count: int) -> None:
    """Start from the first samples of the queue, ranked among themselves.

    Parameters
    ----------
    stream : stream record
    count : int
    """
    room = len(stream.codes)
    first = stream.head - stream.queued
    for step in range(count):
        key = key_at(stream, (first + step) % room)
        rank = 0.0
        for other in range(count):
            neighbour = key_at(stream, (first + other) % room)
            rank += 0.5 * (neighbour < key) + 0.5 * (neighbour <= key)
        note_rank(stream, rank / count)


@kernel
def dependence_factor(stream: Any, deviations: float) -> float:
    """(1 + r)/(1 − r) with r at the upper end of what the ranks so far allow, ≥ 1.

    Parameters
    ----------
    stream : stream record
    deviations : float
        How many standard errors of r to add.
    """
    if stream.rank_square <= 0.0:
        return 1.0
    error = deviations / np.sqrt(max(stream.rank_count, 1))
    correlation = stream.rank_product / stream.rank_square + error
    correlation = min(max(correlation, 0.0), STRONGEST)
    return float((1.0 + correlation) / (1.0 - correlation))
