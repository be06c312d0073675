"""Samples reach the right stream, in order, within the limits."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.unit.engine.tiny import batch, engine, series, state_of

from kullback.core.batch import Batch, Buckets
from kullback.core.errors import ErrorId
from kullback.core.labels import Kind, Series, sorted_labels
from kullback.core.profile import Profile
from kullback.core.scores import Outcome
from kullback.core.selector import parse_selector
from kullback.engine.shards import slots_per_shard

A, B, C = series("a"), series("b"), series("c")


def test_samples_of_one_request_are_scored_in_their_order() -> None:
    scores = engine().update(batch((A, 1, 1.0), (B, 1, 5.0), (A, 2, 4.0), (A, 2, 9.0)), 10, 1)
    np.testing.assert_array_equal(scores.score, [np.nan, np.nan, 3.0, np.nan])
    assert scores.outcome.tolist() == [Outcome.SCORED] * 3 + [Outcome.DUPLICATE]
    assert scores.stream[0] == scores.stream[2] == scores.stream[3] != scores.stream[1]


@pytest.mark.parametrize("shards", [2, 3, 7])
def test_scores_do_not_depend_on_the_number_of_shards(shards: int) -> None:
    many = [series("m", i=str(i)) for i in range(40)]
    one, split = engine(), engine(shards=shards)
    rng = np.random.default_rng(1)
    for offset in range(1, 20):
        rows = [(many[i], offset * 10, float(rng.normal())) for i in rng.integers(0, 40, 60)]
        first, second = one.update(batch(*rows), offset, offset), split.update(batch(*rows), offset, offset)
        np.testing.assert_array_equal(first.score, second.score)
        np.testing.assert_array_equal(first.outcome, second.outcome)
        ids = [[e.stream(int(n)).id for n in s.stream] for e, s in ((one, first), (split, second))]
        assert ids[0] == ids[1]
    assert state_of(one) == state_of(split)
    numbers = np.array([split.find(s.id) for s in many if split.find(s.id) is not None], np.int32)
    alone = np.array([one.find(s.id) for s in many if one.find(s.id) is not None], np.int32)
    np.testing.assert_array_equal(split.summary(numbers).samples, one.summary(alone).samples)


def test_a_stream_beyond_the_limit_is_refused_and_the_rest_kept() -> None:
    full = engine(limits={"max_streams": 2})
    kept, refused = full.room(batch((A, 1, 1.0), (B, 1, 2.0), (C, 1, 3.0), (C, 2, 3.0), (A, 2, 4.0)))
    assert kept.value.tolist() == [1.0, 2.0, 4.0]
    assert [(one.error, one.count) for one in refused] == [(ErrorId.TOO_MANY_STREAMS, 2)]
    assert "c" in refused[0].detail
    full.update(kept, 5, 1)
    assert len(full) == 2
    assert full.room(batch((A, 9, 1.0)))[1] == ()
    assert full.room(batch((C, 9, 1.0)))[1][0].error is ErrorId.TOO_MANY_STREAMS


def test_requests_of_one_group_share_what_room_is_left() -> None:
    full = engine(limits={"max_streams": 1})
    assert full.room(batch((A, 1, 1.0)))[1] == ()
    assert full.room(batch((A, 2, 1.0)))[1] == ()
    assert full.room(batch((B, 1, 1.0)))[1] != ()


def test_room_is_counted_anew_after_the_group_was_applied() -> None:
    full = engine(limits={"max_streams": 1})
    kept, _ = full.room(batch((A, 1, 1.0)))
    full.update(kept, 1, 1)
    full.close(full.find(A.id) or 0, 2)
    assert full.room(batch((B, 1, 1.0)))[1] == ()


def test_one_metric_name_cannot_take_all_streams() -> None:
    one = engine(limits={"max_streams_per_metric": 2})
    rows = [(series("m", i=str(i)), 1, 1.0) for i in range(4)] + [(A, 1, 1.0)]
    kept, refused = one.room(batch(*rows))
    assert len(kept) == 3
    assert [(r.error, r.count) for r in refused] == [(ErrorId.TOO_MANY_STREAMS_PER_METRIC, 2)]
    one.update(kept, 1, 1)
    assert one.room(batch((series("m", i="9"), 2, 1.0)))[1][0].count == 1


def test_a_stream_does_not_change_its_kind() -> None:
    one = engine()
    one.update(batch((A, 1, 1.0)), 1, 1)
    histogram = Series(A.labels, Kind.HISTOGRAM)
    counts = Buckets(np.array([0, 2]), np.array([1.0, np.inf]), np.array([3.0, 4.0]))
    body = replace(batch((histogram, 2, np.nan)), buckets=counts)
    kept, refused = one.room(body)
    assert len(kept) == 0
    assert [(r.error, r.count) for r in refused] == [(ErrorId.KIND_MISMATCH, 1)]
    assert one.room(batch((Series(A.labels, Kind.COUNTER), 3, 2.0)))[1] == ()


def test_a_series_without_samples_opens_no_stream() -> None:
    one = engine()
    full = batch((A, 1, 1.0), (B, 1, 1.0))
    one.update(full.take(np.array([True, False])), 1, 1)
    assert one.find(B.id) is None
    assert [stream.id for stream in one.opened] == [A.id]


def test_an_ignored_label_does_not_split_a_stream() -> None:
    ignoring = Profile(match=parse_selector('{pod=~"x.*"}'), ignore_labels=("pod",))
    one = engine(profiles=(ignoring, Profile()))
    for offset in range(1, 400):
        churned = series("m", pod=f"x{offset}", job="j")
        scores = one.update(batch((churned, offset, 1.0)), offset, offset)
    assert len(one) == 1
    assert scores.score.tolist() == [0.0]
    (stream,) = one
    assert stream.series.labels == sorted_labels([("__name__", "m"), ("job", "j")])
    assert len(one._table._routes) <= 256


def test_only_identity_labels_are_kept_when_given() -> None:
    one = engine(profiles=(Profile(identity_labels=("job",)),))
    one.update(batch((series("m", job="j", pod="1"), 1, 1.0), (series("m", job="j", pod="2"), 2, 2.0)), 1, 1)
    assert [stream.series.labels for stream in one] == [(("__name__", "m"), ("job", "j"))]


def test_an_abandoned_stream_is_closed_and_its_number_used_again() -> None:
    one = engine(expire_after_ms=180_000)
    one.update(batch((A, 1, 1.0), (B, 1, 1.0)), 0, 1)
    number = one.find(A.id)
    gone: list[str] = []
    for minute in range(1, 8):
        for stream in one.abandoned(minute * 60_000):
            gone.append(one.close(stream.number, minute + 1).id)
        one.update(batch((B, minute * 60_000, 1.0)), minute * 60_000, minute + 1)
    assert gone == [A.id]
    assert one.find(A.id) is None
    scores = one.update(batch((C, 1, 7.0)), 500_000, 20)
    assert scores.stream.tolist() == [number]
    assert np.isnan(scores.score[0])


@pytest.mark.parametrize("jump_ms", [10**12, -(10**12)])
def test_a_clock_that_jumps_abandons_nobody(jump_ms: int) -> None:
    one = engine(expire_after_ms=180_000)
    one.update(batch((A, 1, 1.0)), 10**13, 1)
    assert one.abandoned(10**13 + jump_ms) == ()
    one.update(batch((B, 1, 1.0)), 10**13 + jump_ms, 2)
    assert len(one) == 2


def test_a_deleted_stream_starts_afresh() -> None:
    one = engine()
    one.update(batch((A, 1, 1.0), (A, 2, 2.0)), 1, 1)
    closed = one.close(one.find(A.id) or 0, 2)
    assert closed.id == A.id
    with pytest.raises(KeyError):
        one.stream(closed.number)
    assert np.isnan(one.update(batch((A, 1, 5.0)), 3, 3).score[0])


def test_streams_are_selected_by_name_and_labels() -> None:
    one = engine()
    rows = [series("up", job="a"), series("up", job="b"), series("down", job="a")]
    one.update(batch(*((row, 1, 1.0) for row in rows)), 1, 1)
    for text, wanted in (("up", [0, 1]), ('{job="a"}', [0, 2]), ('up{job=~"b|c"}', [1]), ("{}", [0, 1, 2])):
        assert one.select(parse_selector(text)).tolist() == sorted(one.find(rows[i].id) or 0 for i in wanted)
    assert one.select(parse_selector("none")).tolist() == []


def test_reconfigure_replans_and_keeps_history() -> None:
    one = engine()
    one.update(batch((A, 1, 1.0)), 1, 1)
    one.reconfigure((Profile(for_ms=7),))
    (stream,) = one
    assert stream.profile.for_ms == 7
    assert one.update(batch((A, 2, 3.0)), 2, 2).score.tolist() == [2.0]


def test_feedback_moves_the_line_of_one_stream() -> None:
    one = engine()
    one.update(batch((A, 1, 1.0), (B, 1, 1.0)), 1, 1)
    one.acts.set_feedback(one.find(A.id) or 0, 0.5, 2)
    assert one.update(batch((A, 2, 3.0), (B, 2, 3.0)), 3, 3).score.tolist() == [1.0, 2.0]
    one.reconfigure((Profile(for_ms=1),))
    assert one.stream(one.find(A.id) or 0).feedback == 0.5


def test_shards_hold_their_share_and_never_more_than_all() -> None:
    assert slots_per_shard(10, 4) == 10
    assert slots_per_shard(100_000, 1) == 100_000
    assert 25_000 < slots_per_shard(100_000, 4) < 27_000


def test_an_empty_batch_is_fine() -> None:
    one = engine(shards=2)
    assert len(one.update(Batch((), *(np.empty(0, t) for t in (np.int32, np.int64, float))), 1, 1)) == 0
    assert len(one.summary(np.empty(0, np.int32)).samples) == 0


def test_what_is_remembered_of_a_request_ends_with_its_streams() -> None:
    one, asked = engine(), batch((A, 1, 1.0), (B, 1, 2.0))
    first = one.update(asked, 1, 1)
    again = Batch(asked.series, asked.stream_index, asked.timestamp_ms + 1, asked.value)
    assert one.update(again, 2, 2).stream.tolist() == first.stream.tolist()
    one.close(int(first.stream[1]), 3)
    one.update(batch((C, 3, 1.0)), 3, 4)  # takes the slot that B had
    later = Batch(asked.series, asked.stream_index, asked.timestamp_ms + 9, asked.value)
    assert [one.stream(int(n)).series.metric for n in one.update(later, 4, 5).stream] == ["a", "b"]
