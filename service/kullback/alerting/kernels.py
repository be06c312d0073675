"""The life of an alert, sample by sample: inactive → pending → firing → shifted → resolved.

`for` and `keep_firing_for` mean what they mean in Prometheus (rules/alerting.go), on the time of the data
instead of the time of an evaluation: a deadline takes effect at its own time, whenever it is looked at.

An anomaly that is there again right after its end is the same incident for the detector (no episode starts),
and so the same alert here: it fires again with the id and the onset it had.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kullback.alerting.alert import Phase, Reason
from kullback.alerting.layout import MOST_PER_ROW, Buffer, Record, Rows, State
from kullback.alerting.silence import note_arrival, silence_ms
from kullback.core.kernel import kernel
from kullback.core.scores import Episode, Outcome

INACTIVE, PENDING, FIRING, SHIFTED = (int(phase) for phase in Phase)
ANOMALOUS, RECOVERED, LEVEL_SHIFT, NO_DATA, MAINTENANCE = (int(reason) for reason in list(Reason)[:5])
SCORED = int(Outcome.SCORED)
IN_EPISODE, STARTED, ENDED = int(Episode.ANOMALOUS), int(Episode.STARTED), int(Episode.ENDED)
SHIFT = int(Episode.SHIFTED)
LONGEST_PAUSE_SAMPLES = 192
"""More than a detector waits until it takes an incident for over, and then for a new one."""


@kernel
def walk(state: State, rows: Rows, buffer: Buffer, first: int, now_ms: int) -> int:
    """Take rows from `first` on, until all are taken or the buffer is full; they arrived at `now_ms`.

    Returns
    -------
    int
        The first row that was not taken; the number of rows when all were.
    """
    # Columns are taken out of their tuples once: doing it row by row costs more than the work itself.
    phase, alerts, rules, arrivals = state.phase, state.alert, state.rule, state.arrival
    stream, outcome, episode, muted = rows.stream, rows.outcome, rows.episode, rows.muted
    timestamp_ms, onset_ms, score = rows.timestamp_ms, rows.onset_ms, rows.score
    divergence_nats, leader, used = rows.divergence_nats, rows.leader, buffer.used
    room = len(buffer.number) - MOST_PER_ROW
    for row in range(first, len(stream)):
        number, flags = int(stream[row]), int(episode[row])
        if number < 0 or outcome[row] != SCORED:
            continue
        if phase[number] != INACTIVE or flags & IN_EPISODE:
            if used[0] > room:
                return row
            alert, rule, arrival = alerts[number], rules[number], arrivals[number]
            at_ms = _bring_up_to(alert, rule, arrival, buffer, number, timestamp_ms[row])
            if muted[row]:
                _mute(alert, buffer, number, at_ms)
            elif flags & (IN_EPISODE | ENDED) == IN_EPISODE:
                _take_restart(alert, buffer, number, at_ms, flags)
                fresh = alert.phase == INACTIVE
                if fresh and _goes_on(alert, rule, arrival, at_ms, flags):
                    _reopen(alert, buffer, number, at_ms)
                    fresh = False
                elif fresh:
                    _open(alert, at_ms, onset_ms[row])
                _take_anomaly(alert, at_ms, score[row], divergence_nats[row], leader[row], flags)
                _raise_when_due(alert, rule, buffer, number, at_ms, fresh)
                _take_shift(alert, buffer, number, at_ms, flags)
            else:
                _take_shift(alert, buffer, number, at_ms, flags)
                _take_quiet(alert, rule, arrival, buffer, number, at_ms)
            phase[number] = alert.phase
        note_arrival(arrivals[number], timestamp_ms[row], now_ms)
    return len(stream)


@kernel
def expire(state: State, buffer: Buffer, numbers: NDArray[np.int64], first: int, now_ms: int) -> int:
    """End what is due among `numbers`, until all are seen or the buffer is full; returns as `walk` does.

    A stream whose samples come late lives in its own past: its clock is behind by as much as its newest
    sample was late.
    """
    phase, alerts, rules, used = state.phase, state.alert, state.rule, buffer.used
    arrivals = state.arrival
    for at in range(first, len(numbers)):
        if used[0] >= len(buffer.number):
            return at
        number = int(numbers[at])
        alert, arrival = alerts[number], arrivals[number]
        late_ms = max(arrival.newest_ms - alert.last_sample_ms, 0)
        _end_when_due(alert, rules[number], arrival, buffer, number, now_ms - late_ms)
        phase[number] = alerts[number].phase
    return len(numbers)


@kernel
def _bring_up_to(
    alert: Record, rule: Record, arrival: Record, buffer: Buffer, number: int, timestamp_ms: int
) -> int:
    """Bring a live alert up to the time of a sample; an alert's time does not run backwards."""
    if alert.phase != INACTIVE:
        _end_when_due(alert, rule, arrival, buffer, number, timestamp_ms)
    if alert.phase == INACTIVE:
        return timestamp_ms
    alert.last_sample_ms = max(alert.last_sample_ms, timestamp_ms)
    return int(alert.last_sample_ms)


