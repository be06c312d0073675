"""An alert that fires says who else moved."""

from __future__ import annotations

from tests.unit.alerting.test_incidents import decision

from kullback.alerting.gathering import MOST_CROWDS, Gathering


def test_the_first_is_alone_and_the_next_say_how_many_and_who_was_first() -> None:
    gathering = Gathering()
    told = [gathering.join(decision(at / 5, job="api", host=f"h{at}"), "") for at in range(12)]
    assert told[0] == ""
    assert told[1].startswith("2 streams of job=api, metric=latency_seconds moved within 12s; first: ")
    assert told[11].startswith("12 streams of job=api")
    assert 'host="h0"' in told[11]


def test_what_comes_later_or_shares_nothing_is_alone() -> None:
    gathering = Gathering()
    gathering.join(decision(0, metric="a", host="1"), "")
    assert gathering.join(decision(1, metric="b", host="2"), "") == ""
    assert gathering.join(decision(10, metric="a", host="3"), "") == ""
    assert gathering.join(decision(11, metric="a", host="4"), "").startswith("2 streams of metric=a")


def test_a_stream_that_fires_again_is_no_second_stream() -> None:
    gathering = Gathering()
    gathering.join(decision(0, host="1"), "")
    assert gathering.join(decision(1, host="1"), "") == ""


def test_tenants_hear_nothing_of_each_other() -> None:
    gathering = Gathering()
    gathering.join(decision(0, host="1"), "a")
    assert gathering.join(decision(0, host="2"), "b") == ""


def test_memory_is_bounded() -> None:
    gathering = Gathering()
    for at in range(MOST_CROWDS + 100):
        gathering.join(decision(0, metric=f"m{at}", host=f"h{at}"), "")
    assert len(gathering._crowds) == MOST_CROWDS
