"""The alert state of all streams as arrays, and the buffer into which the kernel writes transitions."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kullback.core.scores import Scores

BUFFER_ROWS = 4096
MOST_PER_ROW = 3
"""One sample can end an alert, begin another and fire it; or fire, shift and end one."""


class State(NamedTuple):
    """One row per stream number; all but `phase` mean something only while `phase` is not inactive.

    Parameters
    ----------
    phase : uint8 array
        `Phase` values.
    quiet : uint8 array
        1 while the anomaly is over but the alert goes on.
    quiet_since_ms : int64 array
        First sample after the anomaly, where `quiet`.
    started_ms, onset_ms, fired_at_ms, last_anomalous_ms, last_sample_ms : int64 array
    gap_ms : int64 array
        Newest distance between two samples.
    max_score, divergence_nats : float64 array
        The highest score and the divergence that came with it.
    leader : int16 array
    episodes : int32 array
    reason : uint8 array
        `Reason` of the newest transition.
    """

    phase: NDArray[np.uint8]
    quiet: NDArray[np.uint8]
    quiet_since_ms: NDArray[np.int64]
    started_ms: NDArray[np.int64]
    onset_ms: NDArray[np.int64]
    fired_at_ms: NDArray[np.int64]
    last_anomalous_ms: NDArray[np.int64]
    last_sample_ms: NDArray[np.int64]
    gap_ms: NDArray[np.int64]
    max_score: NDArray[np.float64]
    divergence_nats: NDArray[np.float64]
    leader: NDArray[np.int16]
    episodes: NDArray[np.int32]
    reason: NDArray[np.uint8]


class Rows(NamedTuple):
    """What the kernel reads of a batch: columns of `Scores`, and `muted`, true in a maintenance window."""

    stream: NDArray[np.int32]
    timestamp_ms: NDArray[np.int64]
    score: NDArray[np.float64]
    divergence_nats: NDArray[np.float64]
    leader: NDArray[np.int16]
    onset_ms: NDArray[np.int64]
    outcome: NDArray[np.uint8]
    episode: NDArray[np.uint8]
    muted: NDArray[np.bool_]


class Buffer(NamedTuple):
    """Transitions as columns, row by row in the order in which they happened.

    Parameters
    ----------
    used : int64 array, shape (1,)
        Rows written.
    number : int32 array
    at_ms : int64 array
    before : uint8 array
    after : State
        The stream's row after the transition.
    """

    used: NDArray[np.int64]
    number: NDArray[np.int32]
    at_ms: NDArray[np.int64]
    before: NDArray[np.uint8]
    after: State


def rows_of(scores: Scores, muted: NDArray[np.bool_] | None) -> Rows:
    """The kernel's view of scores.

    Parameters
    ----------
    scores : Scores
    muted : bool array, shape (n,), or None when no maintenance window is near
    """
    if muted is None:
        muted = np.zeros(len(scores), np.bool_)
    return Rows(
        scores.stream,
        scores.timestamp_ms,
        scores.score,
        scores.divergence_nats,
        scores.leader,
        scores.onset_ms,
        scores.outcome,
        scores.episode,
        muted,
    )


def allocate_state(capacity: int) -> State:
    """State of `capacity` streams without alerts.

    Parameters
    ----------
    capacity : int
    """
    return State(
        phase=np.zeros(capacity, np.uint8),
        quiet=np.zeros(capacity, np.uint8),
        quiet_since_ms=np.zeros(capacity, np.int64),
        started_ms=np.zeros(capacity, np.int64),
        onset_ms=np.zeros(capacity, np.int64),
        fired_at_ms=np.zeros(capacity, np.int64),
        last_anomalous_ms=np.zeros(capacity, np.int64),
        last_sample_ms=np.zeros(capacity, np.int64),
        gap_ms=np.zeros(capacity, np.int64),
        max_score=np.zeros(capacity),
        divergence_nats=np.zeros(capacity),
        leader=np.zeros(capacity, np.int16),
        episodes=np.zeros(capacity, np.int32),
        reason=np.zeros(capacity, np.uint8),
    )


def allocate_buffer(rows: int = BUFFER_ROWS) -> Buffer:
    """An empty buffer.

    Parameters
    ----------
    rows : int
        At least `MOST_PER_ROW`.
    """
    return Buffer(
        np.zeros(1, np.int64),
        np.zeros(rows, np.int32),
        np.zeros(rows, np.int64),
        np.zeros(rows, np.uint8),
        allocate_state(rows),
    )
