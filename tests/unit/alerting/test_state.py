from __future__ import annotations

import numpy as np
import pytest
from tests.unit.alerting.rows import LETTERS, START_MS, STEP_MS, life, minute, told

from kullback.alerting.alert import Phase, Reason
from kullback.alerting.layout import BUFFER_ROWS
from kullback.alerting.rule import Rule, rule_of
from kullback.alerting.state import AlertStates
from kullback.core.profile import Profile
from kullback.core.scores import Episode, blank_scores

ONE = np.zeros(1, np.int32)


def states(for_minutes: int = 0, keep_minutes: int = 0, no_data_minutes: int = 0) -> AlertStates:
    made = AlertStates(8)
    rule = Rule(for_minutes * STEP_MS, keep_minutes * STEP_MS, no_data_minutes * STEP_MS)
    made.follow(np.arange(8, dtype=np.int32), rule)
    return made


@pytest.mark.parametrize(
    ("for_minutes", "keep_minutes", "letters", "expected"),
    [
        (0, 0, "...", []),
        (0, 0, "..Aaae..", [(2, "firing"), (5, "resolved")]),
        (3, 0, "Aaaaae", [(0, "pending"), (3, "firing"), (5, "resolved")]),
        (3, 0, "Aae...", [(0, "pending"), (2, "resolved")]),
        (3, 5, "Aae...", [(0, "pending"), (2, "resolved")]),
        (0, 3, "Aae......", [(0, "firing"), (5, "resolved")]),
        (0, 3, "Aae..Aae...", [(0, "firing"), (5, "resolved"), (5, "firing"), (10, "resolved")]),
        (0, 4, "Aae..Aae.....", [(0, "firing"), (11, "resolved")]),
        (0, 2, "AaaSaae..", [(0, "firing"), (3, "shifted"), (8, "resolved")]),
        (0, 2, "AaaR...", [(0, "firing"), (3, "shifted"), (5, "resolved")]),
        (0, 0, "AaaR...", [(0, "firing"), (3, "shifted"), (3, "resolved")]),
        (0, 9, "AaR.Aae", [(0, "firing"), (2, "shifted"), (4, "resolved"), (4, "firing")]),
        (0, 0, "Aae..aae.", [(0, "firing"), (2, "resolved"), (5, "firing"), (7, "resolved")]),
        (0, 0, "xxaax", [(2, "firing")]),
        (0, 0, "xxxx", []),
    ],
)
def test_life_of_an_alert(
    for_minutes: int, keep_minutes: int, letters: str, expected: list[tuple[int, str]]
) -> None:
    transitions = states(for_minutes, keep_minutes).step(life(letters), START_MS)
    assert told(transitions) == expected


def test_alert_stays_pending_until_for_elapsed() -> None:
    made = states(for_minutes=5)
    made.step(life("Aaaaa"), START_MS)
    assert made.alert(0).phase is Phase.PENDING
    assert made.alert(0).fired_at_ms is None
    made.step(life("a", first=5), minute(5))
    assert made.alert(0).phase is Phase.FIRING
    assert made.alert(0).fired_at_ms == minute(5)


def test_alert_starts_at_the_onset_and_remembers_its_peak() -> None:
    scores = life("Aaaa", onset_samples=4)
    scores.score[:] = [1.1, 3.0, 2.0, 1.2]
    scores.divergence_nats[:] = [0.1, 0.9, 0.5, 0.2]
    scores.leader[:] = [1, 2, 3, 4]
    made = states()
    made.step(scores, START_MS)
    alert = made.alert(0)
    assert (alert.starts_at_ms, alert.started_ms) == (minute(-4), minute(0))
    assert (alert.max_score, alert.divergence_nats, alert.leader) == (3.0, 0.9, 2)
    assert alert.last_anomalous_ms == minute(3)


def test_onset_after_the_sample_is_taken_as_the_sample() -> None:
    made = states()
    made.step(life("A", onset_samples=-5), START_MS)
    assert made.alert(0).starts_at_ms == minute(0)


