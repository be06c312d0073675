from __future__ import annotations

from typing import Any

import orjson
from tests.unit.outputs.decisions import MINUTE_MS, NOW_MS, decision

from kullback.alerting.alert import Phase
from kullback.outputs.alertmanager import ALERTS_PER_REQUEST, RESOLVED_FOR_MS, AlertmanagerDesk
from kullback.outputs.desk import Answer, Outcome

OK, DOWN, BAD = Answer(200), Answer(0), Answer(400)


def sent(desk: AlertmanagerDesk, now_ms: int, answer: Answer = OK) -> list[dict[str, Any]]:
    """The alerts of the next letter; [] when none is due."""
    letter = desk.due(now_ms)
    if letter is None:
        return []
    desk.settle(letter, answer, now_ms)
    return orjson.loads(letter.body)


def desk_with(*decisions: Any, **options: int) -> AlertmanagerDesk:
    desk = AlertmanagerDesk("http://am:9093/", **options)
    desk.note(decisions, NOW_MS)
    return desk


def servers(alerts: list[dict[str, Any]]) -> list[str]:
    return [alert["labels"]["server"] for alert in alerts]


def test_payload_is_what_alertmanagers_api_asks_for() -> None:
    desk = desk_with(decision())
    letter = desk.due(NOW_MS)
    assert letter.url == "http://am:9093/api/v2/alerts"
    assert orjson.loads(letter.body) == [
        {
            "labels": {
                "alertname": "KullbackStreamAnomalous",
                "metric": "response_time_seconds",
                "server": "web-1",
                "severity": "warning",
            },
            "annotations": {
                "summary": 'response_time_seconds{server="web-1"} is anomalous',
                "description": "p99 +340 ms.",
                "page": decision().page_url,
                "runbook_url": "https://runbooks/anomalous",
            },
            "startsAt": "2026-11-18T11:05:40.000Z",
            "endsAt": "2026-11-18T11:10:40.000Z",
            "generatorURL": decision().page_url,
        }
    ]


def test_firing_alert_is_sent_at_once_and_then_each_minute() -> None:
    desk = desk_with(decision())
    assert len(sent(desk, NOW_MS)) == 1
    assert sent(desk, NOW_MS + MINUTE_MS - 1) == []
    again = sent(desk, NOW_MS + MINUTE_MS)
    assert again[0]["startsAt"] == "2026-11-18T11:05:40.000Z"
    assert again[0]["endsAt"] == "2026-11-18T11:11:40.000Z"


def test_resend_interval_moves_the_end_with_it() -> None:
    desk = desk_with(decision(), resend_ms=1000)
    assert sent(desk, NOW_MS)[0]["endsAt"] == "2026-11-18T11:06:44.000Z"
    assert len(sent(desk, NOW_MS + 1000)) == 1


def test_pending_alert_is_nobodys_business() -> None:
    assert desk_with(decision(Phase.PENDING, fired=False)).due(NOW_MS) is None
    assert desk_with(decision(Phase.INACTIVE, fired=False)).due(NOW_MS) is None


def test_shifted_alert_goes_on_as_the_same_alert() -> None:
    desk = desk_with(decision())
    (first,) = sent(desk, NOW_MS)
    desk.note([decision(Phase.SHIFTED)], NOW_MS + 1)
    (second,) = sent(desk, NOW_MS + 1)
    assert second["labels"] == first["labels"]
    assert second["startsAt"] == first["startsAt"]
    assert "new level" in second["annotations"]["summary"]


