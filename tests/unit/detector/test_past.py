"""Streams that are compared with themselves a while ago."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from kullback.backtest import backtest
from kullback.core.budget import Budget
from kullback.core.labels import Series
from kullback.core.profile import Profile, Reference
from kullback.core.scores import Episode, Scores, blank_scores
from kullback.detector.layout import FOLLOWED, Shape
from kullback.detector.past import PAST, SLOT_SAMPLES, Pasts
from kullback.detector.plan import Plan
from kullback.detector.scalar import ScalarDetector

ZERO = np.array([0], np.int32)
MINUTE_MS, HOUR_MS = 60_000, 3_600_000
DAY_MS, DAY = 24 * HOUR_MS, 1440
A_DAY_AGO = Plan(budget=Budget(1.0, 0, 10_000), ago_ms=DAY_MS, ago_span_ms=3 * HOUR_MS)


def daily(days: float, seed: int = 1) -> NDArray[np.float64]:
    at = np.arange(int(days * DAY))
    return 3.0 * np.sin(2.0 * np.pi * at / DAY) + np.random.default_rng(seed).standard_normal(len(at))


def watching(plan: Plan = A_DAY_AGO) -> ScalarDetector:
    detector = ScalarDetector(2, Shape())
    detector.open(ZERO, plan)
    return detector


def feed(detector: ScalarDetector, values: NDArray[np.float64], after_ms: int | None = None) -> Scores:
    """A sample a minute, after the newest one."""
    last_ms = int(detector.streams["last_ms"][0]) if after_ms is None else after_ms
    scores = blank_scores(last_ms + MINUTE_MS * np.arange(1, len(values) + 1))
    slots, rows = np.zeros(len(values), np.int32), np.arange(len(values))
    detector.update(slots, scores.timestamp_ms, values, scores, rows, 0)
    return scores


def reference(detector: ScalarDetector) -> NDArray[np.float64]:
    return detector.windows(0, 64).reference_values


def starts(scores: Scores) -> NDArray[np.int64]:
    return np.flatnonzero(scores.episode & Episode.STARTED)


def test_own_newest_past_counts_until_there_is_one_so_old() -> None:
    detector, values = watching(), daily(1.5)
    feed(detector, values[:1200])
    assert not detector.is_held(0)
    assert detector.past.covered_ms(0) == pytest.approx(1200 * MINUTE_MS, abs=10 * MINUTE_MS)
    feed(detector, values[1200:])
    assert detector.streams["pinned"][0] == FOLLOWED


def test_reference_is_what_was_seen_around_the_same_time() -> None:
    detector, values = watching(), daily(2.75)
    feed(detector, values)
    around = values[int(1.75 * DAY) - 90 : int(1.75 * DAY) + 90]
    assert reference(detector).mean() == pytest.approx(around.mean(), abs=0.3)
    assert reference(detector).std() == pytest.approx(around.std(), abs=0.3)
    assert len(reference(detector)) == pytest.approx(180, abs=12)


def test_a_day_like_the_one_before_is_silent_and_a_move_against_it_is_not() -> None:
    detector, values = watching(), daily(8)
    settled = feed(detector, values)
    assert len(starts(settled)[starts(settled) > 3 * DAY]) <= 2
    moved = feed(detector, 1.5 + daily(0.25, 2))
    assert starts(moved)[0] < 120


def test_new_level_is_anomalous_for_the_period_and_normal_after_it() -> None:
    flat = np.random.default_rng(3).standard_normal(6 * DAY)
    detector = watching()
    feed(detector, flat[: 3 * DAY])
    first = feed(detector, 3.0 + flat[3 * DAY : 4 * DAY])
    assert first.episode[-60] & Episode.ANOMALOUS
    assert first.episode[-60] & Episode.SHIFTED
    assert not (first.episode & Episode.REBASELINED).any()
    later = feed(detector, 3.0 + flat[4 * DAY :])
    assert not later.episode[-1] & Episode.ANOMALOUS


def test_incident_does_not_become_the_normal_of_the_next_day() -> None:
    flat = np.random.default_rng(4).standard_normal(5 * DAY)
    flat[3 * DAY : 3 * DAY + 60] += 8.0
    detector = watching()
    feed(detector, flat[: 4 * DAY + 30])
    assert reference(detector).max() < 6.0


def test_where_nothing_was_recorded_the_newest_past_counts() -> None:
    detector = watching()
    feed(detector, daily(2))
    feed(detector, daily(0.5, 5), after_ms=10 * DAY_MS)
    assert not detector.is_held(0)
    assert np.abs(reference(detector) - daily(0.5, 5).mean()).mean() < 3.0


def test_a_split_of_the_input_changes_nothing() -> None:
    whole, parts, values = watching(), watching(), daily(2.2)
    at_once = feed(whole, values)
    piece = np.concatenate([feed(parts, part).score for part in np.array_split(values, 37)])
    assert np.array_equal(at_once.score, piece, equal_nan=True)
    assert whole.save(ZERO)["stream"].tobytes() == parts.save(ZERO)["stream"].tobytes()
    assert whole.past.save(ZERO)["past"].tobytes() == parts.past.save(ZERO)["past"].tobytes()


def test_saved_past_goes_on_as_if_nothing_had_been() -> None:
    old, new, values = watching(), ScalarDetector(2, Shape()), daily(2.5)
    feed(old, values[:2000])
    new.load(ZERO, old.save(ZERO))
    new.past.load(ZERO, old.past.save(ZERO))
    assert np.array_equal(feed(old, values[2000:]).score, feed(new, values[2000:]).score)


def test_rows_of_times_that_go_back_are_no_harm() -> None:
    detector = watching(
        Plan(budget=Budget(1.0, 0, 10_000), ago_ms=DAY_MS, ago_span_ms=HOUR_MS, any_order=True)
    )
    feed(detector, daily(2))
    feed(detector, daily(1), after_ms=-5 * DAY_MS)
    assert np.isfinite(detector.streams["score"][0])


def test_a_back_test_gives_the_scores_of_the_service() -> None:
    values = daily(2.5)
    live = feed(watching(replace(A_DAY_AGO, budget=Budget())), values)
    profile = Profile(reference=Reference(ago_ms=A_DAY_AGO.ago_ms, span_ms=A_DAY_AGO.ago_span_ms))
    tried = backtest(Series(()), live.timestamp_ms, values, profile)
    assert np.array_equal(tried.scores.score, live.score, equal_nan=True)


def test_a_strike_reaches_the_past() -> None:
    detector = watching()
    feed(detector, np.concatenate((daily(1), np.full(120, 500.0), daily(0.5, 6))))
    detector.strike(0, DAY_MS, DAY_MS + 2 * HOUR_MS)
    feed(detector, daily(0.58, 7))
    assert reference(detector).max() < 100.0


def test_other_periods_begin_anew_and_other_plans_drop_the_past() -> None:
    detector = watching()
    feed(detector, daily(2))
    detector.replan(ZERO, A_DAY_AGO)
    assert detector.is_held(0)
    detector.replan(ZERO, Plan(ago_ms=2 * DAY_MS, ago_span_ms=HOUR_MS))
    assert not detector.is_held(0)
    assert detector.past.covered_ms(0) == 0
    detector.replan(ZERO, Plan())
    assert (detector.past.row_of < 0).all()


def test_dense_samples_are_kept_as_an_even_sample() -> None:
    detector = watching(Plan(ago_ms=HOUR_MS, ago_span_ms=HOUR_MS // 2))
    values = np.random.default_rng(8).standard_normal(40_000)
    scores = blank_scores(200 * np.arange(1, len(values) + 1))
    slots, rows = np.zeros(len(values), np.int32), np.arange(len(values))
    detector.update(slots, scores.timestamp_ms, values, scores, rows, 0)
    assert detector.past.rows["seen"].max() > SLOT_SAMPLES
    assert len(reference(detector)) == 1024
    assert reference(detector).std() == pytest.approx(1.0, abs=0.1)


def test_only_streams_that_keep_a_past_take_room() -> None:
    assert PAST.itemsize <= 70_000
    pasts = Pasts(100_000)
    assert pasts.save(np.arange(1000, dtype=np.int32))["past"].shape == (1000, 0)
    for slot in range(5):
        assert pasts.keep(slot, DAY_MS, HOUR_MS)
    assert len(pasts.rows) == 8
    pasts.drop(np.arange(5, dtype=np.int32))
    for slot in range(8, 16):
        pasts.keep(slot, DAY_MS, HOUR_MS)
    assert len(pasts.rows) == 8
