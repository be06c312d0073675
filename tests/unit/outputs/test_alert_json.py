from __future__ import annotations

from dataclasses import replace

import pytest
from tests.unit.outputs.decisions import decision

from kullback.alerting.alert import Phase
from kullback.outputs.alert_json import alert_json, rfc3339


@pytest.mark.parametrize(
    ("timestamp_ms", "expected"),
    [
        (1_795_328_801_679, "2026-11-22T06:26:41.679Z"),
        (0, "1970-01-01T00:00:00.000Z"),
        (-1, "1969-12-31T23:59:59.999Z"),
        (None, None),
    ],
)
def test_times_are_rfc_3339_with_milliseconds(timestamp_ms: int | None, expected: str | None) -> None:
    assert rfc3339(timestamp_ms) == expected


def test_firing_alert_has_no_end_yet() -> None:
    shown = alert_json(decision())
    assert shown["state"] == "firing"
    assert shown["ends_at"] is None
    assert shown["starts_at"] == "2026-11-18T11:05:40.000Z"
    assert shown["labels"]["metric"] == "response_time_seconds"
    assert shown["url"].startswith("http://kullback:9797/streams/")


def test_resolved_alert_says_when_and_why_it_ended() -> None:
    shown = alert_json(decision(Phase.INACTIVE))
    assert (shown["state"], shown["reason"], shown["ends_at"]) == (
        "resolved",
        "recovered",
        "2026-11-18T11:06:40.000Z",
    )


def test_score_that_is_not_a_number_is_null() -> None:
    made = decision()
    nothing = replace(made, alert=replace(made.alert, max_score=float("-inf"), divergence_nats=float("nan")))
    assert alert_json(nothing)["max_score"] is None
    assert alert_json(nothing)["divergence_nats"] is None
