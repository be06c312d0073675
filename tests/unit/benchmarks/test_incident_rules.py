import numpy as np
import pytest
from benchmarks.detection.incidents import Rules, Sweep, judge, label, sweep, thresholds_of

RULES = Rules(merge=12, lead=3, day=288)


def labels(*spans: tuple[int, int], rows: int = 2_000):
    start, end = np.array(spans).T
    return label(start, end, rows, before=5, after=10)


def test_alarm_inside_the_window_finds_the_incident() -> None:
    verdict = judge(np.array([103]), labels((100, 110)), RULES)
    assert verdict.false_alarms == 0
    assert verdict.first.tolist() == [103]


def test_alarm_outside_all_windows_is_one_false_alarm_however_many_samples() -> None:
    verdict = judge(np.array([500, 501, 510, 540]), labels((100, 110)), RULES)
    assert verdict.false_alarms == 2  # 510 and 540 are further apart than the merge span
    assert not verdict.found.any()


def test_alarm_that_was_on_long_before_finds_nothing_and_is_false() -> None:
    verdict = judge(np.arange(60, 106), labels((100, 110)), RULES)
    assert verdict.false_alarms == 1
    assert not verdict.found.any()


def test_alarm_a_little_early_still_finds_the_incident() -> None:
    verdict = judge(np.arange(93, 106), labels((100, 110)), RULES)
    assert verdict.false_alarms == 0
    assert verdict.first.tolist() == [95]


def test_alarm_that_began_in_an_earlier_incident_is_not_false_but_finds_only_that_one() -> None:
    verdict = judge(np.arange(100, 160), labels((100, 105), (140, 150)), RULES)
    assert verdict.false_alarms == 0
    assert verdict.first.tolist() == [100, -1]


def test_alarm_restarted_inside_the_window_finds_the_incident() -> None:
    alarmed = np.r_[np.arange(80, 98), 112, 113]
    verdict = judge(alarmed, labels((100, 110)), RULES)
    assert verdict.false_alarms == 1
    assert verdict.first.tolist() == [112]


def test_each_further_day_of_a_false_alarm_counts() -> None:
    verdict = judge(np.arange(500, 500 + 2 * 288 + 1), labels((100, 110)), RULES)
    assert verdict.false_alarms == 3


def test_no_alarm_is_neither_right_nor_wrong() -> None:
    verdict = judge(np.array([], dtype=np.int64), labels((100, 110)), RULES)
    assert verdict.false_alarms == 0
    assert not verdict.found.any()


def test_recall_at_a_rate_is_the_best_threshold_that_keeps_it() -> None:
    curve = Sweep(np.array([3.0, 2.0, 1.0]), np.array([0.0, 0.5, 4.0]), np.array([0.2, 0.6, 1.0]))
    assert curve.recall_at(0.4) == 0.2
    assert curve.recall_at(0.5) == 0.6
    assert curve.recall_at(10) == 1.0
    assert 0.2 < curve.area() < 0.6


def test_sweep_finds_a_perfect_threshold() -> None:
    score = np.full(2_000, 0.1)
    score[100:105] = 0.9
    score[800] = 0.5
    curve = sweep([score], [labels((100, 110))], RULES, exposure=1.0)
    assert curve.recall_at(0.0) == 1.0


def test_thresholds_always_contain_the_own_line() -> None:
    assert 1.0 in thresholds_of([np.zeros(100)], 10)
    assert 1.0 in thresholds_of([np.linspace(0, 0.5, 100)], 10)


@pytest.mark.parametrize("before", [0, 5])
def test_windows_stay_inside_the_stream(before: int) -> None:
    got = label(np.array([2, 95]), np.array([4, 99]), 100, before, 10)
    assert got.opens.min() >= 0
    assert got.closes.max() == 99
