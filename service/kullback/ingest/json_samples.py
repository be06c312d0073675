"""The JSON forms of `POST /api/v1/ingest`, singly, as an array, or one per line (docs/api.md)."""

from __future__ import annotations

from collections.abc import Iterable
from io import BytesIO

import orjson

from kullback.core.errors import DecodeError, ErrorId, Refusal
from kullback.core.limits import Limits
from kullback.ingest.builder import Builder
from kullback.ingest.decoded import Decoded
from kullback.ingest.json_rows import RowReader
from kullback.ingest.numbers import refuse_crowded


class _RowsDecoder:
    """What a single body and one of lines have in common.

    Parameters
    ----------
    limits : Limits, optional
    """

    protocol: str
    place: str
    """What the position of a row is called."""

    def __init__(self, limits: Limits | None = None) -> None:
        self._limits = limits or Limits()
        self._rows = RowReader(self._limits)

    def decode(self, body: bytes, now_ms: int) -> Decoded:
        """Read a body.

        Parameters
        ----------
        body : bytes
        now_ms : int
            Time of samples that carry none.

        Raises
        ------
        DecodeError
            TOO_MANY_SAMPLES; of a body that is not in lines also BAD_JSON, and BAD_SAMPLE when it is neither
            an object nor an array.
        """
        refuse_crowded(body, self._limits.max_samples_per_request)
        builder = Builder(self._limits.max_samples_per_request)
        for number, row in self._parsed(body):
            if isinstance(row, Refusal):
                builder.refuse(row.error, row.detail)
            else:
                self._rows.read(builder, self.place, number, row, now_ms)
        return builder.build()

    def _parsed(self, body: bytes) -> Iterable[tuple[int, object]]:
        """Rows by number; a Refusal stands for one that cannot be parsed."""
        raise NotImplementedError


class JsonDecoder(_RowsDecoder):
    """Decodes one row, or an array of rows."""

    protocol, place = "json", "Row"

    def _parsed(self, body: bytes) -> Iterable[tuple[int, object]]:
        try:
            rows = orjson.loads(body)
        except orjson.JSONDecodeError as problem:
            raise DecodeError(ErrorId.BAD_JSON, f"The body is not valid JSON: {problem}.") from problem
        if isinstance(rows, dict):
            rows = [rows]
        if not isinstance(rows, list):
            raise DecodeError(ErrorId.BAD_SAMPLE, "The body must be a JSON object or an array of objects.")
        return enumerate(rows, 1)


class NdjsonDecoder(_RowsDecoder):
    """Decodes one row per line; a bad line is refused alone."""

    protocol, place = "ndjson", "Line"

    def _parsed(self, body: bytes) -> Iterable[tuple[int, object]]:
        for number, line in enumerate(BytesIO(body), 1):
            if not line.strip():
                continue
            try:
                yield number, orjson.loads(line)
            except orjson.JSONDecodeError as problem:
                detail = f"Line {number} is not valid JSON: {problem}."
                yield number, Refusal(ErrorId.BAD_JSON, 1, detail)
