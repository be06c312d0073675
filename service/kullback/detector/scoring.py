"""One sample against its stream: place it, let every channel judge it, carry the episode on."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from kullback.core.kernel import kernel
from kullback.detector.axis import code_of
from kullback.detector.bank import watch
from kullback.detector.blocks import keep_maximum, observe
from kullback.detector.calibration import (
    EARLY_BLOCK_SAMPLES,
    EARLY_BLOCKS,
    TRUSTED_BLOCKS,
    note_early,
    oddness,
    rank_score,
    set_rank_line,
    set_value_lines,
    tail_score,
    tail_weight,
    value_score,
)
from kullback.detector.dependence import note_oldest, note_rank
from kullback.detector.deseason import follow_season
from kullback.detector.effect import effect_is_small
from kullback.detector.intervals import set_budget, set_windows
from kullback.detector.layout import FOLLOWED, LEVEL, RANK, REFRESH_SAMPLES, VALUE
from kullback.detector.lifecycle import ANOMALOUS, live, onset_of
from kullback.detector.maxima import BLOCK_SAMPLES
from kullback.detector.news import JUST_BELOW, news, sample_score, standing_score
from kullback.detector.ranks import (
    alternative_of,
    rank_surprise,
    shown_divergence,
    span_of,
)
from kullback.detector.reference import (
    admit,
    count_below,
    count_through,
    gap_now,
    key_at,
    key_before,
    key_of,
    mark_struck,
    value_of,
)
from kullback.detector.season import baseline_at, learn_profile
from kullback.detector.tail import close_tail_block, learn_tail, tail_surprise
from kullback.detector.value import FIRST_SCORE_SAMPLES, start_views, value_surprise
from kullback.detector.windows import ABOVE, divergence_of, flush, is_active, push

FIRST_GAP_SAMPLES = 16
FROZEN_SAMPLES = 64
"""So long does an episode keep its surprise out of the value channel's line; a longer one is learnt."""
VALUE_SPAN_SAMPLES = 1
LEVEL_SPAN_SAMPLES = 12
EPISODE_BLOCKS = 2
GOLDEN = 2654435769
LARGEST_DISTANCE = 1e30
"""A float32 must hold sums of a few distances from the stream's origin."""


@kernel
def accept(
    stream: Any,
    tables: Any,
    value: float,
    phase: float,
    live_streams: int,
    scratch: NDArray[np.int64],
) -> None:
    """Score a value and let it into windows and references.

    Parameters
    ----------
    stream : stream record
        Holds the score afterwards.
    tables : tables record
    value, phase : float
    live_streams : int
    scratch : int64 array
        As for `admit`.
    """
    if stream.samples == 0 and not stream.pinned:
        stream.origin = value
    stream.last_value = value
    distance = min(max(value - stream.origin, -LARGEST_DISTANCE), LARGEST_DISTANCE)
    if stream.reference_count == 0 or stream.samples < FIRST_SCORE_SAMPLES:
        learn_profile(stream, distance, phase)
        _enqueue(stream, key_of(distance, 0.0), 0)
        stream.score, stream.news = np.nan, np.nan
        if stream.queued >= FIRST_SCORE_SAMPLES:
            _begin(stream, tables, live_streams, scratch)
            _score(stream, tables, 0.0, 0.0, 0.0, False, live_streams, scratch)
        return
    learn = not stream.episode & ANOMALOUS or stream.firing_samples >= FROZEN_SAMPLES
    value_nats, level_nats, apart = value_surprise(stream, distance, phase, stream.samples)
    tail_nats = tail_surprise(stream, apart, stream.samples)
    learn_tail(stream, apart, stream.samples, tail_weight(stream, tail_nats))
    if not stream.episode & ANOMALOUS and not stream.pinned:
        follow_season(stream, tables, phase, scratch)
    stream.baseline = baseline_at(stream, phase) if stream.deseasoned else 0.0
    key = key_of(distance - stream.baseline, 0.0)
    code = code_in_reference(stream, key)
    push(stream, tables, code, key == key_before(stream, stream.head))
    _enqueue(stream, key, code)
    if stream.queued >= gap_now(stream) + REFRESH_SAMPLES:
        if stream.pinned:
            stream.queued -= REFRESH_SAMPLES
        else:
            admit(stream, REFRESH_SAMPLES, scratch)
        growing = stream.reference_count < stream.reference_limit or stream.blocks < TRUSTED_BLOCKS
        if growing and not stream.episode & ANOMALOUS:
            _convert(stream, tables, live_streams)
            set_rank_line(stream, tables)
    _score(stream, tables, value_nats, level_nats, tail_nats, learn, live_streams, scratch)


