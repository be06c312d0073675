"""Buckets become histograms, and histograms that count from the beginning become intervals."""

from __future__ import annotations

from math import inf

import numpy as np
import pytest
from tests.unit.engine.tiny import ALL_FORMS, TinyHistogramDetector, batch, engine, series, state_of

from kullback.core.batch import STALE_MARKER, Batch, Buckets
from kullback.core.errors import ErrorId
from kullback.core.labels import Kind, Series
from kullback.core.scores import Outcome, Scores
from kullback.engine.differences import MAX_BOUNDS
from kullback.engine.local import LocalEngine

BOUNDS = (0.1, 1.0, inf)


def bucket(bound: float, name: str = "t", **labels: str) -> Series:
    shown = "+Inf" if bound == inf else str(bound)
    return series(f"{name}_bucket", Kind.COUNTER, le=shown, **labels)


def family(at_ms: int, *totals: float, bounds: tuple[float, ...] = BOUNDS, name: str = "t") -> list:
    return [(bucket(bound, name), at_ms, total) for bound, total in zip(bounds, totals, strict=True)]


def watching(shards: int = 1) -> LocalEngine:
    return engine(makers=ALL_FORMS, shards=shards)


def seen(one: LocalEngine) -> list[tuple[int, int, list[float], list[float]]]:
    (stream,) = one
    detector, _ = one._shards.detector(stream.number)
    assert isinstance(detector, TinyHistogramDetector)
    return [(at_ms, bounds, counts) for _, at_ms, bounds, counts in detector.seen]


def send(one: LocalEngine, *rows: list) -> Scores:
    """One request per argument."""
    for request in rows:
        full = batch(*request)
        scores = one.update(one.room(full)[0], 0, one.offset + 1)
    return scores


def test_the_buckets_of_a_family_are_one_stream() -> None:
    one = watching()
    send(one, family(1, 1, 2, 3))
    (stream,) = one
    assert stream.series.labels == (("__name__", "t"),)
    assert stream.series.kind is Kind.HISTOGRAM


def test_an_interval_is_what_one_scrape_adds_to_the_one_before() -> None:
    one = watching()
    scores = send(one, family(1, 1, 2, 3), family(2, 1, 2, 3), family(3, 2, 5, 9), family(4, 2, 5, 9))
    assert seen(one) == [
        (2, list(BOUNDS), [0.0, 0.0, 0.0]),
        (3, list(BOUNDS), [1.0, 2.0, 3.0]),
        (4, list(BOUNDS), [0.0, 0.0, 0.0]),
    ]
    assert scores.outcome.tolist() == [Outcome.ABSORBED, Outcome.ABSORBED, Outcome.SCORED]


def test_buckets_may_come_in_any_order_and_in_any_request() -> None:
    one = watching()
    send(one, family(1, 0, 0, 0), family(2, 0, 0, 0))
    low, middle, high = family(3, 1, 3, 6)
    send(one, [high], [low], [middle])
    assert seen(one)[1:] == [(3, list(BOUNDS), [1.0, 2.0, 3.0])]


def test_scrapes_that_overtake_each_other_are_told_apart() -> None:
    one = watching()
    send(one, family(1, 0, 0, 0), family(2, 0, 0, 0))
    third, fourth = family(3, 1, 1, 1), family(4, 2, 4, 6)
    send(one, third[:2], fourth[:1], third[2:], fourth[1:])
    assert seen(one)[1:] == [(3, list(BOUNDS), [1.0, 0.0, 0.0]), (4, list(BOUNDS), [1.0, 2.0, 2.0])]


def test_an_incomplete_scrape_is_part_of_the_next_interval() -> None:
    one = watching()
    send(one, family(1, 0, 0, 0), family(2, 0, 0, 0), family(3, 1, 1, 1)[:2], family(4, 2, 4, 6))
    assert seen(one)[1:] == [(4, list(BOUNDS), [2.0, 2.0, 2.0])]
    late = send(one, family(3, 1, 1, 1)[2:])
    assert late.outcome.tolist() == [Outcome.ABSORBED]
    assert len(seen(one)) == 2


def test_a_process_that_began_anew_counts_from_zero() -> None:
    one = watching()
    send(one, family(1, 0, 0, 0), family(2, 10, 20, 30), family(3, 1, 3, 4))
    assert seen(one)[1:] == [(3, list(BOUNDS), [1.0, 2.0, 1.0])]