def test_episodes_within_keep_firing_for_are_one_alert() -> None:
    transitions = states(keep_minutes=5).step(life("Aae.Aae.Aae......."), START_MS)
    assert told(transitions) == [(0, "firing"), (15, "resolved")]
    assert transitions[-1].alert.episodes == 3
    assert transitions[-1].alert.ends_at_ms == minute(15)


def test_an_anomaly_that_is_there_again_is_the_alert_that_ended() -> None:
    made = states()
    made.step(life("Aae..a", onset_samples=2), START_MS)
    alert = made.alert(0)
    assert (alert.phase, alert.started_ms, alert.starts_at_ms) == (Phase.FIRING, minute(0), minute(-2))
    assert (alert.episodes, alert.ends_at_ms) == (1, None)


@pytest.mark.parametrize(
    ("for_minutes", "letters", "why"),
    [
        (0, "Aae..A", "the detector saw a new one begin"),
        (3, "Aae..aaaa", "the one before never fired"),
        (0, "Aae" + 200 * "." + "a", "the one before is long over"),
    ],
)
def test_other_anomalies_are_alerts_of_their_own(for_minutes: int, letters: str, why: str) -> None:
    made = states(for_minutes)
    made.step(life(letters), START_MS)
    assert made.alert(0).started_ms > minute(2), why


def test_an_alert_that_fired_late_goes_on_without_waiting_again() -> None:
    transitions = states(for_minutes=3).step(life("Aaaaae.a"), START_MS)
    assert told(transitions) == [(0, "pending"), (3, "firing"), (5, "resolved"), (7, "firing")]


def test_deadline_counts_from_its_own_time_however_late_it_is_looked_at() -> None:
    early, late = states(keep_minutes=3), states(keep_minutes=3)
    for made in (early, late):
        made.step(life("Aae"), START_MS)
    assert early.advance(minute(4.9)) == ()
    assert told(early.advance(minute(5))) == [(5, "resolved")]
    assert told(late.advance(minute(500))) == [(5, "resolved")]


def test_silence_ends_an_alert_and_says_so() -> None:
    made = states(no_data_minutes=10, keep_minutes=2)
    made.step(life("Aaa"), START_MS)
    assert made.advance(minute(13)) == ()
    (transition,) = made.advance(minute(14))
    assert transition.alert.reason is Reason.NO_DATA
    assert transition.resolves
    assert transition.alert.ends_at_ms == minute(14)


def test_silence_is_measured_in_intervals_of_the_stream_when_not_set() -> None:
    hourly = states()
    scores = life("Aaa")
    scores.timestamp_ms[:] = START_MS + np.arange(3) * 60 * STEP_MS
    hourly.step(scores, START_MS)
    assert hourly.advance(minute(120 + 10 * 60 - 1)) == ()
    assert told(hourly.advance(minute(120 + 10 * 60))) == [(720, "resolved")]


def test_the_interval_is_known_when_the_first_anomaly_comes() -> None:
    made = states()
    made.step(life("....A", onset_samples=0), START_MS)
    assert made.advance(minute(13)) == ()
    assert told(made.advance(minute(14))) == [(14, "resolved")]


def delivered(made: AlertStates, letters: str, at_minute: float, first: int = 0) -> list[tuple[float, str]]:
    """Samples that arrive together, and what became of it."""
    return told(made.step(life(letters, first=first), minute(at_minute)))


def test_a_sender_that_is_late_is_not_silent_while_it_delivers() -> None:
    made, late_minutes = states(no_data_minutes=5), 120
    assert delivered(made, "Aaa", late_minutes + 2) == [(0, "firing")]
    for first in range(3, 30):
        assert made.advance(minute(late_minutes + first)) == ()
        assert delivered(made, "a", late_minutes + first, first) == []
    assert made.advance(minute(late_minutes + 29 + 4)) == ()
    assert told(made.advance(minute(late_minutes + 29 + 5))) == [(34, "resolved")]


