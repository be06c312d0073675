"""The one call per batch, for categories and for histograms."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from kullback.core.kernel import inner_kernel, kernel
from kullback.core.scores import Episode, Outcome, Scores
from kullback.detector.binned.bounds import spread
from kullback.detector.binned.kernels import take
from kullback.detector.binned.layout import BINS
from kullback.detector.kernels import remember_time, verdict_on_time

SCORED = int(Outcome.SCORED)
STAYING = int(Episode.READY | Episode.ANOMALOUS)
Told = tuple[
    NDArray[np.float64],
    NDArray[np.float64],
    NDArray[np.int16],
    NDArray[np.int64],
    NDArray[np.uint8],
    NDArray[np.uint8],
]


def columns_told(scores: Scores) -> Told:
    """The columns that every verdict fills.

    Parameters
    ----------
    scores : Scores
    """
    return (
        scores.score,
        scores.divergence_nats,
        scores.leader,
        scores.onset_ms,
        scores.outcome,
        scores.episode,
    )


@kernel
def update_categories(
    streams: NDArray[Any],
    slots: NDArray[np.int32],
    timestamps_ms: NDArray[np.int64],
    codes: NDArray[np.int32],
    rows: NDArray[np.int64],
    value: NDArray[np.float64],
    told: Told,
    live_streams: int,
) -> None:
    """Score categories in their order and fill their rows of `Scores`.

    Parameters
    ----------
    streams : array of records
    slots, timestamps_ms, codes, rows : arrays, shape (n,)
    value : float64 array
    told : tuple of arrays
        Of `columns_told`.
    live_streams : int
        Streams that share a fleet budget.
    """
    shares = np.zeros(BINS)
    for index in range(len(slots)):
        stream = streams[slots[index]]
        row, code = rows[index], min(max(codes[index], 0), BINS - 1)
        verdict = verdict_on_time(stream, timestamps_ms[index])
        if verdict == SCORED:
            remember_time(stream, timestamps_ms[index])
            stream.bins = max(stream.bins, code + 1, 2)
            shares[code] = 1.0
            verdict = take(stream, shares, 1.0, live_streams)
            shares[code] = 0.0
        value[row] = code
        _tell(stream, verdict, row, timestamps_ms[index], told)


@kernel
def update_histograms(
    streams: NDArray[Any],
    slots: NDArray[np.int32],
    timestamps_ms: NDArray[np.int64],
    start: NDArray[np.int64],
    upper_bound: NDArray[np.float64],
    count: NDArray[np.float64],
    rows: NDArray[np.int64],
    value: NDArray[np.float64],
    told: Told,
    live_streams: int,
) -> None:
    """Score histograms in their order and fill their rows of `Scores`.

    Parameters
    ----------
    streams : array of records
    slots, timestamps_ms, rows : arrays, shape (n,)
    start, upper_bound, count : arrays
        As in `Buckets`; histogram `i` owns `start[i]:start[i + 1]`.
    value : float64 array
    told : tuple of arrays
        Of `columns_told`.
    live_streams : int
        Streams that share a fleet budget.
    """
    shares = np.zeros(BINS)
    for index in range(len(slots)):
        stream = streams[slots[index]]
        row, first, stop = rows[index], start[index], start[index + 1]
        verdict = verdict_on_time(stream, timestamps_ms[index])
        if verdict == SCORED:
            remember_time(stream, timestamps_ms[index])
            mass = spread(stream, upper_bound[first:stop], count[first:stop], shares)
            verdict = take(stream, shares, mass, live_streams)
            value[row] = mass
        _tell(stream, verdict, row, timestamps_ms[index], told)


@inner_kernel
def _tell(stream: Any, verdict: int, row: int, timestamp_ms: int, told: Told) -> None:
    score, divergence_nats, leader, onset_ms, outcome, episode = told
    outcome[row] = verdict
    onset_ms[row] = timestamp_ms
    episode[row] = stream.episode & STAYING
    if verdict == SCORED:
        score[row] = stream.score
        divergence_nats[row] = stream.divergence_nats
        leader[row] = stream.leader
        onset_ms[row] = stream.onset_ms
        episode[row] = stream.episode
