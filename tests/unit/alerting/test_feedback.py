from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kullback.alerting.feedback import HIGHEST, LOWEST, Feedback, Verdict, threshold_factor

FALSE, TRUE = Verdict.FALSE_POSITIVE, Verdict.TRUE_POSITIVE
VERDICTS = st.builds(
    Feedback, st.sampled_from("abcdef"), st.sampled_from(Verdict), st.floats(0, 50, allow_nan=False)
)


def test_false_positive_would_not_fire_again() -> None:
    assert threshold_factor([Feedback("a", FALSE, 1.2)]) > 1.2


def test_one_verdict_moves_the_threshold_by_half_at_most() -> None:
    assert threshold_factor([Feedback("a", FALSE, 40.0)]) == 1.5


def test_true_positive_takes_part_of_a_raise_back() -> None:
    raised = threshold_factor([Feedback("a", FALSE, 1.4)])
    assert threshold_factor([Feedback("a", FALSE, 1.4), Feedback("b", TRUE, 3.0)]) == pytest.approx(
        raised / 1.1
    )


def test_true_positive_alone_keeps_the_budget() -> None:
    assert threshold_factor([Feedback("a", TRUE, 3.0)]) == 1.0


def test_second_verdict_on_an_alert_replaces_the_first() -> None:
    assert threshold_factor([Feedback("a", FALSE, 1.4), Feedback("a", TRUE, 1.4)]) == 1.0
    assert threshold_factor([Feedback("a", FALSE, 1.4)] * 3) == threshold_factor([Feedback("a", FALSE, 1.4)])


def test_second_verdict_counts_from_when_it_was_given() -> None:
    earlier, other = Feedback("a", TRUE, 1.4), Feedback("b", TRUE, 1.4)
    assert threshold_factor([earlier, other, Feedback("a", FALSE, 1.4)]) == pytest.approx(1.4 * 1.05)


@given(st.lists(VERDICTS, max_size=30))
def test_factor_stays_within_its_bounds(verdicts: list[Feedback]) -> None:
    assert LOWEST <= threshold_factor(verdicts) <= HIGHEST


@given(st.lists(VERDICTS, max_size=20), st.sampled_from(Verdict), st.floats(0, 50))
def test_false_positive_never_lowers_and_true_positive_never_raises(
    verdicts: list[Feedback], verdict: Verdict, max_score: float
) -> None:
    before = threshold_factor(verdicts)
    after = threshold_factor([*verdicts, Feedback("new", verdict, max_score)])
    assert after >= before if verdict is FALSE else after <= before
