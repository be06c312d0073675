"""Markers: tell Kullback that something was deployed or changed, so that alerts can name it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Depends, Path, Query, Request
from pydantic import BaseModel, Field, model_validator
from starlette.responses import Response

from kullback.core.errors import ErrorId
from kullback.core.labels import escape
from kullback.core.selector import parse_selector
from kullback.http.context import Context, author_of, context_of
from kullback.http.docs import answers
from kullback.http.json_body import Shape, body_docs, read_json
from kullback.http.streams import number_of
from kullback.http.times import LAST_MS, Instant, parse_time_ms
from kullback.outputs.alert_json import rfc3339
from kullback.pipeline.markers import MOST_MARKERS, markers_of
from kullback.pipeline.tenancy import OwnFleet

router = APIRouter(prefix="/api/v1/markers", tags=["Actions"])
In = Annotated[Context, Depends(context_of)]
By = Annotated[str, Depends(author_of)]
MarkerId = Annotated[str, Path(alias="id", max_length=64)]
When = Annotated[str, Query(max_length=64, description="RFC 3339, or Unix seconds or milliseconds.")]


class MarkerBody(Shape):
    """What happened, when, and to which streams (all, when neither `match` nor `labels` is given)."""

    text: str = Field(min_length=1, max_length=200, description="What happened, in a few words.")
    match: str | None = Field(None, description="PromQL-style selector of the streams it concerns.")
    labels: dict[str, str] | None = Field(
        None, max_length=64, description="The same as labels that streams must have."
    )
    time: Instant | None = Field(None, description="When; left out: now.")
    url: str = Field(
        "", max_length=2000, pattern=r"^(https?://\S+)?$", description="Of the pipeline run or the change."
    )

    @model_validator(mode="after")
    def _one_choice(self) -> MarkerBody:
        if self.match is not None and self.labels is not None:
            raise ValueError("give match or labels, not both")
        return self

    @property
    def selector(self) -> str:
        """The streams it concerns.

        Raises
        ------
        RequestError
            BAD_SELECTOR.
        """
        if self.match is not None:
            return parse_selector(self.match).text
        pairs = (f'{_quoted(name)}="{escape(value)}"' for name, value in (self.labels or {}).items())
        return parse_selector(f"{{{','.join(pairs)}}}").text


class Marker(BaseModel):
    """Something that happened."""

    id: str
    time: str | None
    text: str
    match: str
    url: str
    author: str


class MarkerList(BaseModel):
    """Markers, the newest first."""

    markers: list[Marker]


EXAMPLE = {
    "id": "5f0c1a2b3c4d5e6f",
    "time": "2026-11-22T09:03:41.679Z",
    "text": "deploy web v2.3",
    "match": '{job="web"}',
    "url": "https://ci.example.org/runs/1234",
    "author": "ci",
}


@router.get("", responses=answers({"markers": [EXAMPLE]}, ErrorId.NOT_FOUND))
async def list_markers(
    context: In,
    start: When = "",
    end: When = "",
    stream: Annotated[str, Query(max_length=64, description="Only those that concern this stream.")] = "",
    limit: Annotated[int, Query(ge=1, le=MOST_MARKERS)] = 100,
) -> MarkerList:
    """What people or pipelines said that they did, the newest first."""
    span = (parse_time_ms(start) if start else 0, parse_time_ms(end) if end else LAST_MS)

    def asked(fleet: OwnFleet) -> list[Mapping[str, Any]]:
        known = fleet.facts.markers
        if stream:
            labels = fleet.engine.stream(number_of(fleet, stream)).series.labels
            return list(markers_of(known, labels, *span))
        inside = [marker for marker in known.values() if span[0] <= marker["at_ms"] <= span[1]]
        return sorted(inside, key=lambda marker: marker["at_ms"], reverse=True)

    found = await context.ask(asked)
    return MarkerList(markers=[marker_row(document) for document in found[:limit]])


@router.post(
    "",
    status_code=201,
    responses=answers(EXAMPLE, ErrorId.BAD_SELECTOR, status=201),
    openapi_extra=body_docs(
        MarkerBody,
        {"text": "deploy web v2.3", "labels": {"job": "web"}, "url": "https://ci.example.org/runs/1234"},
    ),
)
async def add_marker(request: Request, context: In, author: By) -> Marker:
    """Mark a deployment or another change: charts show it, and alerts that begin soon after name it.

    The same text, streams and time give the same marker, so that a pipeline may try again.
    """
    body = await read_json(request, MarkerBody)
    at_ms = context.clock() if body.time is None else body.time
    document = {"at_ms": at_ms, "text": body.text, "match": body.selector, "url": body.url}
    marker_id = hashlib.sha256(
        orjson.dumps([context.tenant, at_ms, body.text, document["match"]])
    ).hexdigest()[:16]
    await context.act(author, "add_marker", id=marker_id, **document)
    return marker_row({"id": marker_id, "author": author, **document})


@router.delete("/{id}", status_code=204, responses=answers(None, ErrorId.NOT_FOUND, status=204))
async def remove_marker(context: In, author: By, marker_id: MarkerId) -> Response:
    """Take a marker away."""
    await context.act(author, "remove_marker", id=marker_id)
    return Response(status_code=204)


def marker_row(document: Mapping[str, Any]) -> Marker:
    """A marker as the API shows it.

    Parameters
    ----------
    document : mapping
        An `add_marker` action.
    """
    return Marker(
        id=document["id"],
        time=rfc3339(document["at_ms"]),
        text=document["text"],
        match=document["match"],
        url=document["url"],
        author=document.get("author", ""),
    )


def _quoted(name: str) -> str:
    """A label's name for a selector; UTF-8 names stand in quotes."""
    return name if name.isidentifier() and name.isascii() else f'"{escape(name)}"'
