"""What a stream of numbers goes through: first samples, episodes, references, refusals."""

from __future__ import annotations

import numpy as np
import pytest

from kullback.core.batch import STALE_MARKER
from kullback.core.budget import Budget
from kullback.core.errors import RequestError
from kullback.core.profile import Direction, FixedThreshold, Profile
from kullback.core.scores import Episode, Outcome, Scores, blank_scores
from kullback.detector.layout import Shape
from kullback.detector.plan import Plan, plan_of
from kullback.detector.reference import key_of
from kullback.detector.scalar import ScalarDetector

ZERO = np.array([0], np.int32)
RARE = Plan(budget=Budget(1.0, 0, 1_000_000))
USUAL = Plan(budget=Budget(1.0, 0, 10_000))


def feed(detector: ScalarDetector, values: object, start_ms: int = 1000, step_ms: int = 1000) -> Scores:
    value = np.asarray(values, np.float64)
    timestamp_ms = start_ms + step_ms * np.arange(len(value), dtype=np.int64)
    return feed_at(detector, timestamp_ms, value)


def feed_at(detector: ScalarDetector, timestamp_ms: object, values: object, offset: int = 0) -> Scores:
    value = np.asarray(values, np.float64)
    scores = blank_scores(np.asarray(timestamp_ms, np.int64))
    slots = np.zeros(len(value), np.int32)
    detector.update(slots, scores.timestamp_ms, value, scores, np.arange(len(value)), offset)
    return scores


def watching(plan: Plan = USUAL) -> ScalarDetector:
    detector = ScalarDetector(1, Shape())
    detector.open(ZERO, plan)
    return detector


def starts(scores: Scores) -> np.ndarray:
    return np.flatnonzero(scores.episode & Episode.STARTED)


def normal(count: int, seed: int = 7) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(count)


def test_first_score_comes_with_the_sixty_fourth_sample() -> None:
    scores = feed(watching(), normal(70))
    assert np.isnan(scores.score[:63]).all()
    assert np.isfinite(scores.score[63:]).all()
    assert not scores.episode[:63].any()
    assert (scores.episode[63:] & Episode.READY).all()


def test_constant_stream_is_silent() -> None:
    detector = watching()
    scores = feed(detector, np.full(5000, 42.0))
    assert np.nanmax(scores.score) < 0.05
    assert detector.windows(0, 1024).divergence_nats == pytest.approx(0.0, abs=1e-12)


def test_constant_stream_that_changes_fires_within_four_samples() -> None:
    scores = feed(watching(), np.concatenate((np.full(5000, 5.0), np.full(10, 6.0))))
    assert 5000 <= starts(scores)[0] < 5004


def test_dead_sensor_fires_within_eight_samples() -> None:
    alive = normal(4000)
    scores = feed(watching(), np.concatenate((alive, np.full(20, alive[-1]))))
    after = starts(scores)[starts(scores) >= 4000]
    assert len(after) == 1
    assert after[0] < 4008


def test_one_outlier_does_not_move_the_bins() -> None:
    calm, upset = watching(), watching()
    values = normal(4000)
    feed(calm, values)
    values[1000] = 1e30
    feed(upset, values)
    assert np.allclose(calm.windows(0, 64).edges[1:-1], upset.windows(0, 64).edges[1:-1], atol=0.02)


def test_level_shift_is_one_episode_and_then_the_new_normal() -> None:
    scores = feed(watching(RARE), np.concatenate((normal(4000), 3 + normal(3000, 8))))
    after = starts(scores)[starts(scores) >= 4000]
    rebaselined = np.flatnonzero(scores.episode & Episode.REBASELINED)
    assert len(after) == 1
    assert after[0] < 4012
    assert len(rebaselined) == 1
    assert scores.episode[rebaselined[0]] & Episode.SHIFTED
    assert 1024 <= rebaselined[0] - after[0] <= 1025
    assert np.nanmax(scores.score[rebaselined[0] + 1 :]) < 1.0


def test_level_shift_stays_anomalous_when_it_may_not_become_normal() -> None:
    plan = Plan(budget=Budget(1.0, 0, 10_000), rebaseline_after_samples=0)
    scores = feed(watching(plan), np.concatenate((normal(4000), 3 + normal(3000, 8))))
    assert scores.episode[-1] & Episode.ANOMALOUS
    assert scores.episode[-1] & Episode.SHIFTED
    assert len(starts(scores)[starts(scores) >= 4000]) == 1