def test_a_sender_that_is_late_has_its_whole_keep_firing_for() -> None:
    made = states(keep_minutes=5)
    assert delivered(made, "Aae", 62) == [(0, "firing")]
    assert made.advance(minute(66)) == ()
    assert told(made.advance(minute(67))) == [(7, "resolved")]


def test_a_sender_that_delivers_an_hour_at_a_time_is_not_silent_in_between() -> None:
    made = states()
    for hour in range(3):
        delivered(made, "." * 60, 60 * (hour + 1), 60 * hour)
    delivered(made, "A" + "a" * 59, 240, 180)
    assert made.advance(minute(299)) == ()
    assert delivered(made, "a" * 60, 300, 240) == []
    assert made.advance(minute(300 + 3 * 59)) == ()
    ((_, state),) = told(made.advance(minute(300 + 3 * 60 + 1)))
    assert state == "resolved"


def test_an_outage_is_not_taken_for_the_interval() -> None:
    made = states()
    delivered(made, "." * 30, 29)
    delivered(made, ".", 1500, 1500)
    for at in range(1501, 1560):
        delivered(made, ".", at, at)
    delivered(made, "A", 1560, 1560)
    assert [state for _, state in told(made.advance(minute(1600)))] == ["resolved"]


def silent(made: AlertStates, at_minute: float, last_minute: float = 0) -> bool:
    (found,) = made.silent(ONE, np.array([minute(last_minute)]), minute(at_minute))
    return bool(found)


def test_a_stream_is_without_data_when_its_alert_ends_for_that() -> None:
    made = states(no_data_minutes=4)
    delivered(made, "Aaa", 2)
    assert not silent(made, 6, 2)
    assert silent(made, 6.1, 2)
    assert made.advance(minute(5.9)) == ()
    assert told(made.advance(minute(6))) == [(6, "resolved")]


def test_late_data_is_data() -> None:
    made = states()
    delivered(made, "....", 600)
    assert not silent(made, 609, 3)
    assert silent(made, 611, 3)


def test_a_stream_of_which_nothing_was_scored_is_judged_by_its_timestamps() -> None:
    assert not silent(states(), 5)
    assert silent(states(), 5.1)


def test_a_clock_that_jumps_back_makes_nothing_late() -> None:
    made = states(no_data_minutes=5)
    made.step(life("A"), minute(1000))
    made.step(life("a", first=1), minute(1))
    assert told(made.advance(minute(6))) == [(6, "resolved")]


def test_pending_alert_that_goes_silent_never_fires() -> None:
    made = states(for_minutes=2, no_data_minutes=5)
    made.step(life("A"), START_MS)
    (transition,) = made.advance(minute(60))
    assert not transition.resolves
    assert transition.alert.fired_at_ms is None


def test_anomaly_that_outlasts_a_silence_is_raised_again() -> None:
    made = states(no_data_minutes=5)
    made.step(life("Aaa"), START_MS)
    made.advance(minute(60))
    assert told(made.step(life("aa", first=60), minute(60))) == [(60, "firing")]


def test_muted_rows_raise_nothing_and_end_what_is_live() -> None:
    made = states(keep_minutes=30)
    muted = np.array([0, 0, 1, 1, 0, 0], bool)
    transitions = made.step(life("Aaaaaa"), START_MS, muted)
    assert told(transitions) == [(0, "firing"), (2, "resolved"), (4, "firing")]
    assert transitions[1].alert.reason is Reason.MAINTENANCE


def test_alert_that_begins_within_an_episode_counts_it() -> None:
    made = states()
    made.step(life("aa"), START_MS)
    assert made.alert(0).episodes == 1


def test_streams_do_not_touch_each_other() -> None:
    made, rows = states(), blank_scores(np.repeat(START_MS + np.arange(3) * STEP_MS, 2))
    rows.stream[:] = [3, 5] * 3
    rows.score[:] = 2.0
    rows.episode[1::2] = [LETTERS[letter] for letter in "Aae"]
    transitions = made.step(rows, START_MS)
    assert {transition.number for transition in transitions} == {5}
    assert told(transitions) == [(0, "firing"), (2, "resolved")]


