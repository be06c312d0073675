"""The detection pages in one table, written into the page of all benchmarks."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson

BEGIN, END = "<!-- detection:begin -->", "<!-- detection:end -->"
OURS = "Kullback"
Line = tuple[str, str, str, str]


def write_summary(page: Path, folder: Path) -> None:
    """Put what the folder's JSON files say between the page's marks.

    Parameters
    ----------
    page : Path
        Left alone when it has no marks.
    folder : Path
    """
    text = page.read_text() if page.exists() else ""
    if BEGIN not in text or END not in text:
        return
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    page.write_text(f"{before}{BEGIN}\n{summary(folder)}{END}{after}")


def summary(folder: Path) -> str:
    """The table as Markdown, one line per figure; sections that were not run are not in it.

    Parameters
    ----------
    folder : Path
    """
    lines = ["| figure | target | Kullback | others |", "| --- | --- | --- | --- |"]
    for name, read in READERS.items():
        path = folder / f"{name}.json"
        if path.exists():
            facts = orjson.loads(path.read_bytes())
            lines += [_line(line) for line in read(facts)]
            lines.append(f"| *[all of it]({folder.name}/{name}.md)* | | *`{facts['command']}`* | |")
    return "\n".join(lines) + "\n"


def _line(cells: Line) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _rows(facts: dict[str, Any], title: str) -> list[dict[str, Any]]:
    """Rows of the first table whose title begins so, by column; of equal columns the last counts."""
    for table in facts["tables"]:
        if table["title"].startswith(title):
            return [dict(zip(table["columns"], row, strict=True)) for row in table["rows"]]
    return []


def _best(rows: list[dict[str, Any]], column: str) -> str:
    others = [r for r in rows if not str(r["detector"]).startswith((OURS, "dummy"))]
    if not others:
        return "–"
    best = max(others, key=lambda r: float(r[column] or 0.0))
    return f"{best['detector']} {float(best[column]):.2f}"


def _false_alarms(facts: dict[str, Any]) -> list[Line]:
    ratios = [r for r in facts["figures"]["ratios"] if r["family"] != "constant"]
    lines = []
    for phase in ("steady", "learning", "warm-up"):
        for budget in sorted({r["budget"] for r in ratios}):
            chosen = [r["ratio"] for r in ratios if r["phase"] == phase and r["budget"] == budget]
            inside, above = sum(0.5 <= r <= 1.2 for r in chosen), sum(r > 1.5 for r in chosen)
            median = sorted(chosen)[len(chosen) // 2]
            told = f"{inside} of {len(chosen)} within, {above} above 1.5, median {median:.2f}"
            lines.append(
                (f"false alarms / budget, {phase}, 1 per {budget} samples", "0.5-1.2, all", told, "")
            )
    return lines


def _delays(facts: dict[str, Any]) -> list[Line]:
    lines = []
    for table in facts["tables"][:1]:
        for row in table["rows"]:
            if row[1] is not None:
                lines.append((f"delay, {row[0]}", f"{row[1]:g}", f"{row[3]} ({row[5]} found)", str(row[2])))
    return lines


def _servers(facts: dict[str, Any]) -> list[Line]:
    rows = _rows(facts, "Servers")
    ours = next(r for r in rows if r["detector"] == OURS)
    lines = [
        ("servers: area", "0.85", f"{ours['area']:.2f}", _best(rows, "area")),
        (
            "servers: recall at 1 false alarm per server-day",
            "0.95",
            f"{ours['at 1']:.2f}",
            _best(rows, "at 1"),
        ),
    ]
    for row in rows:
        if (name := str(row["detector"])).startswith(OURS):
            ratio = float(row["false alarms / budget at its own line"])
            lines.append((f"servers: false alarms / budget, {name}", "0.5-1.5", f"{ratio:.2f}", ""))
            lines.append((f"servers: own line, {name}", "0.65", str(row["own line, k = 1"]), ""))
    return lines


def _nab(facts: dict[str, Any]) -> list[Line]:
    rows = _rows(facts, "NAB")
    lines = []
    for row in rows:
        if str(row["detector"]).startswith(OURS):
            told = f"{row['standard']:.1f} / {row['low FP']:.1f} / {row['low FN']:.1f}"
            held = float(row["standard, threshold from the other half"])
            lines.append((f"NAB, {row['detector']}", "76 / 70 / 81", told, _best(rows, "standard")))
            lines.append((f"NAB held out, {row['detector']}", "72", f"{held:.1f}", ""))
    return lines


def _bursts(facts: dict[str, Any]) -> list[Line]:
    rows = _rows(facts, "Bursts")
    ours = next(r for r in rows if r["detector"] == OURS)
    names = [c for c in ours if c != "detector" and "own line" not in c]
    return [(f"bursts found, {name}", "0.90", str(ours[name]), _best(rows, name)) for name in names]


def _mixed(facts: dict[str, Any]) -> list[Line]:
    rows = _rows(facts, "Incidents of seven kinds")
    ours = next(r for r in rows if r["detector"] == OURS)
    best = _best(rows, "area")
    return [("drawn streams: area", "above each peer", str(ours["area"]), best)]


def _life(facts: dict[str, Any]) -> list[Line]:
    rows = _rows(facts, "One incident")
    return [
        (
            f"one alert: {r['incident']}",
            "95 %, lag 30",
            f"{r['one alert']}, lag {float(r['resolve lag'] or 0):.0f}",
            "",
        )
        for r in rows
    ]


READERS: dict[str, Callable[[dict[str, Any]], list[Line]]] = {
    "false_alarms": _false_alarms,
    "long_budgets": _false_alarms,
    "delays": _delays,
    "servers": _servers,
    "bursts": _bursts,
    "mixed": _mixed,
    "nab": _nab,
    "life": _life,
}
