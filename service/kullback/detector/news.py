"""The score that people are shown: what a sample adds to what is known already.

Above 1 it says that an incident begins, by the stream's own line. Below 1 it is measured by a line that is
drawn towards that of all streams, so that among many streams the largest score is the oddest sample.
"""

from __future__ import annotations

import math
from typing import Any

from kullback.core.kernel import kernel
from kullback.core.scores import Episode
from kullback.detector.dependence import dependence_factor

ANOMALOUS, STARTED = int(Episode.ANOMALOUS), int(Episode.STARTED)
JUST_BELOW = 0.999
PEAK_SAMPLES = 3
"""So long is a peak news: streams that move together peak some samples apart."""
FORGOTTEN_SAMPLES = 60
KNOWN_SHARE = 0.5
GROWTH_FACTOR = 1.3
"""So many times louder, and more where samples depend on each other, an incident is news once more."""


@kernel
def standing_score(by_ranks: float, by_values: float, shared: float) -> float:
    """Score of a stream: where it stands, above 1 for as long as the evidence of an incident does.

    Parameters
    ----------
    by_ranks, by_values : float
        Scores by the stream's own lines.
    shared : float
        Score of values by the line that is drawn towards that of all streams.
    """
    own = max(by_ranks, by_values)
    return float(own if own > 1.0 else min(max(by_ranks, shared), JUST_BELOW))


@kernel
def sample_score(stream: Any, by_ranks: float, by_values: float, shared: float) -> float:
    """Score of a sample, whether it is news or not: above 1 where an incident begins, or gets far worse.

    Parameters
    ----------
    stream : stream record
    by_ranks, by_values, shared : float
        As for `standing_score`.
    """
    own = max(by_ranks, by_values)
    if not stream.episode & ANOMALOUS:
        stream.loudest = max(own, 1.0)
        return standing_score(by_ranks, by_values, shared)
    if own > stream.loudest * GROWTH_FACTOR * math.sqrt(dependence_factor(stream, 0.0)):
        stream.loudest = own
        return float(own)
    return float(min(shared, JUST_BELOW))


@kernel
def news(stream: Any, score: float) -> float:
    """What a sample's score adds: all of it, or a part where the stream was as loud before.

    Parameters
    ----------
    stream : stream record
    score : float
        Of the newest sample.
    """
    stream.told_samples = min(stream.told_samples + 1, FORGOTTEN_SAMPLES)
    started = stream.episode & STARTED != 0
    if started or score > stream.told or stream.told_samples >= FORGOTTEN_SAMPLES:
        stream.told, stream.told_samples = score, 0
    return float(score if stream.told_samples < PEAK_SAMPLES else KNOWN_SHARE * min(score, 1.0))
