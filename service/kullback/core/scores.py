"""What the detector says of each sample of a batch, as columns."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, IntFlag

import numpy as np
from numpy.typing import NDArray


class Outcome(IntEnum):
    """What became of one sample."""

    SCORED = 0
    DUPLICATE = 1
    OUT_OF_ORDER = 2
    NOT_A_NUMBER = 3
    STALE = 4
    ABSORBED = 5
    """Kept, but not a sample of its own yet: the first value of a counter, a part of a histogram."""


class Episode(IntFlag):
    """Where a stream stands in the life of an alarm after a sample."""

    READY = 1
    """The reference is trusted: the score counts."""
    ANOMALOUS = 2
    """Inside an anomaly episode."""
    STARTED = 4
    """The episode began with this sample: this is what an alarm budget counts."""
    ENDED = 8
    SHIFTED = 16
    """The episode has lasted so long that the level is the new normal."""
    REBASELINED = 32


@dataclass(frozen=True, slots=True)
class Scores:
    """Row `i` belongs to row `i` of the batch.

    Parameters
    ----------
    stream : int32 array, shape (n,)
        The engine's number of the stream; -1 for a row that was refused.
    timestamp_ms : int64 array, shape (n,)
    value : float64 array, shape (n,)
        What was scored (the rate for a counter), NaN where nothing was.
    score : float64 array, shape (n,)
        Surprise / threshold; NaN in warm-up and for rows that were not scored.
    divergence_nats : float64 array, shape (n,)
        D(current ‖ reference) of the window that leads.
    leader : int16 array, shape (n,)
        Which statistic leads (an index into the detector's `LEADERS`).
    onset_ms : int64 array, shape (n,)
        Timestamp at which the leading window begins.
    outcome : uint8 array, shape (n,)
        `Outcome` values.
    episode : uint8 array, shape (n,)
        `Episode` flags.
    """

    stream: NDArray[np.int32]
    timestamp_ms: NDArray[np.int64]
    value: NDArray[np.float64]
    score: NDArray[np.float64]
    divergence_nats: NDArray[np.float64]
    leader: NDArray[np.int16]
    onset_ms: NDArray[np.int64]
    outcome: NDArray[np.uint8]
    episode: NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.stream)


def blank_scores(timestamp_ms: NDArray[np.int64]) -> Scores:
    """Scores of which nothing is known yet: NaN, no stream, nothing anomalous.

    Parameters
    ----------
    timestamp_ms : int64 array, shape (n,)
    """
    n = len(timestamp_ms)
    return Scores(
        stream=np.full(n, -1, np.int32),
        timestamp_ms=timestamp_ms,
        value=np.full(n, np.nan),
        score=np.full(n, np.nan),
        divergence_nats=np.full(n, np.nan),
        leader=np.full(n, -1, np.int16),
        onset_ms=timestamp_ms.copy(),
        outcome=np.zeros(n, np.uint8),
        episode=np.zeros(n, np.uint8),
    )