@pytest.mark.parametrize("bounds", [(0.1, inf), (0.1, 0.5, 1.0, inf)])
def test_other_bounds_begin_a_new_comparison(bounds: tuple[float, ...]) -> None:
    one = watching()
    send(one, family(1, 0, 0, 0), family(2, 5, 6, 7))
    for at_ms in range(3, 12):
        send(one, family(at_ms, *(at_ms * (i + 1) for i in range(len(bounds))), bounds=bounds))
    at_ms, found, counts = seen(one)[-1]
    assert (at_ms, found, counts) == (11, list(bounds), [1.0] * len(bounds))
    assert all(sum(counts) <= len(bounds) for _, _, counts in seen(one)[1:])


def test_a_bucket_sent_twice_counts_once() -> None:
    one = watching()
    send(one, family(1, 0, 0, 0), family(2, 0, 0, 0), family(3, 1, 2, 3))
    again = send(one, family(3, 1, 2, 3))
    assert again.outcome.tolist() == [Outcome.DUPLICATE] * 3
    assert len(seen(one)) == 2


def test_a_bound_that_was_not_known_completes_the_newest_histogram() -> None:
    one = watching()
    send(one, family(1, 0, 0, 0)[:2], family(2, 1, 2, 3)[:2], family(2, 1, 2, 3)[2:], family(3, 2, 5, 9))
    assert seen(one) == [(2, [0.1, 1.0], [1.0, 1.0]), (3, list(BOUNDS), [1.0, 2.0, 3.0])]


def test_fewer_bounds_than_before_cost_no_interval_but_the_first() -> None:
    one = watching()
    send(one, family(1, 0, 0, 0), family(2, 5, 6, 7))
    send(one, *(family(at_ms, at_ms, 2 * at_ms, bounds=(0.1, inf)) for at_ms in range(3, 15)))
    assert [at_ms for at_ms, *_ in seen(one)[1:]] == list(range(4, 15))
    assert all(counts == [1.0, 1.0] for _, _, counts in seen(one)[1:])


def test_one_request_may_bring_hours_of_one_bucket_before_the_next() -> None:
    by_time, by_series = watching(), watching()
    scrapes = [family(at_ms, at_ms, 2 * at_ms, 3 * at_ms) for at_ms in range(1, 441)]
    send(by_time, *scrapes)
    send(by_series, [scrape[bound] for bound in range(3) for scrape in scrapes])
    assert len(seen(by_time)) == 439
    assert seen(by_series) == seen(by_time)


def test_buckets_that_wait_are_saved_and_go_on_waiting() -> None:
    uninterrupted, stopped, restored = watching(), watching(), watching()
    begun = [
        family(1, 0, 0, 0),
        family(2, 0, 0, 0),
        [row for at in (3, 4, 5) for row in family(at, 1, 2, 3)[:2]],
    ]
    rest = [family(at_ms, 1, 2, 3)[2] for at_ms in (3, 4, 5)]
    for one in (uninterrupted, stopped):
        send(one, *begun)
    restored.restore(list(stopped.slices()))
    scores = [send(one, rest) for one in (uninterrupted, restored)]
    assert [score.outcome.tolist() for score in scores] == [[Outcome.SCORED] * 3] * 2
    assert state_of(uninterrupted) == state_of(restored)


def test_sum_and_count_belong_to_the_family() -> None:
    one = watching()
    total, count = series("t_sum", Kind.COUNTER), series("t_count", Kind.COUNTER)
    scores = send(one, [*family(1, 1, 2, 3), (count, 1, 3.0), (total, 1, 9.9)])
    assert len(one) == 1
    assert scores.outcome.tolist() == [Outcome.ABSORBED] * 5


def test_a_count_without_a_family_is_a_counter_of_its_own() -> None:
    one = watching()
    send(one, [(series("jobs_count", Kind.COUNTER), 1, 3.0)])
    (stream,) = one
    assert stream.series.metric == "jobs_count"


def test_a_replay_without_asking_for_room_makes_the_same_streams() -> None:
    total = series("t_count", Kind.COUNTER)
    asked, replayed = watching(), watching()
    requests = [batch((total, 1, 3.0)), batch(*family(1, 1, 2, 3)), batch((total, 2, 3.0))]
    for full in requests:
        asked.room(full)
    for offset, full in enumerate(requests, 1):
        asked.update(full, 0, offset)
        replayed.update(full, 0, offset)
    assert {s.id: s.form for s in asked} == {s.id: s.form for s in replayed}


@pytest.mark.parametrize("le", ["", "wide", "NaN"])
def test_a_bucket_without_a_bound_is_a_counter(le: str) -> None:
    one = watching()
    odd = series("t_bucket", Kind.COUNTER, **({"le": le} if le else {}))
    send(one, [(odd, 1, 1.0)])
    (stream,) = one
    assert stream.series.metric == "t_bucket"


