"""`kullback compare`: how far are two sets of samples apart?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

FILE_HELP = (
    "Numbers or names of categories between spaces, commas or line ends; or JSON. - reads standard input."
)


def compare(
    current: Annotated[str, typer.Argument(help=f"A: {FILE_HELP}")],
    reference: Annotated[str, typer.Argument(help="B: what A is compared with, in the same form.")],
    bins: Annotated[
        int, typer.Option(min=2, max=1024, help="Bins of equal reference mass for samples.")
    ] = 16,
    smoothing: Annotated[
        float, typer.Option(min=0, help="Observations added to every bin; 0 may make a divergence infinite.")
    ] = 0.5,
    permutations: Annotated[
        int, typer.Option(min=0, max=10_000, help="Shuffles behind the p-value; 0: none.")
    ] = 999,
    seed: Annotated[int, typer.Option(min=0, help="Same seed, same p-value.")] = 0,
    json: Annotated[bool, typer.Option("--json", help="Print what POST /api/v1/compare answers.")] = False,
) -> None:
    """Compare two sets of samples by every measure, both ways, without a running service.

    Says which part of the values makes the difference, whether chance explains it, and why the two directions
    of the Kullback-Leibler divergence differ.

    JSON may hold a list, {"upper_bounds": [0.1, 1], "counts": [5, 3, 1]} (a histogram),
    {"categories": {"card": 61, "cash": 5}} or {"mean": 0.1, "variance": 0.04} (a Gaussian; lists for more
    dimensions).

    Example: kullback compare today.txt last_month.txt
    """
    from kullback.cli import comparing  # noqa: PLC0415 - importing it takes a while; --help should not wait

    sides = {"current": _text(current), "reference": _text(reference)}
    options = {"bins": bins, "smoothing": smoothing, "permutations": permutations, "seed": seed}
    found = comparing.compared_texts(sides, options)
    if json:
        comparing.print_json(found)
    else:
        comparing.print_report(found)


def _text(name: str) -> str:
    if name == "-":
        return typer.get_text_stream("stdin").read()
    path = Path(name)
    if not path.is_file():
        raise typer.BadParameter(f"there is no file {name!r}")
    return path.read_text(encoding="utf-8-sig")