@kernel
def _end_when_due(
    alert: Record, rule: Record, arrival: Record, buffer: Buffer, number: int, now_ms: int
) -> None:
    keep_ms = 0 if alert.phase == PENDING else rule.keep_firing_for_ms
    if alert.quiet:
        due_ms, reason = alert.quiet_since_ms + keep_ms, RECOVERED
    else:
        due_ms, reason = alert.last_sample_ms + silence_ms(rule, arrival) + keep_ms, NO_DATA
    if due_ms <= now_ms:
        _change(alert, buffer, number, due_ms, INACTIVE, reason)


@kernel
def _mute(alert: Record, buffer: Buffer, number: int, at_ms: int) -> None:
    if alert.phase != INACTIVE:
        _change(alert, buffer, number, at_ms, INACTIVE, MAINTENANCE)


@kernel
def _take_restart(alert: Record, buffer: Buffer, number: int, at_ms: int, flags: int) -> None:
    """A move away from an accepted level is another incident."""
    if alert.phase == SHIFTED and flags & STARTED:
        _change(alert, buffer, number, at_ms, INACTIVE, RECOVERED)


@kernel
def _open(alert: Record, at_ms: int, onset_ms: int) -> None:
    """Write a new alert's beginning; its phase follows once its first sample is noted."""
    alert.quiet = 0
    alert.started_ms = at_ms
    alert.onset_ms = min(onset_ms, at_ms)
    alert.last_sample_ms = at_ms
    alert.fired_at_ms = at_ms
    alert.max_score = -np.inf
    alert.episodes = 0


@kernel
def _goes_on(alert: Record, rule: Record, arrival: Record, at_ms: int, flags: int) -> bool:
    """Whether an anomaly is that of the alert that ended last: the detector saw no new one begin.

    Only of an alert that had fired, and not across a stretch in which the stream was muted or silent.
    """
    fired = rule.for_ms == 0 or alert.fired_at_ms > alert.started_ms
    pause_ms = at_ms - alert.last_anomalous_ms
    near = pause_ms <= LONGEST_PAUSE_SAMPLES * max(arrival.interval_ms, 1.0)
    return bool(fired and near and alert.reason == RECOVERED and not flags & STARTED)


@kernel
def _reopen(alert: Record, buffer: Buffer, number: int, at_ms: int) -> None:
    alert.last_sample_ms = at_ms
    alert.quiet = 0
    _change(alert, buffer, number, at_ms, FIRING, ANOMALOUS)


@kernel
def _take_anomaly(
    alert: Record, at_ms: int, score: float, divergence_nats: float, leader: int, flags: int
) -> None:
    alert.quiet = 0
    alert.last_anomalous_ms = at_ms
    if flags & STARTED or alert.episodes == 0:
        alert.episodes += 1
    if score > alert.max_score:
        alert.max_score = score
        alert.divergence_nats = divergence_nats
        alert.leader = leader


@kernel
def _raise_when_due(
    alert: Record, rule: Record, buffer: Buffer, number: int, at_ms: int, fresh: bool
) -> None:
    """Inactive → pending or firing, pending → firing."""
    due = at_ms - alert.started_ms >= rule.for_ms
    if due and (fresh or alert.phase == PENDING):
        alert.fired_at_ms = at_ms
        _change(alert, buffer, number, at_ms, FIRING, ANOMALOUS)
    elif fresh:
        _change(alert, buffer, number, at_ms, PENDING, ANOMALOUS)


@kernel
def _take_shift(alert: Record, buffer: Buffer, number: int, at_ms: int, flags: int) -> None:
    if flags & SHIFT and alert.phase == FIRING:
        _change(alert, buffer, number, at_ms, SHIFTED, LEVEL_SHIFT)


@kernel
def _take_quiet(
    alert: Record, rule: Record, arrival: Record, buffer: Buffer, number: int, at_ms: int
) -> None:
    if alert.phase == INACTIVE:
        return
    if not alert.quiet:
        alert.quiet = 1
        alert.quiet_since_ms = at_ms
    _end_when_due(alert, rule, arrival, buffer, number, at_ms)


@kernel
def _change(alert: Record, buffer: Buffer, number: int, at_ms: int, phase: int, reason: int) -> None:
    """Go to another phase and write the transition down."""
    row = buffer.used[0]
    buffer.number[row] = number
    buffer.at_ms[row] = at_ms
    buffer.before[row] = alert.phase
    alert.phase = phase
    alert.reason = reason
    buffer.after[row] = alert
    buffer.used[0] = row + 1
