"""The page: its documents, its files, and the figures only it needs."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import orjson
import plotly.graph_objects as go
from fastapi import APIRouter, Depends, Query, Request
from fastapi.staticfiles import StaticFiles
from jinja2 import Environment, PackageLoader, select_autoescape
from numpy.typing import NDArray
from plotly.offline import get_plotlyjs
from starlette.responses import HTMLResponse, Response

from kullback import __version__
from kullback.backtest import CURVE, Report, backtest, curve, scored_rows
from kullback.core.errors import ErrorId, KullbackError
from kullback.core.labels import NAME as METRIC
from kullback.core.labels import Series, kind_of_name, render, sorted_labels
from kullback.core.units import unit_of
from kullback.http.compare import CompareBody, shown
from kullback.http.compare import compared as comparison
from kullback.http.context import Context, context_of
from kullback.http.json_body import read_json
from kullback.http.markers import marker_row
from kullback.http.ops import states_of
from kullback.http.paging import URGENCY, page, query_of
from kullback.http.problems import status_of
from kullback.http.request_body import read_body
from kullback.http.stream_shapes import known, rows_of
from kullback.http.streams import StreamId, number_of
from kullback.http.times import parse_time_ms
from kullback.http.try_out import Current, Reference, tried_out
from kullback.http.what_if import WhatIf
from kullback.http.why_shapes import window_answer
from kullback.ingest.table import Table, read_csv
from kullback.outputs.asymmetry import asymmetry
from kullback.outputs.figures import (
    CURRENT,
    QUIET,
    Band,
    comparison_figure,
    curve_figure,
    histogram_figure,
    score_figure,
    value_figure,
)
from kullback.pipeline.markers import Marker, markers_of
from kullback.pipeline.tenancy import OwnFleet
from kullback.storage.point import QUANTILES, quantile

In = Annotated[Context, Depends(context_of)]
Window = Annotated[int, Query(ge=1)]
PAGES = (
    ("/", "Fleet"),
    ("/alerts", "Alerts"),
    ("/compare", "Compare"),
    ("/backtest", "Back-test"),
    ("/status", "Status"),
)
STARTING = "The first start on a machine compiles for about a minute; this page goes on by itself."
STATIC = Path(__file__).parent / "static"
MOST_POINTS = 1000
FEW = 10
SPARK_POINTS = 32
A_DAY = "public, max-age=86400"

router = APIRouter(include_in_schema=False)
_templates = Environment(
    loader=PackageLoader("kullback.http", "templates"), autoescape=select_autoescape(), trim_blocks=True
)


def static_files() -> StaticFiles:
    """Style sheet and scripts."""
    return StaticFiles(directory=STATIC)


def _document(template: str, here: str, status: int = 200, **values: Any) -> HTMLResponse:
    text = _templates.get_template(template).render(version=__version__, pages=PAGES, here=here, **values)
    return HTMLResponse(text, status, headers={"Cache-Control": "no-cache"})


def _problem(problem: KullbackError) -> HTMLResponse:
    """A page instead of a page; one that waits while the service starts."""
    waiting = problem.error is ErrorId.STARTING_OR_STOPPING
    heading = "Kullback is starting" if waiting else "This page is not there"
    text = STARTING if waiting else problem.detail
    return _document(
        "problem.html", "", status_of(problem.error), heading=heading, text=text, waiting=waiting
    )


@router.get("/")
async def fleet(request: Request) -> Response:
    """All streams."""
    return _document("fleet.html", "/", address=str(request.base_url).rstrip("/"))


@router.get("/streams/{id}")
async def stream(context: In, stream_id: StreamId, time: str = "") -> Response:
    """One stream, at a time in the past where one is given."""
    try:
        at = str(parse_time_ms(time)) if time else ""
        name = await context.ask(lambda fleet: _name(fleet, stream_id))
    except KullbackError as problem:
        return _problem(problem)
    return _document("stream.html", "", id=stream_id, name=name, selector=name, time=at)


@router.get("/alerts")
async def alerts() -> Response:
    """The alert book."""
    return _document("alerts.html", "/alerts")


@router.get("/compare")
async def compare() -> Response:
    """Two sets of samples side by side."""
    return _document("compare.html", "/compare")


@router.get("/backtest")
async def backtest_page() -> Response:
    """A recorded series through the detector."""
    return _document("backtest.html", "/backtest")


@router.get("/status")
async def status() -> Response:
    """How the service stands."""
    return _document("status.html", "/status")


@router.get("/static/plotly.min.js")
async def plotly_js() -> Response:
    """Plotly's own JavaScript, from the installed package."""
    return Response(_plotly(), media_type="text/javascript", headers={"Cache-Control": A_DAY})


