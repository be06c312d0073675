"""The one call per batch."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from kullback.core.batch import STALE_MARKER_BITS
from kullback.core.kernel import kernel
from kullback.core.scores import Outcome
from kullback.detector.axis import code_of
from kullback.detector.calibration import BLOCK_SAMPLES, TRUSTED_BLOCKS, close_block, observe, set_thresholds
from kullback.detector.dependence import note_oldest, note_rank
from kullback.detector.effect import effect_is_small
from kullback.detector.layout import CHANNELS, RANK, RECENT, REFRESH_SAMPLES
from kullback.detector.lifecycle import ANOMALOUS, READY, live, onset_of
from kullback.detector.reference import (
    admit,
    count_below,
    count_through,
    gap_now,
    key_at,
    key_of,
    mark_struck,
    scratch_samples,
)
from kullback.detector.windows import divergence_of, flush, is_active, push, rank_surprise

FIRST_SCORE_SAMPLES = 64
FIRST_GAP_SAMPLES = 16
GOLDEN = 2654435769
INTERVAL_MEMORY = 256
LONGEST_GAP_INTERVALS = 8.0
JUST_BELOW = 0.999

SCORED = int(Outcome.SCORED)
DUPLICATE = int(Outcome.DUPLICATE)
OUT_OF_ORDER = int(Outcome.OUT_OF_ORDER)
NOT_A_NUMBER = int(Outcome.NOT_A_NUMBER)
STALE = int(Outcome.STALE)
ABSORBED = int(Outcome.ABSORBED)


@kernel
def update_batch(
    streams: NDArray[Any],
    tables: NDArray[Any],
    slots: NDArray[np.int32],
    timestamps_ms: NDArray[np.int64],
    values: NDArray[np.float64],
    rows: NDArray[np.int64],
    scored_value: NDArray[np.float64],
    score: NDArray[np.float64],
    divergence_nats: NDArray[np.float64],
    leader: NDArray[np.int16],
    onset_ms: NDArray[np.int64],
    outcome: NDArray[np.uint8],
    episode: NDArray[np.uint8],
    offset: int,
    live_streams: int,
) -> None:
    """Score samples in their order and fill their rows.

    Parameters
    ----------
    streams : array of stream records
    tables : array of one tables record
    slots : int32 array, shape (n,)
    timestamps_ms : int64 array, shape (n,)
    values : float64 array, shape (n,)
    rows : int64 array, shape (n,)
        Which rows of the columns of `Scores` that follow are filled.
    offset : int
        Position in the log; samples that a stream's state already covers are skipped. 0: none is.
    live_streams : int
        Streams that share a fleet budget.
    """
    if len(slots) == 0:
        return
    table = tables[0]
    scratch = np.empty(scratch_samples(streams[0]), np.int64)
    for index in range(len(slots)):
        slot = slots[index]
        stream = streams[slot]
        row = rows[index]
        if offset > 0 and stream.offset >= offset:
            outcome[row] = ABSORBED
            continue
        verdict = take(stream, table, timestamps_ms[index], values[index], live_streams, scratch)
        outcome[row] = verdict
        onset_ms[row] = timestamps_ms[index]
        if verdict == SCORED:
            scored_value[row] = stream.last_value
            score[row] = stream.score
            divergence_nats[row] = stream.divergence_nats
            leader[row] = stream.leader
            onset_ms[row] = stream.onset_ms
            episode[row] = stream.episode
        else:
            episode[row] = stream.episode & (READY | ANOMALOUS)
    if offset > 0:
        for index in range(len(slots)):
            streams[slots[index]].offset = offset


@kernel
def take(
    stream: Any,
    tables: Any,
    timestamp_ms: int,
    value: float,
    live_streams: int,
    scratch: NDArray[np.int64],
) -> int:
    """Let one sample in and score it; `stream` holds what came of it.

    Parameters
    ----------
    stream : stream record
    tables : tables record
    timestamp_ms : int
    value : float
    live_streams : int
    scratch : int64 array
        As for `admit`.

    Returns
    -------
    int
        Outcome.
    """
    if not np.isfinite(value):
        return _refuse_number(stream, tables, value)
    verdict = _verdict_on_time(stream, timestamp_ms)
    if verdict != SCORED:
        return verdict
    elapsed_ms = timestamp_ms - stream.last_ms if stream.recent_head > 0 else 0
    _remember_time(stream, timestamp_ms)
    if stream.counter:
        last, stream.last_raw = stream.last_raw, value
        if elapsed_ms <= 0 or np.isnan(last):
            return ABSORBED
        value = (value - last if value >= last else value) / (elapsed_ms / 1000.0)
    _accept(stream, tables, value, live_streams, scratch)
    return SCORED


@kernel
def _refuse_number(stream: Any, tables: Any, value: float) -> int:
    if np.float64(value).view(np.int64) != STALE_MARKER_BITS:
        return NOT_A_NUMBER
    flush(stream, tables)
    stream.last_raw = np.nan
    return STALE


@kernel
def _verdict_on_time(stream: Any, timestamp_ms: int) -> int:
    if stream.recent_head == 0 or stream.any_order or timestamp_ms > stream.last_ms:
        return SCORED
    for index in range(min(stream.recent_head, RECENT)):
        if stream.recent_ms[index] == timestamp_ms:
            return DUPLICATE
    return OUT_OF_ORDER if timestamp_ms < stream.last_ms - stream.out_of_order_ms else SCORED


@kernel
def _remember_time(stream: Any, timestamp_ms: int) -> None:
    if stream.recent_head == 0:
        stream.first_ms = timestamp_ms
    elif timestamp_ms > stream.last_ms:
        elapsed_ms = float(timestamp_ms - stream.last_ms)
        if stream.interval_ms <= 0.0:
            stream.interval_ms = elapsed_ms
        weight = 1.0 / min(stream.recent_head, INTERVAL_MEMORY)
        step = min(elapsed_ms, LONGEST_GAP_INTERVALS * stream.interval_ms) - stream.interval_ms
        stream.interval_ms += weight * step
    stream.recent_ms[stream.recent_head % RECENT] = timestamp_ms
    stream.recent_head += 1
    if stream.recent_head >= 1 << 30:
        stream.recent_head -= 1 << 29
    stream.last_ms = timestamp_ms if stream.any_order else max(stream.last_ms, timestamp_ms)


@kernel
def _accept(
    stream: Any,
    tables: Any,
    value: float,
    live_streams: int,
    scratch: NDArray[np.int64],
) -> None:
    if stream.samples == 0:
        stream.origin = value
    stream.last_value = value
    key = key_of(value, stream.origin)
    code = 0
    if stream.reference_count > 0:
        code = code_in_reference(stream, key)
        push(stream, tables, code)
    _enqueue(stream, key, code)
    if stream.reference_count == 0:
        stream.score = np.nan
        if stream.queued < FIRST_SCORE_SAMPLES:
            return
        _begin(stream, tables, scratch)
        _set_budget(stream, tables, live_streams)
    elif stream.queued >= gap_now(stream) + REFRESH_SAMPLES:
        admit(stream, REFRESH_SAMPLES, scratch)
        if stream.reference_count < stream.reference_limit or stream.blocks < TRUSTED_BLOCKS:
            _set_budget(stream, tables, live_streams)
    _score(stream, tables, live_streams, scratch)


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
def _begin(stream: Any, tables: Any, scratch: NDArray[np.int64]) -> None:
    """Build the first reference, and place the samples after it."""
    note_oldest(stream, FIRST_SCORE_SAMPLES - FIRST_GAP_SAMPLES)
    admit(stream, FIRST_SCORE_SAMPLES - FIRST_GAP_SAMPLES, scratch)
    flush(stream, tables)
    room = len(stream.codes)
    newest = stream.head
    for back in range(stream.queued, 0, -1):
        at = (newest - back) % room
        key = key_at(stream, at)
        code = code_in_reference(stream, key)
        stream.head = at
        push(stream, tables, code)
        stream.codes[at] = code
    stream.head = newest


@kernel
def _set_budget(stream: Any, tables: Any, live_streams: int) -> None:
    samples = stream.budget_samples
    if samples <= 0.0:
        samples = stream.budget_ms / max(stream.interval_ms, 1.0)
    stream.samples_per_alarm = samples / stream.budget_alarms * (live_streams if stream.fleet else 1)
    set_thresholds(stream, tables, CHANNELS)


@kernel
def _score(stream: Any, tables: Any, live_streams: int, scratch: NDArray[np.int64]) -> None:
    nats, short_nats, leader = rank_surprise(stream, tables)
    line = stream.threshold[RANK]
    stream.leader = leader
    stream.score = nats / line if leader >= 0 else np.nan
    calm_score = short_nats / line
    span = tables.windows[leader // 3] if leader >= 0 else 1
    stream.divergence_nats = divergence_of(stream, leader // 3) if leader >= 0 else np.nan
    counts = 4 * stream.reference_count >= 3 * stream.reference_limit
    if counts:
        observe(stream, RANK, nats)
    if stream.fixed_window >= 0:
        calm_score, span = _score_by_number(stream, tables)
    if stream.score > 1.0 and effect_is_small(stream, span, scratch):
        stream.score = JUST_BELOW
    was_anomalous = stream.episode & ANOMALOUS
    live(stream, tables, calm_score, span, scratch)
    if not stream.episode & ANOMALOUS:
        stream.onset_ms = onset_of(stream, span)
    if counts and not was_anomalous:
        stream.block_fill += 1
        if stream.block_fill >= BLOCK_SAMPLES and not stream.episode & ANOMALOUS:
            close_block(stream)
            _set_budget(stream, tables, live_streams)


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
