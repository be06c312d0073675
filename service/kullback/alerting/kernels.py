"""The life of an alert, sample by sample: inactive → pending → firing → shifted → resolved.

`for` and `keep_firing_for` mean what they mean in Prometheus (rules/alerting.go), on the time of the data
instead of the time of an evaluation: a deadline takes effect at its own time, whenever it is looked at.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kullback.alerting.alert import Phase, Reason
from kullback.alerting.layout import MOST_PER_ROW, Buffer, Rows, State
from kullback.alerting.rule import Rules
from kullback.core.kernel import kernel
from kullback.core.scores import Episode, Outcome

INACTIVE, PENDING, FIRING, SHIFTED = (int(phase) for phase in Phase)
ANOMALOUS, RECOVERED, LEVEL_SHIFT, NO_DATA, MAINTENANCE = (int(reason) for reason in list(Reason)[:5])
SCORED = int(Outcome.SCORED)
IN_EPISODE, STARTED, ENDED = int(Episode.ANOMALOUS), int(Episode.STARTED), int(Episode.ENDED)
SHIFT = int(Episode.SHIFTED)
LOOKBACK_MS = 300_000
"""Prometheus takes a series for gone after five minutes; no silence shorter than that ends an alert."""
MISSED_SAMPLES = 5
ONSET_INTERVALS = 3
"""The shortest window has four samples, so an interval is at most a third of the way from onset to alarm."""


@kernel
def walk(state: State, rules: Rules, buffer: Buffer, rows: Rows, first: int) -> int:
    """Take rows from `first` on, until all are taken or the buffer is full.

    Returns
    -------
    int
        The first row that was not taken; the number of rows when all were.
    """
    room = len(buffer.number) - MOST_PER_ROW
    for row in range(first, len(rows.stream)):
        number, flags = int(rows.stream[row]), int(rows.episode[row])
        if number < 0 or rows.outcome[row] != SCORED:
            continue
        if state.phase[number] == INACTIVE and not flags & IN_EPISODE:
            continue
        if buffer.used[0] > room:
            return row
        at_ms = _bring_up_to(state, rules, buffer, number, rows.timestamp_ms[row])
        if rows.muted[row]:
            _end_if_live(state, buffer, number, at_ms, MAINTENANCE)
        else:
            _take_row(state, rules, buffer, rows, row, number, at_ms, flags)
    return len(rows.stream)


@kernel
def expire(
    state: State, rules: Rules, buffer: Buffer, numbers: NDArray[np.int64], first: int, now_ms: int
) -> int:
    """End what is due among `numbers`, until all are seen or the buffer is full; returns as `walk` does."""
    for at in range(first, len(numbers)):
        if buffer.used[0] >= len(buffer.number):
            return at
        _end_when_due(state, rules, buffer, numbers[at], now_ms)
    return len(numbers)


@kernel
def _take_row(
    state: State, rules: Rules, buffer: Buffer, rows: Rows, row: int, number: int, at_ms: int, flags: int
) -> None:
    if state.phase[number] == SHIFTED and flags & STARTED:
        # A move away from the accepted level is another incident.
        _change(state, buffer, number, at_ms, INACTIVE, RECOVERED)
    anomalous = flags & (IN_EPISODE | ENDED) == IN_EPISODE
    if anomalous:
        fresh = state.phase[number] == INACTIVE
        if fresh:
            _open(state, number, at_ms, rows.onset_ms[row])
        _note_anomaly(state, rows, row, number, at_ms)
        _raise_when_due(state, rules, buffer, number, at_ms, fresh)
    if flags & SHIFT and state.phase[number] == FIRING:
        _change(state, buffer, number, at_ms, SHIFTED, LEVEL_SHIFT)
    if not anomalous and state.phase[number] != INACTIVE:
        _note_quiet(state, rules, buffer, number, at_ms)


@kernel
def _bring_up_to(state: State, rules: Rules, buffer: Buffer, number: int, timestamp_ms: int) -> int:
    """Bring a live alert up to the time of a sample; an alert's time does not run backwards."""
    if state.phase[number] != INACTIVE:
        _end_when_due(state, rules, buffer, number, timestamp_ms)
    if state.phase[number] == INACTIVE:
        return timestamp_ms
    gap_ms = timestamp_ms - state.last_sample_ms[number]
    if gap_ms > 0:
        state.gap_ms[number] = gap_ms
        state.last_sample_ms[number] = timestamp_ms
    return int(state.last_sample_ms[number])


