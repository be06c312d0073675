"""Streams of histograms and categories against brute force, whatever comes in."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kullback.core.batch import Buckets
from kullback.core.scores import Episode, Outcome, Scores, blank_scores
from kullback.detector.binned.layout import BINS, FIRST_UNITS, UNITS, WINDOWS
from kullback.detector.category import CategoryDetector
from kullback.detector.histogram import HistogramDetector
from kullback.detector.news import JUST_BELOW
from kullback.detector.plan import Plan

ZERO = np.zeros(1, np.int32)
NEVER = Plan(feedback=1e9)
"""No alarm, so that no episode empties the windows."""
ALWAYS = Plan(feedback=0.3, rebaseline_after_samples=40)
codes = st.lists(st.integers(0, 5), min_size=1, max_size=400)
cuts = st.lists(st.integers(0, 400), max_size=5)


def feed(detector: CategoryDetector, code: np.ndarray, first: int = 0) -> Scores:
    scores = blank_scores((1 + first + np.arange(len(code), dtype=np.int64)) * 1000)
    slots = np.zeros(len(code), np.int32)
    detector.update(slots, scores.timestamp_ms, code, scores, np.arange(len(code)), 0)
    return scores


def watched(plan: Plan) -> CategoryDetector:
    detector = CategoryDetector(1)
    detector.open(ZERO, plan)
    return detector


def opened() -> HistogramDetector:
    detector = HistogramDetector(1)
    detector.open(ZERO, NEVER)
    return detector


def send(detector: HistogramDetector, bounds: np.ndarray, counts: np.ndarray, at: int) -> Scores:
    scores = blank_scores(np.array([at * 1000], np.int64))
    buckets = Buckets(np.array([0, len(bounds)]), bounds, counts)
    detector.update(ZERO, scores.timestamp_ms, buckets, scores, np.zeros(1, np.int64), 0)
    return scores


@given(codes=codes)
@settings(max_examples=60, deadline=None)
def test_windows_hold_the_newest_samples_and_their_parts_sum_to_the_divergence(codes: list[int]) -> None:
    detector, code = watched(NEVER), np.array(codes, np.int32)
    feed(detector, code)
    entered = code[FIRST_UNITS:]
    bins = max(code.max() + 1, 2)
    for window in WINDOWS:
        view = detector.windows(0, window)
        held = view.window_samples
        assert min(len(entered), window - UNITS + 1) <= held <= min(len(entered), window)
        if held:
            mass = np.bincount(entered[-held:], minlength=bins)
            assert view.current_mass == pytest.approx(mass / held)
            p = (mass + 0.5) / (held + 0.5 * bins)
            reference = view.reference_mass * view.reference_samples
            q = (reference + 0.5) / (view.reference_samples + 0.5 * bins)
            assert view.contributions_nats == pytest.approx(p * np.log(p / q))
            assert view.contributions_nats.sum() == pytest.approx(view.divergence_nats)


@given(codes=codes, cuts=cuts, plan=st.sampled_from([NEVER, ALWAYS]))
@settings(max_examples=60, deadline=None)
def test_batches_may_be_split_and_saved_anywhere(codes: list[int], cuts: list[int], plan: Plan) -> None:
    code = np.array(codes, np.int32)
    whole, parts, first = watched(plan), watched(plan), 0
    scores = feed(whole, code)
    for stop in [*sorted(min(cut, len(code)) for cut in cuts), len(code)]:
        part = feed(parts, code[first:stop], first)
        assert np.array_equal(part.score, scores.score[first:stop], equal_nan=True)
        assert np.array_equal(part.episode, scores.episode[first:stop])
        again = CategoryDetector(1)
        again.load(ZERO, parts.save(ZERO))
        parts, first = again, stop
    assert parts.save(ZERO)["stream"].tobytes() == whole.save(ZERO)["stream"].tobytes()


@given(codes=codes)
@settings(max_examples=60, deadline=None)
def test_an_episode_ends_once_for_each_time_it_started(codes: list[int]) -> None:
    episode = feed(watched(ALWAYS), np.array(codes, np.int32)).episode
    started, ended = (episode & Episode.STARTED) > 0, (episode & Episode.ENDED) > 0
    running = np.cumsum(started) - np.cumsum(ended)
    assert set(running) <= {0, 1}
    assert np.array_equal(running > 0, (episode & Episode.ANOMALOUS) > 0)


@given(seed=st.integers(0, 2**32 - 1), intervals=st.integers(1, 150))
@settings(max_examples=30, deadline=None)
def test_observations_are_neither_lost_nor_invented_whatever_the_bounds(seed: int, intervals: int) -> None:
    rng, detector, total = np.random.default_rng(seed), opened(), 0.0
    for at in range(1, intervals + 1):
        bounds = np.unique(rng.choice([rng.normal(size=40), rng.normal(0, 100, 90)][at % 2], 160))
        bounds = np.append(bounds, np.inf)
        counts = rng.poisson(0.3, len(bounds)).astype(float)
        total += counts.sum()
        send(detector, bounds, counts, at)
    stream = detector.streams[0]
    used = stream["bins"]
    assert used <= BINS
    assert np.all(np.diff(stream["bounds"][: used - 1]) > 0)
    assert stream["observations"] == total
    assert stream["reference"][:used].sum() == pytest.approx(stream["reference_units"])
    newest = min(int(stream["units"]), UNITS)
    assert stream["newest"][:newest].sum(axis=1) == pytest.approx(np.ones(newest), abs=1e-4)
    held = int(stream["blocks_held"])
    assert stream["blocks"][:held].sum(axis=1) == pytest.approx(np.full(held, UNITS), rel=1e-4)


@given(extra=st.lists(st.floats(0.11, 0.9), max_size=6, unique=True))
@settings(max_examples=30, deadline=None)
def test_buckets_that_divide_the_streams_own_change_nothing(extra: list[float]) -> None:
    plain, finer = opened(), opened()
    rng, own = np.random.default_rng(1), np.array([0.1, 0.5, 1.0, np.inf])
    fine = np.unique(np.concatenate((own, extra)))
    for at in range(1, 120):
        counts = rng.poisson(5, len(fine)).astype(float)
        coarse = np.add.reduceat(counts, np.concatenate(([0], np.searchsorted(fine, own[:-1]) + 1)))
        one = send(plain, own, coarse, at)
        if at <= FIRST_UNITS:
            send(finer, own, coarse, at)
            continue
        two = send(finer, fine, counts, at)
        assert one.score == pytest.approx(two.score, rel=1e-5, abs=1e-6)
        assert two.outcome[0] == Outcome.SCORED


def middle(edges: np.ndarray, mass: np.ndarray) -> float:
    """The median by inversion of the distribution function, which rises linearly inside bins."""
    inside = np.flatnonzero(mass)
    below = np.concatenate(([0.0], np.cumsum(mass)))
    at = inside[np.searchsorted(below[inside + 1], 0.5 * below[-1])]
    return float(edges[at] + (0.5 * below[-1] - below[at]) / mass[at] * (edges[at + 1] - edges[at]))


@given(seed=st.integers(0, 2**32 - 1), absolute=st.floats(0.01, 3.0), relative=st.floats(0.0, 2.0))
@settings(max_examples=30, deadline=None)
def test_move_of_a_histogram_is_that_of_the_masses_that_are_shown(
    seed: int, absolute: float, relative: float
) -> None:
    rng, detector = np.random.default_rng(seed), HistogramDetector(1)
    detector.open(
        ZERO, Plan(minimum_effect_absolute=absolute, minimum_effect_relative=relative, feedback=1e9)
    )
    bounds = np.append(np.cumsum(rng.uniform(0.1, 2.0, 6)) + rng.choice([-5.0, 0.0]), np.inf)
    for at in range(1, 120):
        send(detector, bounds, rng.poisson(2.0 + (at > 90) * np.arange(7.0)), at)
    why = detector.explain(0)
    edges = np.concatenate(([min(0.0, bounds[0])], bounds[:-1], bounds[-2:-1]))
    reference, current = why.view.reference_mass, why.view.current_mass
    medians = middle(edges, current) - middle(edges, reference)
    means = float((current - reference) @ (edges[:-1] + edges[1:])) / 2
    gate = why.gates[-1]
    assert gate.value == pytest.approx(max(abs(medians), abs(means)), abs=1e-5)
    assert gate.limit == pytest.approx(max(absolute, relative * abs(middle(edges, reference))), abs=1e-5)


@given(codes=codes, absolute=st.floats(0.0, 0.6), relative=st.floats(0.0, 3.0))
@settings(max_examples=60, deadline=None)
def test_minimum_effect_only_ever_lowers_a_score_that_is_over_the_line(
    codes: list[int], absolute: float, relative: float
) -> None:
    eager = {"feedback": 0.05, "rebaseline_after_samples": 0}
    gated = Plan(minimum_effect_absolute=absolute, minimum_effect_relative=relative, **eager)
    code = np.array(codes, np.int32)
    plain, held = feed(watched(Plan(**eager)), code), feed(watched(gated), code)
    alike = np.array_equal(plain.score, held.score, equal_nan=True)
    if not alike:
        first = np.flatnonzero((plain.score != held.score) & ~np.isnan(plain.score))[0]
        assert plain.score[first] > 1.0 > held.score[first] == pytest.approx(JUST_BELOW)
    assert alike or absolute + relative > 0.0
