"""The command line: one file per command."""

from __future__ import annotations

import sys

import typer
from rich.console import Console

from kullback import __version__
from kullback.cli.backfill import backfill
from kullback.cli.backtest import backtest
from kullback.cli.check_config import check_config
from kullback.cli.compare import compare
from kullback.cli.demo import demo
from kullback.cli.mark import mark
from kullback.cli.serve import serve
from kullback.cli.warmup import warmup
from kullback.core.errors import KullbackError

USAGE_ERROR = 2

app = typer.Typer(
    name="kullback",
    help="Streaming anomaly detection with an alarm budget that is kept.",
    epilog="Start with `kullback demo --serve` and open http://localhost:9797.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"kullback {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: bool = typer.Option(
        False, "--version", callback=_version, is_eager=True, help="Show the version."
    ),
) -> None: ...


for command in (serve, demo, backfill, backtest, compare, mark, check_config, warmup):
    app.command(command.__name__.replace("_", "-"))(command)


def main() -> None:
    """Run the command line; an error of the user's is one sentence, not a traceback."""
    try:
        app()
    except KullbackError as problem:
        Console(stderr=True).print(str(problem), style="red", markup=False, highlight=False, soft_wrap=True)
        sys.exit(USAGE_ERROR)
