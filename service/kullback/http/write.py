"""The write endpoints: raw ASGI applications in the router.

FastAPI's own request handling costs 70-150 µs and a pydantic body triples the time of 2000 samples, so
these routes take the bytes themselves; docs for them are written by hand in `write_docs`.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from kullback.core.errors import DecodeError, ErrorId, KullbackError
from kullback.core.limits import Limits
from kullback.core.tenant import EVERYONE
from kullback.http.context import Context, context_of
from kullback.http.protocols.dialect import Dialect, Taken
from kullback.http.protocols.native import wanted_streams
from kullback.http.request_body import read_body
from kullback.ingest.body import unpack
from kullback.ingest.decoded import Decoded, Decoder
from kullback.pipeline.request import Request as PipelineRequest

INLINE_BYTES = 256 * 1024
"""Bodies up to this size are decoded on the event loop: a thread switch would cost more."""

PATHS = (
    "/api/v1/ingest",
    "/api/v1/write",
    "/v1/metrics",
    "/write",
    "/api/v2/write",
    "/collectd",
    "/api/put",
)


class WriteEndpoint:
    """One write path.

    Parameters
    ----------
    path : str
        Names the dialect in the context.
    """

    def __init__(self, path: str) -> None:
        self.path = path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request (ASGI)."""
        request = Request(scope, receive)
        context = context_of(request)
        dialect = context.dialects[self.path]
        try:
            response = await _respond(request, context, dialect)
        except ClientDisconnect:
            return
        await response(scope, receive, send)


async def _respond(request: Request, context: Context, dialect: Dialect) -> Response:
    protocol = "unknown"
    try:
        decoder = dialect.decoder(request)
        protocol = decoder.protocol
        taken = await _take(request, context, decoder, dialect.default_encoding)
    except KullbackError as problem:
        context.meters.refused_request(protocol, problem.error, context.tenant)
        return dialect.refuse(request, problem)
    receipt = taken.receipt
    context.meters.took(protocol, receipt.accepted, receipt.refusals, context.tenant)
    context.meters.unscored(protocol, receipt.duplicates, receipt.not_a_number, receipt.stale, context.tenant)
    return dialect.answer(request, taken)


async def _take(request: Request, context: Context, decoder: Decoder, default_encoding: str) -> Taken:
    now_ms = context.clock()
    want_streams = wanted_streams(request) if decoder.protocol in ("json", "ndjson") else 0
    any_age = request.query_params.get("backfill") == "true"
    encoding = request.headers.get("content-encoding", default_encoding)
    with context.bodies.share(context.limits.max_inflight_bytes) as share:
        body = await read_body(request, context.limits, share)
        decoded = await _decode(body, encoding, decoder, context, now_ms)
    receipt = await context.receive(
        PipelineRequest(decoded.batch, decoder.protocol, now_ms, decoded.refusals, any_age, want_streams)
    )
    return Taken(decoded, receipt)


async def _decode(body: bytes, encoding: str, decoder: Decoder, context: Context, now_ms: int) -> Decoded:
    """Decode on the loop what is small packed and unpacked, the rest in a worker thread."""

    def read(limits: Limits) -> Decoded:
        decoded = decoder.decode(unpack(body, encoding, limits), now_ms)
        if context.tenant == EVERYONE:
            return decoded
        return replace(decoded, batch=context.deeds.put(decoded.batch, context.tenant))

    limits = context.limits
    if len(body) <= INLINE_BYTES:
        try:
            return read(replace(limits, max_unpacked_bytes=min(INLINE_BYTES, limits.max_unpacked_bytes)))
        except DecodeError as problem:
            if problem.error is not ErrorId.UNPACKED_TOO_LARGE:
                raise
    return await asyncio.to_thread(read, limits)


def write_routes() -> list[Route]:
    """The write endpoints as routes."""
    return [Route(path, WriteEndpoint(path), methods=["POST"]) for path in PATHS]
