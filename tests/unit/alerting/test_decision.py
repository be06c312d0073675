from __future__ import annotations

from dataclasses import replace

import pytest

from kullback.alerting.alert import Alert, Phase, Reason
from kullback.alerting.decision import Wording, alert_labels, decide
from kullback.core.labels import sorted_labels

ALERT = Alert(3, Phase.FIRING, 2000, 1000, 2500, None, 2500, 1.7, 0.4, 2, 1, Reason.ANOMALOUS)
LABELS = sorted_labels([("__name__", "response_time_seconds"), ("server", "web-1")])
WORDING = Wording(
    "critical",
    {"description": "78 % of the divergence comes from 250-500 ms.", "quantiles": "p50 1 s → 2 s"},
    "https://runbooks/x",
    "https://kb/",
)


def test_labels_are_the_streams_and_the_alerts_own() -> None:
    assert dict(decide(ALERT, "ab12", LABELS, WORDING).labels) == {
        "alertname": "KullbackStreamAnomalous",
        "metric": "response_time_seconds",
        "server": "web-1",
        "severity": "critical",
    }


def test_identity_is_the_same_in_every_state_and_for_every_score() -> None:
    firing = decide(ALERT, "ab12", LABELS, WORDING)
    ended = replace(ALERT, phase=Phase.INACTIVE, ends_at_ms=9000, max_score=9.9, reason=Reason.RECOVERED)
    resolved = decide(ended, "ab12", LABELS, replace(WORDING, explanation={"description": "Something else."}))
    assert (firing.id, firing.labels) == (resolved.id, resolved.labels)
    assert firing.id == "ab12-2000"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("alertname", "exported_alertname"),
        ("severity", "exported_severity"),
        ("metric", "exported_metric"),
        ("k8s.pod-name", "k8s_pod_name"),
        ("0day", "_0day"),
        ("größe", "gr__e"),
    ],
)
def test_label_names_neither_clash_nor_break_alertmanager(name: str, expected: str) -> None:
    labels = dict(alert_labels(sorted_labels([("__name__", "up"), (name, "mine")]), "warning"))
    assert labels[expected] == "mine"
    assert labels["alertname"] == "KullbackStreamAnomalous"
    assert labels["metric"] == "up"
    assert labels["severity"] == "warning"


def test_names_that_become_equal_keep_both_values() -> None:
    labels = dict(alert_labels(sorted_labels([("a.b", "1"), ("a_b", "2")]), "warning"))
    assert (labels["a_b"], labels["exported_a_b"]) == ("1", "2")


def test_description_is_the_explanation_and_links_lead_to_the_onset() -> None:
    decision = decide(ALERT, "ab12", LABELS, WORDING)
    assert decision.annotations == {
        "summary": 'response_time_seconds{server="web-1"} is anomalous',
        "description": "78 % of the divergence comes from 250-500 ms.",
        "quantiles": "p50 1 s → 2 s",
        "page": "https://kb/streams/ab12?time=1000",
        "runbook_url": "https://runbooks/x",
    }
    assert decision.page_url == "https://kb/streams/ab12?time=1000"


def test_nothing_is_claimed_that_is_not_known() -> None:
    decision = decide(ALERT, "ab12", LABELS, Wording())
    assert decision.annotations.keys() == {"summary"}
    assert decision.page_url == ""


@pytest.mark.parametrize(
    ("phase", "reason", "words"),
    [
        (Phase.PENDING, Reason.ANOMALOUS, "is anomalous"),
        (Phase.SHIFTED, Reason.LEVEL_SHIFT, "new level"),
        (Phase.INACTIVE, Reason.RECOVERED, "back to normal"),
        (Phase.INACTIVE, Reason.NO_DATA, "no samples"),
        (Phase.INACTIVE, Reason.MAINTENANCE, "under maintenance"),
        (Phase.INACTIVE, Reason.ACCEPTED, "accepted as normal"),
        (Phase.INACTIVE, Reason.DELETED, "no longer watched"),
    ],
)
def test_summary_says_how_it_stands(phase: Phase, reason: Reason, words: str) -> None:
    decision = decide(replace(ALERT, phase=phase, reason=reason), "ab12", LABELS, WORDING)
    assert words in decision.annotations["summary"]
