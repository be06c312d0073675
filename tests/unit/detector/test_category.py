"""Streams of categories."""

from __future__ import annotations

import numpy as np
import pytest

from kullback.core.budget import Budget
from kullback.core.profile import Direction
from kullback.core.scores import Episode, Scores, blank_scores
from kullback.detector.category import CategoryDetector
from kullback.detector.news import JUST_BELOW
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


def watching(plan: Plan) -> CategoryDetector:
    detector = CategoryDetector(1)
    detector.open(np.array([0], np.int32), plan)
    return detector


BUDGET = Budget(1.0, 0, 100_000)
FAILURES = np.concatenate(
    (
        channels(np.random.default_rng(5), 4000, [0.94, 0.06]),
        channels(np.random.default_rng(6), 200, [0.7, 0.3]),
    )
)
"""The second category goes from 6 % to 30 %: by 24 points, to five times what it was."""


@pytest.mark.parametrize(
    ("gate", "fires"),
    [
        ({"minimum_effect_absolute": 0.5}, False),
        ({"minimum_effect_absolute": 0.15}, True),
        ({"minimum_effect_relative": 12.0}, False),
        ({"minimum_effect_relative": 2.0}, True),
        ({"minimum_effect_absolute": 0.5, "minimum_effect_relative": 2.0}, False),
    ],
)
def test_minimum_effect_is_the_change_of_a_share_in_points_or_in_parts_of_what_it_was(
    gate: dict[str, float], fires: bool
) -> None:
    scores = feed(watching(Plan(budget=BUDGET, **gate)), FAILURES)
    assert bool((scores.episode & Episode.STARTED).any()) is fires


def test_categories_held_by_the_minimum_effect_score_just_below_the_line_and_say_why() -> None:
    detector = watching(Plan(budget=BUDGET, minimum_effect_absolute=0.5))
    scores = feed(detector, FAILURES)
    assert not (scores.score > 1.0).any()
    assert np.isclose(scores.score[4000:], JUST_BELOW, atol=1e-6).sum() > 50
    gate = detector.explain(0).gates[-1]
    assert (gate.name, gate.limit, gate.passed) == ("minimum effect", 0.5, False)
    assert gate.value == pytest.approx(0.24, abs=0.12)


def test_new_category_is_more_than_any_part_of_the_nothing_it_was() -> None:
    before = channels(np.random.default_rng(2), 4000, [0.8, 0.2])
    detector = watching(Plan(budget=BUDGET, minimum_effect_relative=10.0))
    assert (feed(detector, np.append(before, np.full(20, 3))).episode & Episode.STARTED).any()


@pytest.mark.parametrize(
    "meant_for_numbers", [{"minimum_effect_absolute": 250.0}, {"direction": Direction.BELOW}]
)
def test_limits_that_only_numbers_can_have_do_not_silence_categories(
    meant_for_numbers: dict[str, float],
) -> None:
    plain, limited = watching(Plan(budget=BUDGET)), watching(Plan(budget=BUDGET, **meant_for_numbers))
    assert np.array_equal(feed(plain, FAILURES).score, feed(limited, FAILURES).score, equal_nan=True)
