"""Maintenance windows: streams that raise no alert for a while, and whose samples are not learned from."""

from __future__ import annotations

import secrets
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Request
from pydantic import BaseModel, Field, model_validator
from starlette.responses import Response

from kullback.core.duration import parse_duration_ms
from kullback.core.errors import ErrorId, RequestError
from kullback.core.selector import parse_selector
from kullback.http.context import Context, author_of, context_of
from kullback.http.docs import answers
from kullback.http.json_body import Shape, body_docs, read_json
from kullback.http.times import Instant
from kullback.outputs.alert_json import rfc3339
from kullback.pipeline.actions import schedule_of
from kullback.pipeline.tenancy import OwnFleet

router = APIRouter(prefix="/api/v1/maintenance", tags=["Actions"])
In = Annotated[Context, Depends(context_of)]
By = Annotated[str, Depends(author_of)]
WindowId = Annotated[str, Path(alias="id", max_length=64)]


class RecurringBody(Shape):
    """Again and again at a local time of day."""

    days: list[str] = Field([], max_length=7, description="mon … sun; empty: every day.")
    at: str = Field(description="Local time of day, HH:MM.")
    duration: str = Field(description="Such as 2h; at most 7d.")
    timezone: str = Field("UTC", max_length=100, description="IANA name.")


class MaintenanceBody(Shape):
    """A window: either start and end, or a schedule."""

    match: str = Field(description="PromQL-style selector of the streams.")
    start: Instant | None = None
    end: Instant | None = None
    schedule: RecurringBody | None = None
    reason: str = Field("", max_length=1000)

    @model_validator(mode="after")
    def _one_way(self) -> MaintenanceBody:
        once = self.start is not None and self.end is not None
        if once == (self.schedule is not None) or (self.start is None) != (self.end is None):
            raise ValueError("give start and end, or a schedule")
        return self


class MaintenanceWindow(BaseModel):
    """A window in force."""

    id: str
    match: str
    reason: str
    author: str
    start: str | None
    end: str | None
    schedule: dict[str, Any] | None
    text: str = Field(description="When it is open, for people.")
    active: bool = Field(description="Whether it is open now.")
    streams: int = Field(description="Streams that it covers.")


class MaintenanceList(BaseModel):
    """All windows in force, oldest first."""

    maintenance: list[MaintenanceWindow]


BODY_EXAMPLE = {
    "match": '{env="prod"}',
    "schedule": {"days": ["sun"], "at": "02:00", "duration": "2h", "timezone": "Europe/Berlin"},
    "reason": "weekly backup",
}
EXAMPLE = {
    "id": "5f0c1a2b3c4d5e6f",
    "match": '{env="prod"}',
    "reason": "weekly backup",
    "author": "alice",
    "start": None,
    "end": None,
    "schedule": {"days": ["sun"], "at": "02:00", "duration_ms": 7200000, "zone": "Europe/Berlin"},
    "text": "every sun at 02:00 for 2h (Europe/Berlin)",
    "active": False,
    "streams": 12,
}


@router.get("", responses=answers({"maintenance": [EXAMPLE]}))
async def list_maintenance(context: In) -> MaintenanceList:
    """The windows in force."""
    now_ms = context.clock()
    return await context.ask(lambda fleet: MaintenanceList(maintenance=_windows(fleet, now_ms)))


@router.post(
    "",
    status_code=201,
    responses=answers(EXAMPLE, ErrorId.BAD_SELECTOR, ErrorId.CONFLICT, status=201),
    openapi_extra=body_docs(MaintenanceBody, BODY_EXAMPLE),
)
async def add_maintenance(request: Request, context: In, author: By) -> MaintenanceWindow:
    """Put a window in force; its streams raise no alert in it and do not learn from it."""
    body = await read_json(request, MaintenanceBody)
    window_id, now_ms = secrets.token_hex(8), context.clock()
    details = {"match": parse_selector(body.match).text, "reason": body.reason, **_schedule(body)}
    schedule_of(details)  # refuse what cannot be carried out before it enters the log
    await context.act(author, "add_maintenance", id=window_id, **details)
    windows = await context.ask(lambda fleet: _windows(fleet, now_ms))
    return next(window for window in windows if window.id == window_id)


@router.delete("/{id}", status_code=204, responses=answers(None, ErrorId.NOT_FOUND, status=204))
async def remove_maintenance(context: In, author: By, window_id: WindowId) -> Response:
    """Take a window out of force."""
    await context.act(author, "remove_maintenance", id=window_id)
    return Response(status_code=204)


@router.delete("", status_code=204, responses=answers(None, ErrorId.NOT_FOUND, status=204))
async def remove_maintenance_by_query(
    context: In, author: By, window_id: Annotated[str, Query(alias="id", max_length=64)]
) -> Response:
    """Take a window out of force (`?id=`)."""
    return await remove_maintenance(context, author, window_id)


def _schedule(body: MaintenanceBody) -> dict[str, Any]:
    """The schedule in the form of an action."""
    if body.schedule is None:
        return {"once": {"start_ms": body.start, "end_ms": body.end}}
    plan = body.schedule
    if len(plan.duration) > 40:
        raise RequestError(ErrorId.BAD_REQUEST, "duration is too long a text.")
    duration_ms = parse_duration_ms(plan.duration)
    return {
        "recurring": {"days": plan.days, "at": plan.at, "duration_ms": duration_ms, "zone": plan.timezone}
    }


def _windows(fleet: OwnFleet, now_ms: int) -> list[MaintenanceWindow]:
    active, kept = fleet.open_windows(now_ms), fleet.known_windows()
    return [
        _window(fleet, document, active)
        for window_id, document in fleet.facts.maintenance.items()
        if window_id in kept
    ]


def _window(fleet: OwnFleet, document: dict[str, Any], active: frozenset[str]) -> MaintenanceWindow:
    once = document.get("once", {})
    return MaintenanceWindow(
        id=document["id"],
        match=document["match"],
        reason=document.get("reason", ""),
        author=document.get("author", ""),
        start=rfc3339(once.get("start_ms")),
        end=rfc3339(once.get("end_ms")),
        schedule=document.get("recurring"),
        text=schedule_of(document).render(),
        active=document["id"] in active,
        streams=len(fleet.engine.select(parse_selector(document["match"]))),
    )
