"""Tail evidence: an exponential law beyond a share of the distances, and a line at the budget's rate."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from kullback.detector.layout import Shape, allocate
from kullback.detector.tail import (
    ABOVE,
    ALARM_WEIGHT,
    BELOW,
    BEYOND_SHARE,
    FEWEST_SAMPLES,
    FIRST_MEDIAN_NATS,
    LOCAL_SAMPLES,
    close_tail_block,
    learn_tail,
    local_distance,
    start_tail,
    tail_line,
    tail_surprise,
)

FIRST = 54


def taught(distances: NDArray[np.float64]) -> np.void:
    stream: np.void = allocate(1, Shape())[0]
    start_tail(stream, distances[:FIRST], 1e-9)
    for index, distance in enumerate(distances[FIRST:]):
        learn_tail(stream, distance, FIRST + index, 1.0)
    return stream


@given(st.lists(st.floats(-1e6, 1e6, width=32), min_size=16, max_size=16), st.integers(0, 15))
def test_the_distance_is_from_the_mean_of_the_ten_values_before(values: list[float], at: int) -> None:
    ring = np.array(values, np.float32)
    before = [float(ring[(at - back) % 16]) for back in range(1, LOCAL_SAMPLES + 1)]
    assert local_distance(ring, at) == pytest.approx(float(ring[at]) - sum(before) / 10, rel=1e-6, abs=1e-6)


@pytest.mark.parametrize("side", [ABOVE, BELOW])
def test_an_exponential_tail_is_judged_by_its_own_law(side: int) -> None:
    """Student's t with three degrees of freedom: far out, ln p falls by three for each factor e."""
    sign = 1.0 if side == ABOVE else -1.0
    distances = np.random.default_rng(1).standard_t(3, 60_000)
    stream = taught(sign * distances)
    for level in (0.004, 0.0005):
        limit = float(np.quantile(distances, 1.0 - level))
        assert tail_surprise(stream, sign * limit, 60_000) == pytest.approx(-math.log(level), abs=0.7)


def test_place_and_share_are_those_of_two_per_cent() -> None:
    stream = taught(np.random.default_rng(2).standard_normal(60_000))
    place = math.sinh(float(stream["tail_place"][ABOVE])) * float(stream["tail_scale"])
    assert place == pytest.approx(2.054, abs=0.1)
    assert float(stream["tail_share"][ABOVE]) == pytest.approx(BEYOND_SHARE, abs=0.005)


def test_what_is_further_out_surprises_more() -> None:
    stream = taught(np.random.default_rng(3).standard_normal(5000))
    nats = [tail_surprise(stream, distance, 5000) for distance in (1.0, 3.0, 4.0, 8.0, 80.0)]
    assert nats[0] == 0.0
    assert nats == sorted(nats)
    assert nats[-2] > 11.0


def test_a_young_tail_says_nothing() -> None:
    stream = taught(np.random.default_rng(4).standard_normal(200))
    assert tail_surprise(stream, 1e6, FEWEST_SAMPLES - 1) == 0.0
    assert tail_surprise(stream, 1e6, FEWEST_SAMPLES) > 0.0


def test_a_distance_that_raised_an_alarm_counts_for_less() -> None:
    whole, part = (taught(np.random.default_rng(5).standard_normal(5000)) for _ in range(2))
    before = float(whole["tail_excess"][ABOVE])
    learn_tail(whole, 50.0, 5000, 1.0)
    learn_tail(part, 50.0, 5000, ALARM_WEIGHT)
    grown = float(part["tail_excess"][ABOVE]) - before
    assert 0.0 < grown < 0.3 * (float(whole["tail_excess"][ABOVE]) - before)


def test_the_line_is_crossed_once_in_the_budget_by_an_exponential_tail() -> None:
    """Maxima of blocks whose ln p is exponential: the median learnt from them puts the line at the budget."""
    stream = taught(np.random.default_rng(6).standard_normal(100))
    random = np.random.default_rng(6)
    surprise = random.exponential(1.0, (4000, 128))
    for block, maximum in enumerate(surprise.max(axis=1)):
        stream["tail_block"] = maximum
        close_tail_block(stream, block)
    rarity = float((random.exponential(1.0, 10_000_000) > tail_line(stream, 10_000.0, 0.0)).mean())
    assert rarity * 10_000 == pytest.approx(1.0, abs=0.25)


def test_blocks_before_the_tail_is_trusted_do_not_move_its_line() -> None:
    stream = taught(np.random.default_rng(7).standard_normal(100))
    for block in range(FEWEST_SAMPLES // 128):
        close_tail_block(stream, block)
    assert float(stream["tail_usual"]) == pytest.approx(FIRST_MEDIAN_NATS)
