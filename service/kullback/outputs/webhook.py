"""A webhook: each firing, shift and end of an alert as one JSON, signed, in order, until it is taken.

POST <url>
X-Kullback-Event: firing | shifted | resolved
X-Kullback-Delivery: <id, the same in each try>
X-Kullback-Signature: sha256=<hex HMAC-SHA256 of the body with the secret>
"""

from __future__ import annotations

import hmac
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

import orjson

from kullback.alerting.decision import Decision
from kullback.outputs.alert_json import alert_json
from kullback.outputs.desk import Answer, Backoff, Letter, Outcome, Tally, origin

VERSION = "1"
MAX_EVENTS = 10_000
GIVE_UP_AFTER_MS = 3_600_000


@dataclass(frozen=True, slots=True)
class _Event:
    """One queued event.

    Parameters
    ----------
    letter : Letter
    noted_ms : int
        When it happened; after `GIVE_UP_AFTER_MS` nobody needs it any more.
    """

    letter: Letter
    noted_ms: int


class WebhookDesk:
    """What one webhook is to be told.

    Parameters
    ----------
    url : str
    secret : bytes
        Key of the signature; empty leaves the signature out.
    max_events : int
        Length of the queue; beyond it the oldest is dropped and counted.
    """

    def __init__(self, url: str, secret: bytes = b"", max_events: int = MAX_EVENTS) -> None:
        self.receiver = origin(url)
        self.address: tuple[object, ...] = ("webhook", url, secret)
        self.tally = Tally()
        self._url = url
        self._secret = secret
        self._max_events = max_events
        self._backoff = Backoff()
        self._queue: deque[_Event] = deque()

    def note(self, decisions: Iterable[Decision], now_ms: int) -> None:
        """See `Desk.note`: each is one event; what has not fired is none."""
        for decision in decisions:
            if decision.alert.fired_at_ms is None:
                continue
            if len(self._queue) >= self._max_events:
                self._queue.popleft()
                self.tally.add(Outcome.DROPPED)
            self._queue.append(_Event(self._letter(decision), now_ms))

    def adopt(self, decisions: Iterable[Decision], now_ms: int) -> None:
        """See `Desk.adopt`: a webhook does not forget, so there is nothing to repeat."""

    def due(self, now_ms: int) -> Letter | None:
        """See `Desk.due`: the oldest event."""
        while self._queue and now_ms - self._queue[0].noted_ms > GIVE_UP_AFTER_MS:
            self._queue.popleft()
            self.tally.add(Outcome.DROPPED)
        if not self._queue or now_ms < self._backoff.not_before_ms:
            return None
        return self._queue[0].letter

    def settle(self, letter: Letter, answer: Answer, now_ms: int) -> None:
        """See `Desk.settle`: a failed event stays first in the queue."""
        self.tally.add(answer.outcome)
        self._backoff.note(answer, now_ms)
        first_still = bool(self._queue) and self._queue[0].letter is letter
        if answer.outcome is not Outcome.FAILED and first_still:
            self._queue.popleft()

    def _letter(self, decision: Decision) -> Letter:
        event = decision.alert.state
        delivery = f"{decision.id}-{event}"
        body = orjson.dumps(
            {"version": VERSION, "id": delivery, "event": event, "alert": alert_json(decision)}
        )
        headers = {"X-Kullback-Event": event, "X-Kullback-Delivery": delivery}
        if self._secret:
            headers["X-Kullback-Signature"] = signature(body, self._secret)
        return Letter(self._url, body, headers, 1, None)


def signature(body: bytes, secret: bytes) -> str:
    """`sha256=` and the hex HMAC-SHA256 (RFC 2104) of a body.

    Parameters
    ----------
    body, secret : bytes
    """
    return f"sha256={hmac.digest(secret, body, 'sha256').hex()}"
