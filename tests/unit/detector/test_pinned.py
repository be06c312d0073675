"""Streams that are compared with pinned samples instead of their own past."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from kullback.core.budget import Budget
from kullback.core.errors import ErrorId, RequestError
from kullback.core.scores import Episode, Scores, blank_scores
from kullback.detector.layout import Shape
from kullback.detector.pinned import Pinned, pinned_of, thinned
from kullback.detector.plan import Plan
from kullback.detector.scalar import ScalarDetector

ZERO = np.array([0], np.int32)


def normal(count: int, seed: int) -> NDArray[np.float64]:
    return np.random.default_rng(seed).standard_normal(count)


RELEASE = pinned_of(normal(1024, 1))


def watching(pinned: Pinned | None = RELEASE) -> ScalarDetector:
    detector = ScalarDetector(1, Shape())
    detector.open(ZERO, plan(pinned))
    return detector


def plan(pinned: Pinned | None) -> Plan:
    return Plan(budget=Budget(1.0, 0, 10_000), rebaseline_after_samples=256, pinned=pinned)


def feed(detector: ScalarDetector, values: NDArray[np.float64]) -> Scores:
    first = 1 + int(detector.streams["samples"][0])
    scores = blank_scores(1000 * np.arange(first, first + len(values), dtype=np.int64))
    rows = np.arange(len(values))
    detector.update(np.zeros(len(values), np.int32), scores.timestamp_ms, values, scores, rows, 0)
    return scores


def starts(scores: Scores) -> NDArray[np.int64]:
    return np.flatnonzero(scores.episode & Episode.STARTED)


def test_stream_that_is_like_the_pinned_samples_is_silent() -> None:
    detector = watching()
    scores = feed(detector, normal(6000, 2))
    assert np.isnan(scores.score[:63]).all()
    assert np.isfinite(scores.score[63:]).all()
    assert len(starts(scores)) <= 1
    assert detector.windows(0, 64).reference_samples == 1024


def test_stream_that_differs_from_the_first_sample_on_fires_and_never_becomes_normal() -> None:
    detector = watching()
    scores = feed(detector, 1.0 + normal(3000, 3))
    assert starts(scores)[0] < 150
    assert scores.episode[-1] & Episode.ANOMALOUS
    assert scores.episode[-1] & Episode.SHIFTED
    assert not (scores.episode & Episode.REBASELINED).any()
    view = detector.windows(0, 256)
    assert np.allclose(view.reference_values, RELEASE.values, atol=1e-3)
    assert view.current_values.mean() > 0.5


def test_stream_without_pinned_samples_takes_the_same_for_normal() -> None:
    scores = feed(watching(None), 1.0 + normal(3000, 3))
    assert not scores.episode[-1] & Episode.ANOMALOUS


def test_pinning_and_letting_go_change_a_running_stream() -> None:
    detector = watching(None)
    feed(detector, 1.0 + normal(3000, 4))
    detector.replan(ZERO, plan(RELEASE))
    assert len(starts(feed(detector, 1.0 + normal(300, 5)))) == 1
    detector.replan(ZERO, plan(None))
    assert detector.streams["pinned"][0] == 0
    assert detector.windows(0, 64).reference_quantiles[3] == pytest.approx(1.0, abs=0.2)


def test_the_same_samples_again_disturb_nothing() -> None:
    once, twice = watching(), watching()
    values = normal(900, 6)
    feed(once, values)
    feed(twice, values[:500])
    twice.replan(ZERO, plan(pinned_of(RELEASE.values[::-1])))
    feed(twice, values[500:])
    assert once.save(ZERO)["stream"].tobytes() == twice.save(ZERO)["stream"].tobytes()


def test_pinned_reference_is_not_rebaselined_or_struck() -> None:
    detector = watching()
    feed(detector, normal(2000, 7))
    with pytest.raises(RequestError, match="pinned") as caught:
        detector.rebaseline(0)
    assert caught.value.error is ErrorId.CONFLICT
    assert detector.strike(0, 0, 2_000_000) == 0
    assert detector.windows(0, 64).reference_samples == 1024


def test_more_samples_than_the_reference_holds_become_quantiles() -> None:
    many = np.sort(normal(50_000, 8))
    few = thinned(many, 1024)
    assert len(few) == 1024
    assert np.abs(np.quantile(few, [0.01, 0.5, 0.99]) - np.quantile(many, [0.01, 0.5, 0.99])).max() < 0.02
    assert thinned(few, 1024) is few


def test_line_of_a_stream_that_is_let_go_is_that_of_a_new_one() -> None:
    old, new = watching(None), watching(None)
    old.streams["maxima"][0, 0] = 500.0  # as after many blocks with a season taken for chance
    for detector in (old, new):
        detector.replan(ZERO, plan(RELEASE))
        detector.replan(ZERO, plan(None))
        feed(detector, normal(400, 9))
    assert old.summary(ZERO).threshold_nats[0] == new.summary(ZERO).threshold_nats[0]
