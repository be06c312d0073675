"""Series from files: CSV by the standard library, Parquet when pyarrow is there."""

from __future__ import annotations

import csv
from collections.abc import Iterator
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


@dataclass(frozen=True, slots=True)
class Table:
    """One series of a file.

    Parameters
    ----------
    timestamp_ms : int64 array, shape (n,)
    value : float64 array, shape (n,)
        NaN where the cell was empty.
    """

    timestamp_ms: NDArray[np.int64]
    value: NDArray[np.float64]


def read_table(path: Path, time_column: str | None, value_column: str | None) -> Table:
    """Read a series.

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
        columns = _parquet(path) if path.suffix.lower() in PARQUET else _csv(path)
    except (OSError, UnicodeDecodeError, csv.Error) as problem:
        raise _bad(path, str(problem)) from problem
    time_name = _choose(path, columns, time_column, TIME_COLUMNS)
    rest = tuple(name for name in columns if name != time_name)
    value_name = _choose(path, columns, value_column, (VALUE_COLUMN, *(rest if len(rest) == 1 else ())))
    return Table(
        np.array(list(_times(path, columns[time_name])), np.int64),
        np.array(list(_values(path, columns[value_name])), np.float64),
    )


def _csv(path: Path) -> dict[str, list[Any]]:
    with path.open(newline="", encoding="utf-8-sig") as file:
        rows = csv.reader(file)
        header = next(rows, [])
        columns: dict[str, list[Any]] = {name.strip(): [] for name in header}
        for row in rows:
            for name, cell in zip(columns, row, strict=False):
                columns[name].append(cell)
    return columns


def _parquet(path: Path) -> dict[str, list[Any]]:
    try:
        from pyarrow import parquet  # noqa: PLC0415 - an extra that only this needs
    except ImportError as problem:
        raise _bad(path, 'reading Parquet needs pip install "kullback[parquet]"') from problem
    columns: dict[str, list[Any]] = parquet.read_table(path).to_pydict()
    return columns


def _choose(path: Path, columns: dict[str, list[Any]], asked: str | None, usual: tuple[str, ...]) -> str:
    for name in (asked,) if asked else usual:
        if name in columns:
            return name
    wanted = asked or " or ".join(usual)
    raise _bad(path, f"it has no column {wanted!r}, only {', '.join(columns) or 'none'}")


def _times(path: Path, cells: list[Any]) -> Iterator[int]:
    for row, cell in enumerate(cells, 2):
        try:
            yield _time_ms(cell)
        except (ValueError, TypeError, OverflowError) as problem:
            raise _bad(path, f"line {row}: {cell!r} is no time") from problem


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


def _values(path: Path, cells: list[Any]) -> Iterator[float]:
    for row, cell in enumerate(cells, 2):
        try:
            yield float("nan") if cell is None or cell == "" else float(cell)
        except ValueError as problem:
            raise _bad(path, f"line {row}: {cell!r} is no number") from problem


def _bad(path: Path, why: str) -> RequestError:
    return RequestError(ErrorId.BAD_REQUEST, f"Cannot read {path}: {why}.")
