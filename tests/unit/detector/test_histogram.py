"""Streams of histograms: one interval is one sample."""

from __future__ import annotations

import numpy as np
import pytest

from kullback.core.batch import Buckets
from kullback.core.budget import Budget
from kullback.core.profile import Direction
from kullback.core.scores import Episode, Outcome, Scores, blank_scores
from kullback.detector.histogram import HistogramDetector
from kullback.detector.news import JUST_BELOW
from kullback.detector.plan import Plan

ZERO = np.array([0], np.int32)
BOUNDS = np.array([0.05, 0.1, 0.25, 0.5, 1.0, 2.5, np.inf])


def buckets_of(samples: list[np.ndarray], bounds: np.ndarray = BOUNDS) -> Buckets:
    counts = [np.histogram(s, np.concatenate(([-np.inf], bounds)))[0] for s in samples]
    start = np.arange(len(samples) + 1, dtype=np.int64) * len(bounds)
    return Buckets(start, np.tile(bounds, len(samples)), np.concatenate(counts).astype(np.float64))


def latencies(rng: np.random.Generator, intervals: int, median: float, size: int = 200) -> list[np.ndarray]:
    return [rng.lognormal(np.log(median), 0.6, size) for _ in range(intervals)]


def feed(detector: HistogramDetector, buckets: Buckets, first: int = 0) -> Scores:
    count = len(buckets.start) - 1
    scores = blank_scores((1 + first + np.arange(count, dtype=np.int64)) * 15_000)
    detector.update(np.zeros(count, np.int32), scores.timestamp_ms, buckets, scores, np.arange(count), 0)
    return scores


@pytest.fixture
def detector() -> HistogramDetector:
    detector = HistogramDetector(2)
    detector.open(np.array([0, 1], np.int32), Plan(budget=Budget(1.0, 0, 100_000)))
    return detector


def test_slower_requests_fire_once_and_are_explained(detector: HistogramDetector) -> None:
    rng = np.random.default_rng(3)
    scores = feed(detector, buckets_of(latencies(rng, 1500, 0.1) + latencies(rng, 60, 0.2)))
    started = np.flatnonzero(scores.episode & Episode.STARTED)
    assert len(started) == 1
    assert 1500 <= started[0] < 1510
    explanation = detector.explain(0)
    assert explanation.anomalous
    assert "of the divergence comes from" in explanation.sentence("s")
    assert explanation.median_change == pytest.approx(0.1, abs=0.03)


def test_requests_that_are_slow_again_after_a_moment_are_one_incident(detector: HistogramDetector) -> None:
    rng = np.random.default_rng(3)
    spells = ((1500, 0.1), (20, 0.3), (85, 0.1), (20, 0.3), (255, 0.1), (20, 0.3))
    samples = [one for count, median in spells for one in latencies(rng, count, median)]
    scores = feed(detector, buckets_of(samples))
    started, ended = (np.flatnonzero(scores.episode & flag) for flag in (Episode.STARTED, Episode.ENDED))
    assert len(started) == 2
    assert 1500 <= started[0] < 1510
    assert 1880 <= started[1] < 1890
    assert len(ended) >= 2


def test_same_requests_stay_calm(detector: HistogramDetector) -> None:
    scores = feed(detector, buckets_of(latencies(np.random.default_rng(4), 3000, 0.1)))
    assert scores.outcome[0] == Outcome.ABSORBED
    assert not (scores.episode & Episode.STARTED).any()
    assert detector.windows(0, 64).divergence_nats < 0.1


def test_view_conserves_counts_and_contributions_sum_to_the_divergence(detector: HistogramDetector) -> None:
    feed(detector, buckets_of(latencies(np.random.default_rng(5), 300, 0.1)))
    view = detector.windows(0, 64)
    assert view.current_mass.sum() == pytest.approx(1.0)
    assert view.contributions_nats.sum() == pytest.approx(view.divergence_nats, abs=1e-9)
    assert detector.streams["observations"][0] == pytest.approx(300 * 200)
    assert list(view.edges[1:-1]) == list(BOUNDS[:-1])


def test_finer_bounds_than_the_streams_own_are_no_change(detector: HistogramDetector) -> None:
    rng = np.random.default_rng(6)
    feed(detector, buckets_of(latencies(rng, 300, 0.1)))
    finer = np.unique(np.concatenate((np.geomspace(0.06, 2.4, 40), BOUNDS)))
    scores = feed(detector, buckets_of(latencies(rng, 300, 0.1), finer), first=300)
    assert not (scores.episode & Episode.STARTED).any()
    assert list(detector.windows(0, 64).edges[1:-1]) == list(BOUNDS[:-1])


def test_interval_without_observations_is_absorbed(detector: HistogramDetector) -> None:
    samples = [*latencies(np.random.default_rng(7), 3, 0.1), np.empty(0)]
    assert feed(detector, buckets_of(samples)).outcome[-1] == Outcome.ABSORBED


def test_saved_streams_go_on_as_if_nothing_had_happened(detector: HistogramDetector) -> None:
    rng = np.random.default_rng(8)
    buckets = buckets_of(latencies(rng, 300, 0.1))
    first, rest = np.arange(200), np.arange(200, 300)
    whole = feed(detector, buckets)
    other = HistogramDetector(1)
    other.open(ZERO, Plan(budget=Budget(1.0, 0, 100_000)))
    feed(other, buckets.take(first))
    third = HistogramDetector(1)
    third.load(ZERO, other.save(ZERO))
    again = feed(third, buckets.take(rest), first=200)
    assert np.array_equal(again.score, whole.score[200:], equal_nan=True)


