"""The line that a channel's surprise must cross, learnt from the stream's own block maxima."""

from __future__ import annotations

from typing import Any

import numpy as np

from kullback.core.kernel import kernel
from kullback.core.scores import Episode
from kullback.detector.dependence import dependence_factor
from kullback.detector.layout import BLOCKS, FOLLOWED, LEVEL, RANK, VALUE
from kullback.detector.maxima import (
    BLOCK_SAMPLES,
    cap_of,
    fit_maxima,
    own_threshold,
    rare_level,
    usual_blocks,
)
from kullback.detector.tables import quiet_threshold
from kullback.detector.tail import ALARM_WEIGHT, tail_line

ANOMALOUS = int(Episode.ANOMALOUS)
TRUSTED_BLOCKS = 8
RANK_SHARE, VALUE_SHARE, LEVEL_SHARE, TAIL_SHARE = 0.15, 0.7, 0.35, 0.8
"""How the channels divide the budget. Value, level and tail alarm mostly together; of most streams the tail
hardly uses its share, because it is judged as if it were as heavy as a power law."""
VALUE_CAP_SCALES = 4.0
VALUE_PRIOR_BLOCKS = 16
EARLY_WIDENING = 3.0
EARLY_BLOCKS = 8
EARLY_BLOCK_SAMPLES = 64
EARLY_FACTOR = 1.5
"""Until a stream has blocks enough, its line is at least so many times the largest surprise so far."""
EARLY_CAP_LINES = 3.0
"""So far above the line may a surprise count in that: one incident must not blind the rest of the warm-up."""
EARLY_PEAK, EARLY_FILLING = BLOCKS - 1, BLOCKS - 2
"""Places among the maxima that are free until long after: the largest of the short blocks that are full, and
that of the one under way, which may hold the onset of an incident and does not count yet."""
NEARLY_RARE_SCORE = 0.7
BELOW_LINE = 8
ABOVE_LINE = 0.1
TAIL_ABOVE_LINE = 0.02
NEWS_FACTOR = 2.0
KNOWN_SCORE = 0.5
FEWEST_VALUE_BLOCKS = 4
VALUE_LOCATION, VALUE_SCALE = 3.11, 0.40
LEVEL_LOCATION, LEVEL_SCALE = 2.51, 0.27
EARLY_MARGIN_NATS = 1.0
EARLY_DEVIATIONS = 1.0


@kernel
def set_rank_line(stream: Any, tables: Any) -> None:
    """Recompute the line of the rank channel.

    Parameters
    ----------
    stream : stream record
    tables : tables record
    """
    share = stream.samples_per_alarm / RANK_SHARE
    blocks = min(stream.blocks, BLOCKS)
    line = quiet_threshold(tables, stream.reference_count, share)
    learns = not stream.pinned or stream.pinned == FOLLOWED
    if blocks >= TRUSTED_BLOCKS and learns:
        maxima = stream.maxima[RANK, :blocks].astype(np.float64)
        line = max(line, own_threshold(maxima, share, tables.location, tables.scale))
    else:
        line = EARLY_MARGIN_NATS + line * dependence_factor(stream, EARLY_DEVIATIONS)
        if learns:
            line = max(line, EARLY_FACTOR * stream.maxima[RANK, EARLY_PEAK])
    stream.threshold[RANK] = line * stream.feedback
    stream.zero[RANK] = 0.0


@kernel
def set_value_line(stream: Any, channel: int, share: float, location: float, scale: float) -> None:
    """Recompute the line of the value or the level channel, on the root of surprise.

    Sums of surprises have tails between exponential and stretched; their roots are nearly Gumbel. The score
    is 0 at the root that every sample reaches and 1 at the line, linear between: N^score samples pass per
    alarm.

    Parameters
    ----------
    stream : stream record
    channel : int
    share : float
        Of the budget.
    location, scale : float
        What roots of block maxima are before a stream has shown its own; worth VALUE_PRIOR_BLOCKS blocks.
    """
    blocks = min(stream.value_blocks, BLOCKS)
    level, _ = rare_level(stream.samples_per_alarm / share, 1.0)
    if blocks >= FEWEST_VALUE_BLOCKS:
        roots = np.sort(np.sqrt(stream.maxima[channel, :blocks].astype(np.float64)))
        cap = cap_of(roots, VALUE_CAP_SCALES)
        usual = roots[: usual_blocks(roots, level)]
        own_location, own_scale = fit_maxima(usual, cap)
        weight = VALUE_PRIOR_BLOCKS + len(usual)
        location = (VALUE_PRIOR_BLOCKS * location + len(usual) * own_location) / weight
        scale = (VALUE_PRIOR_BLOCKS * scale + len(usual) * own_scale) / weight
    level += EARLY_WIDENING * max(1.0 - stream.value_blocks / EARLY_BLOCKS, 0.0)
    zero = max(location - scale * np.log(BLOCK_SAMPLES), 0.0)
    line = location + scale * level
    if stream.value_blocks < EARLY_BLOCKS:
        line = max(line, np.sqrt(EARLY_FACTOR * stream.maxima[channel, EARLY_PEAK]))
    stream.zero[channel] = zero
    stream.threshold[channel] = zero + (line - zero) * stream.feedback


