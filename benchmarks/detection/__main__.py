"""Command line of the detection benchmark: `python -m benchmarks.detection --help`."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

import numba
import numpy as np
import typer
from rich.console import Console
from rich.markdown import Markdown
from rich.progress import Progress

from benchmarks.detection.keep import Keep
from benchmarks.detection.kullback import Kullback
from benchmarks.detection.nulls import NULLS
from benchmarks.detection.plots import draw
from benchmarks.detection.sections import sections
from benchmarks.detection.sizes import QUICK_SHARE, Sizes
from benchmarks.long_budgets import STEADY_SAMPLES
from benchmarks.summary import write_summary

NAMES = ("delays", "life", "bursts", "mixed", "servers", "nab", "false_alarms")
ASKED_FOR = "long_budgets"
"""Takes an hour, so it is run only when it is asked for."""


def measure(
    only: Annotated[
        list[str] | None,
        typer.Option(
            help=f"Run only this section; repeat for more. One of: {', '.join(NAMES)}; or {ASKED_FOR}, an "
            "hour that a run of everything leaves out: budgets of one alarm per 10^6 and 10^7 samples."
        ),
    ] = None,
    family: Annotated[
        list[str] | None,
        typer.Option(help="Of the false alarms, run only this null family; repeat for more."),
    ] = None,
    budget: Annotated[
        list[int] | None,
        typer.Option(help="Of the long budgets, run only this one; repeat for more. 1000000 takes minutes."),
    ] = None,
    quick: Annotated[bool, typer.Option(help="A fifth of the streams: minutes instead of an hour.")] = False,
    peers: Annotated[bool, typer.Option(help="Run the other detectors beside Kullback.")] = True,
    seed: Annotated[int, typer.Option(help="All streams follow from it.")] = 1,
    nab: Annotated[
        Path | None, typer.Option(help="Folder with NAB's data/ and labels/.", exists=True)
    ] = None,
    servers: Annotated[
        Path | None,
        typer.Option(help="Folder with <set>/meta.json and <set>/<server>/<metric>.csv.", exists=True),
    ] = None,
    keep: Annotated[
        Path | None,
        typer.Option(
            help="Folder of the other detectors' results, reused while neither they nor the streams change."
        ),
    ] = None,
    out: Annotated[Path, typer.Option(help="Where pages, JSON and figures are written.")] = Path(
        "docs/benchmarks"
    ),
) -> None:
    """Measure false alarms, delays, incidents and NAB points, and write them as pages with figures."""
    _refuse_unknown(only or [], (*NAMES, ASKED_FOR), "--only")
    _refuse_unknown(family or [], [f.name for f in NULLS], "--family")
    _refuse_unknown(map(str, budget or []), list(map(str, STEADY_SAMPLES)), "--budget")
    console = Console()
    sizes = Sizes(QUICK_SHARE if quick else 1.0, seed)
    runs = sections(
        Kullback(), peers, sizes, {"nab": nab, "servers": servers}, family or [], budget or [], Keep(keep)
    )
    chosen = [f" --family '{one}'" for one in family or []] + [f" --budget {one}" for one in budget or []]
    for name in only or NAMES:
        if name not in runs:
            console.print(f"{name}: skipped, needs --{name} FOLDER")
            continue
        begun = time.monotonic()
        with Progress(console=console) as progress:
            section = runs[name](progress)
        out.mkdir(parents=True, exist_ok=True)
        section.write(out, _command(name, quick, peers, seed, keep, chosen), _settings(seed, begun))
        draw(section, out)
        write_summary(out.with_suffix(".md"), out)
        for table in section.tables:
            console.print(Markdown(table.markdown()))


def _refuse_unknown(given: Iterable[str], known: list[str] | tuple[str, ...], option: str) -> None:
    if unknown := sorted(set(given) - set(known)):
        raise typer.BadParameter(f"{option} {unknown[0]!r} is not one of: {', '.join(known)}")


def _command(name: str, quick: bool, peers: bool, seed: int, keep: Path | None, chosen: list[str]) -> str:
    options = f" --{name} FOLDER" if name in ("nab", "servers") else ""
    options += " --quick" if quick else ""
    if name != ASKED_FOR:
        options += ("" if peers else " --no-peers") + (" --keep FOLDER" if keep else "")
    if name in (ASKED_FOR, "false_alarms"):
        options += "".join(chosen)
    return f"python -m benchmarks.detection --only {name}{options} --seed {seed}"


def _settings(seed: int, begun: float) -> dict[str, Any]:
    asked = ["git", "describe", "--always", "--dirty", "--abbrev=10", "--exclude=*"]
    commit = subprocess.run(asked, capture_output=True, text=True, check=False).stdout.strip()
    return {
        "commit": commit or "unknown",
        "seed": seed,
        "python": sys.version.split()[0],
        "numpy": np.__version__,
        "numba": numba.__version__,
        "seconds": round(time.monotonic() - begun),
    }


if __name__ == "__main__":
    typer.run(measure)
