"""Series from tables: CSV by the standard library, Parquet when pyarrow is there."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kullback.core.errors import ErrorId, RequestError

TIME_COLUMNS = ("timestamp_ms", "timestamp", "time", "ds", "date")
VALUE_COLUMN = "value"
LATEST_SECONDS = 10**11
"""A number below this is a Unix time in seconds (until the year 5138), above it in milliseconds."""
PARQUET = (".parquet", ".pq")
FIRST_ROW = 2
"""The header is line 1."""

Columns = Mapping[str, Sequence[Any]]


@dataclass(frozen=True, slots=True)
class Table:
    """One series.

    Parameters
    ----------
    timestamp_ms : int64 array, shape (n,)
    value : float64 array, shape (n,)
        NaN where the cell was empty.
    """

    timestamp_ms: NDArray[np.int64]
    value: NDArray[np.float64]


def read_table(path: Path, time_column: str | None = None, value_column: str | None = None) -> Table:
    """Read a series from a file.

    Parameters
    ----------
    path : Path
        CSV with a header, or Parquet.
    time_column, value_column : str or None
        None: the first of `TIME_COLUMNS`, and `value` or the only other one.

    Raises
    ------
    RequestError
        BAD_REQUEST, naming the file and the place in it.
    """
    try:
        if path.suffix.lower() in PARQUET:
            return _series(_parquet(path), str(path), time_column, value_column)
        return read_csv(path.read_text(encoding="utf-8-sig"), str(path), time_column, value_column)
    except (OSError, UnicodeDecodeError) as problem:
        raise _bad(str(path), str(problem)) from problem


def read_csv(text: str, name: str, time_column: str | None = None, value_column: str | None = None) -> Table:
    """Read a series from the text of a CSV file with a header.

    Parameters
    ----------
    text : str
    name : str
        The file's name, for errors.
    time_column, value_column : str or None
        As for `read_table`.

    Raises
    ------
    RequestError
        BAD_REQUEST, naming the file and the place in it.
    """
    rows = csv.reader(io.StringIO(text, newline=""))
    try:
        columns: dict[str, list[str]] = {title.strip(): [] for title in next(rows, [])}
        for row in rows:
            for title, cell in zip(columns, row, strict=False):
                columns[title].append(cell)
    except csv.Error as problem:
        raise _bad(name, str(problem)) from problem
    return _series(columns, name, time_column, value_column)


def _parquet(path: Path) -> Columns:
    try:
        from pyarrow import ArrowException, parquet  # noqa: PLC0415 - an extra that only this needs
    except ImportError as problem:
        raise _bad(str(path), 'reading Parquet needs pip install "kullback[parquet]"') from problem
    try:
        columns: Columns = parquet.read_table(path).to_pydict()
    except ArrowException as problem:
        raise _bad(str(path), str(problem)) from problem
    return columns


def _series(columns: Columns, name: str, time_column: str | None, value_column: str | None) -> Table:
    times = _choose(name, columns, time_column, TIME_COLUMNS)
    rest = tuple(title for title in columns if title != times)
    values = _choose(name, columns, value_column, (VALUE_COLUMN, *(rest if len(rest) == 1 else ())))
    if len(columns[times]) != len(columns[values]):
        raise _bad(name, f"line {FIRST_ROW + min(len(columns[times]), len(columns[values]))} is too short")
    return Table(
        np.array(list(_times(name, columns[times])), np.int64),
        np.array(list(_values(name, columns[values])), np.float64),
    )


def _choose(name: str, columns: Columns, asked: str | None, usual: tuple[str, ...]) -> str:
    for title in (asked,) if asked else usual:
        if title in columns:
            return title
    wanted = asked or " or ".join(usual)
    raise _bad(name, f"it has no column {wanted!r}, only {', '.join(columns) or 'none'}")


def _times(name: str, cells: Sequence[Any]) -> Iterator[int]:
    for line, cell in enumerate(cells, FIRST_ROW):
        try:
            yield _time_ms(cell)
        except (ValueError, TypeError, OverflowError) as problem:
            raise _bad(name, f"line {line}: {cell!r} is no time") from problem


def _time_ms(cell: Any) -> int:
    if isinstance(cell, datetime):
        moment = cell
    else:
        try:
            number = float(cell)
        except ValueError:
            moment = datetime.fromisoformat(cell)
        else:
            return round(number * 1000 if abs(number) < LATEST_SECONDS else number)
    return round((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)


def _values(name: str, cells: Sequence[Any]) -> Iterator[float]:
    for line, cell in enumerate(cells, FIRST_ROW):
        try:
            yield float("nan") if cell is None or cell == "" else float(cell)
        except (ValueError, TypeError) as problem:
            raise _bad(name, f"line {line}: {cell!r} is no number") from problem


def _bad(name: str, why: str) -> RequestError:
    return RequestError(ErrorId.BAD_REQUEST, f"Cannot read {name}: {why}.")
