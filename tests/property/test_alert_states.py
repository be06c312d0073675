"""What holds for every life of a stream, whatever the detector says of it."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.alerting.rows import START_MS, STEP_MS, life

from kullback.alerting.alert import Phase, Transition
from kullback.alerting.rule import Rule
from kullback.alerting.state import AlertStates
from kullback.core.scores import Scores

LIVES = st.text("..AaaaeSRx", min_size=1, max_size=60)
RULES = st.builds(
    Rule,
    for_ms=st.integers(0, 5).map(lambda count: count * STEP_MS),
    keep_firing_for_ms=st.integers(0, 8).map(lambda count: count * STEP_MS),
    no_data_after_ms=st.sampled_from([0, STEP_MS * 3]),
)
FAR_MS = START_MS + 10_000 * STEP_MS
NEXT = {
    Phase.INACTIVE: {Phase.PENDING, Phase.FIRING},
    Phase.PENDING: {Phase.FIRING, Phase.INACTIVE},
    Phase.FIRING: {Phase.SHIFTED, Phase.INACTIVE},
    Phase.SHIFTED: {Phase.INACTIVE},
}
ONE = np.zeros(1, np.int32)


def fresh(rule: Rule) -> AlertStates:
    states = AlertStates(1)
    states.follow(ONE, rule)
    return states


def irregular(letters: str, gaps: list[int]) -> Scores:
    scores = life(letters)
    steps = np.resize(np.array(gaps, np.int64), len(letters))
    scores.timestamp_ms[:] = START_MS + np.cumsum(steps) * STEP_MS // 2
    scores.onset_ms[:] = scores.timestamp_ms - 3 * STEP_MS
    return scores


def rows_of(scores: Scores, rows: slice) -> Scores:
    return Scores(*(getattr(scores, name)[rows] for name in Scores.__slots__))


SERIES = st.builds(irregular, LIVES, st.lists(st.integers(0, 30), min_size=1, max_size=20))


def whole_life(scores: Scores, rule: Rule) -> list[Transition]:
    states = fresh(rule)
    return [*states.step(scores, START_MS), *states.advance(FAR_MS)]


@given(SERIES, RULES)
def test_transitions_follow_the_life_of_an_alert(scores: Scores, rule: Rule) -> None:
    transitions = whole_life(scores, rule)
    assert all(transition.after in NEXT[transition.before] for transition in transitions)
    assert all(one.after is other.before for one, other in pairwise(transitions))
    assert all(one.at_ms <= other.at_ms for one, other in pairwise(transitions))
    assert not transitions or transitions[-1].after is Phase.INACTIVE


@given(SERIES, RULES)
def test_alert_fires_only_after_for_and_ends_after_it_began(scores: Scores, rule: Rule) -> None:
    for transition in whole_life(scores, rule):
        alert = transition.alert
        if transition.fires:
            assert alert.fired_at_ms - alert.started_ms >= rule.for_ms
        if transition.after is Phase.INACTIVE:
            assert alert.starts_at_ms <= alert.started_ms <= alert.last_anomalous_ms <= alert.ends_at_ms


@given(SERIES, RULES)
def test_alerts_of_a_stream_begin_one_after_the_other(scores: Scores, rule: Rule) -> None:
    began = [t.alert.started_ms for t in whole_life(scores, rule) if t.before is Phase.INACTIVE]
    assert began == sorted(began)


@given(SERIES, RULES, st.data())
def test_splitting_a_batch_and_asking_for_the_time_in_between_changes_nothing(
    scores: Scores, rule: Rule, draw: st.DataObject
) -> None:
    states, transitions = fresh(rule), []
    at = 0
    while at < len(scores):
        upto = draw.draw(st.integers(at + 1, len(scores)))
        transitions += states.advance(int(scores.timestamp_ms[at]))
        transitions += states.step(rows_of(scores, slice(at, upto)), START_MS)
        at = upto
    transitions += states.advance(FAR_MS)
    assert transitions == whole_life(scores, rule)


@given(SERIES, RULES, st.data())
def test_saving_and_loading_anywhere_changes_nothing(scores: Scores, rule: Rule, draw: st.DataObject) -> None:
    cut = draw.draw(st.integers(0, len(scores)))
    first, second = fresh(rule), fresh(rule)
    transitions = [*first.step(rows_of(scores, slice(0, cut)), START_MS)]
    second.load(ONE, first.save(ONE))
    transitions += second.step(rows_of(scores, slice(cut, None)), START_MS)
    transitions += second.advance(FAR_MS)
    assert transitions == whole_life(scores, rule)


@given(SERIES, RULES)
def test_rows_already_covered_by_a_snapshot_change_nothing_when_replayed(scores: Scores, rule: Rule) -> None:
    live, restored = fresh(rule), fresh(rule)
    live.step(scores, START_MS)
    restored.load(ONE, live.save(ONE))
    skipped = life("x" * len(scores))
    assert restored.step(skipped, int(scores.timestamp_ms[0])) == ()
    after = (live.save(ONE), restored.save(ONE))
    assert all(np.array_equal(after[0][name], after[1][name], equal_nan=True) for name in after[0])
