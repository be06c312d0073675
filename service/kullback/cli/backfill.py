"""`kullback backfill`: begin with the past instead of waiting for it."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from kullback.cli.options import TenantOption, TokenOption, UrlOption, labels_of
from kullback.client.client import Client
from kullback.client.prometheus import PrometheusHistory
from kullback.core.duration import parse_duration_ms
from kullback.core.errors import RequestError

TIMEOUT_S = 120.0


def backfill(
    file: Annotated[
        Path | None, typer.Argument(help="CSV or Parquet with a time and a value column.", show_default=False)
    ] = None,
    prometheus: Annotated[str | None, typer.Option(help="URL of a Prometheus to read from.")] = None,
    match: Annotated[
        str | None, typer.Option(help="Which series, e.g. '{job=\"node\"}'; with --step any PromQL.")
    ] = None,
    since: Annotated[str, typer.Option(help="Beginning: an age such as 7d, or an ISO 8601 time.")] = "7d",
    until: Annotated[str, typer.Option(help="End: an age or a time.")] = "0s",
    step: Annotated[
        str | None, typer.Option(help="Sample with range queries, such as 1m; default: as scraped.")
    ] = None,
    metric: Annotated[str | None, typer.Option(help="Metric name of a file, or of a PromQL result.")] = None,
    label: Annotated[list[str] | None, typer.Option(help="NAME=VALUE, added to every series.")] = None,
    external_labels: Annotated[
        bool, typer.Option(help="Add Prometheus' external labels, as its remote write does.")
    ] = True,
    time_column: Annotated[str | None, typer.Option(help="Column with the time.")] = None,
    value_column: Annotated[str | None, typer.Option(help="Column with the values.")] = None,
    url: UrlOption = "http://localhost:9797",
    token: TokenOption = None,
    tenant: TenantOption = None,
    prometheus_token: Annotated[
        str | None, typer.Option(envvar="PROMETHEUS_TOKEN", help="Bearer token for Prometheus.")
    ] = None,
) -> None:
    """Send past samples, so that new streams start with a trusted reference.

    Give a FILE, or --prometheus with --match. Streams go on where they ended: run it again after an
    interruption, or before agents start to send; what a stream has already is not sent again.
    """
    from kullback.cli import backfilling  # noqa: PLC0415 - --help should not wait

    if (file is None) == (prometheus is None):
        raise typer.BadParameter("give either a FILE or --prometheus URL", param_hint="FILE")
    labels = labels_of(label or [])
    with Client(url, token, TIMEOUT_S, tenant=tenant) as client:
        delivery = backfilling.Delivery(client, url)
        if file is not None:
            columns = (time_column, value_column)
            backfilling.from_file(delivery, file, metric or file.name.split(".")[0], labels, columns)
        else:
            if not match:
                raise typer.BadParameter(
                    "say which series, e.g. --match '{job=\"node\"}'", param_hint="--match"
                )
            step_ms = parse_duration_ms(step) if step else 0
            source = PrometheusHistory(prometheus or "", match, step_ms, prometheus_token)
            wanted = backfilling.Wanted(match, metric or "", labels, external_labels, raw=not step_ms)
            now_ms = time.time_ns() // 1_000_000
            span = (_moment_ms(since, now_ms, "--since"), _moment_ms(until, now_ms, "--until"))
            if span[0] >= span[1]:
                raise typer.BadParameter("must lie before --until", param_hint="--since")
            backfilling.from_prometheus(delivery, source, wanted, *span)
    if not delivery.conclude():
        raise typer.Exit(1)


def _moment_ms(text: str, now_ms: int, option: str) -> int:
    """An age before now, or a time."""
    try:
        return now_ms - parse_duration_ms(text)
    except RequestError:
        pass
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(
            f"{text!r} is neither an age such as 7d nor an ISO 8601 time", param_hint=option
        ) from None
    return round((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)
