"""What people do to a stream: accept, exclude, delete. Each goes through the log and into the audit."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, Field
from starlette.responses import Response

from kullback.core.errors import ErrorId, RequestError
from kullback.http.context import Context, author_of, context_of
from kullback.http.docs import answers
from kullback.http.json_body import Shape, body_docs, read_json
from kullback.http.stream_shapes import STREAM_EXAMPLE
from kullback.http.streams import StreamId
from kullback.http.times import Instant

router = APIRouter(prefix="/api/v1/streams/{id}", tags=["Actions"])
In = Annotated[Context, Depends(context_of)]
By = Annotated[str, Depends(author_of)]
DONE_EXAMPLE = {"stream": STREAM_EXAMPLE["id"], "done": "rebaseline"}


class Done(BaseModel):
    """What was done to which stream."""

    stream: str
    done: str


class ExcludeBody(Shape):
    """A span of time that was an incident."""

    start: Instant
    end: Instant
    reason: str = Field("", max_length=1000, description="For the people who later read the audit.")


@router.post("/rebaseline", responses=answers(DONE_EXAMPLE, ErrorId.NOT_FOUND, ErrorId.CONFLICT))
async def rebaseline(context: In, author: By, stream_id: StreamId) -> Done:
    """Accept the present level as the new normal; `…/rebaseline/undo` takes it back."""
    await context.act(author, "rebaseline", stream=stream_id)
    return Done(stream=stream_id, done="rebaseline")


@router.post("/rebaseline/undo", responses=answers(DONE_EXAMPLE, ErrorId.NOT_FOUND, ErrorId.CONFLICT))
async def undo_rebaseline(context: In, author: By, stream_id: StreamId) -> Done:
    """Put the reference back that the last rebaseline replaced."""
    await context.act(author, "undo_rebaseline", stream=stream_id)
    return Done(stream=stream_id, done="undo_rebaseline")


@router.post(
    "/exclude",
    responses=answers(DONE_EXAMPLE | {"done": "exclude"}, ErrorId.NOT_FOUND),
    openapi_extra=body_docs(
        ExcludeBody,
        {"start": "2026-11-22T09:00:00Z", "end": "2026-11-22T09:30:00Z", "reason": "database failover"},
    ),
)
async def exclude(request: Request, context: In, author: By, stream_id: StreamId) -> Done:
    """That was an incident: keep it out of the reference; `…/exclude/undo` takes it back."""
    body = await read_json(request, ExcludeBody)
    span = {"start_ms": body.start, "end_ms": body.end, "reason": body.reason}
    await context.act(author, "exclude", stream=stream_id, **span)
    return Done(stream=stream_id, done="exclude")


@router.post(
    "/exclude/undo",
    responses=answers(DONE_EXAMPLE | {"done": "undo_exclude"}, ErrorId.NOT_FOUND, ErrorId.CONFLICT),
)
async def undo_exclude(context: In, author: By, stream_id: StreamId) -> Done:
    """Let in again what the last exclusion kept out; samples that came since stay."""
    await context.act(author, "undo_exclude", stream=stream_id)
    return Done(stream=stream_id, done="undo_exclude")


@router.delete("", status_code=204, responses=answers(None, ErrorId.NOT_FOUND, ErrorId.FORBIDDEN, status=204))
async def delete(context: In, author: By, stream_id: StreamId) -> Response:
    """Forget a stream: its windows, threshold and state. Off unless `server.enable_admin` is set."""
    if not context.admin_enabled:
        raise RequestError(
            ErrorId.FORBIDDEN, "Endpoints that destroy state are off; set server.enable_admin to allow them."
        )
    await context.act(author, "delete", stream=stream_id)
    return Response(status_code=204)
