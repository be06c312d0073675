"""`POST /v1/metrics`: OTLP/HTTP, protobuf and JSON.

Partly bad is 200 with `partialSuccess`; only 429, 502, 503 and 504 mean "send again"
(https://opentelemetry.io/docs/specs/otlp/#otlphttp-response). Errors are `google.rpc.Status`, whose
`code` the specification lets a server leave out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import orjson
from starlette.requests import Request
from starlette.responses import Response

from kullback.core.errors import DecodeError, ErrorId, KullbackError
from kullback.http.problems import retry_headers, status_of
from kullback.http.protocols.dialect import Taken, media_type
from kullback.ingest.decoded import Decoder

PROTOBUF = "application/x-protobuf"
JSON = "application/json"


@dataclass(frozen=True, slots=True)
class OtlpDialect:
    """OTLP in both encodings; the answer has the encoding of the request."""

    default_encoding: ClassVar[str] = ""
    protobuf: Decoder
    json: Decoder

    def decoder(self, request: Request) -> Decoder:
        """By content type; a missing one means protobuf, the protocol's default."""
        kind = media_type(request)
        if kind == JSON:
            return self.json
        if kind in ("", PROTOBUF, "application/protobuf"):
            return self.protobuf
        raise DecodeError(
            ErrorId.UNSUPPORTED_CONTENT_TYPE, f"OTLP/HTTP is {PROTOBUF} or {JSON}, not {kind[:80]}."
        )

    def answer(self, request: Request, taken: Taken) -> Response:
        """`ExportMetricsServiceResponse`, with `partialSuccess` when points were refused."""
        rejected = taken.receipt.rejected
        message = taken.sentence() if taken.faulty else ""
        if media_type(request) == JSON:
            # An int64 is a string in protobuf's JSON mapping.
            partial = {"rejectedDataPoints": str(rejected), "errorMessage": message}
            return Response(orjson.dumps({"partialSuccess": partial} if rejected else {}), media_type=JSON)
        partial_bytes = b"\x08" + _varint(rejected) + _text(2, message)
        return Response(_field(1, partial_bytes) if rejected else b"", media_type=PROTOBUF)

    def refuse(self, request: Request, problem: KullbackError) -> Response:
        """`google.rpc.Status` with the message."""
        status = status_of(problem.error)
        headers = retry_headers(status)
        if media_type(request) == JSON:
            return Response(orjson.dumps({"message": str(problem)}), status, headers, JSON)
        return Response(_text(2, str(problem)), status, headers, PROTOBUF)


def _text(number: int, text: str) -> bytes:
    return _field(number, text.encode("utf-8", "replace"))


def _field(number: int, content: bytes) -> bytes:
    """A length-delimited protobuf field."""
    return bytes([number << 3 | 2]) + _varint(len(content)) + content


def _varint(number: int) -> bytes:
    parts = bytearray()
    while number > 0x7F:
        parts.append(number & 0x7F | 0x80)
        number >>= 7
    parts.append(number)
    return bytes(parts)
