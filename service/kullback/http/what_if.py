"""What other alarm budgets would have meant for a stream, from its stored scores; windows are in `rerun`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import log
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, Field

from kullback.backtest import WEEK_MS
from kullback.core.budget import DAY_MS, Budget
from kullback.core.labels import render
from kullback.detector.lifecycle import CALM_SCORE
from kullback.http.context import Context
from kullback.http.streams import number_of
from kullback.pipeline.tenancy import OwnFleet

LOOK_BACK_MS = 7 * DAY_MS
SHORTEST_SPAN_SAMPLES = 256.0
"""Lines are not drawn lower than for one alarm in so many samples."""
BASIS = (
    "Counted in {points} stored scores, each the highest of {step} s, with the line where the budget would "
    "put it: lines rise with the logarithm of the samples per alarm. That is rough: near misses of values "
    "are measured by a line drawn towards that of all streams, those of ranks alone hardly count, and what "
    "the stream would have learnt otherwise is not in it. A back-test is exact."
)
FIXED = "This stream has a fixed threshold; the alarm budget does not move its line."


class WhatIfPoint(BaseModel):
    """One budget."""

    budget: str
    line: float | None = Field(
        description="Where its alarm line lies, as a share of the line in force; null in a rerun."
    )
    alarms: int = Field(description="In the stored scores, or in the rerun.")
    alarms_in_force: int | None = Field(
        None, description="In a rerun: with the windows and the reference that are in force."
    )
    alarms_per_week: float | None = Field(description="Null where less than a day is stored.")
    allowed_per_week: float = Field(description="False alarms that the budget allows.")


class WhatIf(BaseModel):
    """Budgets by strictness, the loosest first."""

    stream: str
    match: str = Field(description="A selector of this stream.")
    budget: str = Field(description="The one in force.")
    span_ms: int = Field(description="How much time the stored scores cover.")
    basis: str = Field(description="What the numbers rest on.")
    current: list[int] | None = Field(None, description="Windows of a rerun, samples.")
    reference: int | None = Field(None, description="Reference of a rerun, samples.")
    points: list[WhatIfPoint]


@dataclass(frozen=True, slots=True)
class Record:
    """What is known of a stream.

    Parameters
    ----------
    evidence : float array, shape (n,)
        Highest evidence of each stored step as a share of the alarm line in force, rising in time.
    lasting : bool array, shape (n,)
        Whether an alert was under way; its score tells of what is new only.
    span_ms, step_ms : int
    interval_ms : float
    streams : int
        Among which a fleet budget is divided.
    budget : Budget
        The one in force.
    fixed : bool
        Whether the threshold is a number that no budget moves.
    """

    evidence: NDArray[np.float64]
    lasting: NDArray[np.bool_]
    span_ms: int
    step_ms: int
    interval_ms: float
    streams: int
    budget: Budget
    fixed: bool

    def per_alarm(self, budget: Budget) -> float:
        """How many samples may pass per alarm."""
        return max(budget.samples_per_alarm(self.interval_ms, self.streams), SHORTEST_SPAN_SAMPLES)

    def line(self, budget: Budget) -> float:
        """Where a budget's alarm line lies, as a share of the line in force."""
        return 1.0 if self.fixed else log(self.per_alarm(budget)) / log(self.per_alarm(self.budget))


async def what_if(context: Context, stream_id: str, budgets: tuple[Budget, ...]) -> WhatIf:
    """The answer.

    Parameters
    ----------
    context : Context
    stream_id : str
    budgets : tuple of Budget
        The one in force is added.

    Raises
    ------
    RequestError
        NOT_FOUND.
    """
    now_ms = context.clock()
    record, match = await context.ask(lambda fleet: _record(fleet, stream_id, now_ms))
    basis = FIXED if record.fixed else BASIS.format(points=len(record.evidence), step=record.step_ms // 1000)
    return WhatIf(
        stream=stream_id,
        match=match,
        budget=record.budget.render(),
        span_ms=record.span_ms,
        basis=basis,
        points=list(weighed(record, budgets)),
    )


def _record(fleet: OwnFleet, stream_id: str, now_ms: int) -> tuple[Record, str]:
    number = number_of(fleet, stream_id)
    stream = fleet.engine.stream(number)
    points: NDArray[Any] = fleet.history.scores(stream_id, now_ms - LOOK_BACK_MS, now_ms)
    points = points[np.isfinite(points["max_score"])]
    step_ms = fleet.history.step_ms
    interval_ms = float(fleet.engine.summary(np.array([number], np.int32)).interval_ms[0])
    record = Record(
        evidence=points["max_score"].astype(np.float64),
        lasting=points["phase"] > 0,
        span_ms=int(np.ptp(points["at_ms"])) + step_ms if len(points) else 0,
        step_ms=step_ms,
        interval_ms=interval_ms,
        streams=max(fleet.engine.watched, 1),
        budget=stream.profile.budget,
        fixed=stream.profile.threshold is not None,
    )
    return record, render(stream.series.labels)


def weighed(record: Record, budgets: tuple[Budget, ...]) -> Iterator[WhatIfPoint]:
    """Each budget with what it would have given.

    Parameters
    ----------
    record : Record
    budgets : tuple of Budget
    """
    for budget in sorted({*budgets, record.budget}, key=record.per_alarm):
        alarms = alarms_above(record.evidence, record.lasting, record.line(budget))
        yield WhatIfPoint(
            budget=budget.render(),
            line=record.line(budget),
            alarms=alarms,
            alarms_per_week=alarms * WEEK_MS / record.span_ms if record.span_ms >= DAY_MS else None,
            allowed_per_week=7 * budget.per_day(record.interval_ms, record.streams),
        )


def alarms_above(evidence: NDArray[np.float64], lasting: NDArray[np.bool_], line: float) -> int:
    """How often evidence rises above a line, after having been calm.

    Parameters
    ----------
    evidence : float array, shape (n,)
        Rising in time.
    lasting : bool array, shape (n,)
        Whether an alert was under way.
    line : float

    Notes
    -----
    An episode ends with the first step below `CALM_SCORE` of the line that no alert covers; samples in
    between are not kept.

    >>> alarms_above(np.array([0.2, 1.4, 0.9, 1.2, 0.1, 1.1]), np.zeros(6, bool), 1.0)
    2
    """
    above = np.flatnonzero(evidence > line)
    calm = np.flatnonzero((evidence < CALM_SCORE * line) & ~lasting)
    return len(np.unique(np.searchsorted(calm, above)))