def test_incident_ends_soon_and_does_not_enter_the_reference() -> None:
    detector = watching(RARE)
    values = np.concatenate((normal(4000), 5 + normal(200, 8), normal(3000, 9)))
    scores = feed(detector, values)
    ends = np.flatnonzero(scores.episode & Episode.ENDED)
    assert len(starts(scores)[starts(scores) >= 4000]) == 1
    assert 4200 <= ends[ends > 4200][0] <= 4290
    assert detector.windows(0, 64).reference_quantiles[-1] < 3.5


def test_onset_is_the_start_of_the_window_that_fired() -> None:
    scores = feed(watching(), np.concatenate((normal(4000), 4 + normal(50, 8))))
    fired = starts(scores)[-1]
    assert 4001 * 1000 - 16_000 <= scores.onset_ms[fired] <= scores.timestamp_ms[fired]


@pytest.mark.parametrize(
    ("direction", "shift", "fires"),
    [
        (Direction.ABOVE, 3.0, True),
        (Direction.ABOVE, -3.0, False),
        (Direction.BELOW, -3.0, True),
        (Direction.BELOW, 3.0, False),
    ],
)
def test_direction_decides_which_moves_count(direction: Direction, shift: float, fires: bool) -> None:
    plan = Plan(budget=Budget(1.0, 0, 10_000), direction=direction)
    scores = feed(watching(plan), np.concatenate((normal(4000), shift + normal(100, 8))))
    assert bool(len(starts(scores)[starts(scores) >= 4000])) is fires


def test_move_below_the_minimum_effect_does_not_count_and_is_explained() -> None:
    values = np.concatenate((100 + normal(4000), 103 + normal(100, 8)))
    plan = Plan(budget=Budget(1.0, 0, 10_000), minimum_effect_absolute=5.0)
    detector = watching(plan)
    scores = feed(detector, values)
    assert len(starts(scores)) == 0
    gate = detector.explain(0).gates[-1]
    assert (gate.name, gate.limit, gate.passed) == ("minimum effect", 5.0, False)
    assert gate.value == pytest.approx(3.0, abs=0.6)
    relative = Plan(budget=Budget(1.0, 0, 10_000), minimum_effect_relative=0.02)
    assert len(starts(feed(watching(relative), values))) == 1


def test_textbook_mode_compares_one_divergence_with_a_number() -> None:
    profile = Profile(threshold=FixedThreshold(64, 0.5))
    detector = watching(plan_of(profile))
    scores = feed(detector, np.concatenate((normal(4000), 2 + normal(100, 8))))
    assert scores.score[3999] == pytest.approx(scores.divergence_nats[3999] / 0.5, rel=1e-5)
    fired = starts(scores)
    assert len(fired) == 1
    assert scores.divergence_nats[fired[0]] > 0.5 >= scores.divergence_nats[fired[0] - 1]


def test_each_sample_has_its_outcome() -> None:
    detector = watching()
    times = [1000, 2000, 2000, 1000, 1500, 3000, 4000, 5000]
    values = [1.0, 2.0, 9.0, 9.0, 9.0, np.nan, np.inf, STALE_MARKER]
    outcomes = feed_at(detector, times, values).outcome
    expected = [
        "SCORED",
        "SCORED",
        "DUPLICATE",
        "DUPLICATE",
        "OUT_OF_ORDER",
        "NOT_A_NUMBER",
        "NOT_A_NUMBER",
        "STALE",
    ]
    assert [Outcome(o).name for o in outcomes] == expected
    assert detector.summary(ZERO).samples[0] == 2


def test_late_samples_within_the_tolerance_are_scored() -> None:
    detector = watching(Plan(out_of_order_ms=600))
    outcomes = feed_at(detector, [1000, 2000, 1500, 1300], [1.0, 2.0, 3.0, 4.0]).outcome
    assert list(outcomes) == [Outcome.SCORED, Outcome.SCORED, Outcome.SCORED, Outcome.OUT_OF_ORDER]


def test_back_test_takes_rows_in_any_order() -> None:
    outcomes = feed_at(watching(Plan(any_order=True)), [1000, 1000, 500], [1.0, 2.0, 3.0]).outcome
    assert list(outcomes) == [Outcome.SCORED] * 3