@kernel
def set_value_lines(stream: Any) -> None:
    """Recompute the lines of the value and level channels.

    Parameters
    ----------
    stream : stream record
    """
    set_value_line(stream, VALUE, VALUE_SHARE, VALUE_LOCATION, VALUE_SCALE)
    set_value_line(stream, LEVEL, LEVEL_SHARE, LEVEL_LOCATION, LEVEL_SCALE)


@kernel
def rank_score(stream: Any, nats: float) -> float:
    """Score of the rank channel: 1 at its line, steep below and flat above.

    A stream that wanders keeps its ranks far out for long spells. What has not reached the line, or is far
    beyond it, must not outrank the magnitude of values, which tells more of incidents: on labelled server
    metrics the ratio itself took a third of the area that value and level reach alone.

    Parameters
    ----------
    stream : stream record
    nats : float
    """
    ratio = rank_ratio(stream, nats)
    if ratio > 1.0:
        return float(1.0 + ABOVE_LINE * np.log(ratio))
    return float(ratio**BELOW_LINE)


@kernel
def rank_ratio(stream: Any, nats: float) -> float:
    """Surprise of the rank channel over its line.

    Parameters
    ----------
    stream : stream record
    nats : float
    """
    return float(nats / max(stream.threshold[RANK], 1e-9))


@kernel
def rank_news(stream: Any, nats: float) -> float:
    """Score of what the rank channel adds to what is known already.

    A window of 1024 samples stays far out for as long as it holds the incident. The alert says that it lasts;
    the score rises again when the evidence has grown NEWS_FACTOR times.

    Parameters
    ----------
    stream : stream record
    nats : float
    """
    ratio = rank_ratio(stream, nats)
    if not stream.episode & ANOMALOUS:
        stream.told = max(ratio, 1.0)
    elif ratio < NEWS_FACTOR * stream.told:
        return float(KNOWN_SCORE * min(ratio, 1.0) ** BELOW_LINE)
    else:
        stream.told = ratio
    return float(rank_score(stream, nats))


@kernel
def value_score(stream: Any, channel: int, nats: float) -> float:
    """Score of the value or the level channel.

    Parameters
    ----------
    stream : stream record
    channel : int
    nats : float
    """
    zero = stream.zero[channel]
    return float(max(np.sqrt(nats) - zero, 0.0) / max(stream.threshold[channel] - zero, 1e-9))


@kernel
def tail_score(stream: Any, nats: float, by_value: float) -> float:
    """Score of tail evidence that begins an episode; 0 of evidence that does not, or is known.

    A distance that was seen before is a tail's too, but no surprise: the value channel must find it rare, or
    nearly so. And how far values lie outside is said by that channel's own score: among streams that move
    together, an alarm of the tail alone comes last.

    Parameters
    ----------
    stream : stream record
    nats : float
    by_value : float
        Score of the value channel.
    """
    known = stream.episode & ANOMALOUS != 0
    if known or by_value < NEARLY_RARE_SCORE or not nats > _tail_line(stream):
        return 0.0
    return float(1.0 + TAIL_ABOVE_LINE * np.log(nats / _tail_line(stream)))


@kernel
def tail_weight(stream: Any, nats: float) -> float:
    """How much a sample counts in the tails.

    Parameters
    ----------
    stream : stream record
    nats : float
        Its own surprise.
    """
    return ALARM_WEIGHT if nats > 0.0 and nats > _tail_line(stream) else 1.0


@kernel
def _tail_line(stream: Any) -> float:
    early = max(1.0 - stream.value_blocks / EARLY_BLOCKS, 0.0)
    line = tail_line(stream, stream.samples_per_alarm / TAIL_SHARE, EARLY_WIDENING * early)
    return float(line * stream.feedback)


@kernel
def note_early(stream: Any, channel: int, nats: float, line_nats: float) -> None:
    """Let a surprise count in the line that holds until a stream has shown its own blocks.

    Nothing in the first samples tells a burst or a season from an incident, but for those that came before.

    Parameters
    ----------
    stream : stream record
    channel : int
    nats, line_nats : float
    """
    most = max(stream.maxima[channel, EARLY_FILLING], min(nats, EARLY_CAP_LINES * line_nats))
    if stream.samples % EARLY_BLOCK_SAMPLES == 0:
        stream.maxima[channel, EARLY_PEAK] = max(stream.maxima[channel, EARLY_PEAK], most)
        most = 0.0
    stream.maxima[channel, EARLY_FILLING] = most


@kernel
def forget_blocks(stream: Any) -> None:
    """Let the line of the rank channel begin as that of a new stream.

    Parameters
    ----------
    stream : stream record
    """
    stream.blocks, stream.block_fill = 0, 0
    stream.maxima[RANK, EARLY_PEAK], stream.maxima[RANK, EARLY_FILLING] = 0.0, 0.0


@kernel
def observe(stream: Any, channel: int, nats: float) -> None:
    """Let a surprise count in the block under way.

    Parameters
    ----------
    stream : stream record
    channel : int
    nats : float
    """
    stream.block[channel] = max(stream.block[channel], nats)


@kernel
def keep_maximum(stream: Any, channel: int, blocks: int) -> None:
    """Keep the maximum of a channel's block that is full.

    Parameters
    ----------
    stream : stream record
    channel : int
    blocks : int
        Kept so far.
    """
    stream.maxima[channel, blocks % BLOCKS] = stream.block[channel]
    stream.block[channel] = 0.0
