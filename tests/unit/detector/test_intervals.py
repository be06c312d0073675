"""Windows and budgets that are given in time follow each stream's own interval."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kullback.core.budget import DAY_MS, Budget, parse_budget
from kullback.core.errors import RequestError
from kullback.core.profile import Profile
from kullback.core.scores import blank_scores
from kullback.detector.intervals import SHORTEST_MS, STEPS_PER_OCTAVE, code_of_duration, nearest_length
from kullback.detector.layout import Shape
from kullback.detector.plan import Plan, plan_of
from kullback.detector.scalar import ScalarDetector
from kullback.detector.shapes import shape_for

ZERO = np.array([0], np.int32)
MINUTE_MS, HOUR_MS = 60_000, 3_600_000


def fed(plan: Plan, interval_ms: int, samples: int = 400) -> ScalarDetector:
    detector = ScalarDetector(1, Shape())
    detector.open(ZERO, plan)
    feed(detector, interval_ms, samples)
    return detector


def feed(detector: ScalarDetector, interval_ms: int, samples: int) -> None:
    last_ms = int(detector.streams["last_ms"][0])
    scores = blank_scores(last_ms + interval_ms * np.arange(1, samples + 1))
    values = np.random.default_rng(samples).standard_normal(samples)
    slots, rows = np.zeros(samples, np.int32), np.arange(samples)
    detector.update(slots, scores.timestamp_ms, values, scores, rows, 0)


@pytest.mark.parametrize(
    ("interval_ms", "lengths"),
    [(1_000, (256, 1024)), (15_000, (16, 256)), (60_000, (4, 64)), (3_600_000, (4,))],
)
def test_durations_become_the_nearest_lengths_by_the_interval(
    interval_ms: int, lengths: tuple[int, ...]
) -> None:
    plan = Plan(windows_ms=(5 * MINUTE_MS, HOUR_MS))
    assert fed(plan, interval_ms).lengths(0) == lengths


def test_samples_and_durations_stand_together() -> None:
    assert fed(Plan(windows=(64,), windows_ms=(5 * MINUTE_MS,)), 15_000).lengths(0) == (16, 64)


def test_all_windows_count_until_the_interval_is_known() -> None:
    detector = ScalarDetector(1, Shape())
    detector.open(ZERO, Plan(windows_ms=(5 * MINUTE_MS,)))
    assert detector.lengths(0) == (4, 16, 64, 256, 1024)


def test_windows_follow_an_interval_that_changes() -> None:
    detector = fed(Plan(windows_ms=(HOUR_MS,)), 15_000)
    feed(detector, 240_000, 2000)
    assert detector.lengths(0) == (16,)


def test_a_new_plan_holds_at_once() -> None:
    detector = fed(Plan(), 15_000)
    detector.replan(ZERO, Plan(windows_ms=(HOUR_MS,)))
    assert detector.lengths(0) == (256,)
    detector.replan(ZERO, Plan())
    assert detector.lengths(0) == (4, 16, 64, 256, 1024)


@given(st.integers(int(SHORTEST_MS), 365 * DAY_MS))
def test_a_duration_is_kept_within_five_percent(duration_ms: int) -> None:
    kept_ms = SHORTEST_MS * 2.0 ** ((code_of_duration(duration_ms) - 1) / STEPS_PER_OCTAVE)
    assert kept_ms == pytest.approx(duration_ms, rel=0.05)


@given(st.floats(0.01, 1e6))
def test_nearest_length_is_nearest_by_ratio(samples: float) -> None:
    lengths = np.array([4, 16, 64, 256, 0, 0])
    found = lengths[nearest_length(lengths, samples)]
    assert all(abs(np.log(found / samples)) <= abs(np.log(one / samples)) + 1e-12 for one in lengths[:4])


def test_durations_have_the_default_lengths_to_become_one_of() -> None:
    in_time, in_samples = Profile(current_samples=(), current_ms=(HOUR_MS,)), Profile(current_samples=(8, 12))
    assert shape_for([in_time]).windows == (4, 16, 64, 256, 1024)
    assert shape_for([in_time, in_samples]).windows == (4, 8, 12, 16, 64, 256, 1024)
    assert plan_of(in_time).windows_ms == (HOUR_MS,)
    crowded = Profile(current_samples=(3, 5, 6, 7, 9))
    with pytest.raises(RequestError, match="1 to 8 different lengths"):
        shape_for([in_time, crowded])
    assert shape_for([crowded]).windows == (3, 5, 6, 7, 9)


@pytest.mark.parametrize(
    ("budget", "samples"),
    [
        (parse_budget("1 per 1d"), 86_400.0 / 15),
        (Budget(2.0, 0, 10_000), 5_000.0),
        (parse_budget("4 per 1d"), 86_400.0 / 60),
    ],
)
def test_budget_in_time_is_converted_and_one_in_samples_is_not(budget: Budget, samples: float) -> None:
    detector = fed(Plan(budget=budget), 15_000)
    assert detector.summary(ZERO).samples_per_alarm[0] == pytest.approx(samples, rel=1e-3)