def test_resolved_alert_is_sent_for_fifteen_minutes_with_its_end() -> None:
    desk = desk_with(decision())
    sent(desk, NOW_MS)
    desk.note([decision(Phase.INACTIVE)], NOW_MS)
    sendings = [minute for minute in range(30) if sent(desk, NOW_MS + minute * MINUTE_MS)]
    assert sendings == list(range(RESOLVED_FOR_MS // MINUTE_MS))


def test_resolved_alert_carries_the_time_it_ended() -> None:
    desk = desk_with(decision(Phase.INACTIVE, ends_at_ms=NOW_MS - 30_000))
    assert sent(desk, NOW_MS)[0]["endsAt"] == "2026-11-18T11:06:10.000Z"


def test_end_is_neither_in_the_future_nor_before_the_start() -> None:
    ahead = desk_with(decision(Phase.INACTIVE, ends_at_ms=NOW_MS + MINUTE_MS))
    assert sent(ahead, NOW_MS)[0]["endsAt"] == "2026-11-18T11:06:40.000Z"
    start_ahead = desk_with(decision(Phase.INACTIVE, starts_at_ms=NOW_MS + 5, ends_at_ms=NOW_MS + 9))
    (alert,) = sent(start_ahead, NOW_MS)
    assert alert["startsAt"] < alert["endsAt"]


def test_new_incident_of_a_stream_stops_the_news_of_the_old_ones_end() -> None:
    desk = desk_with(decision(Phase.INACTIVE))
    sent(desk, NOW_MS)
    desk.note([decision(starts_at_ms=NOW_MS + 1)], NOW_MS + 2000)
    for minute in range(20):
        (alert,) = sent(desk, NOW_MS + 2000 + minute * MINUTE_MS)
        assert alert["startsAt"] == "2026-11-18T11:06:40.001Z"


def test_news_are_delivered_in_order_and_in_bounded_requests() -> None:
    names = [f"web-{number:03}" for number in range(ALERTS_PER_REQUEST * 2 + 5)]
    desk = desk_with(*(decision(server=name) for name in names))
    letters = [servers(sent(desk, NOW_MS)) for _ in range(4)]
    assert [len(letter) for letter in letters] == [ALERTS_PER_REQUEST, ALERTS_PER_REQUEST, 5, 0]
    assert [name for letter in letters for name in letter] == names


def test_alertmanager_that_was_down_gets_the_present_state_after_a_pause() -> None:
    desk = desk_with(decision(), decision(server="web-2"))
    assert len(sent(desk, NOW_MS, DOWN)) == 2
    assert desk.due(NOW_MS + 999) is None
    desk.note([decision(Phase.INACTIVE)], NOW_MS + 500)
    alerts = sent(desk, NOW_MS + 1000)
    assert servers(alerts) == ["web-2", "web-1"]
    assert alerts[1]["endsAt"] == "2026-11-18T11:06:40.000Z"
    assert (desk.tally.counts[Outcome.FAILED], desk.tally.counts[Outcome.DELIVERED]) == (2, 2)


def test_alert_that_ends_while_its_letter_is_under_way_is_not_taken_for_told() -> None:
    desk = desk_with(decision())
    letter = desk.due(NOW_MS)
    desk.note([decision(Phase.INACTIVE)], NOW_MS + 1)
    desk.settle(letter, OK, NOW_MS + 2)
    assert sent(desk, NOW_MS + 3)[0]["endsAt"] == "2026-11-18T11:06:40.000Z"


def test_refused_alerts_are_counted_and_wait_for_their_next_turn() -> None:
    desk = desk_with(decision())
    sent(desk, NOW_MS, BAD)
    assert desk.tally.counts[Outcome.REJECTED] == 1
    assert desk.due(NOW_MS + 1000) is None
    assert len(sent(desk, NOW_MS + MINUTE_MS)) == 1


def test_full_list_lets_resolved_alerts_go_first_and_counts_them() -> None:
    desk = desk_with(
        decision(server="old"), decision(Phase.INACTIVE, server="ended"), decision(server="new"), max_alerts=2
    )
    assert servers(sent(desk, NOW_MS)) == ["old", "new"]
    desk.note([decision(server="newest")], NOW_MS)
    assert desk.tally.counts[Outcome.DROPPED] == 2
    assert servers(sent(desk, NOW_MS + MINUTE_MS)) == ["new", "newest"]


def test_news_of_a_standing_alert_needs_no_room() -> None:
    desk = desk_with(decision(server="a"), decision(server="b"), max_alerts=2)
    desk.note([decision(Phase.INACTIVE, server="a")], NOW_MS)
    assert desk.tally.counts[Outcome.DROPPED] == 0


def test_alerts_live_before_a_restart_are_sent_again_with_their_own_start() -> None:
    desk = AlertmanagerDesk("http://am:9093/prefix")
    desk.adopt([decision()], NOW_MS + 5 * MINUTE_MS)
    letter = desk.due(NOW_MS + 5 * MINUTE_MS)
    assert letter.url == "http://am:9093/prefix/api/v2/alerts"
    assert orjson.loads(letter.body)[0]["startsAt"] == "2026-11-18T11:05:40.000Z"
