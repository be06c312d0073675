"""Operating the service: health, status, configuration, reload."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field
from starlette.responses import PlainTextResponse, Response

from kullback import __version__
from kullback.core.errors import ErrorId, RequestError
from kullback.http.context import Context, context_of
from kullback.http.docs import Responses, answers
from kullback.pipeline.pipeline import Pipeline
from kullback.pipeline.standing import by_state
from kullback.pipeline.tenancy import OwnFleet

router = APIRouter(tags=["Operation"])
In = Annotated[Context, Depends(context_of)]
PAGE_BYTES = 4096


class Position(BaseModel):
    """How far log and snapshots are."""

    last_offset: int = Field(description="The newest entry of the log.")
    snapshot_offset: int = Field(description="What the newest snapshot covers.")
    snapshot_age_s: float | None = Field(description="Null when there is none yet.")
    snapshot_problem: str = Field(description="Why the newest attempt failed, empty when it did not.")


class Status(BaseModel):
    """How the service stands."""

    version: str
    python: str
    ready: bool
    progress_ratio: float = Field(description="Of the start: taking up the snapshot, replaying the log.")
    started_ms: int
    uptime_s: float
    streams: int
    streams_by_state: dict[str, int]
    max_streams: int
    bytes_per_stream: int = Field(description="Detector state, without labels.")
    resident_bytes: int | None = Field(description="Memory of the process; null for a tenant.")
    queued_samples: int
    max_queue_samples: int
    replayed_samples: int
    log: Position


STATUS_EXAMPLE = {
    "version": "0.1.0",
    "python": "3.12.4",
    "ready": True,
    "progress_ratio": 1.0,
    "started_ms": 1795328801679,
    "uptime_s": 3600.0,
    "streams": 2,
    "streams_by_state": {"ok": 1, "firing": 1},
    "max_streams": 100000,
    "bytes_per_stream": 12000,
    "resident_bytes": 210000000,
    "queued_samples": 0,
    "max_queue_samples": 1000000,
    "replayed_samples": 0,
    "log": {
        "last_offset": 7201,
        "snapshot_offset": 7000,
        "snapshot_age_s": 41.0,
        "snapshot_problem": "",
    },
}


def _says(text: str) -> Responses:
    return {200: {"description": "Success.", "content": {"text/plain": {"example": f"{text}\n"}}}}


@router.get("/api/v1/status", responses=answers(STATUS_EXAMPLE))
async def status(context: In) -> Status:
    """Build, uptime, streams, memory, log and snapshot position."""
    now_ms = context.clock()
    return await context.inspect(lambda pipeline: _status(context, pipeline, now_ms))


def _status(context: Context, pipeline: Pipeline, now_ms: int) -> Status:
    fleet = OwnFleet(pipeline, context.tenant)
    quota = context.limits.tenants.of(context.tenant) if context.tenant else 0
    return Status(
        version=__version__,
        python=sys.version.split()[0],
        ready=context.owner.ready,
        progress_ratio=context.owner.progress.ratio,
        started_ms=context.started_ms,
        uptime_s=(now_ms - context.started_ms) / 1000,
        streams=len(fleet.engine),
        streams_by_state=states_of(fleet, now_ms),
        max_streams=min(quota or context.limits.max_streams, context.limits.max_streams),
        bytes_per_stream=fleet.engine.bytes_per_stream,
        resident_bytes=None if context.tenant else _resident_bytes(),
        queued_samples=context.owner.queued_samples,
        max_queue_samples=context.owner.max_queue_samples,
        replayed_samples=pipeline.replayed_samples,
        log=_position(pipeline, now_ms),
    )


def _position(pipeline: Pipeline, now_ms: int) -> Position:
    written_ms = pipeline.checkpoint.written_ms
    return Position(
        last_offset=pipeline.log.last_offset,
        snapshot_offset=pipeline.checkpoint.offset,
        snapshot_age_s=(now_ms - written_ms) / 1000 if written_ms else None,
        snapshot_problem=pipeline.checkpoint.problem,
    )


def states_of(fleet: OwnFleet, now_ms: int) -> dict[str, int]:
    """Live streams by state.

    Parameters
    ----------
    fleet : OwnFleet
    now_ms : int
    """
    numbers = fleet.engine.numbers()
    return by_state(fleet.standing(numbers, fleet.engine.summary(numbers), now_ms))


def _resident_bytes() -> int | None:
    try:
        return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * PAGE_BYTES
    except (OSError, ValueError, IndexError):  # not Linux
        return None


@router.get("/api/v1/config", responses=answers({"limits": {"max_streams": 100000}}))
async def config(context: In) -> dict[str, Any]:
    """The effective configuration: defaults, file, environment and flags together; secrets hidden."""
    return dict(context.config_view)


@router.head("/-/healthy", include_in_schema=False)
@router.get("/-/healthy", response_class=PlainTextResponse, responses=_says("Kullback is healthy."))
async def healthy() -> str:
    """200 as long as the process answers."""
    return "Kullback is healthy.\n"


@router.head("/-/ready", include_in_schema=False)
@router.get(
    "/-/ready",
    response_class=PlainTextResponse,
    responses=_says("Kullback is ready.")
    | {503: {"description": "Replaying the log, with progress, or stopping.", "content": {"text/plain": {}}}},
)
async def ready(context: In) -> Response:
    """200 once the log is replayed; 503 with the progress before that, and while stopping."""
    owner = context.owner
    if owner.ready:
        return PlainTextResponse("Kullback is ready.\n")
    doing, ratio = owner.progress
    text = "stopping" if ratio >= 1 else f"{doing}: {ratio:.0%}"
    return PlainTextResponse(f"Kullback is {text}.\n", 503, {"Retry-After": "1"})


@router.post(
    "/-/reload",
    response_class=PlainTextResponse,
    responses=answers(None, ErrorId.LIFECYCLE_DISABLED, ErrorId.BAD_CONFIG)
    | _says("The configuration was read again."),
)
async def reload(context: In) -> str:
    """Read the configuration again; a bad one changes nothing and says why."""
    if not context.lifecycle_enabled:
        raise RequestError(ErrorId.LIFECYCLE_DISABLED)
    await context.reload()
    return "The configuration was read again.\n"
