from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kullback.alerting.schedule import WEEKDAYS, once, recurring
from kullback.core.errors import ErrorId, RequestError

HOUR_MS = 3_600_000


def at(text: str) -> int:
    return round(datetime.fromisoformat(text).timestamp() * 1000)


def covers(schedule, *texts: str) -> list[bool]:
    return schedule.covers(np.array([at(text) for text in texts], np.int64)).tolist()


def test_single_window_holds_its_start_and_not_its_end() -> None:
    window = once(1000, 2000)
    assert window.covers(np.array([999, 1000, 1999, 2000])).tolist() == [False, True, True, False]


def test_window_runs_past_midnight_and_belongs_to_the_day_it_opened() -> None:
    window = recurring(["sat"], "22:30", 3 * HOUR_MS)
    assert covers(
        window,
        "2026-11-21T22:29+00:00",
        "2026-11-21T22:30+00:00",
        "2026-11-22T01:29+00:00",
        "2026-11-22T01:30+00:00",
        "2026-11-22T22:30+00:00",
    ) == [False, True, True, False, False]


def test_window_of_several_days_is_open_all_the_way() -> None:
    window = recurring(["Friday"], "18:00", 62 * HOUR_MS)
    assert covers(window, "2026-11-20T18:00+00:00", "2026-11-22T12:00+00:00", "2026-11-23T07:59+00:00") == [
        True,
        True,
        True,
    ]
    assert covers(window, "2026-11-23T08:00+00:00", "2026-11-20T17:59+00:00") == [False, False]


def test_window_keeps_its_local_time_when_the_clocks_change() -> None:
    window = recurring([], "02:00", HOUR_MS, "Europe/Berlin")
    assert covers(window, "2026-07-01T00:30+00:00", "2026-12-01T01:30+00:00") == [True, True]
    assert covers(window, "2026-07-01T01:30+00:00", "2026-12-01T00:30+00:00") == [False, False]


@given(
    st.datetimes(datetime(2001, 1, 1), datetime(2059, 1, 1), timezones=st.just(UTC)),
    st.sets(st.sampled_from(WEEKDAYS), min_size=1),
    st.integers(0, 23),
    st.integers(1, 7 * 24),
    st.sampled_from(["UTC", "America/New_York", "Asia/Kolkata"]),
)
def test_recurring_window_agrees_with_a_calendar(
    instant: datetime, days: set[str], hour: int, hours: int, zone: str
) -> None:
    instant = instant.replace(microsecond=0)
    local = instant.astimezone(ZoneInfo(zone)).replace(tzinfo=None)
    openings = (
        datetime(local.year, local.month, local.day, hour) - timedelta(days=days_ago) for days_ago in range(9)
    )
    expected = any(
        WEEKDAYS[opening.weekday()] in days and opening <= local < opening + timedelta(hours=hours)
        for opening in openings
    )
    window = recurring(days, f"{hour:02}:00", hours * HOUR_MS, zone)
    assert window.covers(np.array([round(instant.timestamp() * 1000)], np.int64)).tolist() == [expected]


def test_schedule_reads_as_a_sentence() -> None:
    assert recurring(["sun", "sat"], "02:00", 90 * 60_000, "Europe/Berlin").render() == (
        "every sat, sun at 02:00 for 1h30m (Europe/Berlin)"
    )
    assert recurring([], "02:00", HOUR_MS).render() == "every day at 02:00 for 1h (UTC)"
    assert once(0, HOUR_MS).render() == "once for 1h"


@pytest.mark.parametrize(
    ("days", "at_text", "duration_ms", "zone", "named"),
    [
        (["fun"], "02:00", HOUR_MS, "UTC", "fun"),
        (["sat"], "25:00", HOUR_MS, "UTC", "25:00"),
        (["sat"], "2:00", HOUR_MS, "UTC", "2:00"),
        (["sat"], "02:00", 0, "UTC", "7d"),
        (["sat"], "02:00", 8 * 24 * HOUR_MS, "UTC", "7d"),
        (["sat"], "02:00", HOUR_MS, "Mars/Olympus", "Mars/Olympus"),
    ],
)
def test_bad_schedule_names_the_part_that_is_bad(
    days: list[str], at_text: str, duration_ms: int, zone: str, named: str
) -> None:
    with pytest.raises(RequestError, match=named) as problem:
        recurring(days, at_text, duration_ms, zone)
    assert problem.value.error is ErrorId.BAD_REQUEST


def test_window_that_ends_before_it_starts_is_refused() -> None:
    with pytest.raises(RequestError, match="end after it starts"):
        once(5, 5)
