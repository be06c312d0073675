"""Instants and spans as callers write them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import BeforeValidator, WithJsonSchema

from kullback.core.duration import parse_duration_ms
from kullback.core.errors import ErrorId, RequestError

FIRST_IN_MS = 10**11
"""Numbers from here on are milliseconds: as seconds they would lie past the year 5000."""
LAST_MS = 253_402_300_799_999
"""The end of the year 9999, the last that RFC 3339 can write."""


def parse_time_ms(text: str | float) -> int:
    """Unix milliseconds of an instant.

    Parameters
    ----------
    text : str or number
        RFC 3339, or a Unix time in seconds (as Prometheus' API) or milliseconds, told apart by their size.

    Raises
    ------
    RequestError
        BAD_REQUEST.
    """
    try:
        instant = _from_number(float(text)) if _is_number(text) else _from_text(str(text))
    except (ValueError, OverflowError) as problem:
        raise _bad(text) from problem
    if not 0 <= instant <= LAST_MS:
        raise _bad(text)
    return instant


def _is_number(text: str | float) -> bool:
    return not isinstance(text, str) or text.replace(".", "", 1).isdecimal()


def _from_number(number: float) -> int:
    return round(number) if number >= FIRST_IN_MS else round(number * 1000)


def _from_text(text: str) -> int:
    instant = datetime.fromisoformat(text)
    return round((instant if instant.tzinfo else instant.replace(tzinfo=UTC)).timestamp() * 1000)


def _bad(text: str | float) -> RequestError:
    detail = (
        f"{str(text)[:40]!r} is not a time such as 2026-11-22T09:15:00Z, or Unix seconds or milliseconds."
    )
    return RequestError(ErrorId.BAD_REQUEST, detail)


def parse_step_ms(text: str) -> int:
    """Milliseconds of a step.

    Parameters
    ----------
    text : str
        A duration such as `30s`, or a number of seconds as in Prometheus' API.

    Raises
    ------
    RequestError
        BAD_REQUEST.
    """
    step_ms = round(float(text) * 1000) if _is_number(text) and text else parse_duration_ms(text)
    if step_ms <= 0:
        raise RequestError(ErrorId.BAD_REQUEST, "step must be longer than zero.")
    return step_ms


def _instant(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError("must be a time")
    try:
        return parse_time_ms(value)
    except RequestError as problem:
        raise ValueError(problem.detail) from problem


Instant = Annotated[
    int,
    BeforeValidator(_instant),
    WithJsonSchema(
        {
            "anyOf": [{"type": "string", "format": "date-time"}, {"type": "number", "minimum": 0}],
            "description": "RFC 3339, or Unix seconds or milliseconds.",
        }
    ),
]
"""Unix ms, in a body."""
