"""What people say of alerts, and how it moves a stream's threshold.

The factor follows from the whole list of verdicts, so taking one back restores what was before it exactly.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

MARGIN = 1.05
"""A false alarm's threshold goes this far above the score that raised it."""
MOST_PER_VERDICT = 1.5
CONFIRMED = 1.1
LOWEST, HIGHEST = 1.0, 4.0
"""Never below 1: the alarm budget is a promise, and a lower threshold would break it."""


class Verdict(StrEnum):
    """Whether an alert was worth its notification."""

    TRUE_POSITIVE = "true_positive"
    FALSE_POSITIVE = "false_positive"


@dataclass(frozen=True, slots=True)
class Feedback:
    """One verdict.

    Parameters
    ----------
    alert : str
        The alert's id; a later verdict on the same alert replaces an earlier one.
    verdict : Verdict
    max_score : float
        The alert's highest score, on the threshold of its time.
    """

    alert: str
    verdict: Verdict
    max_score: float


def threshold_factor(feedback: Iterable[Feedback]) -> float:
    """By how much a stream's threshold is raised, between 1 and 4.

    A false positive raises the threshold to just above the score that fired, at most by half; a true
    positive takes a tenth of earlier raises back.

    Parameters
    ----------
    feedback : iterable of Feedback
        All verdicts in force on alerts of the stream, oldest first.
    """
    factor = LOWEST
    for verdict in _newest_per_alert(feedback):
        factor = min(max(factor * _step(verdict), LOWEST), HIGHEST)
    return factor


def _newest_per_alert(feedback: Iterable[Feedback]) -> Iterable[Feedback]:
    newest: dict[str, Feedback] = {}
    for verdict in feedback:
        newest.pop(verdict.alert, None)
        newest[verdict.alert] = verdict
    return newest.values()


def _step(feedback: Feedback) -> float:
    if feedback.verdict is Verdict.TRUE_POSITIVE:
        return 1 / CONFIRMED
    return min(max(feedback.max_score, 1.0) * MARGIN, MOST_PER_VERDICT)
