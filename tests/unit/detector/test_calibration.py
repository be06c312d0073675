"""The lines: what lifts them and what must not."""

from __future__ import annotations

import numpy as np

from kullback.core.budget import Budget
from kullback.core.profile import Profile
from kullback.core.scores import Episode, Scores, blank_scores
from kullback.detector.layout import BLOCKS, Shape
from kullback.detector.maxima import often_reached, usual_blocks
from kullback.detector.plan import plan_of
from kullback.detector.scalar import ScalarDetector

LEVEL = 4.2
"""Gumbel quantile of a line at one alarm in 8640 samples."""


def scored(values: np.ndarray, samples_per_alarm: int = 10_000) -> Scores:
    detector = ScalarDetector(1, Shape())
    only = np.zeros(1, np.int32)
    detector.open(only, plan_of(Profile(budget=Budget(1.0, 0, samples_per_alarm))))
    scores = blank_scores(60_000 * np.arange(len(values), dtype=np.int64))
    rows = np.arange(len(values), dtype=np.int64)
    detector.update(np.zeros(len(values), np.int32), scores.timestamp_ms, values, scores, rows, 0)
    return scores


def test_maxima_of_a_stream_without_incidents_are_nearly_all_kept() -> None:
    rng = np.random.default_rng(1)
    draws = np.sort(rng.gumbel(3.0, 0.4, (1000, BLOCKS)), axis=1)
    kept = np.array([usual_blocks(row, LEVEL) for row in draws])
    assert np.mean(kept < BLOCKS) < 0.04


def test_recurring_incidents_that_stand_apart_do_not_count_for_the_line() -> None:
    rng = np.random.default_rng(2)
    everyday = np.sort(rng.gumbel(3.0, 0.2, BLOCKS - 12))
    incidents = np.sort(rng.normal(9.0, 0.5, 12))
    assert usual_blocks(np.concatenate((everyday, incidents)), LEVEL) == BLOCKS - 12


def test_a_single_wild_block_is_left_to_the_cap() -> None:
    rng = np.random.default_rng(3)
    draws = np.sort(rng.gumbel(3.0, 0.2, (200, BLOCKS - 1)), axis=1)
    kept = np.array([usual_blocks(np.append(row, 9.0), LEVEL) for row in draws])
    assert np.mean(kept) > BLOCKS - 2


def test_more_than_a_third_of_the_blocks_are_how_the_stream_is() -> None:
    rng = np.random.default_rng(4)
    low, high = rng.gumbel(3.0, 0.1, BLOCKS // 2), rng.normal(9.0, 0.1, BLOCKS // 2)
    assert usual_blocks(np.sort(np.concatenate((low, high))), LEVEL) == BLOCKS


def test_a_level_reached_in_three_blocks_is_below_the_line_of_a_strict_budget() -> None:
    maxima = np.concatenate((np.linspace(5.0, 8.0, BLOCKS - 3), [30.0, 30.0, 30.0]))
    assert often_reached(maxima, 50_000.0) > 30.0
    assert often_reached(maxima, 2_000.0) == 0.0
    assert often_reached(maxima[:-1], 50_000.0) < 30.0


def test_a_shift_of_spread_that_lasts_is_told_once_while_its_episode_goes_on() -> None:
    values = np.random.default_rng(5).standard_normal(9000)
    values[8000:] *= 1.7
    scores = scored(values)
    anomalous = scores.episode[8000:] & Episode.ANOMALOUS != 0
    assert np.count_nonzero(anomalous) > 500
    assert np.count_nonzero(scores.score[8000:] > 1.0) < 100