def test_rows_of_no_stream_are_passed_over() -> None:
    scores = life("Aaa")
    scores.stream[:] = -1
    assert states().step(scores, START_MS) == ()


def test_more_transitions_than_the_buffer_holds_all_come_out_in_order() -> None:
    many = BUFFER_ROWS * 2 + 3
    made = AlertStates(many)
    scores = blank_scores(np.full(many, START_MS))
    scores.stream[:] = np.arange(many)
    scores.episode[:] = Episode.READY | Episode.ANOMALOUS | Episode.STARTED
    fired = made.step(scores, START_MS)
    assert [transition.number for transition in fired] == list(range(many))
    assert [transition.number for transition in made.advance(minute(60))] == list(range(many))
    assert made.live().size == 0


def test_late_sample_does_not_turn_an_alerts_time_back() -> None:
    made = states()
    made.step(life("Aaa", first=10), minute(10))
    (transition,) = made.step(life("e", first=5), minute(13))
    assert transition.at_ms == minute(12)


def test_end_from_outside_ends_only_what_is_live() -> None:
    made = states()
    made.step(life("Aaa", number=2), START_MS)
    (transition,) = made.end(np.array([1, 2], np.int32), minute(3), Reason.ACCEPTED)
    assert (transition.number, transition.at_ms, transition.alert.reason) == (2, minute(3), Reason.ACCEPTED)
    assert transition.alert.fired_at_ms == minute(0)
    assert made.alert(2) is None


def test_closed_stream_leaves_nothing_to_its_successor() -> None:
    made = states(keep_minutes=60)
    made.step(life("Aaa"), START_MS)
    made.close(ONE)
    assert made.alert(0) is None
    assert told(made.step(life("Ae", first=9), minute(9))) == [(9, "firing"), (10, "resolved")]


def test_saved_alert_goes_on_as_if_nothing_had_happened() -> None:
    first, second = states(for_minutes=2, keep_minutes=3), states(for_minutes=2, keep_minutes=3)
    first.step(life("Aaaae"), START_MS)
    second.load(ONE, first.save(ONE))
    assert second.alert(0) == first.alert(0)
    assert second.step(life("....", first=5), START_MS) == first.step(life("....", first=5), START_MS)


def test_a_snapshot_from_before_arrivals_were_noted_keeps_its_alert() -> None:
    first, second = states(keep_minutes=3), states(keep_minutes=3)
    first.step(life("Aaaa"), START_MS)
    second.load(ONE, {name: rows for name, rows in first.save(ONE).items() if "arrival" not in name})
    assert second.alert(0) == first.alert(0)
    assert told(second.step(life("e....", first=4), minute(4))) == [(7, "resolved")]


def test_shorter_for_takes_effect_with_the_next_sample() -> None:
    made = states(for_minutes=60)
    made.step(life("Aaa"), START_MS)
    made.follow(ONE, Rule(for_ms=0))
    assert told(made.step(life("a", first=3), minute(3))) == [(3, "firing")]


def test_phases_are_the_values_of_the_metric() -> None:
    made = states(keep_minutes=60)
    made.step(life("AaS", number=1), START_MS)
    made.step(life("A", number=4), START_MS)
    assert made.phases(np.array([0, 1, 4], np.int32)).tolist() == [0, 3, 2]
    assert made.live().tolist() == [1, 4]


def test_silence_is_that_of_each_streams_rule() -> None:
    made = states(no_data_minutes=2)
    made.follow(ONE, Rule(no_data_after_ms=5))
    numbers, last_ms = np.array([1, 0], np.int32), np.full(2, START_MS)
    assert made.silent(numbers, last_ms, START_MS + 6).tolist() == [False, True]
    assert made.silent(numbers, last_ms, minute(2) + 1).tolist() == [True, True]


def test_rule_is_taken_from_the_profile() -> None:
    assert rule_of(Profile(for_ms=5, keep_firing_for_ms=6, no_data_after_ms=7)) == Rule(5, 6, 7)
