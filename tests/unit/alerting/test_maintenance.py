from __future__ import annotations

import numpy as np
import pytest

from kullback.alerting import maintenance as room
from kullback.alerting.maintenance import Maintenance, MaintenanceWindow
from kullback.alerting.schedule import once, recurring
from kullback.core.errors import ErrorId, RequestError
from kullback.core.labels import sorted_labels
from kullback.core.selector import parse_selector


def window(window_id: str = "m1", start_ms: int = 100, end_ms: int = 200) -> MaintenanceWindow:
    return MaintenanceWindow(window_id, parse_selector('{job="api"}'), once(start_ms, end_ms), "upgrade")


def numbers(*values: int) -> np.ndarray:
    return np.array(values, np.int32)


def muted(maintenance: Maintenance, stream: list[int], at_ms: list[int]) -> list[bool] | None:
    rows = maintenance.muted(numbers(*stream), np.array(at_ms, np.int64))
    return None if rows is None else rows.tolist()


def test_samples_of_matched_streams_are_muted_by_their_own_time() -> None:
    maintenance = Maintenance(10)
    maintenance.add(window(), numbers(2, 3))
    assert muted(maintenance, [2, 2, 2, 4], [99, 100, 200, 150]) == [False, True, False, False]


def test_nothing_is_muted_without_a_window_in_reach() -> None:
    maintenance = Maintenance(10)
    assert muted(maintenance, [2], [150]) is None
    maintenance.add(window(), numbers(2))
    assert muted(maintenance, [2], [500]) is None


def test_rows_of_no_stream_are_not_taken_for_the_last_stream() -> None:
    maintenance = Maintenance(10)
    maintenance.add(window(), numbers(9))
    assert muted(maintenance, [-1, 9], [150, 150]) == [False, True]


def test_new_stream_falls_under_the_windows_that_match_it() -> None:
    maintenance = Maintenance(10)
    maintenance.add(window(), numbers())
    maintenance.admit(5, sorted_labels([("job", "api")]))
    maintenance.admit(6, sorted_labels([("job", "db")]))
    assert muted(maintenance, [5, 6], [150, 150]) == [True, False]


def test_number_given_to_another_stream_is_judged_anew() -> None:
    maintenance = Maintenance(10)
    maintenance.add(window(), numbers(5))
    maintenance.admit(5, sorted_labels([("job", "db")]))
    assert muted(maintenance, [5], [150]) is None


def test_overlapping_windows_add_up() -> None:
    maintenance = Maintenance(10)
    maintenance.add(window("a", 100, 200), numbers(1))
    maintenance.add(window("b", 150, 300), numbers(1, 2))
    assert muted(maintenance, [1, 2, 1], [120, 120, 250]) == [True, False, True]
    assert maintenance.now(numbers(1, 2), 120).tolist() == [True, False]
    assert [one.id for one in maintenance.open_windows(160)] == ["a", "b"]


def test_removed_window_is_out_of_force() -> None:
    maintenance = Maintenance(10)
    maintenance.add(window(), numbers(1))
    assert maintenance.remove("m1").reason == "upgrade"
    assert maintenance.windows == ()
    assert muted(maintenance, [1], [150]) is None
    with pytest.raises(RequestError, match="m1") as problem:
        maintenance.remove("m1")
    assert problem.value.error is ErrorId.NOT_FOUND


def test_number_of_windows_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "MAX_WINDOWS", 2)
    maintenance = Maintenance(10)
    maintenance.add(window("a"), numbers())
    maintenance.add(window("b"), numbers())
    maintenance.add(window("b", 5, 6), numbers())
    with pytest.raises(RequestError) as problem:
        maintenance.add(window("c"), numbers())
    assert problem.value.error is ErrorId.CONFLICT


def test_only_windows_that_ended_for_good_are_forgotten() -> None:
    maintenance = Maintenance(10)
    nightly = MaintenanceWindow("n", parse_selector("{}"), recurring([], "02:00", 60_000))
    for one in (window("a", 100, 200), window("b", 100, 300), nightly):
        maintenance.add(one, numbers(1))
    assert [gone.id for gone in maintenance.forget_ended(250)] == ["a"]
    assert [kept.id for kept in maintenance.windows] == ["b", "n"]
