from __future__ import annotations

import hashlib
import hmac

import orjson
from tests.unit.outputs.decisions import NOW_MS, decision

from kullback.alerting.alert import Phase
from kullback.outputs.alert_json import alert_json
from kullback.outputs.desk import Answer, Outcome
from kullback.outputs.webhook import GIVE_UP_AFTER_MS, WebhookDesk

OK, DOWN, BAD = Answer(200), Answer(0), Answer(410)


def desk_with(*phases: Phase, **options: int) -> WebhookDesk:
    desk = WebhookDesk("http://hook/alerts", b"secret", **options)
    desk.note((decision(phase) for phase in phases), NOW_MS)
    return desk


def next_event(desk: WebhookDesk, now_ms: int = NOW_MS, answer: Answer = OK) -> str | None:
    letter = desk.due(now_ms)
    if letter is None:
        return None
    desk.settle(letter, answer, now_ms)
    return str(letter.headers["X-Kullback-Event"])


def test_events_come_one_by_one_in_order() -> None:
    desk = desk_with(Phase.FIRING, Phase.SHIFTED, Phase.INACTIVE)
    assert [next_event(desk) for _ in range(4)] == ["firing", "shifted", "resolved", None]


def test_body_is_the_alert_as_the_api_shows_it() -> None:
    letter = desk_with(Phase.FIRING).due(NOW_MS)
    assert orjson.loads(letter.body) == {
        "version": "1",
        "id": f"{decision().id}-firing",
        "event": "firing",
        "alert": alert_json(decision()),
    }
    assert letter.headers["X-Kullback-Delivery"] == f"{decision().id}-firing"


def test_signature_is_the_hmac_of_the_body() -> None:
    letter = desk_with(Phase.FIRING).due(NOW_MS)
    expected = hmac.new(b"secret", letter.body, hashlib.sha256).hexdigest()
    assert letter.headers["X-Kullback-Signature"] == f"sha256={expected}"


def test_without_a_secret_nothing_is_signed() -> None:
    desk = WebhookDesk("http://hook/alerts")
    desk.note([decision()], NOW_MS)
    assert "X-Kullback-Signature" not in desk.due(NOW_MS).headers


def test_what_never_fired_is_no_event() -> None:
    desk = WebhookDesk("http://hook/alerts")
    desk.note([decision(Phase.PENDING, fired=False), decision(Phase.INACTIVE, fired=False)], NOW_MS)
    assert desk.due(NOW_MS) is None


def test_failed_event_holds_its_place_and_its_body() -> None:
    desk = desk_with(Phase.FIRING, Phase.INACTIVE)
    first = desk.due(NOW_MS)
    desk.settle(first, DOWN, NOW_MS)
    assert desk.due(NOW_MS + 999) is None
    assert desk.due(NOW_MS + 1000) is first
    desk.settle(first, OK, NOW_MS + 1000)
    assert next_event(desk, NOW_MS + 1000) == "resolved"
    assert desk.tally.counts == {
        Outcome.DELIVERED: 2,
        Outcome.FAILED: 1,
        Outcome.REJECTED: 0,
        Outcome.DROPPED: 0,
    }


def test_refused_event_does_not_hold_up_the_next() -> None:
    desk = desk_with(Phase.FIRING, Phase.INACTIVE)
    assert next_event(desk, answer=BAD) == "firing"
    assert next_event(desk) == "resolved"
    assert desk.tally.counts[Outcome.REJECTED] == 1


def test_full_queue_drops_the_oldest_and_counts_it() -> None:
    desk = desk_with(Phase.FIRING, Phase.SHIFTED, Phase.INACTIVE, max_events=2)
    assert [next_event(desk) for _ in range(3)] == ["shifted", "resolved", None]
    assert desk.tally.counts[Outcome.DROPPED] == 1


def test_event_dropped_while_under_way_takes_no_other_with_it() -> None:
    desk = desk_with(Phase.FIRING, max_events=1)
    under_way = desk.due(NOW_MS)
    desk.note([decision(Phase.INACTIVE)], NOW_MS)
    desk.settle(under_way, OK, NOW_MS)
    assert next_event(desk) == "resolved"


def test_event_that_nobody_takes_is_given_up() -> None:
    desk = desk_with(Phase.FIRING)
    assert next_event(desk, NOW_MS + GIVE_UP_AFTER_MS, DOWN) == "firing"
    assert desk.due(NOW_MS + GIVE_UP_AFTER_MS * 2) is None
    assert desk.tally.counts[Outcome.DROPPED] == 1


def test_restart_repeats_nothing() -> None:
    desk = WebhookDesk("http://hook/alerts")
    desk.adopt([decision()], NOW_MS)
    assert desk.due(NOW_MS) is None
