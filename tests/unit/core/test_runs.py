"""Times that were seen are remembered as runs; what is remembered is never wrong."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from kullback.core.runs import PAST_RUNS, RUNS, note_late, note_time, was_let_go, was_noted

START_MS, STEP_MS = 1_795_328_801_679, 15_000


def seen(times_ms: list[int]) -> np.record:
    runs = np.recarray(1, RUNS)
    runs[:] = np.zeros(1, RUNS)
    for time_ms in times_ms:
        note_time(runs[0], time_ms)
    return runs[0]


def test_nothing_was_seen_before_the_first_time() -> None:
    assert not was_noted(seen([]), 0)


def test_a_week_of_regular_times_is_one_run() -> None:
    times = list(range(START_MS, START_MS + 7 * 86_400_000, STEP_MS))
    runs = seen(times)
    assert (runs.run_count, runs.run_head) == (len(times), 0)
    assert all(was_noted(runs, time_ms) for time_ms in times[::500])
    assert not was_noted(runs, times[-1] + STEP_MS)
    assert not was_noted(runs, START_MS + 1)


def test_a_gap_begins_another_run_and_the_oldest_run_is_forgotten_at_last() -> None:
    begins = [START_MS + index * 3_600_000 for index in range(PAST_RUNS + 2)]
    times = [begin + index * STEP_MS for begin in begins for index in range(100)]
    runs = seen(times)
    assert not was_noted(runs, begins[0])
    assert all(was_noted(runs, time_ms) for time_ms in times[100:])


@given(st.lists(st.integers(1, 4), min_size=1, max_size=200))
def test_only_times_that_were_seen_are_remembered(steps: list[int]) -> None:
    times = [START_MS + int(offset) for offset in np.cumsum(steps)]
    runs = seen(times)
    remembered = {time_ms for time_ms in range(START_MS, times[-1] + 10) if was_noted(runs, time_ms)}
    assert remembered <= set(times)
    assert set(times[-2 * PAST_RUNS :]) <= remembered or len(times) < 2 * PAST_RUNS
    assert times[-1] in remembered


def seen_in_disorder(times_ms: list[int]) -> np.record:
    runs, newest_ms = seen(times_ms[:1]), times_ms[0]
    for time_ms in times_ms[1:]:
        if time_ms > newest_ms:
            note_time(runs, time_ms)
        elif not was_noted(runs, time_ms):
            note_late(runs, time_ms)
        newest_ms = max(newest_ms, time_ms)
    return runs


@given(st.sets(st.integers(2, 400), max_size=6))
def test_neighbours_that_overtook_each_other_are_all_remembered(overtaken: set[int]) -> None:
    times = [START_MS + index * STEP_MS for index in range(402)]
    for place in sorted(overtaken):
        times[place], times[place + 1] = times[place + 1], times[place]
    runs = seen_in_disorder(times)
    assert all(was_noted(runs, time_ms) or was_let_go(runs, time_ms) for time_ms in times)


@given(st.permutations(range(30)).flatmap(lambda order: st.tuples(st.just(order), st.integers(1, 3))))
def test_only_times_that_were_seen_are_remembered_in_any_order(drawn: tuple[list[int], int]) -> None:
    order, gap = drawn
    times = [START_MS + index * index % 97 * gap for index in order]
    runs = seen_in_disorder(times)
    remembered = {ms for ms in range(START_MS - 10, max(times) + 10) if was_noted(runs, ms)}
    assert remembered <= set(times)


def test_nothing_is_let_go_while_there_is_room() -> None:
    runs = seen([START_MS + index * 3_600_000 + index for index in range(PAST_RUNS)])
    assert not was_let_go(runs, START_MS - 1)


@given(st.lists(st.integers(1, 4), min_size=1, max_size=200))
def test_whatever_was_seen_is_remembered_or_let_go(steps: list[int]) -> None:
    times = [START_MS + int(offset) for offset in np.cumsum(steps)]
    runs = seen(times)
    assert all(was_noted(runs, time_ms) != was_let_go(runs, time_ms) for time_ms in times)
    assert not was_let_go(runs, times[-1])
    assert not any(was_noted(runs, ms) for ms in range(START_MS, times[-1]) if was_let_go(runs, ms))
