"""A table of results: Markdown for people, JSON for programs."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import orjson

Cell = str | float | int | None


@dataclass(frozen=True, slots=True)
class Table:
    """Columns and rows under a title.

    Parameters
    ----------
    title : str
    columns : tuple of str
    rows : list of tuples
        Floats are shown with three significant digits; None as a dash.
    note : str
        What the reader must know to read the table.
    """

    title: str
    columns: tuple[str, ...]
    rows: list[tuple[Cell, ...]]
    note: str = ""

    def markdown(self) -> str:
        """The table as Markdown."""
        lines = [f"## {self.title}", ""]
        lines += [self.note, ""] if self.note else []
        lines += [_line(self.columns), _line(("---",) * len(self.columns))]
        lines += [_line(tuple(show(cell) for cell in row)) for row in self.rows]
        return "\n".join(lines) + "\n"


@dataclass(frozen=True, slots=True)
class Section:
    """One page of results.

    Parameters
    ----------
    name : str
        File name without its ending.
    title : str
    tables : list of Table
    figures : dict
        Plot name -> what `plots` needs; kept in the JSON, too.
    """

    name: str
    title: str
    tables: list[Table]
    figures: dict[str, Any] = field(default_factory=dict)

    def write(self, folder: Path, command: str, settings: dict[str, Any]) -> None:
        """Write `name.md` and `name.json` into the folder.

        Parameters
        ----------
        folder : Path
        command : str
            What produced the figures.
        settings : dict
            Seed, sizes, versions: what it takes to repeat them.
        """
        told = ", ".join(f"{key} {value}" for key, value in settings.items())
        images = [f"![{name}]({self.name}-{name}.svg)\n" for name in self.figures]
        text = [f"# {self.title}\n", f"`{command}` ({told})\n", *images]
        text += [table.markdown() for table in self.tables]
        (folder / f"{self.name}.md").write_text("\n".join(text))
        facts = {"command": command, "settings": settings, **asdict(self)}
        options = orjson.OPT_INDENT_2 | orjson.OPT_SERIALIZE_NUMPY
        (folder / f"{self.name}.json").write_bytes(orjson.dumps(facts, option=options))


def show(cell: Cell) -> str:
    """A cell as text.

    Parameters
    ----------
    cell : str, float, int or None
    """
    if cell is None:
        return "–"
    if isinstance(cell, float):
        return f"{cell:.0f}" if abs(cell) >= 100 else f"{cell:.2f}" if abs(cell) < 10 else f"{cell:.1f}"
    return str(cell)


def _line(cells: tuple[str, ...]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
