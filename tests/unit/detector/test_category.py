"""Streams of categories."""

from __future__ import annotations

import numpy as np
import pytest

from kullback.core.budget import Budget
from kullback.core.scores import Episode, Scores, blank_scores
from kullback.detector.category import CategoryDetector
from kullback.detector.plan import Plan


def feed(detector: CategoryDetector, codes: np.ndarray) -> Scores:
    scores = blank_scores((1 + np.arange(len(codes), dtype=np.int64)) * 1000)
    slots = np.zeros(len(codes), np.int32)
    detector.update(slots, scores.timestamp_ms, codes.astype(np.int32), scores, np.arange(len(codes)), 0)
    return scores


@pytest.fixture
def detector() -> CategoryDetector:
    detector = CategoryDetector(1)
    detector.open(np.array([0], np.int32), Plan(budget=Budget(1.0, 0, 1_000_000)))
    return detector


def channels(rng: np.random.Generator, count: int, shares: list[float]) -> np.ndarray:
    return rng.choice(np.arange(1, len(shares) + 1), count, p=shares)


def test_shift_of_shares_fires(detector: CategoryDetector) -> None:
    rng = np.random.default_rng(1)
    before, after = channels(rng, 4000, [0.7, 0.25, 0.05]), channels(rng, 200, [0.2, 0.25, 0.55])
    scores = feed(detector, np.concatenate((before, after)))
    started = np.flatnonzero(scores.episode & Episode.STARTED)
    assert 4000 <= started[0] < 4060


def test_new_category_fires_within_a_few_samples(detector: CategoryDetector) -> None:
    rng = np.random.default_rng(2)
    scores = feed(detector, np.concatenate((channels(rng, 4000, [0.8, 0.2]), np.full(20, 3))))
    started = np.flatnonzero(scores.episode & Episode.STARTED)
    assert len(started) == 1
    assert 4000 <= started[0] < 4010


def test_same_shares_stay_calm(detector: CategoryDetector) -> None:
    scores = feed(detector, channels(np.random.default_rng(3), 8000, [0.6, 0.3, 0.09, 0.01]))
    assert not (scores.episode & Episode.STARTED).any()


def test_view_has_an_open_bin_and_contributions_that_sum(detector: CategoryDetector) -> None:
    feed(detector, channels(np.random.default_rng(4), 3000, [0.6, 0.3, 0.1]))
    view = detector.windows(0, 64)
    assert list(view.edges) == [0, 1, 2, 3, 4]
    assert view.reference_mass[0] == 0
    assert view.current_mass.sum() == pytest.approx(1.0)
    assert view.smoothed_mass[0] > 0
    assert view.contributions_nats.sum() == pytest.approx(view.divergence_nats, abs=1e-9)
    assert view.measures.kl_nats == pytest.approx(view.divergence_nats)
