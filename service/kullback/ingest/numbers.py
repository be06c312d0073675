"""Numbers and times as JSON protocols write them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kullback.core.errors import DecodeError, ErrorId

PLAIN = frozenset({int, float, type(None)})
SPECIAL = {"nan": math.nan, "inf": math.inf, "+inf": math.inf, "-inf": -math.inf}
"""What JSON has no number for."""
FURTHEST_MS = 2**62
MARKS_PER_SAMPLE = 16
"""Commas, braces and brackets a JSON body may have per allowed sample: bounds what its parsing takes."""


class Bad(Exception):
    """Why a part of a body cannot be read; becomes a refusal.

    Parameters
    ----------
    why : str
        Goes on after the name of the part.
    count : int
        Samples lost by it.
    error : ErrorId
    """

    def __init__(self, why: str, count: int = 1, error: ErrorId = ErrorId.BAD_SAMPLE) -> None:
        super().__init__(why)
        self.count = max(count, 1)
        self.error = error


def number(value: object, field: str, count: int = 1) -> float | None:
    """A sample's value; None (JSON null) stands for NaN, and so do the texts of NaN and the infinities.

    Parameters
    ----------
    value : object
    field : str
        For the message.
    count : int
        Samples lost when it is none.

    Raises
    ------
    Bad
        When it is anything else.
    """
    if type(value) in PLAIN:
        return value  # type: ignore[return-value]
    if isinstance(value, str) and value.lower() in SPECIAL:
        return SPECIAL[value.lower()]
    raise Bad(f"needs a number as `{field}`", count)


def column(values: list[Any]) -> tuple[NDArray[np.float64], list[int]]:
    """The numbers of a column and the places of what is none.

    Parameters
    ----------
    values : list
        As parsed; null stands for NaN.
    """
    if PLAIN.issuperset(map(type, values)):
        return np.array(values, np.float64), []
    kept: list[float | None] = []
    bad: list[int] = []
    for place, value in enumerate(values):
        try:
            kept.append(number(value, ""))
        except Bad:
            bad.append(place)
    return np.array(kept, np.float64), bad


def time_column(given: list[Any], field: str) -> NDArray[np.int64]:
    """The times of a column, ms.

    Parameters
    ----------
    given : list
    field : str
        For the message.

    Raises
    ------
    Bad
        When one of them is no time; all are lost then, because their samples cannot be placed.
    """
    if {int}.issuperset(map(type, given)):
        try:
            return np.array(given, np.int64)
        except OverflowError:
            pass
    return np.array([timestamp(ms, f"{field}[{i}]", len(given)) for i, ms in enumerate(given)], np.int64)


def timestamp(value: object, field: str, count: int = 1) -> int:
    """A time in ms.

    Parameters
    ----------
    value : object
    field : str
        For the message.
    count : int
        Samples lost when it is none.

    Raises
    ------
    Bad
        When it is not a finite number within 64 bits.
    """
    if type(value) not in (int, float) or not abs(value) < FURTHEST_MS:  # type: ignore[arg-type]
        raise Bad(f"needs milliseconds since 1970 as `{field}`", count)
    return int(value)  # type: ignore[call-overload, no-any-return]


def refuse_crowded(body: bytes, max_samples: int) -> None:
    """Refuse a JSON body whose parsing alone would take too much memory.

    Parameters
    ----------
    body : bytes
    max_samples : int
        The option `max_samples_per_request`.

    Raises
    ------
    DecodeError
        TOO_MANY_SAMPLES.
    """
    most = MARKS_PER_SAMPLE * max_samples
    if len(body) > most and max(body.count(b","), 4 * body.count(b"{"), body.count(b"[")) > most:
        detail = f"The body can not be {max_samples} samples or fewer: it has too many parts."
        raise DecodeError(ErrorId.TOO_MANY_SAMPLES, detail)
