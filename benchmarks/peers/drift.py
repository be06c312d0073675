"""Detectors of the river library, run as published: ADWIN, KSWIN, HalfSpaceTrees.

ADWIN and KSWIN answer yes or no. To put them on a common scale ADWIN runs at several confidences at once
(the score is the strictest that speaks), and KSWIN's score is its p-value against its default alpha.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from benchmarks.peers.peer import Feed, Values, each_stream

ADWIN_DELTAS = (0.1, 0.002, 1e-5, 1e-10, 1e-20, 1e-40, 1e-80, 1e-160)
ADWIN_DEFAULT = 0.002
KSWIN_ALPHA = 0.005
HALF_SPACE_LINE = 0.995
"""The library names no line; this one is crossed about once per 100 samples of normal noise."""


def _adwin(x: Values) -> Values:
    from river.drift import ADWIN  # noqa: PLC0415 - the benchmark extra is optional

    detectors = [(ADWIN(delta=d), math.log(d) / math.log(ADWIN_DEFAULT)) for d in ADWIN_DELTAS]
    out = np.zeros(len(x))
    for t, value in enumerate(x.tolist()):
        for detector, score in detectors:
            detector.update(value)
            if detector.drift_detected:
                out[t] = score
    return out


def _kswin(x: Values) -> Values:
    from river.drift import KSWIN  # noqa: PLC0415

    detector = KSWIN(alpha=KSWIN_ALPHA, seed=7)
    out = np.zeros(len(x))
    for t, value in enumerate(x.tolist()):
        detector.update(value)
        if detector.drift_detected or len(detector.window) == detector.window_size:
            out[t] = math.log(max(float(detector.p_value), 1e-300)) / math.log(KSWIN_ALPHA)
    return out


def _half_space_trees(x: Values) -> Values:
    from river.anomaly import HalfSpaceTrees  # noqa: PLC0415
    from river.preprocessing import MinMaxScaler  # noqa: PLC0415

    scaler, forest = MinMaxScaler(), HalfSpaceTrees(seed=7)
    out = np.zeros(len(x))
    for t, value in enumerate(x.tolist()):
        point = {"x": value}
        scaler.learn_one(point)
        scaled = scaler.transform_one(point)
        out[t] = forest.score_one(scaled) / HALF_SPACE_LINE
        forest.learn_one(scaled)
    return out


def _on_streams(run: Callable[[Values], Values]) -> Callable[[Values, Feed], Values]:
    def score(values: Values, feed: Feed) -> Values:
        del feed
        return each_stream(values, run)

    score.__doc__ = run.__doc__
    return score


adwin = _on_streams(_adwin)
kswin = _on_streams(_kswin)
half_space_trees = _on_streams(_half_space_trees)
