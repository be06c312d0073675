"""The JSON forms of `POST /api/v1/ingest`, singly, as an array, or one per line (docs/api.md)."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO

import orjson

from kullback.core.errors import DecodeError, ErrorId
from kullback.core.limits import Limits
from kullback.ingest.builder import Builder
from kullback.ingest.decoded import Decoded
from kullback.ingest.json_rows import RowReader
from kullback.ingest.numbers import refuse_crowded


class JsonDecoder:
    """Decodes one row, or an array of rows.

    Parameters
    ----------
    limits : Limits, optional
    """

    protocol = "json"

    def __init__(self, limits: Limits | None = None) -> None:
        self._limits = limits or Limits()
        self._rows = RowReader(self._limits)

    def decode(self, body: bytes, now_ms: int) -> Decoded:
        """Read a JSON body.

        Parameters
        ----------
        body : bytes
        now_ms : int
            Time of samples that carry none.

        Raises
        ------
        DecodeError
            BAD_JSON, BAD_SAMPLE when it is neither an object nor an array, or TOO_MANY_SAMPLES.
        """
        refuse_crowded(body, self._limits.max_samples_per_request)
        try:
            rows = orjson.loads(body)
        except orjson.JSONDecodeError as problem:
            raise DecodeError(ErrorId.BAD_JSON, f"The body is not valid JSON: {problem}.") from problem
        if isinstance(rows, dict):
            rows = [rows]
        if not isinstance(rows, list):
            raise DecodeError(ErrorId.BAD_SAMPLE, "The body must be a JSON object or an array of objects.")
        builder = Builder(self._limits.max_samples_per_request)
        for place, row in enumerate(rows, 1):
            self._rows.read(builder, "Row", place, row, now_ms)
        return builder.build()


class NdjsonDecoder:
    """Decodes one row per line.

    Parameters
    ----------
    limits : Limits, optional
    """

    protocol = "ndjson"

    def __init__(self, limits: Limits | None = None) -> None:
        self._limits = limits or Limits()
        self._rows = RowReader(self._limits)

    def decode(self, body: bytes, now_ms: int) -> Decoded:
        """Read an NDJSON body; a bad line is refused alone.

        Parameters
        ----------
        body : bytes
        now_ms : int
            Time of samples that carry none.

        Raises
        ------
        DecodeError
            TOO_MANY_SAMPLES.
        """
        refuse_crowded(body, self._limits.max_samples_per_request)
        builder = Builder(self._limits.max_samples_per_request)
        for place, line in self._lines(body):
            try:
                row = orjson.loads(line)
            except orjson.JSONDecodeError as problem:
                builder.refuse(ErrorId.BAD_JSON, f"Line {place} is not valid JSON: {problem}.")
                continue
            self._rows.read(builder, "Line", place, row, now_ms)
        return builder.build()

    @staticmethod
    def _lines(body: bytes) -> Iterator[tuple[int, bytes]]:
        for place, line in enumerate(BytesIO(body), 1):
            if line.strip():
                yield place, line
