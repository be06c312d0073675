"""One unit against its stream: score it, carry the episode on, let it into windows and reference."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from kullback.core.kernel import inner_kernel, kernel
from kullback.core.scores import Episode, Outcome
from kullback.detector.binned.effect import effect_is_small
from kullback.detector.binned.layout import (
    BINS,
    FIRST_UNITS,
    GAP_BLOCKS,
    KINDS,
    REFERENCE_UNITS,
    UNITS,
    WINDOWS,
)
from kullback.detector.binned.statistics import (
    categorical_nats,
    gather,
    is_above,
    learn_usual,
    start_usual,
    statistic_of,
    surprise,
)
from kullback.detector.intervals import set_budget
from kullback.detector.layout import BLOCKS
from kullback.detector.lifecycle import CALM_SAMPLES, CALM_SCORE, RESUMES_SAMPLES, SHIFT_SAMPLES
from kullback.detector.maxima import BLOCK_SAMPLES, cap_of, fit_maxima, pool, rare_level
from kullback.detector.news import JUST_BELOW

READY, ANOMALOUS, STARTED = int(Episode.READY), int(Episode.ANOMALOUS), int(Episode.STARTED)
ENDED, SHIFTED, REBASELINED = int(Episode.ENDED), int(Episode.SHIFTED), int(Episode.REBASELINED)
SCORED, ABSORBED = int(Outcome.SCORED), int(Outcome.ABSORBED)
CALM_WINDOWS = 3
"""Windows of up to 64 units must be calm for an episode to end."""
FEWEST_BLOCKS = 8
PRIOR_LOCATION, PRIOR_SCALE = 2.6, 0.45
"""Roots of block maxima of surprise before a stream has shown its own."""
CAP_SCALES = 8.0
ABOVE = 1
_WINDOWS = np.array(WINDOWS)


@inner_kernel
def take(stream: Any, shares: NDArray[np.float64], mass: float, live_streams: int) -> int:
    """Let one unit in and score it; `stream` holds what came of it.

    Parameters
    ----------
    stream : record
        Knows the unit's time already.
    shares : float64 array, shape (BINS,)
        Sum to 1 over the stream's bins; anything when `mass` is 0.
    mass : float
        Observations in the unit.
    live_streams : int
        Streams that share a fleet budget.

    Returns
    -------
    int
        SCORED, or ABSORBED when nothing was observed or the first reference is not full yet.
    """
    if mass <= 0.0:
        return ABSORBED
    stream.samples += 1
    stream.observations += mass
    if stream.samples <= FIRST_UNITS:
        _found(stream, shares, live_streams)
        return ABSORBED
    _enter(stream, shares)
    _judge(stream, live_streams)
    return SCORED


@inner_kernel
def _found(stream: Any, shares: NDArray[np.float64], live_streams: int) -> None:
    """The first units are the first reference."""
    for index in range(stream.bins):
        stream.reference[index] += shares[index]
        stream.newest[stream.samples % UNITS, index] = shares[index]
    stream.reference_units += 1.0
    if stream.samples == FIRST_UNITS:
        start_usual(stream)
        set_line(stream, live_streams)
        flush(stream)


@inner_kernel
def _enter(stream: Any, shares: NDArray[np.float64]) -> None:
    if stream.units % UNITS == 0 and stream.units > 0:
        _close_block(stream)
    at = stream.head
    for index in range(BINS):
        stream.newest[at, index] = shares[index] if index < stream.bins else 0.0
    stream.head = (at + 1) % UNITS
    stream.units += 1
    if stream.units >= 1 << 30:
        stream.units -= 1 << 29


@inner_kernel
def _close_block(stream: Any) -> None:
    """Sum the newest units into a block; the oldest block leaves for the reference."""
    at = stream.block_head
    if stream.blocks_held == GAP_BLOCKS:
        _admit(stream, at)
    for index in range(BINS):
        total = 0.0
        for unit in range(UNITS):
            total += stream.newest[unit, index]
        stream.blocks[at, index] = total
    stream.struck[at] = 1 if stream.episode & ANOMALOUS else 0
    stream.block_head = (at + 1) % GAP_BLOCKS
    stream.blocks_held = min(stream.blocks_held + 1, GAP_BLOCKS)


@inner_kernel
def _admit(stream: Any, at: int) -> None:
    if stream.struck[at]:
        return
    keep = min(1.0, (REFERENCE_UNITS - UNITS) / stream.reference_units)
    for index in range(BINS):
        stream.reference[index] = keep * stream.reference[index] + stream.blocks[at, index]
    stream.reference_units = keep * stream.reference_units + UNITS


@inner_kernel
def _judge(stream: Any, live_streams: int) -> None:
    statistics = np.zeros((len(_WINDOWS), KINDS))
    best, calm = _lead(stream, statistics)
    stream.score = best / stream.line_nats
    if stream.fixed_window >= 0:
        stream.leader = stream.fixed_window * KINDS
        stream.score = calm = 0.0
    current = np.empty(BINS)
    units = gather(stream, max(stream.leader, 0) // KINDS, current)
    stream.divergence_nats = categorical_nats(stream, current, units)
    if stream.fixed_window >= 0 and stream.units >= _WINDOWS[stream.fixed_window]:
        stream.score = stream.divergence_nats / stream.fixed_nats
        calm = stream.score * stream.line_nats
    if stream.score > 1.0 and effect_is_small(stream, current, units):
        stream.score = JUST_BELOW
    _live(stream, calm / stream.line_nats)
    if not stream.episode & ANOMALOUS:
        _learn(stream, statistics)
    _note(stream, best, live_streams)


@inner_kernel
def _lead(stream: Any, statistics: NDArray[np.float64]) -> tuple[float, float]:
    """Find the most surprising statistic of all full windows; its surprise, and that of the short ones.

    Single categories in a window of 4 say nothing, so it counts for histograms only.
    """
    current = np.empty(BINS)
    best, calm = 0.0, 0.0
    stream.leader = -1
    for window in range(0 if stream.ordered else 1, len(_WINDOWS)):
        if stream.units < _WINDOWS[window]:
            break
        units = gather(stream, window, current)
        wrong_way = stream.direction != 0 and is_above(stream, current, units) != (stream.direction == ABOVE)
        for kind in range(KINDS if stream.ordered else 1):
            statistics[window, kind] = statistic_of(stream, kind, current, units)
            nats = 0.0 if wrong_way else surprise(stream, window, kind, statistics[window, kind])
            if window < CALM_WINDOWS:
                calm = max(calm, nats)
            if nats > best or stream.leader < 0:
                best, stream.leader = nats, window * KINDS + kind
    return best, calm


@inner_kernel
def _learn(stream: Any, statistics: NDArray[np.float64]) -> None:
    for window in range(len(_WINDOWS)):
        if stream.units >= _WINDOWS[window]:
            for kind in range(KINDS):
                learn_usual(stream, window, kind, statistics[window, kind])
    stream.learnt += 1


@inner_kernel
def _note(stream: Any, nats: float, live_streams: int) -> None:
    """Block maxima go on during an episode: its peak counts, and a line that is too low can rise."""
    stream.block_nats = max(stream.block_nats, nats)
    stream.line_fill += 1
    if stream.line_fill >= BLOCK_SAMPLES:
        stream.maxima[stream.line_blocks % BLOCKS] = stream.block_nats
        stream.line_blocks += 1
        stream.line_fill = 0
        stream.block_nats = 0.0
        set_line(stream, live_streams)


@inner_kernel
def set_line(stream: Any, live_streams: int) -> None:
    """Recompute the surprise at which the score is 1.

    Its tail is heavier than exponential (rare buckets, intervals of few observations); roots of block maxima
    are fitted, as for the value channel.

    Parameters
    ----------
    stream : record
    live_streams : int
    """
    set_budget(stream, live_streams)
    blocks = min(stream.line_blocks, BLOCKS)
    location, scale = PRIOR_LOCATION, PRIOR_SCALE
    if blocks >= FEWEST_BLOCKS:
        roots = np.sort(np.sqrt(stream.maxima[:blocks].astype(np.float64)))
        own_location, own_scale = fit_maxima(roots, cap_of(roots, CAP_SCALES))
        location, scale = pool(own_location, own_scale, blocks, PRIOR_LOCATION, PRIOR_SCALE)
    level, widening = rare_level(stream.samples_per_alarm, float(max(blocks, FEWEST_BLOCKS)))
    stream.line_nats = (location + scale * (level + widening)) ** 2 * stream.feedback


@inner_kernel
def _live(stream: Any, calm_score: float) -> None:
    if not stream.episode & ANOMALOUS:
        stream.episode = READY
        stream.onset_ms = _onset(stream)
        if stream.score > 1.0:
            _begin(stream)
        elif stream.calm_samples > 0:  # since an episode ended
            stream.calm_samples = stream.calm_samples + 1 if stream.calm_samples < RESUMES_SAMPLES else 0
        return
    stream.episode = READY | ANOMALOUS | (stream.episode & SHIFTED)
    stream.firing_samples += 1
    stream.calm_samples = stream.calm_samples + 1 if calm_score < CALM_SCORE else 0
    after = stream.rebaseline_after
    if stream.calm_samples >= CALM_SAMPLES:
        stream.episode = READY | ENDED
        stream.calm_samples = 1
        flush(stream)
    elif after > 0 and stream.firing_samples >= after:
        rebaseline(stream)
        stream.episode = READY | ENDED | SHIFTED | REBASELINED
    elif after == 0 and stream.firing_samples >= SHIFT_SAMPLES:
        stream.episode |= SHIFTED


@inner_kernel
def _begin(stream: Any) -> None:
    """Begin an episode, or go on with the one that ended a moment ago."""
    stream.episode = READY | ANOMALOUS
    if stream.calm_samples == 0:
        stream.episode |= STARTED
        stream.anomalies += 1
        stream.firing_samples = 0
        stream.started_ms = stream.last_ms
    stream.calm_samples = 0
    _strike_leading(stream)


@inner_kernel
def _strike_leading(stream: Any) -> None:
    """The evidence that began an episode does not enter the reference."""
    length = _WINDOWS[max(stream.leader, 0) // KINDS]
    for back in range(1, min(-(-length // UNITS), stream.blocks_held) + 1):
        stream.struck[(stream.block_head - back) % GAP_BLOCKS] = 1


@inner_kernel
def _onset(stream: Any) -> int:
    length = _WINDOWS[max(stream.leader, 0) // KINDS]
    return int(stream.last_ms - np.int64((length - 1) * stream.interval_ms))


@kernel
def flush(stream: Any) -> None:
    """Empty the windows; what they held is forgotten, the reference stays.

    Parameters
    ----------
    stream : record
    """
    stream.units = 0
    stream.head = 0
    stream.blocks_held = 0
    stream.newest[:, :] = 0.0


@kernel
def rebaseline(stream: Any) -> None:
    """Make what the windows hold the reference: what is now, is normal.

    During an episode that is the longest window which the episode fills.

    Parameters
    ----------
    stream : record
    """
    current = np.empty(BINS)
    window = len(_WINDOWS) - 1
    if stream.episode & ANOMALOUS:
        while window > 1 and _WINDOWS[window] > stream.firing_samples:
            window -= 1
    units = gather(stream, window, current)
    if units > 0.0:
        for index in range(BINS):
            stream.reference[index] = current[index]
        stream.reference_units = units
    stream.firing_samples = stream.calm_samples = 0
    flush(stream)