@lru_cache(maxsize=1)
def _plotly() -> bytes:
    return bytes(get_plotlyjs().encode())


@router.get("/ui/fleet")
async def fleet_page(
    context: In,
    match: Annotated[list[str] | None, Query(alias="match[]")] = None,
    state: str = "",
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    cursor: str = "",
) -> Response:
    """A page of streams with their past scores, and how many streams are in each state."""
    query = query_of(match or [], state, f"-{URGENCY}", limit, cursor)
    now_ms = context.clock()

    def asked(fleet: OwnFleet) -> dict[str, Any]:
        numbers, following = page(fleet, query, now_ms)
        rows = [row.model_dump() for row in rows_of(fleet, numbers, now_ms)]
        for row in rows:
            past = fleet.history.newest(row["id"], SPARK_POINTS)
            row["past_scores"] = [known(one) for one in past["max_score"]]
        return {"streams": rows, "next_cursor": following, "streams_by_state": states_of(fleet, now_ms)}

    return _json(await context.ask(asked))


@router.get("/ui/streams/{id}/window")
async def window(context: In, stream_id: StreamId, window: Window = 64) -> Response:
    """Reference and current window as numbers and as a figure."""

    def asked(fleet: OwnFleet) -> tuple[Any, str]:
        number = number_of(fleet, stream_id)
        return fleet.engine.windows(number, window), unit_of(fleet.engine.stream(number).series)

    view, unit = await context.ask(asked)
    figure = await asyncio.to_thread(histogram_figure, view, unit)
    answer = window_answer(view, window, unit).model_dump()
    return _json({"window": answer, "figure": _plot(figure)})


@router.get("/ui/streams/{id}/time")
async def over_time(context: In, stream_id: StreamId, start: str, end: str) -> Response:
    """Values and scores over time, as figures, and what people did in that time."""
    start_ms, end_ms = parse_time_ms(start), parse_time_ms(end)

    def asked(fleet: OwnFleet) -> tuple[Past, list[Marker]]:
        number = number_of(fleet, stream_id)
        series = fleet.engine.stream(number).series
        step_ms = max((end_ms - start_ms) // MOST_POINTS, 1)
        began = [_began_ms(alert) for alert in fleet.history.alerts(stream=stream_id)]
        near = list(markers_of(fleet.facts.markers, series.labels, start_ms, end_ms))
        past = Past(
            points=fleet.history.scores(stream_id, start_ms, end_ms, step_ms),
            began_ms=[ms for ms in began if start_ms <= ms <= end_ms],
            markers=[(marker["at_ms"], marker["text"]) for marker in near],
            unit=unit_of(series),
            span_ms=(start_ms, end_ms),
            limits=fleet.engine.alarm_limits(number),
        )
        return past, near

    past, near = await context.ask(asked)
    figures = await asyncio.to_thread(_history_figures, past)
    shown = [marker_row(marker).model_dump() for marker in near]
    limits = dict(zip(("below", "above"), past.sensible_limits, strict=True))
    return _json(
        {"points": len(past.points), "markers": shown, "limits": limits, "unit": past.unit, **figures}
    )


@router.get("/ui/streams/{id}/what-if")
async def what_if_page(
    context: In, stream_id: StreamId, current: Current = "", reference: Reference = None
) -> Response:
    """`GET /api/v1/streams/{id}/what-if` with a figure."""
    answer = await tried_out(context, stream_id, CURVE, current, reference)
    figure = curve_figure([point.budget for point in answer.points], _costs(answer), answer.budget)
    if any(point.alarms_per_week is None for point in answer.points):
        figure.update_yaxes(title_text="alarms", tickformat="d")
        if max(_costs(answer)) < FEW:
            figure.update_yaxes(dtick=1)
    colours = {"chosen": CURRENT, "other": QUIET}
    return _json({"answer": answer.model_dump(), "figure": _plot(figure), "colours": colours})


def _costs(answer: WhatIf) -> list[float]:
    """Alarms per week, or alarms where a week cannot be told from what is stored."""
    return [
        float(point.alarms if point.alarms_per_week is None else point.alarms_per_week)
        for point in answer.points
    ]


@router.post("/ui/compare")
async def compared(request: Request) -> Response:
    """`POST /api/v1/compare` with a figure."""
    body = await read_json(request, CompareBody)
    found = await asyncio.to_thread(comparison, body)
    added = {"asymmetry": asymmetry(found), "figure": _plot(comparison_figure(found.parts))}
    return _json(shown(found).model_dump() | added)


@router.post("/ui/backtest")
async def backtested(
    request: Request, context: In, budget: str, current: str = "", name: str = "series.csv"
) -> Response:
    """A CSV through the detector, as numbers and figures."""
    with context.bodies.share(context.limits.max_inflight_bytes) as share:
        body = await read_body(request, context.limits, share)
    windows = {"current": [_length(word) for word in current.split(",")]} if current.strip() else {}
    profile = context.read_profile({"alarm_budget": budget, **windows})
    metric = Path(name).name.split(".")[0] or "series"
    series = Series(sorted_labels([(METRIC, metric)]), kind_of_name(metric))

    def run() -> dict[str, Any]:
        table = read_csv(body.decode("utf-8-sig", "replace"), name)
        report = backtest(series, table.timestamp_ms, table.value, profile)
        points = list(curve(series, table.timestamp_ms, table.value, profile))
        costs = curve_figure(
            [point.budget.render() for point in points],
            [point.alarms_per_week for point in points],
            profile.budget.render(),
        )
        return _report_json(report, profile.budget.render()) | {
            "figures": {**_series_figures(report, table), "curve": _plot(costs)}
        }

    return _json(await asyncio.to_thread(run))


def _length(word: str) -> int | str:
    """A window's length as in the configuration: samples or a duration."""
    return int(word) if word.strip().isdecimal() else word.strip()


@dataclass(frozen=True, slots=True)
class Past:
    """What the charts of a stream show."""

    points: NDArray[Any]
    began_ms: list[int]
    markers: list[tuple[int, str]]
    unit: str
    span_ms: tuple[int, int]
    limits: tuple[float | None, float | None]

    @property
    def lasting_ms(self) -> list[tuple[int, int]]:
        """From when to when alerts were under way, by what is stored."""
        edges = np.diff(np.concatenate(([False], self.points["phase"] > 0, [False])).astype(np.int8))
        begins, ends = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)
        at_ms = [*self.points["at_ms"].tolist(), self.span_ms[1]]
        return [(at_ms[begin], at_ms[end]) for begin, end in zip(begins, ends, strict=True)]

    @property
    def sensible_limits(self) -> tuple[float | None, float | None]:
        """Without a lower one that is negative where no value was."""
        low, high = self.limits
        positive = len(self.points) > 0 and float(self.points["least"].min()) >= 0
        return None if low is not None and low < 0 and positive else low, high


