"""Running a back-test from the command line, and showing what it found."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from pydantic import ValidationError
from rich.console import Console
from rich.progress import track
from rich.table import Table as RichTable

from kullback.backtest import CURVE, CurvePoint, Report, curve, scored_rows
from kullback.backtest import backtest as run_backtest
from kullback.cli.html_report import write_html
from kullback.core.errors import ErrorId, RequestError
from kullback.core.labels import Series
from kullback.core.profile import Profile
from kullback.http.backtest import BacktestBody, backtest_json
from kullback.ingest.table import read_table
from kullback.outputs.alert_json import rfc3339
from kullback.settings import read_profile

SHOWN_ALARMS = 20

console = Console(stderr=True, highlight=False)


def from_file(
    file: Path,
    series: Series,
    profile: Profile,
    columns: tuple[str | None, str | None],
    html: Path | None,
    scores: Path | None,
    with_curve: bool,
) -> int:
    """Back-test a file and say what was found; the number of alarms.

    Parameters
    ----------
    file : Path
    series : Series
    profile : Profile
    columns : (str or None, str or None)
        Names of the time and the value column.
    html, scores : Path or None
        Where a report and the scores go.
    with_curve : bool
        Whether other budgets are run, too.
    """
    table = read_table(file, *columns)
    with console.status("Scoring…"):
        report = run_backtest(series, table.timestamp_ms, table.value, profile)
    points: list[CurvePoint] = []
    if with_curve:
        runs = curve(series, table.timestamp_ms, table.value, profile)
        points = list(track(runs, "Other budgets", total=len(CURVE), console=console))
    _print_summary(report, profile, points)
    if html:
        write_html(html, report, table.value, profile, points)
        console.print(f"Report: {html}")
    if scores:
        _write_scores(scores, report)
    return len(report.alarms)


def from_json(source: str) -> None:
    """Answer a request of `POST /api/v1/backtest` from a file or standard input on standard output.

    Parameters
    ----------
    source : str
        Path, or `-`.

    Raises
    ------
    RequestError
        BAD_REQUEST or BAD_CONFIG.
    """
    body = sys.stdin.buffer.read() if source == "-" else Path(source).read_bytes()
    try:
        request = BacktestBody.model_validate_json(body)
    except ValidationError as problem:
        raise RequestError(ErrorId.BAD_REQUEST, f"Cannot read {source}: {problem}") from problem
    sys.stdout.buffer.write(backtest_json(request, read_profile))


def _print_summary(report: Report, profile: Profile, points: list[CurvePoint]) -> None:
    out = Console(highlight=False)
    rows = len(report.scores)
    out.print(
        f"{rows} rows, {scored_rows(report.scores)} scored, {len(report.alarms)} alarms "
        f"({report.realised_per_day:.3g} per day; budget {profile.budget.render()})."
    )
    if report.alarms:
        table = RichTable("start", "onset", "end", "max score", "why", box=None)
        for alarm in report.alarms[:SHOWN_ALARMS]:
            table.add_row(
                rfc3339(alarm.start_ms), rfc3339(alarm.onset_ms), rfc3339(alarm.end_ms) or "not over",
                f"{alarm.max_score:.2f}", alarm.explanation,
            )  # fmt: skip
        out.print(table)
        if len(report.alarms) > SHOWN_ALARMS:
            out.print(f"… and {len(report.alarms) - SHOWN_ALARMS} more; --html shows all.")
    if points:
        table = RichTable("budget", "alarms per week", box=None)
        for point in points:
            table.add_row(point.budget.render(), f"{point.alarms_per_week:.2f}")
        out.print(table)


def _write_scores(path: Path, report: Report) -> None:
    started = {alarm.row for alarm in report.alarms}
    with path.open("w", encoding="utf-8") as file:
        file.write("timestamp_ms,score,alarm\n")
        columns = zip(report.scores.timestamp_ms.tolist(), report.scores.score.tolist(), strict=True)
        for row, (timestamp_ms, score) in enumerate(columns):
            shown = "" if np.isnan(score) else f"{score:.6g}"
            file.write(f"{timestamp_ms},{shown},{int(row in started)}\n")