def test_counter_is_scored_on_its_rate_and_survives_a_reset() -> None:
    scores = feed_at(watching(Plan(counter=True)), [0, 10_000, 20_000, 30_000], [100.0, 150.0, 40.0, 60.0])
    assert scores.outcome[0] == Outcome.ABSORBED
    assert np.allclose(scores.value[1:], [5.0, 4.0, 2.0])


def test_stale_marker_empties_the_windows() -> None:
    detector = watching()
    feed(detector, normal(2000))
    feed_at(detector, [2_001_000], [STALE_MARKER])
    assert detector.windows(0, 64).window_samples == 0


def test_samples_that_a_state_covers_are_skipped() -> None:
    detector = watching()
    feed_at(detector, [1000, 2000], [1.0, 2.0], offset=5)
    again = feed_at(detector, [1000, 2000], [1.0, 2.0], offset=5)
    assert list(again.outcome) == [Outcome.ABSORBED] * 2
    later = feed_at(detector, [3000, 4000], [1.0, 2.0], offset=6)
    assert list(later.outcome) == [Outcome.SCORED] * 2


def test_accepted_level_is_normal_until_it_is_taken_back() -> None:
    detector = watching(RARE)
    feed(detector, np.concatenate((normal(4000), 4 + normal(200, 8))))
    before = detector.windows(0, 64).reference_quantiles
    assert detector.summary(ZERO).episode[0] & Episode.ANOMALOUS
    saved = detector.save(ZERO)
    detector.rebaseline(0)
    assert not detector.summary(ZERO).episode[0] & Episode.ANOMALOUS
    assert detector.windows(0, 64).reference_quantiles[3] == pytest.approx(4.0, abs=0.4)
    assert len(starts(feed(detector, 4 + normal(500, 9), start_ms=5_000_000))) == 0
    detector.load(ZERO, saved)
    assert np.array_equal(detector.windows(0, 64).reference_quantiles, before)


def test_struck_samples_never_enter_the_reference() -> None:
    plan = Plan(budget=Budget(1.0, 0, 10_000), feedback=1e9)
    detector = watching(plan)
    feed(detector, np.concatenate((normal(4000), 50 + normal(100, 8), normal(100, 9))))
    assert detector.strike(0, 4_001_000, 4_100_000) == pytest.approx(100, abs=2)
    feed(detector, normal(2000, 10), start_ms=4_201_000)
    assert detector.windows(0, 64).reference_quantiles[-1] < 5


def reference_of(detector: ScalarDetector) -> tuple[list[int], list[int]]:
    stream = detector.streams[0]
    size = stream["reference_count"]
    keys = (stream["reference_high"][:size].astype(int) << 8) + stream["reference_low"][:size]
    return keys.tolist(), stream["reference_block"][:size].tolist()


INSENSITIVE = Plan(budget=Budget(1.0, 0, 10_000), feedback=1e9)


def with_incident(at: int) -> ScalarDetector:
    """4000 samples around 0, a hundred of them, from `at` on, around 50."""
    values = normal(4000)
    values[at : at + 100] += 50
    detector = watching(INSENSITIVE)
    feed(detector, values)
    return detector


def wild_samples(detector: ScalarDetector) -> int:
    keys, _ = reference_of(detector)
    return sum(key > key_of(10.0 - detector.streams[0]["origin"], 0.0) for key in keys)


@pytest.mark.parametrize("at", [2200, 3500])
def test_strike_taken_back_at_once_changes_nothing(at: int) -> None:
    detector = with_incident(at)
    before = detector.save(ZERO)
    span_ms = (1000 * at, 1000 * (at + 100))
    assert detector.strike(0, *span_ms) >= 100
    detector.undo_strike(0, before, *span_ms)
    (now,) = detector.save(ZERO).values()
    assert now.tobytes() == before["stream"].tobytes()


