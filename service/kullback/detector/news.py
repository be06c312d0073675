"""The score that people are shown: what a sample adds to what is known already.

Above 1 it says that an incident begins, by the stream's own line. How far above or below is measured by a
line that is drawn towards that of all streams, so that among many streams the largest score is the oddest
sample.
"""

from __future__ import annotations

import math
from typing import Any

from kullback.core.kernel import kernel
from kullback.core.scores import Episode
from kullback.detector.dependence import dependence_factor
from kullback.detector.lifecycle import ended_lately

ANOMALOUS, STARTED = int(Episode.ANOMALOUS), int(Episode.STARTED)
JUST_BELOW, JUST_ABOVE = 0.999, 1.001
PEAK_SAMPLES = 3
"""So long is a peak news: streams that move together peak some samples apart."""
FORGOTTEN_SAMPLES = 120
KNOWN_SHARE = 0.5
CLEARLY_ABOVE = 0.03
"""So far above the stream's own line an incident counts in full among streams."""
GROWTH_FACTOR = 1.3
"""So many times louder, and more where samples depend on each other, an incident is news once more."""


@kernel
def standing_score(own: float, by_ranks: float, odd: float) -> float:
    """Score of a stream: where it stands, above 1 for as long as the evidence of an incident does.

    Parameters
    ----------
    own : float
        By the stream's own lines, all channels.
    by_ranks : float
        The ranks' part in it.
    odd : float
        See `oddness`.
    """
    return float(own if own > 1.0 else min(max(by_ranks, odd), JUST_BELOW))


@kernel
def sample_score(stream: Any, own: float, odd: float) -> float:
    """Score of a sample, whether it is news or not: above 1 where an incident begins, or gets far worse.

    Which lines were crossed decides that it is above 1; how far above, is how odd the sample is, unless the
    line was hardly crossed.

    Parameters
    ----------
    stream : stream record
    own, odd : float
        As for `standing_score`.
    """
    known = 1.0
    if stream.episode & ANOMALOUS or ended_lately(stream):
        known = stream.loudest * GROWTH_FACTOR * math.sqrt(dependence_factor(stream, 0.0))
    if own <= known:
        return float(min(odd, JUST_BELOW))
    stream.loudest = own
    return float(max(1.0 + min((own - 1.0) / CLEARLY_ABOVE, 1.0) * odd, JUST_ABOVE))


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