@kernel
def _end_if_live(state: State, buffer: Buffer, number: int, at_ms: int, reason: int) -> None:
    if state.phase[number] != INACTIVE:
        _change(state, buffer, number, at_ms, INACTIVE, reason)


@kernel
def _end_when_due(state: State, rules: Rules, buffer: Buffer, number: int, now_ms: int) -> None:
    keep_ms = 0 if state.phase[number] == PENDING else rules.keep_firing_for_ms[number]
    if state.quiet[number]:
        due_ms, reason = state.quiet_since_ms[number] + keep_ms, RECOVERED
    else:
        silence_ms = rules.no_data_after_ms[number]
        if silence_ms <= 0:
            silence_ms = max(LOOKBACK_MS, MISSED_SAMPLES * state.gap_ms[number])
        due_ms, reason = state.last_sample_ms[number] + silence_ms + keep_ms, NO_DATA
    if due_ms <= now_ms:
        _change(state, buffer, number, due_ms, INACTIVE, reason)


@kernel
def _open(state: State, number: int, at_ms: int, onset_ms: int) -> None:
    """Write a new alert's beginning; its phase follows once its first sample is noted."""
    state.quiet[number] = 0
    state.started_ms[number] = at_ms
    state.onset_ms[number] = min(onset_ms, at_ms)
    state.last_sample_ms[number] = at_ms
    state.gap_ms[number] = (at_ms - state.onset_ms[number]) // ONSET_INTERVALS
    state.fired_at_ms[number] = at_ms
    state.max_score[number] = -np.inf
    state.episodes[number] = 0


@kernel
def _note_anomaly(state: State, rows: Rows, row: int, number: int, at_ms: int) -> None:
    state.quiet[number] = 0
    state.last_anomalous_ms[number] = at_ms
    if rows.episode[row] & STARTED or state.episodes[number] == 0:
        state.episodes[number] += 1
    if rows.score[row] > state.max_score[number]:
        state.max_score[number] = rows.score[row]
        state.divergence_nats[number] = rows.divergence_nats[row]
        state.leader[number] = rows.leader[row]


@kernel
def _note_quiet(state: State, rules: Rules, buffer: Buffer, number: int, at_ms: int) -> None:
    if state.phase[number] == PENDING:
        _change(state, buffer, number, at_ms, INACTIVE, RECOVERED)
        return
    if not state.quiet[number]:
        state.quiet[number] = 1
        state.quiet_since_ms[number] = at_ms
    if at_ms - state.quiet_since_ms[number] >= rules.keep_firing_for_ms[number]:
        _change(state, buffer, number, at_ms, INACTIVE, RECOVERED)


@kernel
def _raise_when_due(state: State, rules: Rules, buffer: Buffer, number: int, at_ms: int, fresh: bool) -> None:
    """Inactive → pending or firing, pending → firing."""
    due = at_ms - state.started_ms[number] >= rules.for_ms[number]
    if due and (fresh or state.phase[number] == PENDING):
        state.fired_at_ms[number] = at_ms
        _change(state, buffer, number, at_ms, FIRING, ANOMALOUS)
    elif fresh:
        _change(state, buffer, number, at_ms, PENDING, ANOMALOUS)


@kernel
def _change(state: State, buffer: Buffer, number: int, at_ms: int, phase: int, reason: int) -> None:
    """Go to another phase and write the transition down."""
    row = buffer.used[0]
    buffer.number[row] = number
    buffer.at_ms[row] = at_ms
    buffer.before[row] = state.phase[number]
    state.phase[number] = phase
    state.reason[number] = reason
    _copy(state, number, buffer.after, row)
    buffer.used[0] = row + 1


@kernel
def _copy(source: State, number: int, target: State, row: int) -> None:
    target.phase[row] = source.phase[number]
    target.reason[row] = source.reason[number]
    target.started_ms[row] = source.started_ms[number]
    target.onset_ms[row] = source.onset_ms[number]
    target.fired_at_ms[row] = source.fired_at_ms[number]
    target.last_anomalous_ms[row] = source.last_anomalous_ms[number]
    target.max_score[row] = source.max_score[number]
    target.divergence_nats[row] = source.divergence_nats[number]
    target.leader[row] = source.leader[number]
    target.episodes[row] = source.episodes[number]
