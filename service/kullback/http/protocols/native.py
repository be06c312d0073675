"""`POST /api/v1/ingest`: JSON and NDJSON, answered with a receipt."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import orjson
from starlette.requests import Request
from starlette.responses import Response

from kullback.core.errors import DecodeError, ErrorId, KullbackError, Refusal, RequestError
from kullback.http.problems import PROBLEM_JSON, problem_document, problem_response
from kullback.http.protocols.dialect import ALL_STREAMS, SHOWN_STREAMS, Taken, media_type
from kullback.ingest.decoded import Decoder
from kullback.pipeline.receipt import TouchedStream

NOT_JSON = ("application/x-protobuf", "application/protobuf", "application/x-snappy")
WANTED = {"none": 0, "": SHOWN_STREAMS, "all": ALL_STREAMS}


@dataclass(frozen=True, slots=True)
class NativeDialect:
    """Kullback's own JSON."""

    default_encoding: ClassVar[str] = ""
    json: Decoder
    ndjson: Decoder

    def decoder(self, request: Request) -> Decoder:
        """NDJSON by content type, else JSON; protobuf and snappy are surely a mistake."""
        kind = media_type(request)
        if kind in NOT_JSON:
            raise DecodeError(
                ErrorId.UNSUPPORTED_CONTENT_TYPE,
                f"This endpoint reads application/json and application/x-ndjson, not {kind}; "
                "remote write goes to /api/v1/write, OTLP to /v1/metrics.",
            )
        return self.ndjson if "ndjson" in kind or "jsonl" in kind else self.json

    def answer(self, request: Request, taken: Taken) -> Response:
        """The receipt; 400 when nothing was valid."""
        receipt = taken.receipt
        body: dict[str, Any] = {
            "accepted": receipt.accepted,
            "rejected": receipt.rejected,
            "duplicates": receipt.duplicates,
            "not_a_number": receipt.not_a_number,
            "errors": [_error(refusal) for refusal in receipt.refusals],
            "scores": [_score(stream) for stream in receipt.streams],
        }
        if not taken.hopeless:
            return Response(orjson.dumps(body), media_type="application/json")
        body |= problem_document(receipt.refusals[0].error, 400, taken.sentence())
        return Response(orjson.dumps(body), 400, media_type=PROBLEM_JSON)

    def refuse(self, request: Request, problem: KullbackError) -> Response:
        """A problem document."""
        return problem_response(problem.error, problem.detail)


def wanted_streams(request: Request) -> int:
    """How many scores the sender wants to see, from `?scores=`.

    Parameters
    ----------
    request : Request

    Raises
    ------
    RequestError
        BAD_REQUEST for anything but `none` and `all`.
    """
    asked = request.query_params.get("scores", "")
    if asked not in WANTED:
        raise RequestError(ErrorId.BAD_REQUEST, f"scores must be none or all, not {asked[:40]!r}.")
    return WANTED[asked]


def _error(refusal: Refusal) -> dict[str, Any]:
    return {
        "id": refusal.error.code,
        "count": refusal.count,
        "message": refusal.error.text(refusal.detail),
        "option": refusal.error.option,
    }


def _score(stream: TouchedStream) -> dict[str, Any]:
    return {
        "stream": stream.id,
        "score": stream.score,
        "max_score": stream.max_score,
        "divergence_nats": stream.divergence_nats,
        "state": stream.state,
    }
