"""Local time as a table of offsets, so that everything below can do calendar arithmetic on plain integers.

This is the only place that asks for a calendar, and it asks of the time zone database only: no clock is read.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import pairwise
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
from numpy.typing import NDArray

from kullback.core.errors import ErrorId, RequestError

FIRST = datetime(2000, 1, 1, tzinfo=UTC)
LAST = datetime(2060, 1, 1, tzinfo=UTC)
PROBE = timedelta(days=7)
"""No zone changes its offset twice within a week and back."""


@dataclass(frozen=True, slots=True)
class OffsetTable:
    """What a zone's clocks show, as distance from UTC.

    Parameters
    ----------
    from_ms : int64 array, shape (n,)
        Unix times, rising, at which an offset begins to hold; the first holds before that too.
    offset_ms : int64 array, shape (n,)
    """

    from_ms: NDArray[np.int64]
    offset_ms: NDArray[np.int64]

    def local_ms(self, timestamp_ms: NDArray[np.int64]) -> NDArray[np.int64]:
        """Unix times shifted so that UTC arithmetic on them gives local wall-clock time.

        Parameters
        ----------
        timestamp_ms : int64 array, shape (n,)
        """
        at = np.searchsorted(self.from_ms, timestamp_ms, side="right") - 1
        return timestamp_ms + self.offset_ms[np.maximum(at, 0)]


@lru_cache(maxsize=64)
def offset_table(zone: str) -> OffsetTable:
    """The offsets of a time zone from 2000 to 2060; before and after, the first and the last hold.

    Parameters
    ----------
    zone : str
        IANA name, e.g. `Europe/Berlin`.

    Raises
    ------
    RequestError
        BAD_REQUEST when there is no such zone.
    """
    try:
        rules = ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError) as problem:
        raise RequestError(
            ErrorId.BAD_REQUEST, f"{zone!r} is not a time zone name such as UTC or Europe/Berlin."
        ) from problem
    probes = [FIRST + PROBE * week for week in range((LAST - FIRST) // PROBE + 1)]
    changes = [
        _change_between(rules, early, late)
        for early, late in pairwise(probes)
        if _offset(rules, early) != _offset(rules, late)
    ]
    starts = [FIRST, *changes]
    return OffsetTable(
        np.array([round(start.timestamp() * 1000) for start in starts], np.int64),
        np.array([_offset(rules, start) // timedelta(milliseconds=1) for start in starts], np.int64),
    )


def _offset(rules: ZoneInfo, at: datetime) -> timedelta:
    return at.astimezone(rules).utcoffset() or timedelta(0)


def _change_between(rules: ZoneInfo, early: datetime, late: datetime) -> datetime:
    """The first second at which the offset is that of `late`."""
    new = _offset(rules, late)
    while late - early > timedelta(seconds=1):
        middle = early + (late - early) // 2
        middle -= timedelta(microseconds=middle.microsecond)
        early, late = (early, middle) if _offset(rules, middle) == new else (middle, late)
    return late
