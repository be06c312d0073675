"""Comparisons agree with the definitions, and say why where a measure has no value."""

from __future__ import annotations

from math import log, sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kullback.core.errors import RequestError
from kullback.detector.compare import (
    Comparison,
    Gaussian,
    Options,
    compare_categories,
    compare_gaussians,
    compare_histograms,
    compare_samples,
)

BARE = Options(smoothing=0.0)
values = st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=60).map(np.array)


def gaussian(mean: float | list[float], variance: float | list[float]) -> Gaussian:
    return Gaussian(np.atleast_1d(np.array(mean, float)), np.atleast_1d(np.array(variance, float)))


def histogram(bounds: list[float], counts: list[float]) -> tuple[np.ndarray, np.ndarray]:
    return np.array(bounds, float), np.array(counts, float)


def test_divergences_follow_their_definitions() -> None:
    found = compare_categories({"a": 1, "b": 3}, {"a": 2, "b": 2}, BARE).measures
    forward = 0.25 * log(0.25 / 0.5) + 0.75 * log(0.75 / 0.5)
    back = 0.5 * log(0.5 / 0.25) + 0.5 * log(0.5 / 0.75)
    assert found["kl"] == pytest.approx(forward)
    assert found["kl_reverse"] == pytest.approx(back)
    assert found["psi"] == found["jeffreys"] == pytest.approx(forward + back)
    middle = (
        0.25 * log(0.25 / 0.375) + 0.75 * log(0.75 / 0.625),
        0.5 * log(0.5 / 0.375) + 0.5 * log(0.5 / 0.625),
    )
    assert found["jensen_shannon"] == pytest.approx(sum(middle) / 2)
    overlap = sqrt(0.25 * 0.5) + sqrt(0.75 * 0.5)
    assert found["hellinger"] == pytest.approx(sqrt(1 - overlap))


def test_smoothing_adds_half_an_observation_per_bin() -> None:
    found = compare_categories({"a": 4}, {"b": 4}, Options())
    assert found.measures["kl"] == pytest.approx(0.9 * log(9) + 0.1 * log(1 / 9))


def test_an_infinite_divergence_is_explained() -> None:
    found = compare_categories({"a": 4, "b": 1}, {"a": 4}, BARE)
    assert found.measures["kl"] is None
    assert "the reference has no mass in 'b'" in found.why_none["kl"]
    assert found.measures["kl_reverse"] == pytest.approx(log(1 / 0.8))
    assert found.measures["jeffreys"] is None
    assert found.measures["jensen_shannon"] is not None


@given(values, values)
def test_sample_comparisons_are_finite_and_parts_sum_to_kl(
    current: np.ndarray, reference: np.ndarray
) -> None:
    found = compare_samples(current, reference, Options(permutations=19))
    assert all(value is not None and np.isfinite(value) and value >= 0 for value in found.measures.values())
    assert sum(part.nats for part in found.parts) == pytest.approx(found.measures["kl"], abs=1e-9)
    assert sum(part.current_ratio for part in found.parts) == pytest.approx(1)
    assert found.measures["jensen_shannon"] <= log(2)


@given(values)
def test_equal_samples_have_no_divergence(sample: np.ndarray) -> None:
    found = compare_samples(sample, sample, Options(permutations=19))
    assert {name: value for name, value in found.measures.items() if name != "p_value"} == pytest.approx(
        dict.fromkeys(found.measures.keys() - {"p_value"}, 0.0), abs=1e-9
    )
    assert found.measures["p_value"] == 1


@given(values, values)
def test_swapping_sides_of_histograms_swaps_directions(current: np.ndarray, reference: np.ndarray) -> None:
    edges = np.array([-10.0, 0.0, 10.0])
    sides = [
        (edges, np.bincount(np.searchsorted(edges, side), minlength=4).astype(float))
        for side in (current, reference)
    ]
    one, other = (compare_histograms(a, b, Options(permutations=0)) for a, b in (sides, sides[::-1]))
    assert one.measures["kl"] == pytest.approx(other.measures["kl_reverse"], abs=1e-9)
    assert one.measures["kolmogorov_smirnov"] == other.measures["kolmogorov_smirnov"]


def test_distances_of_samples_follow_their_definitions() -> None:
    found = compare_samples(np.array([0.0, 1.0, 2.0]), np.array([5.0, 6.0, 7.0]), Options())
    assert found.measures["wasserstein"] == pytest.approx(5)
    assert found.measures["kolmogorov_smirnov"] == 1


def test_a_value_beyond_a_discrete_reference_falls_into_a_bin_of_its_own() -> None:
    found = compare_samples(np.array([6.0] * 4), np.array([5.0] * 20), Options())
    assert [(part.lower, part.upper) for part in found.parts][-1] == (5.0, None)
    assert found.measures["kl"] > 1


def test_p_values_are_uniform_under_the_null_and_small_under_a_change() -> None:
    rng = np.random.default_rng(5)
    null = [p_of(rng.normal(size=80), rng.normal(size=200)) for _ in range(200)]
    assert 0.4 < np.mean(np.array(null) <= 0.5) < 0.6
    assert np.mean(np.array(null) <= 0.05) < 0.11
    assert p_of(rng.normal(1.0, size=80), rng.normal(size=200)) <= 0.005


def p_of(current: np.ndarray, reference: np.ndarray) -> float:
    found = compare_samples(current, reference, Options(permutations=199))
    assert found.measures["p_value"] is not None
    return found.measures["p_value"]


def test_p_value_repeats_with_its_seed() -> None:
    rng = np.random.default_rng(2)
    a, b = rng.normal(size=50), rng.normal(size=50)
    assert compare_samples(a, b, Options(seed=7)) == compare_samples(a, b, Options(seed=7))