@pytest.mark.parametrize(
    ("at", "later", "more"), [(2800, 7, 0), (2800, 300, 0), (3500, 7, 1193), (3500, 300, 900)]
)
def test_strike_taken_back_later_lets_the_samples_in_and_keeps_the_newer_ones(
    at: int, later: int, more: int
) -> None:
    detector = with_incident(at)
    before, span_ms = detector.save(ZERO), (1000 * at, 1000 * (at + 100))
    detector.strike(0, *span_ms)
    feed(detector, normal(later, 3), start_ms=4_001_000)
    detector.undo_strike(0, before, *span_ms)
    feed(detector, normal(more, 4), start_ms=5_000_000)
    assert wild_samples(detector) == 100
    assert detector.summary(ZERO).samples[0] == 4000 + later + more


def test_strike_is_not_taken_back_into_another_reference() -> None:
    detector = watching(RARE)
    feed(detector, normal(4000))
    before = detector.save(ZERO)
    detector.strike(0, 1_000_000, 2_000_000)
    detector.rebaseline(0)
    accepted = reference_of(detector)
    detector.undo_strike(0, before, 1_000_000, 2_000_000)
    assert reference_of(detector) == accepted


def test_explanation_names_range_shares_and_quantiles() -> None:
    rng = np.random.default_rng(1)
    values = rng.lognormal(-2, 0.5, 4100)
    values[4000:] = np.where(rng.random(100) < 0.5, rng.uniform(0.4, 0.5, 100), values[4000:])
    detector = watching()
    feed(detector, values)
    explanation = detector.explain(0)
    assert explanation.anomalous
    sentence = explanation.sentence("s")
    assert "of the divergence comes from values above" in sentence
    assert " ms going from 6 % to " in sentence
    assert "median +" in sentence
    assert "p99" in sentence


def test_longer_budget_means_a_higher_line() -> None:
    lines = []
    for samples in (10**3, 10**4, 10**5, 10**6, 10**7):
        detector = watching(Plan(budget=Budget(1.0, 0, samples)))
        feed(detector, normal(4000))
        lines.append(detector.summary(ZERO).threshold_nats[0])
    assert np.all(np.diff(lines) > 1.0)


def test_fleet_budget_is_divided_over_the_live_streams() -> None:
    lines = []
    for live in (1, 1000):
        detector = watching(Plan(budget=Budget(1.0, 0, 10_000, fleet=True)))
        detector.live_streams = live
        feed(detector, normal(4000))
        lines.append(detector.summary(ZERO).samples_per_alarm[0])
    assert lines == [1e4, 1e7]


def test_budget_in_time_uses_the_measured_interval() -> None:
    detector = watching(Plan(budget=Budget(1.0, 86_400_000)))
    feed(detector, normal(1000), step_ms=15_000)
    summary = detector.summary(ZERO)
    assert summary.interval_ms[0] == pytest.approx(15_000, rel=1e-6)
    assert summary.samples_per_alarm[0] == pytest.approx(5760, rel=1e-6)
    assert summary.budget_per_day[0] == pytest.approx(1.0, rel=1e-6)


def test_closed_slot_is_empty() -> None:
    detector = watching()
    feed(detector, normal(500))
    detector.close(ZERO)
    assert detector.summary(ZERO).samples[0] == 0
    assert not any(detector.save(ZERO)["stream"].tobytes())


@pytest.mark.parametrize(
    ("windows", "reference", "gap"),
    [((), 1024, 1024), ((16, 4), 1024, 1024), ((1,), 1024, 1024), ((4,), 10, 1024), ((64,), 1024, 16)],
)
def test_unusable_shape_says_why(windows: tuple[int, ...], reference: int, gap: int) -> None:
    with pytest.raises(RequestError, match="Unusable windows or reference"):
        Shape(windows, reference, gap)


def test_other_windows_and_sizes_work() -> None:
    detector = ScalarDetector(1, Shape((8, 60), 128, 64))
    detector.open(ZERO, USUAL)
    scores = feed(detector, np.concatenate((normal(2000), 3 + normal(50, 8))))
    assert len(starts(scores)[starts(scores) >= 2000]) == 1
    assert detector.windows(0, 50).reference_samples == 128
    assert detector.windows(0, 50).window_samples == 60


