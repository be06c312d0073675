from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kullback.core.errors import RequestError
from kullback.core.zones import offset_table

ZONES = ["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "America/Caracas"]


@given(
    st.sampled_from(ZONES), st.datetimes(datetime(2000, 1, 1), datetime(2059, 12, 31), timezones=st.just(UTC))
)
def test_local_time_is_what_the_time_zone_database_says(zone: str, at: datetime) -> None:
    at = at.replace(microsecond=0)
    local = offset_table(zone).local_ms(np.array([at.timestamp() * 1000], np.int64))
    shown = datetime(1970, 1, 1) + timedelta(milliseconds=int(local[0]))
    assert shown == at.astimezone(ZoneInfo(zone)).replace(tzinfo=None)


def test_offset_changes_at_the_second_the_clocks_are_changed() -> None:
    change = round(datetime(2026, 3, 29, 1, tzinfo=UTC).timestamp() * 1000)
    local = offset_table("Europe/Berlin").local_ms(np.array([change - 1, change], np.int64))
    assert (local - [change - 1, change]).tolist() == [3_600_000, 7_200_000]


@pytest.mark.parametrize("zone", ["Mars/Olympus", "", "../etc/passwd", "Europe"])
def test_unknown_zone_is_a_clear_error(zone: str) -> None:
    with pytest.raises(RequestError, match="Europe/Berlin"):
        offset_table(zone)