@pytest.mark.parametrize("later", [1, 40])
def test_strike_taken_back_leaves_the_reference_as_if_it_had_not_been(later: int) -> None:
    struck, spared = HistogramDetector(1), HistogramDetector(1)
    rng = np.random.default_rng(5)
    first, then = latencies(rng, 800, 0.1), latencies(rng, 600, 0.1)
    for one in (struck, spared):
        one.open(ZERO, Plan(budget=Budget(1.0, 0, 100_000), feedback=1e9))
        feed(one, buckets_of(first))
    before, span_ms = struck.save(ZERO), (700 * 15_000, 750 * 15_000)
    assert struck.strike(0, *span_ms) > 0
    for one in (struck, spared):
        feed(one, buckets_of(then[:later]), 800)
    struck.undo_strike(0, before, *span_ms)
    for one in (struck, spared):
        feed(one, buckets_of(then[later:]), 800 + later)
    assert struck.save(ZERO)["stream"].tobytes() == spared.save(ZERO)["stream"].tobytes()


BUDGET = Budget(1.0, 0, 100_000)


def watching(plan: Plan) -> HistogramDetector:
    detector = HistogramDetector(1)
    detector.open(ZERO, plan)
    return detector


def fired(detector: HistogramDetector, before: float, after: float) -> bool:
    rng = np.random.default_rng(9)
    scores = feed(detector, buckets_of(latencies(rng, 1000, before) + latencies(rng, 60, after)))
    started = np.flatnonzero(scores.episode & Episode.STARTED)
    assert (started >= 1000).all()
    return len(started) > 0


@pytest.mark.parametrize(
    ("direction", "after", "fires"),
    [
        (Direction.ABOVE, 0.2, True),
        (Direction.ABOVE, 0.05, False),
        (Direction.BELOW, 0.05, True),
        (Direction.BELOW, 0.2, False),
    ],
)
def test_direction_decides_which_moves_of_a_histogram_count(
    direction: Direction, after: float, fires: bool
) -> None:
    assert fired(watching(Plan(budget=BUDGET, direction=direction)), 0.1, after) is fires


@pytest.mark.parametrize(
    ("gate", "fires"),
    [
        ({"minimum_effect_absolute": 0.3}, False),
        ({"minimum_effect_relative": 3.0}, False),
        ({"minimum_effect_absolute": 0.03}, True),
        ({"minimum_effect_relative": 0.3}, True),
        ({"minimum_effect_absolute": 0.03, "minimum_effect_relative": 3.0}, False),
    ],
)
def test_minimum_effect_decides_which_moves_of_a_histogram_count(gate: dict[str, float], fires: bool) -> None:
    assert fired(watching(Plan(budget=BUDGET, **gate)), 0.1, 0.2) is fires


def test_histogram_held_by_the_minimum_effect_scores_just_below_the_line_and_says_why() -> None:
    detector = watching(Plan(budget=BUDGET, minimum_effect_absolute=0.3))
    rng = np.random.default_rng(10)
    feed(detector, buckets_of(latencies(rng, 1000, 0.1)))
    scores = feed(detector, buckets_of(latencies(rng, 8, 0.2)), first=1000)
    assert scores.score[-1] == pytest.approx(JUST_BELOW)
    why = detector.explain(0)
    gate = why.gates[-1]
    assert (gate.name, gate.limit, gate.passed) == ("minimum effect", 0.3, False)
    # The mean of a lognormal moves by more than its median does: by exp(0.6² / 2) = 1.2 times as much.
    assert why.median_change < gate.value < 2 * why.median_change
    assert "held there by the minimum effect" in why.sentence("s")


def test_slow_minority_moves_the_mean_so_it_passes_a_gate_that_the_median_does_not() -> None:
    rng = np.random.default_rng(11)
    slow = [np.concatenate((s[:190], np.full(10, 2.0))) for s in latencies(rng, 8, 0.1)]
    detector = watching(Plan(budget=BUDGET, minimum_effect_absolute=0.05))
    feed(detector, buckets_of(latencies(rng, 1000, 0.1)))
    scores = feed(detector, buckets_of(slow), first=1000)
    why = detector.explain(0)
    assert (scores.episode & Episode.STARTED).any()
    assert abs(why.median_change) < 0.02
    assert why.gates[-1].value > 0.05


def test_textbook_mode_of_a_histogram_is_held_by_the_minimum_effect_too() -> None:
    textbook = {"fixed_window_samples": 16, "fixed_nats": 0.1}
    assert fired(watching(Plan(budget=BUDGET, **textbook)), 0.1, 0.2)
    assert not fired(watching(Plan(budget=BUDGET, minimum_effect_absolute=0.3, **textbook)), 0.1, 0.2)


def test_histogram_without_a_minimum_effect_has_no_such_gate() -> None:
    detector = watching(Plan(budget=BUDGET))
    feed(detector, buckets_of(latencies(np.random.default_rng(12), 100, 0.1)))
    assert [gate.name for gate in detector.explain(0).gates] == ["first samples", "score"]
