"""`POST /collectd` and `POST /api/put`: senders that look at nothing but the status."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import orjson
from starlette.requests import Request
from starlette.responses import Response

from kullback.core.errors import KullbackError
from kullback.http.problems import PROBLEM_JSON, problem_document, problem_response
from kullback.http.protocols.dialect import Taken
from kullback.ingest.decoded import Decoder


@dataclass(frozen=True, slots=True)
class _PlainDialect:
    default_encoding: ClassVar[str] = ""
    json: Decoder

    def decoder(self, request: Request) -> Decoder:
        """There is one."""
        return self.json

    def refuse(self, request: Request, problem: KullbackError) -> Response:
        """A problem document."""
        return problem_response(problem.error, problem.detail)


class CollectdDialect(_PlainDialect):
    """collectd's write_http plugin, format JSON."""

    def answer(self, request: Request, taken: Taken) -> Response:
        """200; 400 with the reasons when values were refused, the others are kept."""
        return partly_bad(taken) if taken.faulty else Response(b"", 200, media_type="text/plain")


class OpenTsdbDialect(_PlainDialect):
    """OpenTSDB's HTTP put, which Netdata and others speak."""

    def answer(self, request: Request, taken: Taken) -> Response:
        """204; 400 in OpenTSDB's error form when points were refused, the others are kept."""
        if not taken.faulty:
            return Response(None, 204)
        error = {"code": 400, "message": taken.sentence()}
        counts = {"success": taken.receipt.accepted, "failed": taken.receipt.rejected}
        return Response(orjson.dumps({"error": error, **counts}), 400, media_type="application/json")


def partly_bad(taken: Taken) -> Response:
    """A problem document for a request of which only a part was kept.

    Parameters
    ----------
    taken : Taken
    """
    body = problem_document(taken.receipt.refusals[0].error, 400, taken.sentence())
    return Response(orjson.dumps(body), 400, media_type=PROBLEM_JSON)
