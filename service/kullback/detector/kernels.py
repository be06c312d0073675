"""The one call per batch."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from kullback.core.batch import STALE_MARKER_BITS
from kullback.core.kernel import kernel
from kullback.core.runs import note_late, note_time, was_let_go, was_noted
from kullback.core.scores import Outcome
from kullback.detector.layout import RECENT
from kullback.detector.lifecycle import ANOMALOUS, READY
from kullback.detector.past import follow_past, note_past
from kullback.detector.prefetch import ask_for_places, ask_for_stream
from kullback.detector.reference import scratch_samples
from kullback.detector.scoring import accept
from kullback.detector.season import phase_of
from kullback.detector.windows import flush

FAR_AHEAD, NEAR_AHEAD = 4, 2
"""Samples ahead at which a stream's memory is asked for."""
INTERVAL_MEMORY = 256
LONGEST_GAP_INTERVALS = 8.0

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
    pasts: NDArray[Any],
    past_of: NDArray[np.int32],
    scored_value: NDArray[np.float64],
    score: NDArray[np.float64],
    divergence_nats: NDArray[np.float64],
    leader: NDArray[np.int16],
    onset_ms: NDArray[np.int64],
    outcome: NDArray[np.uint8],
    episode: NDArray[np.uint8],
    offset: int,
    live_streams: int,
    zone_from_ms: NDArray[np.int64],
    zone_ms: NDArray[np.int64],
    record_bytes: int,
    front_bytes: int,
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
        Which rows of the columns of `Scores` are filled.
    pasts : array of PAST records
    past_of : int32 array
        Row among them by slot; −1 for a stream that does not keep its past.
    offset : int
        Position in the log; samples that a stream's state already covers are skipped. 0: none is.
    live_streams : int
        Streams that share a fleet budget.
    zone_from_ms, zone_ms : int64 arrays
        As for `phase_of`.
    record_bytes, front_bytes : int
        Of a stream's record: all of it, and what every sample needs.
    """
    if len(slots) == 0:
        return
    table = tables[0]
    scratch = np.empty(scratch_samples(streams[0]), np.int64)
    base = streams.ctypes.data
    for index in range(len(slots)):
        if index + FAR_AHEAD < len(slots):
            ask_for_stream(base, record_bytes, front_bytes, slots[index + FAR_AHEAD])
        if index + NEAR_AHEAD < len(slots):
            ask_for_places(streams[slots[index + NEAR_AHEAD]], table.windows)
        slot = slots[index]
        stream = streams[slot]
        row = rows[index]
        if offset > 0 and stream.offset >= offset:
            outcome[row] = ABSORBED
            continue
        keeps_past = past_of[slot] >= 0
        if keeps_past:
            follow_past(stream, table, pasts[past_of[slot]], timestamps_ms[index], scratch)
        verdict = take(
            stream, table, timestamps_ms[index], values[index], live_streams, zone_from_ms, zone_ms, scratch
        )
        if keeps_past and verdict == SCORED:
            note_past(stream, pasts[past_of[slot]], timestamps_ms[index])
        outcome[row] = verdict
        onset_ms[row] = timestamps_ms[index]
        if verdict == SCORED:
            scored_value[row] = stream.last_value
            score[row] = stream.news
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
    zone_from_ms: NDArray[np.int64],
    zone_ms: NDArray[np.int64],
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
    zone_from_ms, zone_ms : int64 arrays
        As for `phase_of`.
    scratch : int64 array
        As for `admit`.

    Returns
    -------
    int
        Outcome.
    """
    if not np.isfinite(value):
        return _refuse_number(stream, tables, value)
    verdict = verdict_on_time(stream, timestamp_ms)
    if verdict != SCORED:
        return verdict
    elapsed_ms = timestamp_ms - stream.last_ms if stream.recent_head > 0 else 0
    remember_time(stream, timestamp_ms)
    if stream.counter:
        if elapsed_ms < 0 and not stream.any_order:
            return ABSORBED  # the rate up to the newest value is known already
        last, stream.last_raw = stream.last_raw, value
        if elapsed_ms <= 0 or np.isnan(last):
            return ABSORBED
        value = (value - last if value >= last else value) / (elapsed_ms / 1000.0)
    phase = phase_of(stream, timestamp_ms, zone_from_ms, zone_ms)
    accept(stream, tables, value, phase, live_streams, scratch)
    return SCORED


@kernel
def _refuse_number(stream: Any, tables: Any, value: float) -> int:
    if np.float64(value).view(np.int64) != STALE_MARKER_BITS:
        return NOT_A_NUMBER
    flush(stream, tables)
    stream.last_raw = np.nan
    return STALE


@kernel
def verdict_on_time(stream: Any, timestamp_ms: int) -> int:
    """Whether a sample of this time counts: SCORED, DUPLICATE or OUT_OF_ORDER.

    Parameters
    ----------
    stream : record with `recent_head`, `recent_ms`, `last_ms`, `any_order`, `out_of_order_ms` and runs
    timestamp_ms : int
    """
    if stream.recent_head == 0 or stream.any_order or timestamp_ms > stream.last_ms:
        return SCORED
    for index in range(min(stream.recent_head, RECENT)):
        if stream.recent_ms[index] == timestamp_ms:
            return DUPLICATE
    # Of a time that was let go nobody knows. Nothing may be scored twice, and a sender that repeats an hour
    # must not be answered with an error for every sample of it.
    if was_noted(stream, timestamp_ms) or was_let_go(stream, timestamp_ms):
        return DUPLICATE
    return OUT_OF_ORDER if timestamp_ms < stream.last_ms - stream.out_of_order_ms else SCORED


@kernel
def remember_time(stream: Any, timestamp_ms: int) -> None:
    """Note a sample's time and follow the stream's interval.

    Parameters
    ----------
    stream : record with `first_ms`, `interval_ms` and what `verdict_on_time` reads
    timestamp_ms : int
    """
    if stream.recent_head == 0 or timestamp_ms > stream.last_ms:
        note_time(stream, timestamp_ms)
    else:
        note_late(stream, timestamp_ms)
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
