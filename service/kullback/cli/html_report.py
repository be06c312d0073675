"""The back-test's report as one HTML file with its charts inside, to be opened or mailed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import plotly.graph_objects as go
from jinja2 import Environment, PackageLoader, select_autoescape
from numpy.typing import NDArray

from kullback import __version__
from kullback.backtest import Alarm, CurvePoint, Report, scored_rows
from kullback.core.labels import render
from kullback.core.profile import Profile
from kullback.core.units import unit_of
from kullback.outputs.alert_json import rfc3339
from kullback.outputs.figures import Band, curve_figure, histogram_figure, score_figure, value_figure

MOST_POINTS = 4000
MOST_CHARTED_ALARMS = 20


def write_html(
    path: Path, report: Report, value: NDArray[np.float64], profile: Profile, points: Sequence[CurvePoint]
) -> None:
    """Write the report.

    Parameters
    ----------
    path : Path
    report : Report
    value : float64 array, shape (n,)
        As given.
    profile : Profile
    points : sequence of CurvePoint
        May be empty.
    """
    loader = PackageLoader("kullback.cli", "templates")
    pages = Environment(loader=loader, autoescape=select_autoescape())
    page = pages.get_template("backtest.html").render(
        title=render(report.series.labels),
        version=__version__,
        budget=profile.budget.render(),
        rows=len(report.scores),
        scored=scored_rows(report.scores),
        realised_per_day=report.realised_per_day,
        alarms=[_alarm(alarm) for alarm in report.alarms],
        charts=list(_charts(report, value, profile, points)),
        alarm_charts=_alarm_charts(report),
    )
    path.write_text(page, encoding="utf-8")


def _alarm(alarm: Alarm) -> dict[str, Any]:
    return {
        "start": rfc3339(alarm.start_ms),
        "onset": rfc3339(alarm.onset_ms),
        "end": rfc3339(alarm.end_ms),
        "max_score": alarm.max_score,
        "explanation": alarm.explanation,
    }


def _charts(
    report: Report, value: NDArray[np.float64], profile: Profile, points: Sequence[CurvePoint]
) -> list[tuple[str, str]]:
    steps = _steps(len(value))
    times, starts = report.scores.timestamp_ms[steps], [alarm.start_ms for alarm in report.alarms]
    means, lows, highs = (_by_step(fold, value, steps) for fold in (np.nanmean, np.nanmin, np.nanmax))
    score = _by_step(np.nanmax, report.scores.score, steps)
    last_ms = int(times[-1])
    lasting = [(alarm.start_ms, alarm.end_ms or last_ms) for alarm in report.alarms]
    figures = [
        ("Values", value_figure(Band(times, lows, highs, means), unit_of(report.series), starts)),
        ("Score", score_figure(times, score, starts, lasting_ms=lasting)),
    ]
    if points:
        budgets, costs = [p.budget.render() for p in points], [p.alarms_per_week for p in points]
        figures.append(("Budget and alarms", curve_figure(budgets, costs, profile.budget.render())))
    return [(title, _html(figure, first=index == 0)) for index, (title, figure) in enumerate(figures)]


def _alarm_charts(report: Report) -> list[tuple[str, str]]:
    shown = [alarm for alarm in report.alarms if alarm.why is not None][:MOST_CHARTED_ALARMS]
    unit = unit_of(report.series)
    return [
        (f"{rfc3339(alarm.start_ms)}: {alarm.explanation}", _html(histogram_figure(alarm.why.view, unit)))
        for alarm in shown
        if alarm.why is not None
    ]


def _html(figure: go.Figure, first: bool = False) -> str:
    html: str = figure.to_html(full_html=False, include_plotlyjs=first, config={"displaylogo": False})
    return html


def _steps(rows: int) -> NDArray[np.int64]:
    """First row of each step of a chart that shows at most `MOST_POINTS`."""
    return np.arange(0, rows, max(1, -(-rows // MOST_POINTS)))


def _by_step(fold: Any, column: NDArray[np.float64], steps: NDArray[np.int64]) -> NDArray[np.float64]:
    groups = np.split(column, steps[1:]) if len(steps) else []
    return np.array([fold(group) if np.isfinite(group).any() else np.nan for group in groups])
