"""What a receiver of scores is owed, without a network."""

from __future__ import annotations

import numpy as np
import pytest

from kullback.core.labels import NAME, Series, sorted_labels
from kullback.core.scores import Outcome as Scored
from kullback.core.scores import Scores, blank_scores
from kullback.core.selector import parse_selector
from kullback.ingest.remote_write import RemoteWriteDecoder
from kullback.outputs import score_desk
from kullback.outputs.desk import Answer, Letter, Outcome
from kullback.outputs.score_desk import SAMPLES_PER_REQUEST, ScoreDesk

SERIES = [Series(sorted_labels([(NAME, "up"), ("host", f"h{at}"), ("window", "w")])) for at in range(3)]


def desk(match: str = "{}") -> ScoreDesk:
    return ScoreDesk("http://p:9090/api/v1/write", parse_selector(match), token="secret")


def scored(streams: list[int], score: float = 0.5) -> Scores:
    scores = blank_scores(1_795_000_000_000 + np.arange(len(streams), dtype=np.int64))
    scores.stream[:], scores.score[:], scores.outcome[:] = streams, score, Scored.SCORED
    return scores


def due(one: ScoreDesk, now_ms: int = 0) -> Letter:
    letter = one.due(now_ms)
    assert letter is not None
    return letter


def test_a_request_is_remote_write_that_our_own_decoder_reads() -> None:
    one = desk()
    one.take(scored([1, 0, 1]), SERIES.__getitem__)
    letter = due(one)
    assert letter.headers["Content-Encoding"] == "snappy"
    assert letter.headers["Authorization"] == "Bearer secret"
    decoded = RemoteWriteDecoder().decode(unpacked(letter.body), 0)
    assert {series.metric for series in decoded.batch.series} == {"kullback_score"}
    hosts = [dict(decoded.batch.series[at].labels)["host"] for at in decoded.batch.stream_index]
    assert sorted(zip(hosts, decoded.batch.timestamp_ms.tolist(), strict=True)) == [
        ("h0", 1_795_000_000_001),
        ("h1", 1_795_000_000_000),
        ("h1", 1_795_000_000_002),
    ]
    assert dict(decoded.batch.series[0].labels)["exported_window"] == "w"
    assert decoded.batch.value.tolist() == [0.5] * 3


def unpacked(body: bytes) -> bytes:
    return bytes(score_desk.cramjam.snappy.decompress_raw(body))


def test_what_has_no_score_or_is_not_wanted_is_not_written() -> None:
    one = desk('{host="h2"}')
    scores = scored([0, 1, 2, 2, -1])
    scores.score[2] = np.nan
    scores.outcome[3] = Scored.DUPLICATE
    one.take(scores, SERIES.__getitem__)
    assert one.due(0) is None


def test_what_failed_is_sent_again_in_order_and_what_was_refused_is_given_up() -> None:
    one = desk()
    one.take(scored([0]), SERIES.__getitem__)
    one.take(scored([1]), SERIES.__getitem__)
    first = due(one)
    one.settle(first, Answer(503), 0)
    assert one.due(500) is None
    assert due(one, 1000).body == first.body
    one.settle(due(one, 1000), Answer(400), 1000)
    assert due(one, 1000).body != first.body
    one.settle(due(one, 1000), Answer(204), 1000)
    assert one.due(2000) is None
    assert one.tally.counts == {
        Outcome.DELIVERED: 1,
        Outcome.FAILED: 1,
        Outcome.REJECTED: 1,
        Outcome.DROPPED: 0,
    }


def test_large_batches_are_several_requests() -> None:
    one = desk()
    one.take(scored([0] * (SAMPLES_PER_REQUEST + 1)), SERIES.__getitem__)
    sizes = []
    while (letter := one.due(0)) is not None:
        sizes.append(letter.notifications)
        one.settle(letter, Answer(204), 0)
    assert sizes == [SAMPLES_PER_REQUEST, 1]


def test_what_waits_for_a_receiver_that_is_gone_is_dropped_and_counted() -> None:
    one = desk()
    one.take(scored([0, 1, 2]), SERIES.__getitem__)
    letter = due(one)
    one.close()
    one.settle(letter, Answer(204), 0)  # was on its way
    assert one.due(0) is None
    assert one.tally.counts[Outcome.DROPPED] == 3


def test_the_queue_is_bounded_and_counts_what_it_drops(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(score_desk, "MOST_WAITING_SAMPLES", 10)
    one = desk()
    for _ in range(4):
        one.take(scored([0, 1, 2, 0]), SERIES.__getitem__)
    assert one.tally.counts[Outcome.DROPPED] == 8
