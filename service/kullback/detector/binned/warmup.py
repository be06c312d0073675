"""Compiling what scores histograms and categories before a request needs it."""

from __future__ import annotations

import numpy as np

from kullback.core.batch import Buckets
from kullback.core.scores import blank_scores
from kullback.detector.category import CategoryDetector
from kullback.detector.histogram import HistogramDetector
from kullback.detector.plan import Plan

UNITS = 80


def warmup() -> None:
    """Compile every kernel of binned streams, or read it from Numba's cache."""
    slots, one = np.zeros(UNITS, np.int32), np.zeros(1, np.int32)
    timestamp_ms = np.arange(1, UNITS + 1, dtype=np.int64) * 1000
    scores, rows = blank_scores(timestamp_ms), np.arange(UNITS)
    buckets = Buckets(np.arange(UNITS + 1) * 2, np.tile([1.0, np.inf], UNITS), np.ones(2 * UNITS))
    histograms, categories = HistogramDetector(1), CategoryDetector(1)
    for detector in (histograms, categories):
        detector.open(one, Plan())
    histograms.update(slots, timestamp_ms, buckets, scores, rows, 0)
    categories.update(slots, timestamp_ms, np.ones(UNITS, np.int32), scores, rows, 0)
    histograms.explain(0)
    histograms.summary(one)
    histograms.rebaseline(0)
