"""Alerts pushed straight to an Alertmanager (API v2), as Prometheus itself would.

An Alertmanager forgets what it is not told again: a firing alert is sent each interval with an `endsAt` four
intervals ahead, a resolved one for fifteen minutes. What is owed is therefore a standing list, not a queue,
and a receiver that was down gets the present state in order, not its history.

Format: https://github.com/prometheus/alertmanager/blob/main/api/v2/openapi.yaml (`POST /api/v2/alerts`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from typing import Any

import orjson

from kullback.alerting.alert import Phase
from kullback.alerting.decision import Decision
from kullback.core.labels import Labels
from kullback.outputs.alert_json import rfc3339
from kullback.outputs.desk import Answer, Backoff, Letter, Outcome, Tally, origin

PATH = "/api/v2/alerts"
RESEND_MS = 60_000
INTERVALS_AHEAD = 4
RESOLVED_FOR_MS = 900_000
MAX_ALERTS = 10_000
ALERTS_PER_REQUEST = 64


@dataclass(slots=True)
class _Standing:
    """One alert on the list.

    Parameters
    ----------
    decision : Decision
    next_ms : int
        When it is to be sent again.
    until_ms : int or None
        When a resolved alert leaves the list.
    """

    decision: Decision
    next_ms: int
    until_ms: int | None


class AlertmanagerDesk:
    """What one Alertmanager is to be told.

    Parameters
    ----------
    url : str
        Its base URL, with its path prefix where it has one.
    resend_ms : int
        Interval at which a standing alert is sent again.
    max_alerts : int
        Length of the list; beyond it the oldest leave, resolved ones first.
    """

    def __init__(self, url: str, resend_ms: int = RESEND_MS, max_alerts: int = MAX_ALERTS) -> None:
        self.receiver = origin(url)
        self.address: tuple[object, ...] = ("alertmanager", url, resend_ms)
        self.tally = Tally()
        self._url = url.rstrip("/") + PATH
        self._resend_ms = resend_ms
        self._max_alerts = max_alerts
        self._backoff = Backoff()
        # By label set, because that is an alert's identity there: a new incident replaces a resolved one.
        self._standing: dict[Labels, _Standing] = {}

    def note(self, decisions: Iterable[Decision], now_ms: int) -> None:
        """See `Desk.note`: firing, shifted and resolved alerts; what has not fired is nobody's business."""
        for decision in decisions:
            if decision.alert.fired_at_ms is None:
                continue
            ended = decision.alert.phase is Phase.INACTIVE
            self._standing.pop(decision.labels, None)
            self._make_room()
            until_ms = now_ms + RESOLVED_FOR_MS if ended else None
            self._standing[decision.labels] = _Standing(decision, now_ms, until_ms)

    def adopt(self, decisions: Iterable[Decision], now_ms: int) -> None:
        """See `Desk.adopt`: the same as news, because an Alertmanager may have been told or not."""
        self.note(decisions, now_ms)

    def due(self, now_ms: int) -> Letter | None:
        """See `Desk.due`: what is to be sent now, oldest news first."""
        if now_ms < self._backoff.not_before_ms:
            return None
        self._forget_resolved(now_ms)
        waiting = (standing for standing in self._standing.values() if standing.next_ms <= now_ms)
        taken = [standing.decision for standing in islice(waiting, ALERTS_PER_REQUEST)]
        if not taken:
            return None
        ahead_ms = INTERVALS_AHEAD * self._resend_ms
        body = orjson.dumps([_payload(decision, now_ms, ahead_ms) for decision in taken])
        return Letter(self._url, body, {}, len(taken), taken)

    def settle(self, letter: Letter, answer: Answer, now_ms: int) -> None:
        """See `Desk.settle`: what was taken or refused waits for its next turn, the rest for a pause."""
        self.tally.add(answer.outcome, letter.notifications)
        self._backoff.note(answer, now_ms)
        if answer.outcome is Outcome.FAILED:
            return
        for decision in letter.covers:
            standing = self._standing.get(decision.labels)
            if standing and standing.decision is decision:  # else there is newer news meanwhile
                standing.next_ms = now_ms + self._resend_ms

    def _forget_resolved(self, now_ms: int) -> None:
        gone = [
            labels
            for labels, standing in self._standing.items()
            if standing.until_ms is not None and standing.until_ms <= now_ms
        ]
        for labels in gone:
            del self._standing[labels]

    def _make_room(self) -> None:
        if len(self._standing) < self._max_alerts:
            return
        ended = (labels for labels, standing in self._standing.items() if standing.until_ms is not None)
        del self._standing[next(ended, next(iter(self._standing)))]
        self.tally.add(Outcome.DROPPED)


def _payload(decision: Decision, now_ms: int, ahead_ms: int) -> dict[str, Any]:
    alert = decision.alert
    ends_at_ms = now_ms + ahead_ms
    if alert.ends_at_ms is not None:
        # Clocks of senders may be ahead; an end in the future would not be an end.
        ends_at_ms = min(alert.ends_at_ms, now_ms)
    return {
        "labels": dict(decision.labels),
        "annotations": dict(decision.annotations),
        "startsAt": rfc3339(alert.starts_at_ms),
        "endsAt": rfc3339(max(ends_at_ms, alert.starts_at_ms + 1)),
        "generatorURL": decision.page_url,
    }
