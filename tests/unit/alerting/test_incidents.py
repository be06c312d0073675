from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from kullback.alerting.alert import Alert, Phase, Reason
from kullback.alerting.decision import Decision, Wording, decide
from kullback.alerting.incidents import WITHIN_MS, incidents
from kullback.core.labels import sorted_labels, stream_id

START_MS = 1_795_000_000_000
MINUTE_MS = 60_000


def decision(minute: float, **labels: str) -> Decision:
    started_ms = START_MS + round(minute * MINUTE_MS)
    alert = Alert(
        0,
        Phase.FIRING,
        started_ms,
        started_ms,
        started_ms,
        None,
        started_ms,
        2.0,
        0.1,
        0,
        1,
        Reason.ANOMALOUS,
    )
    series = sorted_labels([("__name__", labels.pop("metric", "latency_seconds")), *labels.items()])
    return decide(alert, stream_id(series), series, Wording())


def groups(*decisions: Decision) -> list[list[str]]:
    return [[dict(one.labels)["host"] for one in found.decisions] for found in incidents(decisions)]


def test_alerts_of_one_job_at_one_time_are_one_incident() -> None:
    (found,) = incidents(decision(minute / 5, job="api", host=f"h{minute:02}") for minute in range(12))
    assert found.sentence == (
        "12 streams of job=api, metric=latency_seconds moved within 2m12s; "
        'first: latency_seconds{host="h00",job="api"} is anomalous'
    )
    assert found.id == found.decisions[0].id


def test_alerts_with_nothing_in_common_are_incidents_of_their_own() -> None:
    assert groups(decision(0, metric="a", host="1"), decision(1, metric="b", host="2")) == [["1"], ["2"]]


def test_alerts_of_one_metric_on_many_hosts_belong_together() -> None:
    assert groups(decision(0, host="1"), decision(1, host="2"), decision(2, metric="b", host="3")) == [
        ["1", "2"],
        ["3"],
    ]


def test_alerts_far_apart_in_time_are_two_incidents() -> None:
    assert groups(decision(0, job="api", host="1"), decision(3.01, job="api", host="2")) == [["1"], ["2"]]


def test_severity_and_alertname_join_nothing() -> None:
    pair = decision(0, metric="a", host="1"), decision(1, metric="b", host="2")
    assert [found.shared for found in incidents(pair)] == [
        (("host", "1"), ("metric", "a")),
        (("host", "2"), ("metric", "b")),
    ]


def test_incident_ends_with_its_last_alert() -> None:
    first, second = decision(0, host="1"), decision(1, host="2")
    ended = replace(first, alert=replace(first.alert, phase=Phase.INACTIVE, ends_at_ms=START_MS + 5))
    both = replace(second, alert=replace(second.alert, phase=Phase.INACTIVE, ends_at_ms=START_MS + 9))
    assert incidents([ended, second])[0].ends_at_ms is None
    assert incidents([ended, both])[0].ends_at_ms == START_MS + 9


def test_one_alert_speaks_for_itself() -> None:
    (found,) = incidents([decision(0, host="1")])
    assert found.sentence == 'latency_seconds{host="1"} is anomalous'


DECISIONS = st.lists(
    st.builds(
        lambda minute, job, host, metric: decision(minute, job=job, host=host, metric=metric),
        st.integers(0, 10),
        st.sampled_from("ab"),
        st.sampled_from("123456"),
        st.sampled_from("xy"),
    ),
    unique_by=lambda one: one.id,
    max_size=20,
)


@given(DECISIONS)
def test_every_alert_is_in_exactly_one_incident_whatever_the_order(decisions: list[Decision]) -> None:
    found = incidents(decisions)
    assert sorted(one.id for group in found for one in group.decisions) == sorted(d.id for d in decisions)
    assert incidents(reversed(decisions)) == found


@given(DECISIONS)
def test_members_share_a_label_and_began_together(decisions: list[Decision]) -> None:
    for found in incidents(decisions):
        last_ms = found.decisions[-1].alert.starts_at_ms
        assert found.shared
        assert last_ms - found.starts_at_ms <= WITHIN_MS
