"""One file of the log: a SQLite database that holds the entries from its first offset on.

The label sets of an entry are numbers into the segment's own table of series, where each is written
once. A segment refers to nothing outside itself, so the log is shortened by deleting whole files.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from operator import attrgetter
from pathlib import Path
from types import MappingProxyType
from typing import Literal

import numpy as np
import orjson
from numpy.typing import NDArray

from kullback.core.batch import Batch
from kullback.core.labels import Kind, Labels, Series
from kullback.storage.database import Synchronous, open_database, transaction
from kullback.storage.encoding import decode_batch, encode_batch, without_unused_series
from kullback.storage.entry import Entry

Sync = Literal["full", "interval", "off"]
NONE_KNOWN: Mapping[Labels, Series] = MappingProxyType({})

SCHEMA_VERSION = 1
SUFFIX = ".db"
MAX_TUPLES = 16
_SYNCHRONOUS: dict[Sync, Synchronous] = {"full": "FULL", "interval": "NORMAL", "off": "OFF"}
_UPGRADES: dict[int, str] = {
    0: """
       CREATE TABLE series (number INTEGER PRIMARY KEY, labels BLOB, kind INTEGER, unit TEXT,
                            checksum INTEGER);
       CREATE TABLE entries (offset INTEGER PRIMARY KEY, now_ms INTEGER, protocol TEXT, any_age INTEGER,
                             body BLOB, action BLOB, checksum INTEGER);
       """
}
"""Statements that bring a file from the key's schema version to the next."""

_KEY = attrgetter("key")
SeriesRow = tuple[int, bytes, int, str, int]
EntryRow = tuple[int, int, str, int, bytes, bytes, int]


class DamagedEntry(Exception):
    """The entries of a segment are sound only before `offset`."""

    def __init__(self, offset: int, why: str) -> None:
        super().__init__(why)
        self.offset = offset


