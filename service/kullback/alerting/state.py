"""The alert states of all streams: what the kernel walks, and what leaves it as transitions."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from kullback.alerting.alert import Alert, Phase, Reason, Transition
from kullback.alerting.kernels import expire, walk
from kullback.alerting.layout import Buffer, State, allocate_buffer, allocate_state, rows_of
from kullback.alerting.rule import Rule, allocate_rules
from kullback.core.scores import Episode, Scores, blank_scores


class AlertStates:
    """One alert state per stream number. Not thread-safe: the owner thread steps it.

    Parameters
    ----------
    capacity : int
        Stream numbers are below it. Memory is touched only for streams that are used.
    """

    def __init__(self, capacity: int) -> None:
        self._state = allocate_state(capacity)
        self._rules = allocate_rules(capacity)
        self._buffer = allocate_buffer()

    def follow(self, numbers: NDArray[np.int32], rule: Rule) -> None:
        """Let streams follow a rule, from when they open or when the configuration changes.

        Parameters
        ----------
        numbers : int32 array, shape (m,)
        rule : Rule
        """
        for column, name in zip(self._rules, self._rules._fields, strict=True):
            column[numbers] = getattr(rule, name)

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
            first = walk(self._state, self._rules, self._buffer, rows, first)
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
            first = expire(self._state, self._rules, self._buffer, live, first, now_ms)
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
        before = Phase(self._state.phase[number])
        at_ms = max(at_ms, int(self._state.last_sample_ms[number]))
        self._state.phase[number] = Phase.INACTIVE
        self._state.reason[number] = reason
        return Transition(
            number, at_ms, before, Phase.INACTIVE, _alert(self._state, number, number, before, at_ms)
        )

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

    def patience_ms(self, numbers: NDArray[np.int32]) -> NDArray[np.int64]:
        """Silence after which each stream counts as without data; 0 where it follows from the interval.

        Parameters
        ----------
        numbers : int32 array, shape (m,)
        """
        return self._rules.no_data_after_ms[numbers]

    def alert(self, number: int) -> Alert | None:
        """The live alert of a stream, None when there is none.

        Parameters
        ----------
        number : int
        """
        phase = Phase(self._state.phase[number])
        return _alert(self._state, number, number, phase, None) if phase else None

    def save(self, numbers: NDArray[np.int32]) -> dict[str, NDArray[np.generic]]:
        """Exact state of streams, for snapshots; rules are not state and come from the configuration.

        Parameters
        ----------
        numbers : int32 array, shape (m,)
        """
        return {name: getattr(self._state, name)[numbers] for name in State._fields}

    def load(self, numbers: NDArray[np.int32], arrays: Mapping[str, NDArray[np.generic]]) -> None:
        """Put back what `save` gave.

        Parameters
        ----------
        numbers : int32 array, shape (m,)
        arrays : mapping of array, shape (m,)
        """
        for name in State._fields:
            getattr(self._state, name)[numbers] = arrays[name]

    def close(self, numbers: NDArray[np.int32]) -> None:
        """Clear rows, so that the numbers can be given to other streams.

        Parameters
        ----------
        numbers : int32 array, shape (m,)
        """
        for column in (*self._state, *self._rules):
            column[numbers] = 0

    def _drain(self) -> list[Transition]:
        used = int(self._buffer.used[0])
        self._buffer.used[0] = 0
        return [_transition(self._buffer, row) for row in range(used)]


def warmup() -> None:
    """Compile the kernels, or load them from Numba's cache."""
    states, scores = AlertStates(1), blank_scores(np.zeros(1, np.int64))
    scores.stream[:], scores.episode[:] = 0, Episode.ANOMALOUS
    states.step(scores, 0)
    states.advance(0)


def _transition(buffer: Buffer, row: int) -> Transition:
    number, at_ms = int(buffer.number[row]), int(buffer.at_ms[row])
    before, after = Phase(buffer.before[row]), Phase(buffer.after.phase[row])
    alert = _alert(buffer.after, row, number, before, at_ms if after is Phase.INACTIVE else None)
    return Transition(number, at_ms, before, after, alert)


def _alert(state: State, row: int, number: int, before: Phase, ends_at_ms: int | None) -> Alert:
    phase = Phase(state.phase[row])
    fired = phase >= Phase.FIRING or before >= Phase.FIRING
    return Alert(
        number=number,
        phase=phase,
        started_ms=int(state.started_ms[row]),
        starts_at_ms=int(state.onset_ms[row]),
        fired_at_ms=int(state.fired_at_ms[row]) if fired else None,
        ends_at_ms=ends_at_ms,
        last_anomalous_ms=int(state.last_anomalous_ms[row]),
        max_score=float(state.max_score[row]),
        divergence_nats=float(state.divergence_nats[row]),
        leader=int(state.leader[row]),
        episodes=int(state.episodes[row]),
        reason=Reason(state.reason[row]),
    )
