"""JSON bodies of the reading and acting endpoints: bounded, and read in a worker thread when large.

FastAPI parses bodies on the event loop, where a large one would hold up every sender; these endpoints
take whole series, so they read their own body and only describe it to OpenAPI.
"""

from __future__ import annotations

import asyncio
from typing import Any, TypeVar

from fastapi import Request
from pydantic import BaseModel, ConfigDict, ValidationError

from kullback.core.errors import RequestError
from kullback.http.context import context_of
from kullback.http.docs import with_nulls
from kullback.http.problems import invalid
from kullback.http.request_body import read_body

INLINE_BYTES = 64 * 1024
T = TypeVar("T", bound="Shape")


class Shape(BaseModel):
    """A body whose unknown members are errors: a misspelt one that is ignored is worse than none."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)


async def read_json(request: Request, shape: type[T]) -> T:
    """The body as `shape`; an empty one counts as `{}`.

    Parameters
    ----------
    request : Request
    shape : type

    Raises
    ------
    DecodeError, Overloaded
        BODY_TOO_LARGE, BODIES_FULL.
    RequestError
        BAD_JSON or BAD_REQUEST, naming the member.
    """
    context = context_of(request)
    with context.bodies.share(context.limits.max_inflight_bytes) as share:
        body = await read_body(request, context.limits, share) or b"{}"
        if len(body) <= INLINE_BYTES:
            return _validated(body, shape)
        return await asyncio.to_thread(_validated, body, shape)


def _validated(body: bytes, shape: type[T]) -> T:
    try:
        return shape.model_validate_json(body)
    except ValidationError as problem:
        errors = problem.errors(include_url=False, include_input=False, include_context=False)
        raise RequestError(*invalid(errors)) from problem


def body_docs(shape: type[Shape], example: Any) -> dict[str, Any]:
    """OpenAPI's description of a body that a handler reads itself (`openapi_extra=`).

    Parameters
    ----------
    shape : type
    example : Any
    """
    schema = shape.model_json_schema(ref_template="#/components/schemas/{model}")
    content = {"application/json": {"schema": schema, "example": with_nulls(example)}}
    return {"requestBody": {"required": bool(schema.get("required")), "content": content}}