def test_stale_and_missing_buckets_are_counted_as_such() -> None:
    one = watching()
    scores = send(one, family(1, 0, 0, 0), family(2, STALE_MARKER, np.nan, 1))
    assert scores.outcome.tolist() == [Outcome.STALE, Outcome.NOT_A_NUMBER, Outcome.ABSORBED]


def whole(
    at_ms: int, counts: list[float], bounds: list[float] | None = None, cumulative: bool = True
) -> Batch:
    upper = np.array(bounds or list(range(1, len(counts) + 1)), float)
    start, many = np.array([0, len(counts)]), np.array([cumulative])
    return Batch(
        (series("h", Kind.HISTOGRAM),),
        np.zeros(1, np.int32),
        np.array([at_ms]),
        np.full(1, np.nan),
        Buckets(start, upper, np.array(counts, float), many),
    )


def test_whole_histograms_of_one_interval_go_through_as_they_are() -> None:
    one = watching()
    one.update(whole(1, [1, 2], [0.5, inf], cumulative=False), 0, 1)
    assert seen(one) == [(1, [0.5, inf], [1.0, 2.0])]


def test_whole_histograms_that_count_from_the_beginning_are_differenced() -> None:
    one = watching()
    outcomes = [
        one.update(whole(at_ms, counts), 0, at_ms).outcome[0]
        for at_ms, counts in enumerate(([1, 1], [2, 4], [0, 1], [0, 1]), 1)
    ]
    assert outcomes == [Outcome.ABSORBED, Outcome.SCORED, Outcome.SCORED, Outcome.SCORED]
    assert [counts for _, _, counts in seen(one)] == [[1.0, 3.0], [0.0, 1.0], [0.0, 0.0]]


def test_buckets_that_appear_between_others_are_differenced_exactly() -> None:
    one = watching()
    one.update(whole(1, [5, 5], [1.0, 4.0]), 0, 1)
    one.update(whole(2, [5, 2, 6], [1.0, 2.0, 4.0]), 0, 2)
    assert seen(one) == [(2, [1.0, 2.0, 4.0], [0.0, 2.0, 1.0])]


def test_an_exponential_histogram_that_halves_its_resolution_is_no_reset() -> None:
    one = watching()
    one.update(whole(1, [1, 2, 3, 4], [1.0, 2.0, 3.0, 4.0]), 0, 1)
    one.update(whole(2, [4, 9], [2.0, 4.0]), 0, 2)
    assert seen(one) == [(2, [2.0, 4.0], [1.0, 2.0])]


def test_a_histogram_with_too_many_buckets_is_coarsened_and_loses_no_mass() -> None:
    one = watching()
    many = MAX_BOUNDS * 3 + 7
    one.update(whole(1, [1.0] * many), 0, 1)
    one.update(whole(2, [3.0] * many), 0, 2)
    ((_, bounds, counts),) = seen(one)
    assert len(bounds) <= MAX_BOUNDS
    assert bounds[-1] == many
    assert sum(counts) == 2.0 * many


def test_the_same_whole_histogram_again_is_a_duplicate() -> None:
    one = watching()
    for at_ms, wanted in ((5, Outcome.ABSORBED), (5, Outcome.DUPLICATE), (4, Outcome.OUT_OF_ORDER)):
        assert one.update(whole(at_ms, [1.0]), 0, one.offset + 1).outcome.tolist() == [wanted]


def test_the_number_of_shards_changes_nothing() -> None:
    rng = np.random.default_rng(3)
    alone, split = watching(), watching(3)
    totals = np.zeros((6, 3))
    for at_ms in range(1, 20):
        totals += rng.poisson(3, totals.shape).cumsum(axis=1)
        rows = [row for i in range(6) for row in family(at_ms, *totals[i], name=f"f{i}")]
        rng.shuffle(rows)
        first, second = (one.update(batch(*rows), 0, at_ms) for one in (alone, split))
        np.testing.assert_array_equal(first.score, second.score)
        np.testing.assert_array_equal(first.outcome, second.outcome)
    assert np.isfinite(first.score).sum() == 6


def test_without_a_detector_for_them_histograms_are_refused_and_buckets_are_counters() -> None:
    one = engine()
    kept, refused = one.room(whole(1, [1.0]))
    assert len(kept) == 0
    assert [(r.error, r.count) for r in refused] == [(ErrorId.UNSUPPORTED_SAMPLE, 1)]
    send(one, family(1, 1, 2, 3))
    assert len(one) == 3


def test_a_logged_histogram_without_a_detector_does_no_harm() -> None:
    one = engine()
    assert one.update(whole(1, [1.0]), 0, 1).stream.tolist() == [-1]
