"""What a profile would have said of a series: the same detector, fed from a series instead of the log."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from kullback.core.budget import DAY_MS, Budget, parse_budget
from kullback.core.labels import Kind, Series
from kullback.core.profile import Profile
from kullback.core.scores import Episode, Outcome, Scores, blank_scores
from kullback.core.units import unit_of
from kullback.detector.explain import Explanation
from kullback.detector.layout import Shape
from kullback.detector.plan import plan_of
from kullback.detector.scalar import ScalarDetector
from kullback.detector.shapes import shape_for

WEEK_MS = 7 * DAY_MS
MOST_EXPLAINED = 200
CURVE = tuple(
    parse_budget(text)
    for text in ("4 per 1d", "1 per 1d", "1 per 3d", "1 per 7d", "1 per 14d", "1 per 30d", "1 per 90d")
)
"""Budgets of the curve that shows what each would have cost."""

_SLOT = np.zeros(1, np.int32)


@dataclass(frozen=True, slots=True)
class Alarm:
    """One anomaly episode: what an alarm budget counts.

    Parameters
    ----------
    start_ms, end_ms : int, int or None
        First and last anomalous sample; None when it was not over at the end.
    onset_ms : int
        Where the evidence that raised it begins.
    row : int
        Of the sample that raised it.
    max_score : float
    explanation : str
        "" beyond the first `MOST_EXPLAINED`.
    why : Explanation or None
        Reference and current window at that moment.
    """

    start_ms: int
    end_ms: int | None
    onset_ms: int
    row: int
    max_score: float
    explanation: str = ""
    why: Explanation | None = None


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """What a budget would have cost."""

    budget: Budget
    alarms_per_week: float


@dataclass(frozen=True, slots=True)
class Report:
    """What was found in one series.

    Parameters
    ----------
    series : Series
    scores : Scores
        One row per given row; NaN in warm-up and for rows that were not scored.
    alarms : tuple of Alarm
    realised_per_day : float
        NaN for a series without duration.
    """

    series: Series
    scores: Scores
    alarms: tuple[Alarm, ...]
    realised_per_day: float


def backtest(
    series: Series, timestamp_ms: NDArray[np.int64], value: NDArray[np.float64], profile: Profile
) -> Report:
    """Score a series as the service would have, sample by sample, without look-ahead.

    Parameters
    ----------
    series : Series
    timestamp_ms : int64 array, shape (n,)
        Rows count in the order given, whatever their timestamps.
    value : float64 array, shape (n,)
        NaN and ±Inf are passed over, as live.
    profile : Profile
    """
    scores = _score(_detector(series, profile), timestamp_ms, value)
    alarms = list(_episodes(scores))
    explained = _explained(alarms[:MOST_EXPLAINED], series, timestamp_ms, value, profile)
    span_ms = float(np.ptp(timestamp_ms)) if len(timestamp_ms) else 0.0
    realised_per_day = len(alarms) * DAY_MS / span_ms if span_ms else float("nan")
    return Report(series, scores, (*explained, *alarms[MOST_EXPLAINED:]), realised_per_day)


def curve(
    series: Series,
    timestamp_ms: NDArray[np.int64],
    value: NDArray[np.float64],
    profile: Profile,
    budgets: Sequence[Budget] = CURVE,
) -> Iterator[CurvePoint]:
    """Alarms per week at other budgets, each from a run of its own.

    Parameters
    ----------
    series, timestamp_ms, value, profile
        As for `backtest`.
    budgets : sequence of Budget
    """
    span_ms = float(np.ptp(timestamp_ms)) if len(timestamp_ms) else 0.0
    for budget in budgets:
        many = count_alarms(series, timestamp_ms, value, replace(profile, budget=budget))
        yield CurvePoint(budget, many * WEEK_MS / span_ms if span_ms else float("nan"))


def count_alarms(
    series: Series,
    timestamp_ms: NDArray[np.int64],
    value: NDArray[np.float64],
    profile: Profile,
    shape: Shape | None = None,
) -> int:
    """How many alarms a run gives.

    Parameters
    ----------
    series, timestamp_ms, value, profile
        As for `backtest`.
    shape : Shape or None
        Of the detector; None: what the profile asks for.
    """
    detector = _detector(series, profile, shape)
    return int(np.count_nonzero(_score(detector, timestamp_ms, value).episode & Episode.STARTED))


def _detector(series: Series, profile: Profile, shape: Shape | None = None) -> ScalarDetector:
    detector = ScalarDetector(1, shape or shape_for([profile]))
    detector.open(_SLOT, plan_of(profile, counter=series.kind is Kind.COUNTER, any_order=True))
    return detector


def _score(detector: ScalarDetector, timestamp_ms: NDArray[np.int64], value: NDArray[np.float64]) -> Scores:
    scores = blank_scores(timestamp_ms)
    scores.stream[:] = 0
    rows = np.arange(len(value))
    detector.update(np.zeros(len(value), np.int32), timestamp_ms, value, scores, rows, 0)
    return scores


def _episodes(scores: Scores) -> Iterator[Alarm]:
    """Alarms from the flags of the rows."""
    starts = np.flatnonzero(scores.episode & Episode.STARTED)
    over = np.flatnonzero(scores.episode & (Episode.ENDED | Episode.REBASELINED))
    anomalous = np.flatnonzero(scores.episode & Episode.ANOMALOUS)
    for start, following in zip(starts, (*starts[1:], len(scores)), strict=False):
        last = int(anomalous[np.searchsorted(anomalous, following) - 1])
        ended = bool(np.any((over > last) & (over <= following)))
        yield Alarm(
            start_ms=int(scores.timestamp_ms[start]),
            end_ms=int(scores.timestamp_ms[last]) if ended else None,
            onset_ms=int(scores.onset_ms[start]),
            row=int(start),
            max_score=float(np.nanmax(scores.score[start : last + 1])),
        )


def _explained(
    alarms: Sequence[Alarm],
    series: Series,
    timestamp_ms: NDArray[np.int64],
    value: NDArray[np.float64],
    profile: Profile,
) -> Iterator[Alarm]:
    """The alarms with what moved, read at the sample that raised each.

    A second detector is fed up to each alarm in turn; a split of the input changes nothing.
    """
    detector, fed, unit = _detector(series, profile), 0, unit_of(series)
    for alarm in alarms:
        upto = alarm.row + 1
        _score(detector, timestamp_ms[fed:upto], value[fed:upto])
        fed, why = upto, detector.explain(0)
        yield replace(alarm, explanation=why.sentence(unit), why=why)


def scored_rows(scores: Scores) -> int:
    """How many rows were scored.

    Parameters
    ----------
    scores : Scores
    """
    return int(np.count_nonzero((scores.outcome == Outcome.SCORED) & ~np.isnan(scores.score)))
