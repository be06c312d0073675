from pathlib import Path

import numpy as np
import pytest
from benchmarks.detection.nab import PROFILES, File, curve, load, row_worth, sigma

STANDARD = PROFILES["standard"]


def file(rows: int, *spans: list[int], probation: int = 0) -> File:
    window, worth = row_worth(rows, list(spans))
    clock = np.arange(rows) * 300_000
    return File("f", clock, np.zeros(rows), window, worth, len(spans), probation)


def score_of(given: File, detected: list[int], profile: str = "standard") -> float:
    scores = np.zeros(given.values.shape)
    scores[detected] = 1.0
    return curve([given], {"f": scores}, PROFILES[profile]).at(1.0)


def test_nothing_detected_scores_zero() -> None:
    assert score_of(file(100, [40, 59]), []) == 0.0


def test_first_row_of_the_window_scores_full() -> None:
    assert score_of(file(100, [40, 59]), [40]) == pytest.approx(100.0)


def test_later_detection_is_worth_less_and_only_the_best_counts() -> None:
    early, late = score_of(file(100, [40, 59]), [42]), score_of(file(100, [40, 59]), [58])
    assert 50.0 < late < early < 100.0
    assert score_of(file(100, [40, 59]), [42, 58]) == early


def test_false_row_long_after_a_window_costs_its_full_weight() -> None:
    with_false = score_of(file(1_000, [40, 59]), [40, 500])
    assert with_false == pytest.approx(100.0 - 100.0 * STANDARD.false / 2.0)


def test_false_row_just_after_a_window_costs_little() -> None:
    assert score_of(file(1_000, [40, 59]), [40, 60]) > 98.0


def test_false_row_before_all_windows_costs_its_full_weight() -> None:
    assert score_of(file(1_000, [400, 419]), [10, 400]) == pytest.approx(100.0 - 5.5)


def test_rows_of_the_probation_are_not_counted() -> None:
    assert score_of(file(1_000, [400, 419], probation=150), [10, 400]) == pytest.approx(100.0)


def test_low_fn_profile_punishes_a_missed_window_twice() -> None:
    two = file(1_000, [100, 119], [500, 519])
    assert score_of(two, [100]) == pytest.approx(50.0)
    assert score_of(two, [100], "low FN") == pytest.approx(50.0)
    assert score_of(two, [100, 900], "low FN") > score_of(two, [100, 900])


def test_sigmoid_is_one_far_inside_and_minus_one_far_behind() -> None:
    assert sigma(np.array([-10.0, 0.0, 4.0])) == pytest.approx([1.0, 0.0, -1.0])


def test_corpus_is_read_from_numentas_layout(tmp_path: Path) -> None:
    (tmp_path / "data" / "real").mkdir(parents=True)
    (tmp_path / "labels").mkdir()
    rows = "\n".join(f"2014-04-01 00:{k:02d}:00,{k}" for k in range(60))
    (tmp_path / "data" / "real" / "a.csv").write_text(f"timestamp,value\n{rows}\n")
    windows = '{"real/a.csv": [["2014-04-01 00:20:00.000000", "2014-04-01 00:29:00.000000"]]}'
    (tmp_path / "labels" / "combined_windows.json").write_text(windows)
    (read,) = load(tmp_path)
    assert np.flatnonzero(read.window == 0).tolist() == list(range(20, 30))
    assert read.interval_ms == 60_000
    assert read.probation == 9
