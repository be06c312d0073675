"""`GET /api/v1/events`: scores and alert transitions as server-sent events.

A connection looks once a second at what changed since its last look, so a slow reader costs nothing
but its own news; nobody has to know who listens.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from kullback.core.errors import ErrorId, Overloaded
from kullback.core.selector import Selector, parse_selector
from kullback.http.context import Context, context_of
from kullback.http.docs import answers
from kullback.http.paging import selected
from kullback.http.stream_shapes import known
from kullback.outputs.alert_json import alert_json
from kullback.pipeline.standing import STATES
from kullback.pipeline.tenancy import OwnFleet

router = APIRouter(prefix="/api/v1", tags=["Streams"])
News = tuple[list[dict[str, Any]], list[dict[str, Any]]]
LOOK_S = 1.0
KEEP_ALIVE_S = 15.0
MAX_STREAMS = 1000
EXAMPLE = (
    'event: scores\ndata: [{"stream": "0f3a5c7e9b1d2f4a6c8e", "score": 0.31, "state": "ok"}]\n\n'
    'event: alert\ndata: {"id": "0f3a5c7e9b1d2f4a6c8e-1795328801679", "state": "firing"}\n\n'
)


@dataclass(slots=True)
class Look:
    """What one connection has seen.

    Parameters
    ----------
    selectors : tuple of Selector
    last_ms : dict of int to int
        Newest sample by stream number.
    alerts : dict of str to tuple
        State of the live alerts by id; None at the first look, when all that is live is told.
    """

    selectors: tuple[Selector, ...]
    last_ms: dict[int, int] = field(default_factory=dict)
    alerts: dict[str, dict[str, Any]] = field(default_factory=dict)

    def news(self, fleet: OwnFleet, now_ms: int) -> News:
        """Scores and alerts that changed since the last look.

        Parameters
        ----------
        fleet : OwnFleet
        now_ms : int
        """
        return self._scores(fleet, now_ms), self._alerts(fleet)

    def _scores(self, fleet: OwnFleet, now_ms: int) -> list[dict[str, Any]]:
        numbers = selected(fleet, self.selectors)[:MAX_STREAMS]
        summary = fleet.engine.summary(numbers)
        states = fleet.standing(numbers, summary, now_ms)
        newest = dict(zip(numbers.tolist(), summary.last_sample_ms.tolist(), strict=True))
        fresh = [row for row, number in enumerate(newest) if self.last_ms.get(number) != newest[number]]
        self.last_ms = newest
        return [
            {
                "stream": fleet.engine.stream(int(numbers[row])).id,
                "timestamp_ms": int(summary.last_sample_ms[row]),
                "value": known(summary.value[row]),
                "score": known(summary.score[row]),
                "divergence_nats": known(summary.divergence_nats[row]),
                "state": STATES[states[row]],
            }
            for row in fresh
        ]

    def _alerts(self, fleet: OwnFleet) -> list[dict[str, Any]]:
        decisions = fleet.live_alerts()
        live = {
            decision.id: alert_json(decision)
            for decision in decisions
            if not self.selectors or self._matches(fleet, decision.stream)
        }
        changed = [alert for key, alert in live.items() if self._state(key) != alert["state"]]
        gone = [fleet.history.alert(key) or self.alerts[key] for key in self.alerts if key not in live]
        self.alerts = live
        return changed + gone

    def _matches(self, fleet: OwnFleet, stream_id: str) -> bool:
        number = fleet.engine.find(stream_id)
        labels = fleet.engine.stream(number).series.labels if number is not None else ()
        return any(selector.matches(labels) for selector in self.selectors)

    def _state(self, key: str) -> str:
        return str(self.alerts.get(key, {}).get("state", ""))


class EventStream(StreamingResponse):
    """A listener's connection, which holds a seat as long as it is open.

    Parameters
    ----------
    content : async iterator of bytes
    context : Context
    """

    def __init__(self, content: AsyncIterator[bytes], context: Context) -> None:
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        super().__init__(content, headers=headers, media_type="text/event-stream")
        self._seat = context.audience.seat(context.limits.max_event_listeners)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Tell events until the client leaves (ASGI)."""
        with self._seat:
            await super().__call__(scope, receive, send)


@router.get(
    "/events",
    response_class=StreamingResponse,
    responses=answers(None, ErrorId.BAD_SELECTOR, ErrorId.TOO_MANY_LISTENERS)
    | {200: {"description": "Events.", "content": {"text/event-stream": {"example": EXAMPLE}}}},
)
async def events(
    request: Request,
    context: Annotated[Context, Depends(context_of)],
    match: Annotated[list[str] | None, Query(alias="match[]", max_length=100)] = None,
) -> StreamingResponse:
    """`scores` (an array, once a second, of streams with news) and `alert` (one alert that changed).

    Up to 1000 streams; choose them with `match[]`. Up to `limits.max_event_listeners` clients at once.
    """
    look = Look(tuple(parse_selector(text) for text in match or [] if text))
    return EventStream(_told(request, context, look), context)


async def _told(request: Request, context: Context, look: Look) -> AsyncIterator[bytes]:
    def asked(fleet: OwnFleet) -> News:
        return look.news(fleet, context.clock())

    quiet_s = 0.0
    yield b"retry: 2000\n\n"
    while not await request.is_disconnected():
        try:
            scores, alerts = await context.ask(asked)
        except Overloaded:
            return  # stopping; the browser comes back by itself
        told = [_event("scores", scores)] if scores else []
        told += [_event("alert", alert) for alert in alerts]
        quiet_s = 0.0 if told else quiet_s + LOOK_S
        if quiet_s >= KEEP_ALIVE_S:
            told, quiet_s = [b": still here\n\n"], 0.0
        if told:
            yield b"".join(told)
        await asyncio.sleep(LOOK_S)


def _event(name: str, content: Any) -> bytes:
    # JSON escapes line ends, so one line holds it all.
    return b"event: " + name.encode() + b"\ndata: " + orjson.dumps(content) + b"\n\n"
