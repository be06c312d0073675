"""The lines: what lifts them and what must not."""

from __future__ import annotations

import numpy as np
import pytest

from kullback.core.budget import Budget
from kullback.core.profile import Profile
from kullback.core.scores import Episode, Scores, blank_scores
from kullback.detector.blocks import YOUNG_BLOCKS, keep_maximum, maxima_of, merged_of, observe
from kullback.detector.layout import BLOCKS, RANK, VALUE, Shape
from kullback.detector.maxima import (
    BLOCK_SAMPLES,
    extreme_of,
    moments_of,
    often_reached,
    reach_of,
    root_threshold,
    shape_of,
    shown_line,
)
from kullback.detector.plan import plan_of
from kullback.detector.scalar import ScalarDetector


def scored(values: np.ndarray, samples_per_alarm: int = 10_000) -> Scores:
    detector = ScalarDetector(1, Shape())
    only = np.zeros(1, np.int32)
    detector.open(only, plan_of(Profile(budget=Budget(1.0, 0, samples_per_alarm))))
    scores = blank_scores(60_000 * np.arange(len(values), dtype=np.int64))
    rows = np.arange(len(values), dtype=np.int64)
    detector.update(np.zeros(len(values), np.int32), scores.timestamp_ms, values, scores, rows, 0)
    return scores


def ranks_line(values: np.ndarray, samples_per_alarm: int) -> float:
    detector = ScalarDetector(1, Shape())
    detector.open(np.zeros(1, np.int32), plan_of(Profile(budget=Budget(1.0, 0, samples_per_alarm))))
    scores = blank_scores(60_000 * np.arange(len(values), dtype=np.int64))
    rows = np.arange(len(values), dtype=np.int64)
    detector.update(np.zeros(len(values), np.int32), scores.timestamp_ms, values, scores, rows, 0)
    return float(detector.streams["threshold"][0, RANK])


def test_a_level_reached_in_three_blocks_is_below_the_line_of_a_strict_budget() -> None:
    maxima = np.concatenate((np.linspace(5.0, 8.0, BLOCKS - 3), [30.0, 30.0, 30.0]))
    assert often_reached(maxima, 50_000.0) > 30.0
    assert often_reached(maxima, 2_000.0) == 0.0
    assert often_reached(maxima[:-1], 50_000.0) < 30.0


def quantile(share: float | np.ndarray, location: float, scale: float, shape: float) -> np.ndarray:
    """Of an extreme value law."""
    level = -np.log(-np.log(share))
    return location + scale * (np.expm1(shape * level) / shape if shape else level)


@pytest.mark.parametrize("shape", [-0.2, 0.0, 0.1, 0.3])
def test_the_fitted_law_is_the_one_that_was_drawn_from(shape: float) -> None:
    drawn = np.sort(quantile(np.random.default_rng(6).random(100_000), 3.0, 0.4, shape))
    mean, spread, skewness = moments_of(drawn, np.inf)
    assert shape_of(skewness, 1e9) == pytest.approx(shape, abs=0.02)
    assert extreme_of(mean, spread, shape) == pytest.approx((3.0, 0.4), abs=0.02)
    assert 3.0 + 0.4 * reach_of(-np.log(-np.log(0.99)), shape, 99.0) == pytest.approx(
        quantile(0.99, 3.0, 0.4, shape), rel=0.01
    )


def test_a_tail_that_ends_goes_on_as_an_exponential_one_beyond_what_was_seen() -> None:
    steps = np.diff([reach_of(level, -0.2, 4.0) for level in (3.0, 4.0, 5.0, 6.0)])
    assert steps[0] > steps[1] == pytest.approx(steps[2])


@pytest.mark.parametrize("samples_per_alarm", [1_000, 10_000, 100_000])
def test_on_average_a_line_of_own_maxima_is_crossed_as_often_as_it_may(samples_per_alarm: int) -> None:
    rng = np.random.default_rng(7)
    lines = np.array(
        [
            root_threshold(np.sort(rng.gumbel(3.0, 0.4, BLOCKS)), samples_per_alarm, 3.1, 0.4)
            for _ in range(2000)
        ]
    )
    crossed = -np.expm1(-np.exp(-(lines - 3.0) / 0.4))
    assert 0.3 < crossed.mean() * samples_per_alarm / BLOCK_SAMPLES < 1.2


def test_a_value_that_comes_again_and_again_is_below_the_line_of_a_strict_budget() -> None:
    maxima = np.concatenate((np.full(BLOCKS - 6, 4.0) + np.linspace(0.0, 0.1, BLOCKS - 6), np.full(6, 6.0)))
    assert shown_line(maxima, 100_000.0) > 6.0
    assert 4.0 < shown_line(maxima, 1_000.0) < 6.0
    assert shown_line(maxima, 500.0) == 0.0
    assert shown_line(maxima[:20], 100_000.0) == 0.0


def test_a_ring_whose_blocks_grow_remembers_the_largest_of_what_it_holds() -> None:
    detector = ScalarDetector(1, Shape())
    stream = detector.streams[0]
    nats = np.random.default_rng(8).random(600).astype(np.float32)
    for blocks, value in enumerate(nats):
        observe(stream, VALUE, value)
        observe(stream, RANK, value)
        keep_maximum(stream, VALUE, blocks)
        keep_maximum(stream, RANK, blocks)
        full = blocks + 1
        merged, held = merged_of(VALUE, full), maxima_of(stream, VALUE, full)
        stored = full if merged == 1 else (full - YOUNG_BLOCKS) // merged
        ends = (0 if merged == 1 else YOUNG_BLOCKS) + merged * np.arange(max(stored - BLOCKS, 0), stored)
        wanted = [nats[end : end + merged].max() for end in ends]
        assert sorted(held) == sorted(wanted)
        assert sorted(maxima_of(stream, RANK, full)) == sorted(nats[max(full - BLOCKS, 0) : full])


def test_a_shift_of_spread_that_lasts_is_told_once_while_its_episode_goes_on() -> None:
    values = np.random.default_rng(5).standard_normal(9000)
    values[8000:] *= 1.7
    scores = scored(values)
    anomalous = scores.episode[8000:] & Episode.ANOMALOUS != 0
    assert np.count_nonzero(anomalous) > 500
    assert np.count_nonzero(scores.score[8000:] > 1.0) < 100


def test_the_ranks_of_a_new_stream_are_cautious_for_a_while() -> None:
    values = np.random.default_rng(7).standard_normal(6_000)
    later = ranks_line(values[:600], 10_000)
    assert ranks_line(values[:100], 10_000) > 1.4 * later
    assert ranks_line(values, 10_000) < later
