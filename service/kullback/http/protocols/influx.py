"""`POST /write` and `POST /api/v2/write`: Influx line protocol, as Telegraf sends it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import orjson
from starlette.requests import Request
from starlette.responses import Response

from kullback.core.errors import ErrorId, KullbackError, RequestError
from kullback.http.problems import retry_headers, status_of
from kullback.http.protocols.dialect import Taken
from kullback.ingest.decoded import Decoder

CODES = {413: "request too large", 429: "too many requests"}
"""Codes of Influx' own API, for clients that look at them; other 4xx are `invalid`."""


@dataclass(frozen=True, slots=True)
class InfluxDialect:
    """Line protocol; one decoder per `precision`."""

    default_encoding: ClassVar[str] = ""
    by_precision: Mapping[str, Decoder]

    def decoder(self, request: Request) -> Decoder:
        """By the `precision` parameter, ns when absent."""
        precision = request.query_params.get("precision") or "ns"
        if precision not in self.by_precision:
            known = ", ".join(self.by_precision)
            detail = f"precision must be one of {known}, not {precision[:40]!r}."
            raise RequestError(ErrorId.BAD_REQUEST, detail)
        return self.by_precision[precision]

    def answer(self, request: Request, taken: Taken) -> Response:
        """204, or 400 naming the lines that were not used; the others are kept."""
        if not taken.faulty:
            return Response(None, 204)
        return _refusal(400, {"message": taken.sentence(), "lines": list(taken.decoded.lines)}, {})

    def refuse(self, request: Request, problem: KullbackError) -> Response:
        """Influx' error form."""
        status = status_of(problem.error)
        return _refusal(status, {"message": str(problem), "lines": []}, retry_headers(status))


def _refusal(status: int, body: dict[str, Any], headers: dict[str, str]) -> Response:
    code = CODES.get(status, "unavailable" if status >= 500 else "invalid")
    return Response(orjson.dumps({"code": code, **body}), status, headers, "application/json")
