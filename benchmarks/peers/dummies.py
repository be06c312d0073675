"""Detectors that know nothing. A figure that does not clearly beat them is worth nothing."""

from __future__ import annotations

import numpy as np

from benchmarks.peers.peer import Feed, Values


def every(values: Values, feed: Feed) -> Values:
    """An alarm every `samples_per_alarm` samples, whatever arrives."""
    scores = np.zeros(values.shape)
    scores[:, :: max(1, round(feed.samples_per_alarm))] = 1.0
    return scores


def every_500(values: Values, feed: Feed) -> Values:
    """An alarm every 500 samples: what NAB rewards with 23.6 points."""
    del feed
    scores = np.zeros(values.shape)
    scores[:, ::500] = 1.0
    return scores


def random(values: Values, feed: Feed) -> Values:
    """Independent scores -ln U / ln N: above 1.0 once per N samples."""
    rng = np.random.default_rng([20, *values.shape])
    return np.asarray(-np.log(rng.random(values.shape)) / np.log(feed.samples_per_alarm))