def test_declared_season_is_found_and_taken_out_of_the_ranks() -> None:
    minutes = np.arange(4 * 1440)
    season = 5 * np.sin(2 * np.pi * minutes / 1440)
    plan = Plan(budget=Budget(1.0, 0, 1_000_000), season_ms=86_400_000, timezone="Europe/Berlin")
    detector = watching(plan)
    feed(detector, season + normal(len(minutes)), step_ms=60_000)
    assert detector.summary(ZERO).season_ms[0] == 86_400_000
    spread = detector.windows(0, 64).reference_quantiles
    assert spread[4] - spread[2] < 2.0
    without = watching(Plan(budget=Budget(1.0, 0, 1_000_000), season_ms=-1))
    feed(without, season + normal(len(minutes)), step_ms=60_000)
    assert without.summary(ZERO).season_ms[0] == 0
    wide = without.windows(0, 64).reference_quantiles
    assert wide[4] - wide[2] > 2.0


def test_incident_that_paused_before_is_not_over_after_sixteen_calm_samples() -> None:
    values = normal(4400)
    slow = 4000 + np.cumsum([0, *[12] * 6, *[25] * 8])
    values[slow] += 12.0
    detector = watching(Plan(budget=Budget(1.0, 0, 100_000)))
    scores = feed(detector, values)
    begun = starts(scores)
    assert begun[begun >= 4000].tolist() == [4000]
    over = np.flatnonzero(scores.episode & Episode.ENDED)
    assert slow[-1] + 30 <= over[-1] <= slow[-1] + 130


def test_incident_that_is_there_again_after_its_end_is_one_incident() -> None:
    values = normal(4400)
    values[4000:4040] += 6.0
    values[4080:4120] += 6.0
    values[4300:4340] += 6.0
    scores = feed(watching(Plan(budget=Budget(1.0, 0, 100_000))), values)
    begun, over = starts(scores), np.flatnonzero(scores.episode & Episode.ENDED)
    first, later = begun[begun >= 4000]
    assert first < 4005
    assert 4300 <= later < 4305
    assert 4040 < over[over >= 4000][0] < 4080
    assert scores.episode[4090] & Episode.ANOMALOUS
    assert scores.score[4080:4120].max() < 1.0


def test_season_that_nobody_declared_is_taken_out_after_a_week() -> None:
    minutes = np.arange(10 * 1440)
    values = 2 * np.sin(2 * np.pi * minutes / 1440) + normal(len(minutes))
    values[-400:] += 1.5
    detector = watching(Plan(budget=Budget(1.0, 0, 10_000)))
    days = [
        feed(detector, part, step_ms=60_000, start_ms=86_400_000 * day)
        for day, part in enumerate(values.reshape(10, 1440))
    ]
    assert detector.summary(ZERO).season_ms[0] == 86_400_000
    assert len(starts(days[8])) == 0
    late = starts(days[9])
    assert 1040 <= late[late >= 1040][0] < 1140


def test_alarm_limits_are_the_values_at_which_a_single_sample_alarms() -> None:
    detector = watching(RARE)
    feed(detector, normal(4000))
    low, high = detector.alarm_limits(0)
    assert low is not None
    assert high is not None
    assert low < -3.5
    assert high > 3.5
    for limit in (low, high):
        for value, alarms in ((0.99 * limit, False), (1.01 * limit, True)):
            copy = watching(RARE)
            copy.load(ZERO, detector.save(ZERO))
            scores = feed(copy, [value], start_ms=4_001_000)
            assert bool(scores.score[0] > 1.0) is alarms


def test_asking_for_alarm_limits_changes_nothing_and_an_anomalous_stream_has_none() -> None:
    detector = watching(RARE)
    feed(detector, normal(4000))
    before = detector.save(ZERO)["stream"].tobytes()
    detector.alarm_limits(0)
    assert detector.save(ZERO)["stream"].tobytes() == before
    feed(detector, 50 + normal(20, 8), start_ms=4_001_000)
    assert detector.alarm_limits(0) == (None, None)
    assert watching(RARE).alarm_limits(0) == (None, None)


def test_one_direction_has_one_limit() -> None:
    detector = watching(Plan(budget=Budget(1.0, 0, 1_000_000), direction=Direction.ABOVE))
    feed(detector, normal(4000))
    low, high = detector.alarm_limits(0)
    assert low is None
    assert high is not None


def test_saved_rows_name_their_fields() -> None:
    """Rows of another layout may be as long: only the names tell."""
    saved = ScalarDetector(1, Shape()).save(ZERO)["stream"]
    assert saved.shape == (1,)
    assert {"score", "bank", "maxima"} <= set(saved.dtype.names or ())
