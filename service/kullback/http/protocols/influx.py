"""`POST /write` and `POST /api/v2/write`: Influx line protocol, as Telegraf sends it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import orjson
from starlette.requests import Request
from starlette.responses import Response

from kullback.core.errors import KullbackError
from kullback.http.problems import retry_headers, status_of
from kullback.http.protocols.dialect import Taken
from kullback.ingest.decoded import Decoded, Decoder
from kullback.ingest.influx import InfluxDecoder

CODES = {413: "request too large", 429: "too many requests"}
"""Codes of Influx' own API, for clients that look at them; other 4xx are `invalid`."""


class InPrecision:
    """The decoder with the unit of a request's timestamps."""

    def __init__(self, lines: InfluxDecoder, precision: str) -> None:
        self.protocol = lines.protocol
        self._lines, self._precision = lines, precision

    def decode(self, body: bytes, now_ms: int) -> Decoded:
        """See `ingest.decoded.Decoder`."""
        return self._lines.decode(body, now_ms, self._precision)


@dataclass(frozen=True, slots=True)
class InfluxDialect:
    """Line protocol; `precision` is the unit of its timestamps."""

    default_encoding: ClassVar[str] = ""
    lines: InfluxDecoder

    def decoder(self, request: Request) -> Decoder:
        """One for the `precision` parameter, ns when absent; any content type."""
        return InPrecision(self.lines, request.query_params.get("precision", ""))

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