@kernel
def code_in_reference(stream: Any, key: int) -> int:
    """Block of bins of a key, among the reference as it is now.

    Parameters
    ----------
    stream : stream record
    key : int
    """
    size = stream.reference_count
    below = count_below(stream, size, key)
    through = count_through(stream, size, key, below)
    note_rank(stream, 0.5 * (below + through) / size)
    draw = ((stream.samples * GOLDEN) & 0xFFFFFFFF) / 4294967296.0
    return code_of(below, through, size, draw)


@kernel
def _enqueue(stream: Any, key: int, code: int) -> None:
    at = stream.head
    stream.queue_high[at] = key >> 8
    stream.queue_low[at] = key & 255
    stream.codes[at] = code
    mark_struck(stream, at, stream.episode & ANOMALOUS != 0)
    stream.head = at + 1 if at + 1 < len(stream.codes) else 0
    stream.queued += 1
    stream.samples += 1


@kernel
def _begin(stream: Any, tables: Any, live_streams: int, scratch: NDArray[np.int64]) -> None:
    """Build the first references, and place the samples after the rank reference."""
    first = np.empty(stream.queued)
    room = len(stream.codes)
    newest = stream.head
    for step in range(stream.queued):
        first[step] = value_of(key_at(stream, (newest - stream.queued + step) % room), 0.0)
    start_views(stream, first)
    note_oldest(stream, FIRST_SCORE_SAMPLES - FIRST_GAP_SAMPLES)
    if not stream.pinned:
        admit(stream, FIRST_SCORE_SAMPLES - FIRST_GAP_SAMPLES, scratch)
    flush(stream, tables)
    for back in range(stream.queued, 0, -1):
        at = (newest - back) % room
        key = key_at(stream, at)
        code = code_in_reference(stream, key)
        stream.head = at
        push(stream, tables, code, key == key_before(stream, at))
        stream.codes[at] = code
    stream.head = newest
    _convert(stream, tables, live_streams)
    set_rank_line(stream, tables)
    set_value_lines(stream)


@kernel
def _convert(stream: Any, tables: Any, live_streams: int) -> None:
    """Follow the stream's interval: what is given in time becomes samples."""
    set_budget(stream, live_streams)
    set_windows(stream, tables.windows)


