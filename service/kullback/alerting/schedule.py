"""When a maintenance window is open: once, or again and again at a local time of day."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from kullback.core.budget import DAY_MS
from kullback.core.duration import render_duration
from kullback.core.errors import ErrorId, RequestError
from kullback.core.zones import OffsetTable, offset_table

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
WEEK_DAYS = len(WEEKDAYS)
EPOCH_WEEKDAY = WEEKDAYS.index("thu")
MINUTE_MS = 60_000
_TIME = re.compile(r"([01]\d|2[0-3]):([0-5]\d)")


class Schedule(Protocol):
    """Times at which something holds."""

    def covers(self, timestamp_ms: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Which of the given Unix times lie inside.

        Parameters
        ----------
        timestamp_ms : int64 array, shape (n,)
        """
        ...

    @property
    def end_ms(self) -> int | None:
        """Unix time after which it never holds again; None when it comes back for ever."""
        ...

    def render(self) -> str:
        """The schedule as a person reads it."""
        ...


@dataclass(frozen=True, slots=True)
class Once:
    """From `start_ms` up to, not including, `end_ms`."""

    start_ms: int
    end_ms: int

    def covers(self, timestamp_ms: NDArray[np.int64]) -> NDArray[np.bool_]:
        """See `Schedule.covers`."""
        return (timestamp_ms >= self.start_ms) & (timestamp_ms < self.end_ms)

    def render(self) -> str:
        """See `Schedule.render`."""
        return f"once for {render_duration(self.end_ms - self.start_ms)}"


@dataclass(frozen=True, slots=True)
class Recurring:
    """At the same local time on given days, for a span that may run past midnight.

    Where the clocks change inside the window, its end follows the wall clock.

    Parameters
    ----------
    weekdays : tuple of int
        0 is Monday.
    start_of_day_ms : int
        Local time of day at which the window opens.
    duration_ms : int
        At most one week.
    zone : str
        IANA name of the time zone.
    offsets : OffsetTable
        The zone's offsets.
    """

    weekdays: tuple[int, ...]
    start_of_day_ms: int
    duration_ms: int
    zone: str
    offsets: OffsetTable

    def covers(self, timestamp_ms: NDArray[np.int64]) -> NDArray[np.bool_]:
        """See `Schedule.covers`."""
        since_opening = self.offsets.local_ms(timestamp_ms) - self.start_of_day_ms
        today = since_opening // DAY_MS
        opens = np.zeros(WEEK_DAYS, np.bool_)
        opens[list(self.weekdays)] = True
        inside = np.zeros(len(timestamp_ms), np.bool_)
        for days_ago in range(-(-self.duration_ms // DAY_MS)):
            day = today - days_ago
            inside |= opens[(day + EPOCH_WEEKDAY) % WEEK_DAYS] & (
                since_opening - day * DAY_MS < self.duration_ms
            )
        return inside

    @property
    def end_ms(self) -> int | None:
        """See `Schedule.end_ms`."""
        return None

    def render(self) -> str:
        """See `Schedule.render`."""
        names = (
            "day" if len(self.weekdays) == WEEK_DAYS else ", ".join(WEEKDAYS[day] for day in self.weekdays)
        )
        hour, minute = divmod(self.start_of_day_ms // MINUTE_MS, 60)
        return f"every {names} at {hour:02}:{minute:02} for {render_duration(self.duration_ms)} ({self.zone})"


def once(start_ms: int, end_ms: int) -> Once:
    """A single window.

    Parameters
    ----------
    start_ms, end_ms : int
        Unix time.

    Raises
    ------
    RequestError
        BAD_REQUEST when it ends before it starts.
    """
    if end_ms <= start_ms:
        raise RequestError(ErrorId.BAD_REQUEST, "A maintenance window must end after it starts.")
    return Once(start_ms, end_ms)


def recurring(days: Iterable[str], at: str, duration_ms: int, zone: str = "UTC") -> Recurring:
    """A window that comes back.

    Parameters
    ----------
    days : iterable of str
        `mon` … `sun` or full English names; none means every day.
    at : str
        Local time of day, `HH:MM`.
    duration_ms : int
        Above zero, at most one week.
    zone : str
        IANA name.

    Raises
    ------
    RequestError
        BAD_REQUEST, saying which part cannot be read.
    """
    time = _TIME.fullmatch(at)
    if not time:
        raise RequestError(ErrorId.BAD_REQUEST, f"{at!r} is not a time of day such as 02:00 or 22:30.")
    if not 0 < duration_ms <= WEEK_DAYS * DAY_MS:
        raise RequestError(ErrorId.BAD_REQUEST, "A recurring maintenance window lasts up to 7d.")
    weekdays = tuple(sorted({_weekday(day) for day in days})) or tuple(range(WEEK_DAYS))
    start_of_day_ms = (int(time[1]) * 60 + int(time[2])) * MINUTE_MS
    return Recurring(weekdays, start_of_day_ms, duration_ms, zone, offset_table(zone))


def _weekday(name: str) -> int:
    short = name.strip().lower()[:3]
    if short not in WEEKDAYS:
        raise RequestError(ErrorId.BAD_REQUEST, f"{name!r} is not a day such as {', '.join(WEEKDAYS)}.")
    return WEEKDAYS.index(short)
