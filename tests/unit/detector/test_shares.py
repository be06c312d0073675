"""How the channels divide the budget."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from kullback.core.budget import Budget
from kullback.core.profile import Profile
from kullback.core.scores import blank_scores
from kullback.detector.layout import Shape
from kullback.detector.plan import plan_of
from kullback.detector.scalar import ScalarDetector
from kullback.detector.shares import (
    MOST_DECADES,
    MOST_TAIL_FACTOR,
    RANK_SHARE,
    TAIL_SHARE,
    rank_share,
    tail_share,
)


def fed(correlation: float, samples_per_alarm: int) -> Any:
    noise = np.random.default_rng(3).standard_normal(4000)
    values = np.empty_like(noise)
    last = 0.0
    for row, new in enumerate(noise):
        last = correlation * last + np.sqrt(1.0 - correlation**2) * new
        values[row] = last
    return stream_of(values, samples_per_alarm)


def stream_of(values: np.ndarray, samples_per_alarm: int) -> Any:
    detector = ScalarDetector(1, Shape())
    detector.open(np.zeros(1, np.int32), plan_of(Profile(budget=Budget(1.0, 0, samples_per_alarm))))
    scores = blank_scores(60_000 * np.arange(len(values), dtype=np.int64))
    detector.update(
        np.zeros(len(values), np.int32), scores.timestamp_ms, values, scores, np.arange(len(values)), 0
    )
    return detector.streams[0]


def test_independent_samples_leave_the_shares_as_they_are() -> None:
    stream = fed(0.0, 10_000)
    assert rank_share(stream) == pytest.approx(RANK_SHARE, rel=0.1)
    assert tail_share(stream) == pytest.approx(TAIL_SHARE, rel=0.15)


def test_dependent_samples_take_from_the_ranks_and_give_to_the_tail() -> None:
    stream = fed(0.9, 10_000)
    assert rank_share(stream) < 0.5 * RANK_SHARE
    assert tail_share(stream) > 3.0 * TAIL_SHARE


def test_the_tail_never_gets_more_than_sixteen_shares() -> None:
    most = MOST_TAIL_FACTOR**MOST_DECADES * TAIL_SHARE
    assert tail_share(fed(0.995, 100_000)) == pytest.approx(most, rel=0.01)
    assert tail_share(fed(0.995, 10_000_000)) == pytest.approx(most, rel=0.01)


def test_heavy_tails_take_from_the_tail() -> None:
    leaps = stream_of(np.random.default_rng(3).pareto(1.2, 4000), 10_000)
    assert tail_share(leaps) < 0.5 * TAIL_SHARE


def test_where_alarms_may_be_frequent_the_tail_gets_no_more_than_elsewhere() -> None:
    assert tail_share(fed(0.9, 1_000)) == pytest.approx(TAIL_SHARE)
