"""The alert states of all streams: what the kernel walks, and what leaves it as transitions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kullback.alerting.alert import Alert, Phase, Reason, Transition
from kullback.alerting.kernels import expire, walk
from kullback.alerting.layout import ALERT, ARRIVAL, RULE, allocate_buffer, allocate_state, rows_of
from kullback.alerting.rule import Rule
from kullback.alerting.silence import find_silent
from kullback.core.scores import Episode, Scores, blank_scores

ARRIVED = "arrival."


class AlertStates:
    """One alert state per stream number. Not thread-safe: the owner thread steps it.

    Parameters
    ----------
    capacity : int
        Stream numbers are below it. Memory is touched only for streams that are used.
    """

    def __init__(self, capacity: int) -> None:
        self._state = allocate_state(capacity)
        self._buffer = allocate_buffer()

    def follow(self, numbers: NDArray[np.int32], rule: Rule) -> None:
        """Let streams follow a rule, from when they open or when the configuration changes.

        Parameters
        ----------
        numbers : int32 array, shape (m,)
        rule : Rule
        """
        for name in RULE.names or ():
            self._state.rule[name][numbers] = getattr(rule, name)

    def step(
        self, scores: Scores, now_ms: int, muted: NDArray[np.bool_] | None = None
    ) -> tuple[Transition, ...]:
        """Take the scores of a batch, in the order of their rows.

        Parameters
        ----------
        scores : Scores
        now_ms : int
            Arrival time; deadlines before it take effect first, as `advance` would have let them. A back-test
            or backfill gives the earliest time of its data.
        muted : bool array, shape (n,), optional
            Rows that fall into a maintenance window: they raise nothing and end what is live.

        Returns
        -------
        tuple of Transition
            In the order in which they happened, those of each stream rising in time.
        """
        transitions, rows, first = list(self.advance(now_ms)), rows_of(scores, muted), 0
        while first < len(scores):
            first = walk(self._state, rows, self._buffer, first, now_ms)
            transitions += self._drain()
        return tuple(transitions)

    def advance(self, now_ms: int) -> tuple[Transition, ...]:
        """End the alerts whose deadline has passed: `keep_firing_for` is over, or samples stopped arriving.

        A transition carries its deadline as its time, so it does not matter when or how often this is called.

        Parameters
        ----------
        now_ms : int
        """
        live = self.live()
        transitions: list[Transition] = []
        first = 0
        while first < len(live):
            first = expire(self._state, self._buffer, live, first, now_ms)
            transitions += self._drain()
        return tuple(transitions)

    def end(self, numbers: NDArray[np.int32], at_ms: int, reason: Reason) -> tuple[Transition, ...]:
        """End live alerts from outside: a stream is deleted, its level accepted, its anomaly excluded.

        Parameters
        ----------
        numbers : int32 array, shape (m,)
            Streams without a live alert are left alone.
        at_ms : int
        reason : Reason
        """
        return tuple(self._end(int(number), at_ms, reason) for number in numbers if self._state.phase[number])

    def _end(self, number: int, at_ms: int, reason: Reason) -> Transition:
        alert = self._state.alert[number]
        before, at_ms = Phase(alert["phase"]), max(at_ms, int(alert["last_sample_ms"]))
        self._state.phase[number] = alert["phase"] = Phase.INACTIVE
        alert["reason"] = reason
        return Transition(number, at_ms, before, Phase.INACTIVE, _alert(alert.item(), number, before, at_ms))

    def live(self) -> NDArray[np.int64]:
        """Numbers of the streams with an alert that has not ended, rising."""
        return np.flatnonzero(self._state.phase)

    def phases(self, numbers: NDArray[np.int32]) -> NDArray[np.uint8]:
        """`Phase` values of streams.

        Parameters
        ----------
        numbers : int32 array, shape (m,)
        """
        return self._state.phase[numbers]

    def silent(
        self, numbers: NDArray[np.int32], last_sample_ms: NDArray[np.int64], now_ms: int
    ) -> NDArray[np.bool_]:
        """Which streams count as without data; see `kullback.alerting.silence`.

        Parameters
        ----------
        numbers : int32 array, shape (m,)
        last_sample_ms : int64 array, shape (m,)
            Their newest timestamps.
        now_ms : int
        """
        silent = np.zeros(len(numbers), np.bool_)
        find_silent(self._state.arrival, self._state.rule, numbers, last_sample_ms, now_ms, silent)
        return silent

    def alert(self, number: int) -> Alert | None:
        """The live alert of a stream, None when there is none.

        Parameters
        ----------
        number : int
        """
        alert = self._state.alert[number]
        return _alert(alert.item(), number, Phase(alert["phase"]), None) if alert["phase"] else None

    def save(self, numbers: NDArray[np.int32]) -> dict[str, NDArray[np.generic]]:
        """Exact state of streams, for snapshots; rules are not state and come from the configuration.

        Parameters
        ----------
        numbers : int32 array, shape (m,)
        """
        alerts = {name: self._state.alert[name][numbers] for name in ALERT.names or ()}
        arrival = {f"{ARRIVED}{name}": self._state.arrival[name][numbers] for name in ARRIVAL.names or ()}
        return alerts | arrival

    def load(self, numbers: NDArray[np.int32], arrays: Mapping[str, NDArray[np.generic]]) -> None:
        """Put back what `save` gave; what an earlier version did not save stays as in a new stream.

        Parameters
        ----------
        numbers : int32 array, shape (m,)
        arrays : mapping of array, shape (m,)
        """
        for record, prefix in ((self._state.alert, ""), (self._state.arrival, ARRIVED)):
            for name in record.dtype.names or ():
                if f"{prefix}{name}" in arrays:
                    record[name][numbers] = arrays[f"{prefix}{name}"]
        self._state.phase[numbers] = arrays["phase"]

    def close(self, numbers: NDArray[np.int32]) -> None:
        """Clear rows, so that the numbers can be given to other streams.

        Parameters
        ----------
        numbers : int32 array, shape (m,)
        """
        for rows in self._state:
            rows[numbers] = np.zeros((), rows.dtype)

    def _drain(self) -> list[Transition]:
        used = int(self._buffer.used[0])
        self._buffer.used[0] = 0
        columns = (column[:used].tolist() for column in self._buffer[1:])
        return [_transition(*row) for row in zip(*columns, strict=True)]


def warmup() -> None:
    """Compile the kernels, or load them from Numba's cache."""
    states, scores = AlertStates(1), blank_scores(np.zeros(1, np.int64))
    scores.stream[:], scores.episode[:] = 0, Episode.ANOMALOUS
    states.step(scores, 0)
    states.advance(0)
    states.silent(np.zeros(1, np.int32), np.zeros(1, np.int64), 0)


def _transition(number: int, at_ms: int, before: int, after: tuple[Any, ...]) -> Transition:
    alert = _alert(after, number, Phase(before), at_ms)
    return Transition(number, at_ms, Phase(before), alert.phase, alert)


def _alert(values: tuple[Any, ...], number: int, before: Phase, at_ms: int | None) -> Alert:
    """An ALERT row as facts; `at_ms` is its end where it has ended."""
    row = dict(zip(ALERT.names or (), values, strict=True))
    phase = Phase(row["phase"])
    fired = phase >= Phase.FIRING or before >= Phase.FIRING
    return Alert(
        number=number,
        phase=phase,
        started_ms=row["started_ms"],
        starts_at_ms=row["onset_ms"],
        fired_at_ms=row["fired_at_ms"] if fired else None,
        ends_at_ms=None if phase else at_ms,
        last_anomalous_ms=row["last_anomalous_ms"],
        max_score=row["max_score"],
        divergence_nats=row["divergence_nats"],
        leader=row["leader"],
        episodes=row["episodes"],
        reason=Reason(row["reason"]),
    )