class Segment:
    """An open segment.

    Parameters
    ----------
    path : Path
        `<first offset, 20 digits>.db`.
    sync : "full", "interval" or "off"
        Whether a commit reaches the disk before `append` returns.

    Raises
    ------
    sqlite3.Error
        When the file is not a sound database or cannot be written.
    KullbackError
        STORAGE_TOO_NEW, STORAGE_IN_USE.
    """

    def __init__(self, path: Path, sync: Sync = "full") -> None:
        self.path = path
        self.first_offset = int(path.stem)
        self._sync = sync
        self._connection = self._connect()
        self._highest = 0
        self._series: dict[int, Series] = {}
        self._numbers: dict[str, int] = {}
        self._learnt = False
        self._tuples: dict[bytes, tuple[Series, ...]] = {}
        newest = self._connection.execute("SELECT max(offset) FROM entries").fetchone()[0]
        self.last_offset: int = self.first_offset - 1 if newest is None else newest

    def append(self, entries: Sequence[Entry]) -> None:
        """Write entries in one transaction; all are there afterwards, or none.

        Parameters
        ----------
        entries : sequence of Entry
            With rising offsets.

        Raises
        ------
        sqlite3.Error
            Nothing was written; call `reconnect` before the next attempt.
        """
        self.learn()
        fresh: list[Series] = []
        try:
            rows = [self._row(entry, fresh) for entry in entries]
            self._write(rows, [self._series_row(series) for series in fresh])
        except BaseException:
            for series in fresh:
                del self._series[self._numbers.pop(series.key)]
            self._highest -= len(fresh)
            raise
        self.last_offset = entries[-1].offset

    def learn(self, known: Mapping[Labels, Series] = NONE_KNOWN) -> None:
        """Read the table of series, unless that was done; it may be that of a large fleet.

        Parameters
        ----------
        known : mapping of Labels to Series
            Those that are there already are taken and not made anew.

        Raises
        ------
        sqlite3.Error
        """
        if self._learnt:
            return
        for number, packed, kind, unit, checksum in self._connection.execute("SELECT * FROM series"):
            self._highest = max(self._highest, number)
            if _checksum(number, packed, kind, unit) == checksum:
                labels = tuple([(name, value) for name, value in orjson.loads(packed)])
                found = known.get(labels)
                fits = found is not None and (found.kind, found.unit) == (kind, unit)
                self._series[number] = found if found and fits else Series(labels, Kind(kind), unit)
        self._numbers = {series.key: number for number, series in self._series.items()}
        self._learnt = True

    def read(self, after: int, known: Mapping[Labels, Series] = NONE_KNOWN) -> Iterator[Entry]:
        """The entries behind an offset, in order.

        Parameters
        ----------
        after : int
        known : mapping of Labels to Series
            As for `learn`.

        Raises
        ------
        DamagedEntry
            At the first entry that does not match its checksum or cannot be read.
        """
        sound = max(after, self.first_offset - 1)
        try:
            self.learn(known)
            for row in self._connection.execute(
                "SELECT * FROM entries WHERE offset > ? ORDER BY offset", (after,)
            ):
                yield self._entry(row)
                sound = row[0]
        except (sqlite3.DatabaseError, KeyError, ValueError) as problem:
            raise DamagedEntry(sound + 1, str(problem)) from problem

    def flush(self) -> None:
        """Bring everything committed so far to the disk."""
        wal_path = self.path.with_name(f"{self.path.name}-wal")
        with contextlib.suppress(FileNotFoundError), wal_path.open("rb") as wal:
            os.fsync(wal.fileno())

    def reconnect(self) -> None:
        """Start afresh after a failed `append`; what it may have left behind is removed.

        Raises
        ------
        sqlite3.Error
        """
        with contextlib.suppress(sqlite3.Error):
            self._connection.close()
        self._connection = self._connect()
        self.learn()
        with transaction(self._connection):
            # A commit whose flush failed was answered with an error and yet may be in the file.
            self._connection.execute("DELETE FROM entries WHERE offset > ?", (self.last_offset,))
            self._connection.execute("DELETE FROM series WHERE number > ?", (self._highest,))

    def close(self) -> None:
        """Move the write-ahead log into the file and let go of it."""
        self._connection.close()

    def _connect(self) -> sqlite3.Connection:
        return open_database(self.path, _UPGRADES, SCHEMA_VERSION, _SYNCHRONOUS[self._sync])

    def _write(self, rows: list[EntryRow], series: list[SeriesRow]) -> None:
        with transaction(self._connection):
            if series:
                self._connection.executemany("INSERT INTO series VALUES (?, ?, ?, ?, ?)", series)
            self._connection.executemany("INSERT INTO entries VALUES (?, ?, ?, ?, ?, ?, ?)", rows)

    def _row(self, entry: Entry, fresh: list[Series]) -> EntryRow:
        batch = without_unused_series(entry.batch)
        body = encode_batch(batch, self._numbers_of(batch, fresh)) if batch.series else b""
        action = orjson.dumps(entry.action) if entry.action else b""
        row = (entry.offset, entry.now_ms, entry.protocol, int(entry.any_age), body, action)
        return (*row, _checksum(*row))

    def _numbers_of(self, batch: Batch, fresh: list[Series]) -> NDArray[np.int64]:
        numbers = list(map(self._numbers.get, map(_KEY, batch.series)))
        if None in numbers:
            for series in batch.series:
                if series.key not in self._numbers:
                    self._highest = number = self._highest + 1
                    self._numbers[series.key], self._series[number] = number, series
                    fresh.append(series)
            numbers = list(map(self._numbers.get, map(_KEY, batch.series)))
        return np.array(numbers, np.int64)

    def _series_row(self, series: Series) -> SeriesRow:
        row = (self._numbers[series.key], orjson.dumps(series.labels), int(series.kind), series.unit)
        return (*row, _checksum(*row))

    def _entry(self, row: EntryRow) -> Entry:
        offset, now_ms, protocol, any_age, body, action, checksum = row
        if _checksum(*row[:-1]) != checksum:
            raise ValueError("its checksum does not match")
        entry = Entry(now_ms, protocol, any_age=bool(any_age), offset=offset)
        if action:
            entry = replace(entry, action=orjson.loads(action))
        return replace(entry, batch=decode_batch(body, self._series_of)) if body else entry

    def _series_of(self, numbers: NDArray[np.int64]) -> tuple[Series, ...]:
        """The same object for the same numbers, so that what was found out about it can be remembered."""
        key = numbers.tobytes()
        if key not in self._tuples:
            if len(self._tuples) == MAX_TUPLES:
                self._tuples.clear()
            self._tuples[key] = tuple(map(self._series.__getitem__, numbers.tolist()))
        return self._tuples[key]


def _checksum(*columns: int | str | bytes) -> int:
    checksum = 0
    for column in columns:
        checksum = zlib.crc32(column if isinstance(column, bytes) else f"{column}|".encode(), checksum)
    return checksum
