"""`POST /api/v1/write`: Prometheus remote write 1.0 and 2.0.

Status codes as the specification asks (https://prometheus.io/docs/specs/prw/remote_write_spec_2_0/):
4xx is final and 5xx is sent again. 429 is sent again only by senders that were told so, so a full
queue is answered with 503: nothing is lost with default settings.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from kullback.core.errors import DecodeError, ErrorId, KullbackError
from kullback.http.problems import retry_headers, status_of
from kullback.http.protocols.dialect import Taken, media_type
from kullback.ingest.decoded import Decoder

PROTO_1 = "prometheus.WriteRequest"
PROTO_2 = "io.prometheus.write.v2.Request"
WRITTEN = "X-Prometheus-Remote-Write-"


@dataclass(frozen=True, slots=True)
class RemoteWriteDialect:
    """Remote write in both versions."""

    default_encoding: ClassVar[str] = "snappy"
    version_1: Decoder
    version_2: Decoder

    def decoder(self, request: Request) -> Decoder:
        """By the content type's `proto` parameter; none means 1.0."""
        kind = media_type(request)
        if kind not in ("", "application/x-protobuf"):
            raise _unsupported(f"Remote write is application/x-protobuf, not {kind}.")
        proto = _proto(request)
        if proto in ("", PROTO_1):
            return self.version_1
        if proto == PROTO_2:
            return self.version_2
        raise _unsupported(f"The message {proto[:80]!r} is neither {PROTO_1} nor {PROTO_2}.")

    def answer(self, request: Request, taken: Taken) -> Response:
        """204, or 400 with a text that says what was refused; 2.0 is always told what was written."""
        headers = _written(taken) if _proto(request) == PROTO_2 else {}
        if taken.faulty:
            return PlainTextResponse(taken.sentence(), 400, headers)
        return Response(None, 204, headers)

    def refuse(self, request: Request, problem: KullbackError) -> Response:
        """A line of text; 2.0 is told that nothing was written."""
        status = 503 if problem.error is ErrorId.QUEUE_FULL else status_of(problem.error)
        headers = _counts(0, 0) if _proto(request) == PROTO_2 else {}
        return PlainTextResponse(str(problem), status, {**headers, **retry_headers(status)})


def _proto(request: Request) -> str:
    for parameter in request.headers.get("content-type", "").split(";")[1:]:
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "proto":
            return value.strip().strip('"')
    return ""


def _written(taken: Taken) -> dict[str, str]:
    """Rows of the batch less those refused after decoding; those are taken to be samples first."""
    batch = taken.decoded.batch
    histograms = int(np.count_nonzero(np.diff(batch.buckets.start))) if batch.buckets else 0
    late = taken.receipt.rejected - sum(refusal.count for refusal in taken.decoded.refusals)
    samples = len(batch) - histograms
    return _counts(max(samples - late, 0), histograms - max(late - samples, 0))


def _counts(samples: int, histograms: int) -> dict[str, str]:
    return {
        f"{WRITTEN}Samples-Written": str(samples),
        f"{WRITTEN}Histograms-Written": str(histograms),
        f"{WRITTEN}Exemplars-Written": "0",
    }


def _unsupported(detail: str) -> DecodeError:
    return DecodeError(ErrorId.UNSUPPORTED_CONTENT_TYPE, detail)