@pytest.mark.parametrize(
    ("counts", "options", "why"),
    [
        ({"a": 1.5}, Options(), "whole numbers"),
        ({"a": 1}, Options(permutations=0), "switched off"),
        ({"a": 2e9}, Options(), "not shuffled"),
    ],
)
def test_a_missing_p_value_is_explained(counts: dict[str, float], options: Options, why: str) -> None:
    found = compare_categories(counts, {"a": 1}, options)
    assert found.measures["p_value"] is None
    assert why in found.why_none["p_value"]


def test_histograms_with_different_bounds_meet_at_the_union() -> None:
    found = compare_histograms(histogram([1, 2], [10, 10]), histogram([2], [20]), BARE)
    assert [(part.lower, part.upper) for part in found.parts] == [(0.0, 1.0), (1.0, 2.0)]
    assert found.measures["kl"] == pytest.approx(0)
    assert found.measures["wasserstein"] == pytest.approx(0)


def test_wasserstein_of_histograms_is_the_shift() -> None:
    found = compare_histograms(histogram([1, 2, 3], [0, 0, 8]), histogram([1, 2, 3], [8, 0, 0]), Options())
    assert found.measures["wasserstein"] == pytest.approx(2)


@pytest.mark.parametrize(
    ("bounds", "counts", "why"),
    [([1, 2], [1, 1, 1], "open above"), ([-1, 2], [1, 1], "open below")],
)
def test_wasserstein_of_open_buckets_is_explained(bounds: list[float], counts: list[float], why: str) -> None:
    found = compare_histograms(histogram(bounds, counts), histogram(bounds, counts), Options())
    assert why in found.why_none["wasserstein"]
    assert found.measures["kl"] == 0


def test_an_infinite_last_bound_is_the_open_bucket() -> None:
    one = compare_histograms(histogram([1, np.inf], [3, 4]), histogram([1], [3, 4]), Options())
    assert one.measures["kl"] == 0


@pytest.mark.parametrize(
    ("bounds", "counts"),
    [
        ([], [1]),
        ([2, 1], [1, 1]),
        ([1, 1], [1, 1]),
        ([1], [1, 1, 1]),
        ([1], [-1]),
        ([1], [0]),
        ([np.nan], [1]),
    ],
)
def test_broken_histograms_are_refused(bounds: list[float], counts: list[float]) -> None:
    with pytest.raises(RequestError):
        compare_histograms(histogram(bounds, counts), histogram([1], [1]), Options())


@pytest.mark.parametrize("sample", [[], [np.nan], [np.inf]])
def test_samples_must_be_finite_and_not_empty(sample: list[float]) -> None:
    with pytest.raises(RequestError, match="current"):
        compare_samples(np.array(sample), np.array([1.0]), Options())


def test_gaussians_follow_the_closed_form() -> None:
    found = compare_gaussians(gaussian(1, 4), gaussian(0, 1)).measures
    assert found["kl"] == pytest.approx(0.5 * (log(1 / 4) + 5 - 1))
    assert found["kl_reverse"] == pytest.approx(0.5 * (log(4) + 2 / 4 - 1))
    assert found["wasserstein_2"] == pytest.approx(sqrt(2))
    assert found["hellinger"] == pytest.approx(sqrt(1 - sqrt(4 / 5) * np.exp(-0.25 / 5)))


def test_parts_of_gaussians_are_their_dimensions() -> None:
    found = compare_gaussians(gaussian([0, 3], [1, 1]), gaussian([0, 0], [1, 1]))
    assert [(part.name, part.nats) for part in found.parts] == [("0", 0.0), ("1", 4.5)]
    assert "several dimensions" in found.why_none["wasserstein"]


def test_quadrature_agrees_with_large_samples() -> None:
    rng = np.random.default_rng(3)
    sampled = compare_samples(rng.normal(1, 2, 400_000), rng.normal(0, 1, 400_000), Options(permutations=0))
    exact = compare_gaussians(gaussian(1, 4), gaussian(0, 1))
    for measure in ("wasserstein", "kolmogorov_smirnov"):
        assert exact.measures[measure] == pytest.approx(sampled.measures[measure], abs=0.01)


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
def test_measures_of_gaussians_do_not_depend_on_the_unit(scale: float) -> None:
    one = compare_gaussians(gaussian(scale, scale**2), gaussian(0, 1e-4 * scale**2)).measures
    unit = compare_gaussians(gaussian(1, 1), gaussian(0, 1e-4)).measures
    for measure in ("kl", "jensen_shannon", "kolmogorov_smirnov", "hellinger"):
        assert one[measure] == pytest.approx(unit[measure], rel=1e-6)
    assert one["wasserstein"] == pytest.approx(unit["wasserstein"] * scale, rel=1e-6)


def test_gaussians_without_spread_or_with_unequal_dimensions_are_refused() -> None:
    for current in (gaussian(0, 0), gaussian([0, 0], [1, 1]), gaussian(np.nan, 1)):
        with pytest.raises(RequestError):
            compare_gaussians(current, gaussian(0, 1))


def test_every_measure_without_a_value_has_a_reason() -> None:
    comparisons: list[Comparison] = [
        compare_gaussians(gaussian([0, 1], [1, 1]), gaussian([0, 1], [1, 1])),
        compare_categories({"a": 1}, {"b": 1}, BARE),
        compare_histograms(histogram([1], [1, 1]), histogram([1], [1, 1]), BARE),
    ]
    for found in comparisons:
        missing = {name for name, value in found.measures.items() if value is None}
        assert missing == found.why_none.keys()
