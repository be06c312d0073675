"""Pinned references: named distributions that do not roll, from a stream's window or uploaded."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, Literal

import numpy as np
from fastapi import APIRouter, Depends, Path, Query, Request
from pydantic import BaseModel, Field, model_validator
from starlette.responses import Response

from kullback.core.errors import ErrorId, RequestError
from kullback.detector.compare import Options, compare_samples
from kullback.http.compare import EXAMPLE as COMPARE_EXAMPLE
from kullback.http.compare import CompareAnswer, shown
from kullback.http.context import Context, author_of, context_of
from kullback.http.docs import answers
from kullback.http.json_body import Shape, body_docs, read_json
from kullback.http.stream_shapes import STREAM_EXAMPLE
from kullback.http.streams import number_of
from kullback.outputs.alert_json import rfc3339
from kullback.pipeline.tenancy import OwnFleet

router = APIRouter(prefix="/api/v1/references", tags=["References"])
In = Annotated[Context, Depends(context_of)]
By = Annotated[str, Depends(author_of)]
Name = Annotated[str, Path(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")]
MAX_SAMPLES = 16_384
MAX_REFERENCES = 200
LEAST_SAMPLES = 16


class ReferenceBody(Shape):
    """Samples, or a stream and which of its windows."""

    samples: list[float] | None = Field(None, max_length=MAX_SAMPLES)
    stream: str | None = Field(None, max_length=64)
    side: Literal["reference", "current"] = "reference"
    window: int = Field(1024, ge=1, description="Length of the current window, for `side: current`.")
    description: str = Field("", max_length=1000)

    @model_validator(mode="after")
    def _one_source(self) -> ReferenceBody:
        if (self.samples is None) == (self.stream is None):
            raise ValueError("give samples, or a stream")
        return self


class ReferenceRow(BaseModel):
    """One pinned reference."""

    name: str
    samples: int
    least: float
    median: float
    most: float
    source: str = Field(description="`uploaded`, or the stream it was taken from.")
    description: str
    author: str
    pinned_at: str | None


class ReferenceDetail(ReferenceRow):
    """With its samples, rising."""

    values: list[float]


class ReferenceList(BaseModel):
    """All pinned references by name."""

    references: list[ReferenceRow]


EXAMPLE = {
    "name": "release-42",
    "samples": 1024,
    "least": 0.05,
    "median": 0.1,
    "most": 0.31,
    "source": STREAM_EXAMPLE["id"],
    "description": "before the new cache",
    "author": "alice",
    "pinned_at": "2026-11-22T09:06:41.679Z",
}


@router.get("", responses=answers({"references": [EXAMPLE]}))
async def list_references(context: In) -> ReferenceList:
    """All pinned references."""
    documents = await context.ask(lambda fleet: dict(fleet.facts.references))
    return ReferenceList(references=[_row(documents[name]) for name in sorted(documents)])


@router.get("/{name}", responses=answers(EXAMPLE | {"values": [0.05, 0.1, 0.31]}, ErrorId.NOT_FOUND))
async def show_reference(context: In, name: Name) -> ReferenceDetail:
    """One reference with its samples."""
    document = await context.ask(lambda fleet: pinned(fleet, name))
    return ReferenceDetail(**_row(document).model_dump(), values=document["values"])


@router.put(
    "/{name}",
    responses=answers(EXAMPLE, ErrorId.NOT_FOUND, ErrorId.CONFLICT),
    openapi_extra=body_docs(
        ReferenceBody, {"stream": STREAM_EXAMPLE["id"], "description": "before the new cache"}
    ),
)
async def pin_reference(request: Request, context: In, author: By, name: Name) -> ReferenceRow:
    """Pin a stream's reference or current window, or uploaded samples, in place of one of that name."""
    body = await read_json(request, ReferenceBody)
    values = await context.ask(lambda fleet: _values(fleet, body, name))
    document = {
        "name": name,
        "values": np.sort(values).tolist(),
        "source": body.stream or "uploaded",
        "description": body.description,
        "pinned_ms": context.clock(),
    }
    await context.act(author, "pin_reference", **document)
    return _row({**document, "author": author})


@router.delete("/{name}", status_code=204, responses=answers(None, ErrorId.NOT_FOUND, status=204))
async def unpin_reference(context: In, author: By, name: Name) -> Response:
    """Forget a reference."""
    await context.act(author, "unpin_reference", name=name)
    return Response(status_code=204)


@router.get(
    "/{name}/compare",
    responses=answers(COMPARE_EXAMPLE, ErrorId.NOT_FOUND),
)
async def compare_with_reference(
    context: In,
    name: Name,
    stream: Annotated[str, Query(max_length=64, description="The stream's id.")],
    window: Annotated[int, Query(ge=1, description="Length of its current window, samples.")] = 256,
) -> CompareAnswer:
    """A stream's current window against a pinned reference, by every measure."""

    def asked(fleet: OwnFleet) -> tuple[Any, Any]:
        document = pinned(fleet, name)
        view = fleet.engine.windows(number_of(fleet, stream), window)
        return view.current_values, np.array(document["values"])

    current, reference = await context.ask(asked)
    return shown(await asyncio.to_thread(compare_samples, current, reference, Options()))


def pinned(fleet: OwnFleet, name: str) -> dict[str, Any]:
    """A pinned reference.

    Parameters
    ----------
    fleet : OwnFleet
    name : str

    Raises
    ------
    RequestError
        NOT_FOUND.
    """
    if name not in fleet.facts.references:
        raise RequestError(ErrorId.NOT_FOUND, f"There is no reference {name!r}.")
    return fleet.facts.references[name]


def _values(fleet: OwnFleet, body: ReferenceBody, name: str) -> Any:
    """The samples to pin."""
    known = fleet.facts.references
    if name not in known and len(known) >= MAX_REFERENCES:
        raise RequestError(ErrorId.CONFLICT, f"There are {MAX_REFERENCES} pinned references already.")
    values = np.array(body.samples or [], np.float64)
    if body.stream is not None:
        view = fleet.engine.windows(number_of(fleet, body.stream), body.window)
        values = view.reference_values if body.side == "reference" else view.current_values
    if len(values) < LEAST_SAMPLES or not np.isfinite(values).all():
        detail = f"A reference needs at least {LEAST_SAMPLES} finite samples; here are {len(values)}."
        raise RequestError(ErrorId.BAD_REQUEST, detail)
    return values


def _row(document: dict[str, Any]) -> ReferenceRow:
    values = document["values"]
    return ReferenceRow(
        name=document["name"],
        samples=len(values),
        least=values[0],
        median=float(np.median(values)),
        most=values[-1],
        source=document["source"],
        description=document["description"],
        author=document.get("author", ""),
        pinned_at=rfc3339(document["pinned_ms"]),
    )
