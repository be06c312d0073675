"""The line that a channel's surprise must cross, learnt from the stream's own block maxima."""

from __future__ import annotations

from typing import Any

import numpy as np

from kullback.core.kernel import kernel
from kullback.core.scores import Episode
from kullback.detector.blocks import maxima_of, merged_of
from kullback.detector.dependence import dependence_factor
from kullback.detector.layout import BLOCKS, FOLLOWED, LEVEL, RANK, VALUE
from kullback.detector.maxima import own_threshold, rare_level, root_threshold
from kullback.detector.shares import (
    LEVEL_SHARE,
    TAIL_SHARE,
    VALUE_SHARE,
    decades_of,
    rank_share,
    tail_share,
)
from kullback.detector.tables import quiet_threshold
from kullback.detector.tail import ALARM_WEIGHT, common_tail_line, tail_line

ANOMALOUS = int(Episode.ANOMALOUS)
TRUSTED_BLOCKS = 8
SHARED_PRIOR_BLOCKS = 64
ZERO_ROOT = 1.2
"""Root of a surprise that nearly every sample reaches."""
EARLY_WIDENING = 3.0
EARLY_BLOCKS = 8
EARLY_BLOCK_SAMPLES = 64
EARLY_FACTOR = 2.5
"""Until a stream has blocks enough, its line is at least so many times the largest surprise so far."""
CAUTIOUS_SAMPLES = 512
"""So long is the line of the ranks higher, up to twice, but for alarms that may be frequent: bursts and the
morning's rise are habits that so few samples do not show."""
EARLY_CAP_LINES = 3.0
"""So far above the line may a surprise count in that: one incident must not blind the rest of the warm-up."""
EARLY_PEAK, EARLY_FILLING = BLOCKS - 1, BLOCKS - 2
"""Places among the maxima that are free until long after: the largest of the short blocks that are full, and
that of the one under way, which may hold the onset of an incident and does not count yet."""
NEARLY_RARE_SCORE = 0.6
BELOW_LINE = 32
TAIL_ODDNESS, LEVEL_ODDNESS = 0.75, 1.1
"""How much of what the tail and the level say counts among streams; of the value: 1."""
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
    share = stream.samples_per_alarm / rank_share(stream)
    line = quiet_threshold(tables, stream.reference_count, share)
    learns = not stream.pinned or stream.pinned == FOLLOWED
    if stream.blocks >= TRUSTED_BLOCKS and learns:
        maxima = maxima_of(stream, RANK, stream.blocks)
        line = max(line, own_threshold(maxima, share, tables.location, tables.scale))
    else:
        line = EARLY_MARGIN_NATS + line * dependence_factor(stream, EARLY_DEVIATIONS)
        unknown = 0.0 if stream.pinned else max(1.0 - stream.samples / CAUTIOUS_SAMPLES, 0.0)
        line *= 1.0 + unknown * min(decades_of(stream.samples_per_alarm), 1.0)
        if learns:
            line = max(line, EARLY_FACTOR * stream.maxima[RANK, EARLY_PEAK])
    stream.threshold[RANK] = line * stream.feedback


@kernel
def set_value_line(stream: Any, channel: int, share: float, location: float, scale: float) -> None:
    """Recompute the line of the value or the level channel, on the root of surprise.

    Sums of surprises have tails between exponential and stretched; their roots are nearly Gumbel.

    Parameters
    ----------
    stream : stream record
    channel : int
    share : float
        Of the budget.
    location, scale : float
        What roots of block maxima are before a stream has shown its own.
    """
    blocks = stream.value_blocks
    merged = merged_of(channel, blocks)
    samples = stream.samples_per_alarm / (share * merged)
    location += scale * np.log(merged)
    level, _ = rare_level(samples, 1.0)
    common = location + scale * level
    line, count = common, 0
    if blocks >= FEWEST_VALUE_BLOCKS:
        roots = np.sort(np.sqrt(maxima_of(stream, channel, blocks)))
        line, count = root_threshold(roots, samples, location, scale), len(roots)
    shared = (SHARED_PRIOR_BLOCKS * common + count * line) / (SHARED_PRIOR_BLOCKS + count)
    if blocks < EARLY_BLOCKS:
        wide = scale * EARLY_WIDENING * (1.0 - blocks / EARLY_BLOCKS)
        line, shared = line + wide, shared + wide
        line = max(line, np.sqrt(EARLY_FACTOR * stream.maxima[channel, EARLY_PEAK]))
    stream.threshold[channel] = ZERO_ROOT + (line - ZERO_ROOT) * stream.feedback
    stream.shared_line[channel - VALUE] = ZERO_ROOT + (shared - ZERO_ROOT) * stream.feedback


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
    """Score of the rank channel: 1 at its line, steep below.

    A stream that wanders keeps its ranks far out for long spells. What has not reached the line must not
    outrank the magnitude of values, which tells more of incidents.

    Parameters
    ----------
    stream : stream record
    nats : float
    """
    ratio = nats / max(stream.threshold[RANK], 1e-9)
    return float(1.0 + np.log(ratio) if ratio > 1.0 else ratio**BELOW_LINE)


@kernel
def value_score(stream: Any, channel: int, nats: float) -> float:
    """Score of the value or the level channel by the stream's own line.

    Parameters
    ----------
    stream : stream record
    channel : int
    nats : float
    """
    return _score_of(nats, stream.threshold[channel])


@kernel
def oddness(stream: Any, value_nats: float, level_nats: float, tail_nats: float) -> float:
    """How odd a sample is among all streams; 1 where an average stream would raise an alarm.

    A stream's own line is what its incidents so far have made of it too; among many streams the surprise
    itself tells better which sample is odd. The tail counts for less: its own line is left to those streams
    whose samples are rare by value as well.

    Parameters
    ----------
    stream : stream record
    value_nats, level_nats, tail_nats : float
    """
    by_value = _score_of(value_nats, stream.shared_line[0])
    by_level = LEVEL_ODDNESS * _score_of(level_nats, stream.shared_line[1])
    if tail_nats <= 0.0 or by_value <= 0.0:
        return max(by_value, by_level)
    line = common_tail_line(stream.samples_per_alarm / TAIL_SHARE) * stream.feedback
    return float(max(by_value, by_level, TAIL_ODDNESS * tail_nats / line))


@kernel
def _score_of(nats: float, line: float) -> float:
    return float(max(np.sqrt(nats) - ZERO_ROOT, 0.0) / max(line - ZERO_ROOT, 1e-9))


@kernel
def tail_score(stream: Any, nats: float, by_value: float) -> float:
    """Score of tail evidence that begins an episode; 0 of evidence that does not, or is known.

    A distance that was seen before is a tail's too, but no surprise: the value channel must find it rare, or
    nearly so.

    Parameters
    ----------
    stream : stream record
    nats : float
    by_value : float
        Score of the value channel.
    """
    known = stream.episode & ANOMALOUS != 0
    if known or nats <= 0.0 or by_value < NEARLY_RARE_SCORE:
        return 0.0
    line = _tail_line(stream)
    return float(1.0 + np.log(nats / line)) if nats > line else 0.0


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
    line = tail_line(stream, stream.samples_per_alarm / tail_share(stream), EARLY_WIDENING * early)
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
