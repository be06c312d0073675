"""What a sample adds: incidents are told when they begin, and again when they are far worse."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kullback.core.budget import Budget
from kullback.core.profile import Profile
from kullback.core.scores import Episode, blank_scores
from kullback.detector.layout import Shape, allocate
from kullback.detector.news import (
    FORGOTTEN_SAMPLES,
    JUST_BELOW,
    PEAK_SAMPLES,
    news,
    sample_score,
    standing_score,
)
from kullback.detector.plan import plan_of
from kullback.detector.scalar import ScalarDetector


def blank_stream() -> Any:
    return allocate(1, Shape())[0]


def told(stream: Any, *scores: float) -> list[float]:
    return [round(news(stream, score), 3) for score in scores]


def test_a_peak_is_told_in_full_for_a_few_samples_and_by_half_then() -> None:
    flat = told(blank_stream(), *[0.8] * 10)
    assert flat == [0.8] * PEAK_SAMPLES + [0.4] * (10 - PEAK_SAMPLES)


def test_a_louder_sample_is_news_at_once() -> None:
    assert told(blank_stream(), 0.6, 0.6, 0.6, 0.6, 0.7)[-2:] == [0.3, 0.7]


def test_what_was_told_is_forgotten_after_a_while() -> None:
    quiet = [0.1] * (FORGOTTEN_SAMPLES - 1)
    assert told(blank_stream(), 0.9, *quiet, 0.5)[-1] == 0.5
    assert told(blank_stream(), 0.9, *quiet[:-1], 0.5)[-1] == 0.25


def test_an_incident_that_begins_is_news_however_loud_the_samples_before() -> None:
    stream = blank_stream()
    told(stream, 0.99, 0.99, 0.99, 0.99)
    stream["episode"] = int(Episode.STARTED)
    assert told(stream, 0.98) == [0.98]


def test_an_incident_that_gets_far_worse_is_news_once_more() -> None:
    stream = blank_stream()
    assert sample_score(stream, 1.2, 0.9) == pytest.approx(1.9)
    stream["episode"] = int(Episode.ANOMALOUS)
    assert sample_score(stream, 1.4, 1.1) == pytest.approx(JUST_BELOW)
    assert sample_score(stream, 2.0, 1.1) == pytest.approx(2.1)
    assert sample_score(stream, 2.1, 0.3) == pytest.approx(0.3)


def test_an_incident_that_is_there_again_is_no_news() -> None:
    stream = blank_stream()
    stream["loudest"], stream["calm_samples"] = 1.5, 1
    assert sample_score(stream, 1.6, 0.4) == pytest.approx(0.4)
    stream["calm_samples"] = 0
    assert sample_score(stream, 1.6, 0.4) == pytest.approx(1.4)


def test_ranks_that_stay_out_are_told_once() -> None:
    stream = blank_stream()
    stream["episode"], stream["loudest"] = int(Episode.ANOMALOUS), 1.5
    assert sample_score(stream, 1.5, 0.1) == pytest.approx(0.1)


@given(st.floats(0.0, 5.0), st.floats(0.0, 5.0))
def test_a_sample_scores_above_one_by_the_streams_own_lines_only(own: float, odd: float) -> None:
    assert (np.float32(sample_score(blank_stream(), own, odd)) > 1.0) == (own > 1.0)


@given(st.floats(0.0, 5.0), st.floats(0.0, 1.0), st.floats(0.0, 5.0))
def test_a_stream_stands_above_one_by_its_own_lines_only(own: float, part: float, odd: float) -> None:
    assert (standing_score(own, part * own, odd) > 1.0) == (own > 1.0)


def test_of_a_shift_only_the_sample_that_begins_it_scores_above_one_while_the_stream_stays_there() -> None:
    values = np.random.default_rng(8).standard_normal(6000)
    values[5000:] += 2.0
    detector, only = ScalarDetector(1, Shape()), np.zeros(1, np.int32)
    detector.open(only, plan_of(Profile(budget=Budget(1.0, 0, 10_000))))
    scores = blank_scores(60_000 * np.arange(len(values), dtype=np.int64))
    standing = []
    for row in range(len(values)):
        detector.update(
            only, scores.timestamp_ms[row : row + 1], values[row : row + 1], scores, only + row, 0
        )
        standing.append(float(detector.streams["score"][0]))
    began = np.flatnonzero(scores.episode & Episode.STARTED)
    (start,) = began[began >= 5000][:1]
    assert start < 5020
    assert scores.score[start] > 1.0
    assert np.count_nonzero(scores.score[5000:] > 1.0) <= 3
    assert np.count_nonzero(np.array(standing[start : start + 200]) > 1.0) > 100