def _history_figures(past: Past) -> dict[str, Any]:
    points, marks = past.points, (past.began_ms, past.span_ms, past.markers)
    low, middle, high = (quantile(points, name) for name in QUANTILES)
    band = Band(points["at_ms"], points["least"], points["most"], points["mean"], (low, middle, high))
    score = score_figure(points["at_ms"], points["max_score"].astype(np.float64), *marks, past.lasting_ms)
    return {
        "value": _plot(value_figure(band, past.unit, *marks, past.sensible_limits)),
        "score": _plot(score),
    }


def _report_json(report: Report, budget: str) -> dict[str, Any]:
    alarms = [
        {
            "start_ms": alarm.start_ms,
            "onset_ms": alarm.onset_ms,
            "end_ms": alarm.end_ms,
            "max_score": alarm.max_score,
            "explanation": alarm.explanation,
        }
        for alarm in report.alarms
    ]
    return {
        "rows": len(report.scores),
        "scored": scored_rows(report.scores),
        "alarms": alarms,
        "realised_per_day": report.realised_per_day,
        "budget": budget,
    }


def _series_figures(report: Report, table: Table) -> dict[str, Any]:
    steps = np.arange(0, len(table.value), max(1, -(-len(table.value) // MOST_POINTS)))
    times, starts = table.timestamp_ms[steps], [alarm.start_ms for alarm in report.alarms]
    folds = (np.add.reduceat, np.fmin.reduceat, np.fmax.reduceat)
    total, lowest, highest = (fold(table.value, steps) for fold in folds)
    sizes = np.diff([*steps.tolist(), len(table.value)])
    value = value_figure(Band(times, lowest, highest, total / sizes), unit_of(report.series), starts)
    score = np.fmax.reduceat(report.scores.score, steps)
    last_ms = int(times[-1])
    lasting = [(alarm.start_ms, alarm.end_ms or last_ms) for alarm in report.alarms]
    return {"value": _plot(value), "score": _plot(score_figure(times, score, starts, lasting_ms=lasting))}


def _name(fleet: OwnFleet, stream_id: str) -> str:
    return render(fleet.engine.stream(number_of(fleet, stream_id)).series.labels)


def _began_ms(alert: dict[str, Any]) -> int:
    return parse_time_ms(alert["fired_at"] or alert["starts_at"])


def _plot(figure: go.Figure) -> Any:
    return orjson.Fragment(figure.to_json().encode())


def _json(content: Any) -> Response:
    body = orjson.dumps(content, option=orjson.OPT_SERIALIZE_NUMPY)
    return Response(body, media_type="application/json", headers={"Cache-Control": "no-store"})