@kernel
def _score(
    stream: Any,
    tables: Any,
    value_nats: float,
    level_nats: float,
    tail_nats: float,
    learn: bool,
    live_streams: int,
    scratch: NDArray[np.int64],
) -> None:
    nats, calm_nats, leader = rank_surprise(stream, tables)
    if stream.direction != 0 and (stream.rank_last > 0.0) != (stream.direction == ABOVE):
        value_nats, level_nats, tail_nats = 0.0, 0.0, 0.0
    span = span_of(stream, tables, leader, False)
    stream.divergence_nats = shown_divergence(stream, tables, span)
    by_ranks, calm_score = rank_score(stream, nats), calm_nats / stream.threshold[RANK]
    by_value = value_score(stream, VALUE, value_nats)
    by_value = max(by_value, tail_score(stream, tail_nats, by_value))
    by_level = value_score(stream, LEVEL, level_nats)
    if by_value > by_ranks:
        span, leader = VALUE_SPAN_SAMPLES, 3 * len(tables.windows)
    if by_level > max(by_ranks, by_value):
        span, leader = LEVEL_SPAN_SAMPLES, 3 * len(tables.windows) + 1
    calm_score = max(calm_score, by_value, by_level)
    own, odd = max(by_ranks, by_value, by_level), oddness(stream, value_nats, level_nats, tail_nats)
    stream.leader, stream.score = leader, standing_score(own, by_ranks, odd)
    said = sample_score(stream, own, odd)
    if stream.fixed_window >= 0:
        calm_score, span = _score_by_number(stream, tables)
        said = stream.score
    elif stream.score > 1.0 and not stream.episode & ANOMALOUS:
        watch(stream, max(alternative_of(tables, leader), -1))
        if stream.watched:
            span = span_of(stream, tables, leader, True)
    if stream.score > 1.0 and effect_is_small(stream, span, scratch):
        stream.score, said = JUST_BELOW, min(said, JUST_BELOW)
    full = not stream.pinned and 4 * stream.reference_count >= 3 * stream.reference_limit
    counts = full or stream.pinned == FOLLOWED
    live(stream, tables, calm_score, span, scratch)
    stream.news = news(stream, said) if stream.fixed_window < 0 else said
    if not stream.episode & ANOMALOUS:
        stream.onset_ms = onset_of(stream, span)
    if stream.blocks < TRUSTED_BLOCKS:
        note_early(stream, RANK, nats, stream.threshold[RANK])
    if stream.value_blocks < EARLY_BLOCKS:
        _learn_early(stream, value_nats, level_nats)
    if learn:
        _learn_value_line(stream, tables, value_nats, level_nats, tail_nats, live_streams)
    if counts:
        _learn_rank_line(stream, tables, nats, live_streams)


@kernel
def _learn_early(stream: Any, value_nats: float, level_nats: float) -> None:
    note_early(stream, VALUE, value_nats, stream.threshold[VALUE] ** 2)
    note_early(stream, LEVEL, level_nats, stream.threshold[LEVEL] ** 2)
    if stream.samples % EARLY_BLOCK_SAMPLES == 0 and not stream.episode & ANOMALOUS:
        set_value_lines(stream)


@kernel
def _learn_value_line(
    stream: Any,
    tables: Any,
    value_nats: float,
    level_nats: float,
    tail_nats: float,
    live_streams: int,
) -> None:
    observe(stream, VALUE, value_nats)
    observe(stream, LEVEL, level_nats)
    stream.tail_block = max(stream.tail_block, tail_nats)
    stream.value_block_fill += 1
    if stream.value_block_fill >= BLOCK_SAMPLES:
        keep_maximum(stream, VALUE, stream.value_blocks)
        keep_maximum(stream, LEVEL, stream.value_blocks)
        close_tail_block(stream, stream.value_blocks)
        stream.value_blocks += 1
        stream.value_block_fill = 0
        _convert(stream, tables, live_streams)
        set_value_lines(stream)


@kernel
def _learn_rank_line(stream: Any, tables: Any, nats: float, live_streams: int) -> None:
    """Blocks go on during an episode, or a line that is too low would never learn it.

    But not for long, and the line itself waits for the end, or a level that stays would lift it above itself.
    """
    observe(stream, RANK, nats)
    if stream.episode & ANOMALOUS and stream.firing_samples >= EPISODE_BLOCKS * BLOCK_SAMPLES:
        return
    stream.block_fill += 1
    if stream.block_fill >= BLOCK_SAMPLES:
        keep_maximum(stream, RANK, stream.blocks)
        stream.blocks += 1
        stream.block_fill = 0
        if not stream.episode & ANOMALOUS:
            _convert(stream, tables, live_streams)
            set_rank_line(stream, tables)


@kernel
def _score_by_number(stream: Any, tables: Any) -> tuple[float, int]:
    """The textbook mode: the divergence of one window against a number."""
    window = stream.fixed_window
    stream.leader = window * 3
    if not is_active(tables, stream, window):
        stream.score = np.nan
        return 0.0, 1
    stream.divergence_nats = divergence_of(stream, window)
    stream.score = stream.divergence_nats / stream.fixed_nats
    return stream.score, tables.windows[window]
