"""`POST /api/v1/backtest`: what a profile would have said of given series."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Annotated, Any

import numpy as np
import orjson
from fastapi import APIRouter, Depends, Request
from numpy.typing import NDArray
from pydantic import BaseModel, Field, model_validator
from starlette.responses import Response

from kullback.backtest import Alarm, backtest, curve
from kullback.core.errors import ErrorId
from kullback.core.labels import NAME, Series, kind_of_name, sorted_labels
from kullback.core.profile import Profile
from kullback.http.context import Context, context_of
from kullback.http.docs import answers
from kullback.http.json_body import Shape, body_docs, read_json

router = APIRouter(prefix="/api/v1", tags=["Stateless"])
ReadProfile = Callable[[Mapping[str, Any]], Profile]
MAX_SERIES = 100
LATEST_MS = 2**53


class SeriesBody(Shape):
    """One series. Rows count in the order given, whatever their timestamps."""

    metric: str = Field(min_length=1, max_length=1024)
    labels: dict[str, str] = Field({}, max_length=64)
    values: list[float | None]
    timestamps_ms: list[Annotated[int, Field(ge=-LATEST_MS, le=LATEST_MS)]] | None = Field(
        None, description="As many as values; left out: interval_ms apart."
    )
    interval_ms: int = Field(
        60_000, ge=1, le=LATEST_MS // 10**8, description="Where there are no timestamps."
    )

    @model_validator(mode="after")
    def _as_many(self) -> SeriesBody:
        if self.timestamps_ms is not None and len(self.timestamps_ms) != len(self.values):
            raise ValueError("timestamps_ms must have as many members as values")
        return self

    def series(self) -> Series:
        """Who it is."""
        labels = sorted_labels([*self.labels.items(), (NAME, self.metric)])
        return Series(labels, kind_of_name(self.metric))

    def columns(self) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Timestamps and values."""
        values = np.array(self.values, np.float64)
        if self.timestamps_ms is None:
            return np.arange(len(values), dtype=np.int64) * self.interval_ms, values
        return np.array(self.timestamps_ms, np.int64), values


class BacktestBody(Shape):
    """Series, and the settings of one profile as in the configuration file."""

    series: list[SeriesBody] = Field(min_length=1, max_length=MAX_SERIES)
    settings: dict[str, Any] = Field({}, description="One entry of `profiles:`.")
    curve: bool = Field(True, description="Whether to run the other budgets, too (seven more runs).")


class BacktestAlarm(BaseModel):
    """One anomaly episode: what an alarm budget counts."""

    start_ms: int
    end_ms: int | None = Field(description="Null when it was not over at the end.")
    onset_ms: int
    max_score: float
    explanation: str


class CurvePoint(BaseModel):
    """What a budget would have cost."""

    budget: str
    alarms_per_week: float | None


class BacktestResult(BaseModel):
    """One series."""

    metric: str
    labels: dict[str, str]
    scores: list[float | None] = Field(description="One per row; null in warm-up and for a dropped row.")
    alarms: list[BacktestAlarm]
    realised_per_day: float | None
    curve: list[CurvePoint]


class BacktestAnswer(BaseModel):
    """One result per series."""

    results: list[BacktestResult]


BODY_EXAMPLE = {
    "series": [
        {
            "metric": "response_time_seconds",
            "labels": {"server": "web-1"},
            "values": [0.12, 0.2, None, 0.11],
            "timestamps_ms": [1795328801679, 1795328802679, 1795328803679, 1795328804679],
        }
    ],
    "settings": {"alarm_budget": "1 per 7d"},
}
EXAMPLE = {
    "results": [
        {
            "metric": "response_time_seconds",
            "labels": {"server": "web-1"},
            "scores": [None, None, None, 0.31],
            "alarms": [
                {
                    "start_ms": 1795328803679,
                    "end_ms": None,
                    "onset_ms": 1795328802679,
                    "max_score": 1.4,
                    "explanation": "78 % of the divergence comes from 250-500 ms going from 3 % to 19 %",
                }
            ],
            "realised_per_day": 0.2,
            "curve": [{"budget": "1 per 7d", "alarms_per_week": 1.4}],
        }
    ]
}


@router.post(
    "/backtest",
    response_model=BacktestAnswer,
    responses=answers(EXAMPLE, ErrorId.BAD_CONFIG, ErrorId.BODY_TOO_LARGE),
    openapi_extra=body_docs(BacktestBody, BODY_EXAMPLE),
)
async def run_backtest(request: Request, context: Annotated[Context, Depends(context_of)]) -> Response:
    """Scores, alarms with explanations, and what each budget would have cost; the live detector's code."""
    body = await read_json(request, BacktestBody)
    content = await asyncio.to_thread(backtest_json, body, context.read_profile)
    return Response(content, media_type="application/json")


def backtest_json(body: BacktestBody, read_profile: ReadProfile) -> bytes:
    """The answer as JSON; also what `kullback backtest --json` prints.

    Parameters
    ----------
    body : BacktestBody
    read_profile : callable
        A profile from one entry of `profiles:`.

    Raises
    ------
    RequestError
        BAD_CONFIG when the settings are not those of a profile.
    """
    profile = read_profile(body.settings)
    results = [_result(series, profile, body.curve) for series in body.series]
    return orjson.dumps({"results": results}, option=orjson.OPT_SERIALIZE_NUMPY)


def _result(body: SeriesBody, profile: Profile, with_curve: bool) -> dict[str, Any]:
    series, columns = body.series(), body.columns()
    report = backtest(series, *columns, profile)
    points = curve(series, *columns, profile) if with_curve else ()
    return {
        "metric": body.metric,
        "labels": body.labels,
        "scores": report.scores.score,
        "alarms": [_alarm(alarm) for alarm in report.alarms],
        "realised_per_day": report.realised_per_day,
        "curve": [
            {"budget": point.budget.render(), "alarms_per_week": point.alarms_per_week} for point in points
        ],
    }


def _alarm(alarm: Alarm) -> dict[str, Any]:
    return {
        "start_ms": alarm.start_ms,
        "end_ms": alarm.end_ms,
        "onset_ms": alarm.onset_ms,
        "max_score": alarm.max_score,
        "explanation": alarm.explanation,
    }
