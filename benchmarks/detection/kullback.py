"""The product's detector, called as the engine calls it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from benchmarks.detection.watch import Watched
from benchmarks.peers import Feed, Values
from kullback.core.budget import Budget
from kullback.core.profile import Profile
from kullback.core.scores import Episode, Outcome, Scores, blank_scores
from kullback.detector.layout import Shape
from kullback.detector.plan import plan_of
from kullback.detector.scalar import ScalarDetector

CHUNK_SAMPLES = 512
START_MS = 1_577_836_800_000


class Kullback:
    """The scalar detector with the product's defaults; only the budget follows the benchmark."""

    name = "Kullback"
    dummy = False
    cost_us = 1.0

    def watch(
        self,
        values: Values,
        feed: Feed,
        *,
        timestamp_ms: NDArray[np.int64] | None = None,
        counter: bool = False,
    ) -> Watched:
        """See `benchmarks.detection.watch.Detector.watch`."""
        streams, samples = values.shape
        if timestamp_ms is None:
            timestamp_ms = START_MS + feed.interval_ms * np.arange(samples, dtype=np.int64)
        scores = scores_of(values, timestamp_ms, feed, counter)
        episode = scores.episode.reshape(streams, samples)
        outcome = scores.outcome.reshape(streams, samples)
        arrived = np.isfinite(values)
        return Watched(
            np.nan_to_num(scores.score.reshape(streams, samples), nan=0.0),
            arrived & (episode & Episode.ANOMALOUS != 0),
            arrived & (episode & Episode.STARTED != 0),
            arrived & (outcome == Outcome.SCORED),
        )


class KullbackAlerts(Kullback):
    """The same as its users see it: one alert per incident, the rest of the episode says nothing new."""

    name = "Kullback, one row per alert"

    def watch(
        self,
        values: Values,
        feed: Feed,
        *,
        timestamp_ms: NDArray[np.int64] | None = None,
        counter: bool = False,
    ) -> Watched:
        """See `benchmarks.detection.watch.Detector.watch`."""
        every = super().watch(values, feed, timestamp_ms=timestamp_ms, counter=counter)
        score = np.where(every.anomalous & ~every.started, 0.0, every.score)
        return replace(every, score=score, anomalous=every.started)


def scores_of(values: Values, timestamp_ms: NDArray[np.int64], feed: Feed, counter: bool = False) -> Scores:
    """The detector's own columns, stream after stream; missing samples are never sent.

    Parameters
    ----------
    values : float64 array, shape (streams, samples)
    timestamp_ms : int64 array, shape (samples,)
    feed : Feed
    counter : bool
    """
    streams, samples = values.shape
    detector = ScalarDetector(streams, Shape())
    profile = Profile(budget=Budget(1.0, 0, round(feed.samples_per_alarm)))
    detector.open(np.arange(streams, dtype=np.int32), plan_of(profile, counter=counter))
    scores = blank_scores(np.tile(timestamp_ms, streams))
    row = np.arange(streams * samples, dtype=np.int64).reshape(streams, samples)
    slot = np.repeat(np.arange(streams, dtype=np.int32), samples).reshape(streams, samples)
    for begin in range(0, samples, CHUNK_SAMPLES):
        part = np.s_[:, begin : begin + CHUNK_SAMPLES]
        sent = np.isfinite(values[part])
        rows = row[part][sent]
        detector.update(slot[part][sent], scores.timestamp_ms[rows], values[part][sent], scores, rows, 0)
    return scores
