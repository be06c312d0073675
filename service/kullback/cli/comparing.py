"""Comparing two texts with samples, and showing what was found."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from math import isfinite
from typing import Any

import orjson
from pydantic import ValidationError
from rich.console import Console
from rich.table import Table

from kullback.core.errors import ErrorId, RequestError
from kullback.detector.compare import Comparison
from kullback.http.compare import CompareBody, compared, shown
from kullback.outputs.asymmetry import asymmetry, place

NAMES = {
    "kl": "KL divergence D(A ‖ B), nats",
    "kl_reverse": "KL divergence D(B ‖ A), nats",
    "jeffreys": "Jeffreys divergence, nats",
    "jensen_shannon": "Jensen-Shannon divergence, nats",
    "psi": "population stability index",
    "hellinger": "Hellinger distance",
    "wasserstein": "Wasserstein distance, in the values' unit",
    "wasserstein_2": "2-Wasserstein distance, in the values' unit",
    "kolmogorov_smirnov": "Kolmogorov-Smirnov distance",
}
SHOWN_PARTS = 12
LIKELY_CHANCE = 0.05


def compared_texts(sides: Mapping[str, str], options: Mapping[str, Any]) -> Comparison:
    """The comparison of two texts.

    Parameters
    ----------
    sides : mapping of str to str
        `current` and `reference`.
    options : mapping
        Further members of a request of `POST /api/v1/compare`.

    Raises
    ------
    RequestError
        BAD_REQUEST, saying what is wrong with which side.
    """
    body = {name: _side(name, text) for name, text in sides.items()}
    try:
        return compared(CompareBody.model_validate({**body, **options}))
    except ValidationError as problem:
        first = problem.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise RequestError(ErrorId.BAD_REQUEST, f"{where}: {first['msg']}.") from problem


def _side(name: str, text: str) -> Any:
    """A list of numbers or of names, or what JSON holds."""
    if text.lstrip()[:1] in ("{", "["):
        try:
            return orjson.loads(text)
        except orjson.JSONDecodeError as problem:
            raise RequestError(ErrorId.BAD_JSON, f"{name} is not JSON: {problem}.") from problem
    words = text.replace(",", " ").replace(";", " ").split()
    if not words:
        raise RequestError(ErrorId.BAD_REQUEST, f"{name} holds no samples.")
    try:
        return [float(word) for word in words]
    except ValueError:
        return words


def print_json(found: Comparison) -> None:
    """Print the answer of `POST /api/v1/compare`.

    Parameters
    ----------
    found : Comparison
    """
    sys.stdout.write(shown(found).model_dump_json() + "\n")


def print_report(found: Comparison) -> None:
    """Print tables and sentences for people.

    Parameters
    ----------
    found : Comparison
    """
    out = Console(highlight=False)
    out.print(_measures(found), "")
    if found.measures.get("p_value") is not None:
        out.print(_chance(found.measures["p_value"] or 0.0), "")
    out.print(_parts(found), "")
    out.print(f"A is the current set, B the reference. {asymmetry(found)}")


def _measures(found: Comparison) -> Table:
    table = Table("measure", "value", box=None)
    for name, value in found.measures.items():
        if name != "p_value":
            table.add_row(NAMES.get(name, name), found.why_none[name] if value is None else f"{value:.4g}")
    return table


def _chance(p: float) -> str:
    verdict = "no evidence that they differ" if p > LIKELY_CHANCE else "the two differ"
    return f"By chance alone such a difference comes in {_percent(p)} of cases (p = {p:.2g}): {verdict}."


def _percent(ratio: float) -> str:
    return f"{100 * ratio:.3g} %" if isfinite(ratio) else "–"


def _parts(found: Comparison) -> Table:
    table = Table("where", "A", "B", "part of D(A ‖ B), nats", box=None)
    parts = sorted(found.parts, key=lambda part: -abs(part.nats))
    for part in parts[:SHOWN_PARTS]:
        shares = (_percent(ratio) for ratio in (part.current_ratio, part.reference_ratio))
        table.add_row(place(part), *shares, f"{part.nats:+.4g}")
    if len(parts) > SHOWN_PARTS:
        table.caption = f"and {len(parts) - SHOWN_PARTS} more that count less"
    return table
