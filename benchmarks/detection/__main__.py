"""Command line of the detection benchmark: `python -m benchmarks.detection --help`."""

from __future__ import annotations

import subprocess
import sys
import time
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
from benchmarks.summary import write_summary

NAMES = ("delays", "life", "bursts", "servers", "nab", "false_alarms")


def measure(
    only: Annotated[
        list[str] | None,
        typer.Option(help=f"Run only this section; repeat for more. One of: {', '.join(NAMES)}."),
    ] = None,
    family: Annotated[
        list[str] | None,
        typer.Option(help="Of the false alarms, run only this null family; repeat for more."),
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
    _refuse_unknown(only or [], NAMES, "--only")
    _refuse_unknown(family or [], [f.name for f in NULLS], "--family")
    console = Console()
    sizes = Sizes(QUICK_SHARE if quick else 1.0, seed)
    runs = sections(Kullback(), peers, sizes, {"nab": nab, "servers": servers}, family or [], Keep(keep))
    for name in only or NAMES:
        if name not in runs:
            console.print(f"{name}: skipped, needs --{name} FOLDER")
            continue
        begun = time.monotonic()
        with Progress(console=console) as progress:
            section = runs[name](progress)
        out.mkdir(parents=True, exist_ok=True)
        section.write(out, _command(name, quick, peers, seed, keep), _settings(seed, begun))
        draw(section, out)
        write_summary(out.with_suffix(".md"), out)
        for table in section.tables:
            console.print(Markdown(table.markdown()))


def _refuse_unknown(given: list[str], known: list[str] | tuple[str, ...], option: str) -> None:
    if unknown := sorted(set(given) - set(known)):
        raise typer.BadParameter(f"{option} {unknown[0]!r} is not one of: {', '.join(known)}")


def _command(name: str, quick: bool, peers: bool, seed: int, keep: Path | None) -> str:
    folder = f" --{name} FOLDER" if name in ("nab", "servers") else ""
    options = (" --quick" if quick else "") + ("" if peers else " --no-peers")
    options += " --keep FOLDER" if keep else ""
    return f"python -m benchmarks.detection --only {name}{folder}{options} --seed {seed}"


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
