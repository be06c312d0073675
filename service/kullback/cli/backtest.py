"""`kullback backtest`: what would it have said?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from kullback.cli.options import ConfigOption
from kullback.core.labels import NAME, Series, kind_of_name, sorted_labels
from kullback.core.profile import Profile
from kullback.settings import load_settings

TOO_MANY_ALARMS = 3


def backtest(
    file: Annotated[
        Path | None, typer.Argument(help="CSV or Parquet with a time and a value column.", show_default=False)
    ] = None,
    metric: Annotated[str | None, typer.Option(help="Metric name; default: the file's name.")] = None,
    label: Annotated[list[str] | None, typer.Option(help="NAME=VALUE, to choose the profile.")] = None,
    time_column: Annotated[str | None, typer.Option(help="Column with the time.")] = None,
    value_column: Annotated[str | None, typer.Option(help="Column with the values.")] = None,
    config: ConfigOption = None,
    budget: Annotated[str | None, typer.Option(help="Alarm budget, such as '1 per 30d'.")] = None,
    html: Annotated[Path | None, typer.Option(help="Write a report with charts.")] = None,
    scores: Annotated[Path | None, typer.Option(help="Write timestamp_ms,score,alarm as CSV.")] = None,
    max_alerts: Annotated[
        int | None, typer.Option(help=f"Exit with {TOO_MANY_ALARMS} when there are more; for CI.")
    ] = None,
    with_curve: Annotated[bool, typer.Option("--curve/--no-curve", help="Run other budgets too.")] = True,
    json: Annotated[
        str | None, typer.Option(help="Answer a request of POST /api/v1/backtest from a file or -.")
    ] = None,
) -> None:
    """Score a recorded series as the service would have, without look-ahead.

    Runs the service's own detector: scores are the same to the last bit. Without a configuration the
    defaults hold. Times are Unix seconds or milliseconds, or ISO 8601 (UTC when no zone is given).
    """
    from kullback.cli import backtesting  # noqa: PLC0415 - importing it compiles; --help should not wait

    if json is not None:
        backtesting.from_json(json)
        return
    if file is None:
        raise typer.BadParameter("give a FILE, or --json FILE", param_hint="FILE")
    series = _series(metric or file.name.split(".")[0], label or [])
    profile = _profile(config, budget, series)
    alarms = backtesting.from_file(
        file, series, profile, (time_column, value_column), html, scores, with_curve
    )
    if max_alerts is not None and alarms > max_alerts:
        raise typer.Exit(TOO_MANY_ALARMS)


def _series(metric: str, labels: list[str]) -> Series:
    pairs = [(NAME, metric)]
    for label in labels:
        name, equals, value = label.partition("=")
        if not equals:
            raise typer.BadParameter("labels have the form NAME=VALUE", param_hint="--label")
        pairs.append((name, value))
    return Series(sorted_labels(pairs), kind_of_name(metric))


def _profile(config: Path | None, budget: str | None, series: Series) -> Profile:
    overrides = {"profiles": [{"alarm_budget": budget}]} if budget else {}
    profiles = load_settings(config, overrides).build_profiles()
    return next(profile for profile in profiles if profile.match.matches(series.labels))
