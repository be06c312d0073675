"""One way to run any detector: arrays of streams in, scores and episodes out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from benchmarks.detection.nulls import rates
from benchmarks.peers import Feed, Peer, Values

CALM_SAMPLES = 16
"""Samples below the line after which a detector without episodes of its own counts as resolved."""


@dataclass(frozen=True, slots=True)
class Watched:
    """What a detector said of every sample.

    Parameters
    ----------
    score : float64 array, shape (streams, samples)
        1.0 = the detector's own line; 0 where it said nothing (warm-up, missing samples).
    anomalous : bool array, shape (streams, samples)
        Inside an episode.
    started : bool array, shape (streams, samples)
        The episode began with this sample.
    scored : bool array, shape (streams, samples)
        The sample counted: present, and judged by the detector.
    """

    score: Values
    anomalous: NDArray[np.bool_]
    started: NDArray[np.bool_]
    scored: NDArray[np.bool_]


class Detector(Protocol):
    """A detector that the benchmark can run."""

    @property
    def name(self) -> str: ...
    @property
    def dummy(self) -> bool: ...
    @property
    def cost_us(self) -> float: ...

    def watch(
        self,
        values: Values,
        feed: Feed,
        *,
        timestamp_ms: NDArray[np.int64] | None = None,
        counter: bool = False,
    ) -> Watched:
        """Run over streams from their first sample on.

        Parameters
        ----------
        values : float64 array, shape (streams, samples)
            NaN: the sample never arrived.
        feed : Feed
        timestamp_ms : int64 array, shape (samples,), optional
            Default: one sample per interval.
        counter : bool
            The values are running totals, to be judged by their rate.
        """
        ...


@dataclass(frozen=True, slots=True)
class PeerDetector:
    """A peer of the comparison, with episodes put over its scores."""

    peer: Peer

    @property
    def name(self) -> str:
        return self.peer.name

    @property
    def dummy(self) -> bool:
        return self.peer.dummy

    @property
    def cost_us(self) -> float:
        return self.peer.cost_us

    def watch(
        self,
        values: Values,
        feed: Feed,
        *,
        timestamp_ms: NDArray[np.int64] | None = None,
        counter: bool = False,
    ) -> Watched:
        """See `Detector.watch`."""
        del timestamp_ms
        seen = rates(values, feed.interval_ms) if counter else values
        score = self.peer.score(seen, feed)
        anomalous, started = episodes_of(score >= 1.0)
        return Watched(score, anomalous, started, np.isfinite(seen))


def episodes_of(over: NDArray[np.bool_]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Episodes of a line crossed: each lasts until `CALM_SAMPLES` samples have stayed below.

    Parameters
    ----------
    over : bool array, shape (streams, samples)

    Returns
    -------
    anomalous, started : bool arrays, shape (streams, samples)
    """
    samples = np.arange(over.shape[1])
    latest = np.maximum.accumulate(np.where(over, samples, -CALM_SAMPLES - 1), axis=1)
    anomalous = samples - latest < CALM_SAMPLES
    before = np.zeros_like(over)
    before[:, 1:] = anomalous[:, :-1]
    return anomalous, over & ~before
