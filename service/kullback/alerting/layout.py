"""The alert state of all streams as arrays, and the buffer into which the kernel writes transitions."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kullback.core.scores import Scores

BUFFER_ROWS = 4096
MOST_PER_ROW = 3
"""One sample can end an alert, begin another and fire it; or fire, shift and end one."""

Record = Any
"""A row of one of the arrays below, as a compiled kernel sees it."""

ALERT = np.dtype(
    [
        ("started_ms", np.int64),
        ("onset_ms", np.int64),
        ("fired_at_ms", np.int64),
        ("last_anomalous_ms", np.int64),
        ("last_sample_ms", np.int64),
        ("quiet_since_ms", np.int64),  # first sample after the anomaly, while `quiet`
        ("max_score", np.float64),
        ("divergence_nats", np.float64),  # of the sample with the highest score, as `leader`
        ("episodes", np.int32),
        ("leader", np.int16),
        ("quiet", np.uint8),  # 1 while the anomaly is over but the alert goes on
        ("phase", np.uint8),
        ("reason", np.uint8),  # of the newest transition
    ],
    align=True,
)
"""One alert; all but `phase` mean something only while it is not inactive."""

RULE = np.dtype([("for_ms", np.int64), ("keep_firing_for_ms", np.int64), ("no_data_after_ms", np.int64)])
"""One stream's `Rule`."""


ARRIVAL = np.dtype(
    [
        ("newest_ms", np.int64),  # newest arrival of a sample that was scored; 0: none yet
        ("pause_ms", np.int64),  # longest recent distance of two arrivals, fading
        ("sample_ms", np.int64),  # newest timestamp
        ("interval_ms", np.float64),  # typical distance of two timestamps; 0: not known
    ]
)
"""When samples of one stream arrive; see `kullback.alerting.silence`."""


class State(NamedTuple):
    """One row per stream number.

    Parameters
    ----------
    phase : uint8 array
        A copy of `alert["phase"]` that can be searched without touching the memory of unused streams.
    alert : ALERT array
    rule : RULE array
    arrival : ARRIVAL array
    """

    phase: NDArray[np.uint8]
    alert: NDArray[np.void]
    rule: NDArray[np.void]
    arrival: NDArray[np.void]


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
    """Transitions as columns, in the order in which they happened.

    Parameters
    ----------
    used : int64 array, shape (1,)
        Rows written.
    number : int32 array
    at_ms : int64 array
    before : uint8 array
    after : ALERT array
        The alert after the transition.
    """

    used: NDArray[np.int64]
    number: NDArray[np.int32]
    at_ms: NDArray[np.int64]
    before: NDArray[np.uint8]
    after: NDArray[np.void]


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
    """State of `capacity` streams without alerts, whose rules are to fire at once and to end at once.

    Parameters
    ----------
    capacity : int
    """
    return State(
        np.zeros(capacity, np.uint8),
        np.zeros(capacity, ALERT),
        np.zeros(capacity, RULE),
        np.zeros(capacity, ARRIVAL),
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
        np.zeros(rows, ALERT),
    )
