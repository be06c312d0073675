"""The durable sequence of requests: what is acknowledged is in here.

The log is the seam for scale-out: `append` and `replay` are all the service knows of it. This one is
a directory of SQLite files in write-ahead mode; a partition of a message log would do as well.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise, zip_longest
from pathlib import Path
from typing import Protocol

from kullback.core.errors import ErrorId, Overloaded
from kullback.core.labels import Labels, Series
from kullback.storage.directory import flush_directory
from kullback.storage.entry import Entry
from kullback.storage.segment import NONE_KNOWN, SUFFIX, DamagedEntry, Segment, Sync

DAMAGED = ".damaged"


@dataclass(frozen=True, slots=True)
class Damage:
    """Entries that were lost: those of one file from `offset` on. The file was kept as `kept`."""

    offset: int
    why: str
    kept: Path


class Log(Protocol):
    """A durable sequence of entries."""

    last_offset: int
    damage: tuple[Damage, ...]

    def append(self, entries: Sequence[Entry]) -> range:
        """Write entries together; the offsets they got."""
        ...

    def replay(self, after: int, known: Mapping[Labels, Series] = NONE_KNOWN) -> Iterator[Entry]:
        """The entries behind an offset; their series are those known where there are any."""
        ...

    def flush(self) -> None:
        """Bring the entries to the disk, where `append` does not wait for it."""
        ...

    def close(self) -> None:
        """Let go of the log."""
        ...


class SqliteLog:
    """A log in a directory of its own.

    Parameters
    ----------
    path : Path
    sync : "full", "interval" or "off"
        full: an entry is on disk when `append` returns. interval: after the next `flush`. off: whenever
        the system writes it. A killed process loses nothing in any of them; a power cut may.

    Raises
    ------
    KullbackError
        STORAGE_IN_USE, STORAGE_TOO_NEW, STORAGE_UNAVAILABLE.

    Attributes
    ----------
    last_offset : int
        Of the newest entry, 0 in an empty log.
    damage : tuple of Damage
        What `replay` could not read.
    """

    def __init__(self, path: Path, sync: Sync = "full") -> None:
        self.path = path
        self.damage: tuple[Damage, ...] = ()
        self._sync = sync
        self._broken = False
        with _as_unavailable("opened"):
            path.mkdir(parents=True, exist_ok=True)
            segments = self._segments()
            self._active = self._open(segments[-1] if segments else self._path_of(1))
        self.last_offset = self._active.last_offset

    def append(self, entries: Sequence[Entry]) -> range:
        """Write entries in one transaction with one flush to disk.

        Parameters
        ----------
        entries : sequence of Entry
            Their own `offset` is not looked at.

        Returns
        -------
        range
            The offsets they got.

        Raises
        ------
        Overloaded
            STORAGE_UNAVAILABLE: nothing was written. The log tries again by itself with the next call.
        """
        offsets = range(self.last_offset + 1, self.last_offset + 1 + len(entries))
        if not entries:
            return offsets
        numbered = [replace(entry, offset=offset) for offset, entry in zip(offsets, entries, strict=True)]
        with _as_unavailable("written"):
            try:
                if self._broken:
                    self._active.reconnect()
                self._active.append(numbered)
            except BaseException:
                self._broken = True
                raise
        self._broken = False
        self.last_offset = offsets[-1]
        return offsets

    def replay(self, after: int, known: Mapping[Labels, Series] = NONE_KNOWN) -> Iterator[Entry]:
        """The entries behind an offset, in order.

        Entries behind a damaged one are skipped, noted in `damage`, and taken out of the log, so that what
        is appended later is replayed next time.

        Parameters
        ----------
        after : int
        known : mapping of Labels to Series
            Series that are there already, by their labels: they are taken and not made anew.

        Raises
        ------
        Overloaded
            STORAGE_UNAVAILABLE: a damaged file could not be put aside.
        """
        segments = self._segments()
        for path, following in zip_longest(segments, segments[1:]):
            if following is not None and int(following.stem) <= after + 1:
                continue  # not opened: it may have the label sets of a large fleet in it
            try:
                yield from self._read(path, after, known)
            except (DamagedEntry, sqlite3.DatabaseError) as problem:
                with _as_unavailable("repaired"):
                    self._cut(path, problem)

    def roll(self) -> None:
        """Begin a new file, so that `truncate` can drop what lies before; called when a snapshot begins.

        Raises
        ------
        Overloaded
            STORAGE_UNAVAILABLE: the log goes on in the old file.
        """
        if self._active.first_offset > self.last_offset:
            return
        path = self._path_of(self.last_offset + 1)
        with _as_unavailable("written"):
            try:
                following = Segment(path, self._sync)
            except BaseException:
                _remove(path)  # the old file goes on past this offset
                raise
            flush_directory(self.path)
        self.close()
        self._active, self._broken = following, False

    def truncate(self, upto: int) -> None:
        """Drop files of which no entry lies behind `upto`.

        Parameters
        ----------
        upto : int
            Offset that the older of the kept snapshots covers.
        """
        for path, following in pairwise(self._segments()):
            if int(following.stem) <= upto + 1:
                with contextlib.suppress(OSError):  # a read-only disk: next time
                    _remove(path)

    def skip_to(self, offset: int) -> None:
        """Never give out an offset up to this one again.

        Needed after a power cut without `sync: full`, when a snapshot is ahead of the log: what is new
        must not look as if the snapshot contained it.

        Parameters
        ----------
        offset : int
        """
        if offset > self.last_offset:
            self.last_offset = offset
            self.roll()

    def flush(self) -> None:
        """Bring the entries to the disk, once a second; does nothing but with `sync: interval`.

        Raises
        ------
        Overloaded
            STORAGE_UNAVAILABLE.
        """
        if self._sync == "interval":
            with _as_unavailable("written"):
                self._active.flush()

    @property
    def size_bytes(self) -> int:
        """What the log takes on disk."""
        return sum(path.stat().st_size for path in self.path.iterdir())

    def close(self) -> None:
        """Let go of the files."""
        with contextlib.suppress(sqlite3.Error):
            self._active.close()

    def _segments(self) -> list[Path]:
        return sorted(self.path.glob(f"*{SUFFIX}"))

    def _path_of(self, first_offset: int) -> Path:
        return self.path / f"{first_offset:020}{SUFFIX}"

    def _open(self, path: Path) -> Segment:
        try:
            return Segment(path, self._sync)
        except sqlite3.DatabaseError as problem:
            if isinstance(problem, sqlite3.OperationalError):
                raise
            return self._set_aside(path, problem)

    def _read(self, path: Path, after: int, known: Mapping[Labels, Series]) -> Iterator[Entry]:
        if path == self._active.path:
            yield from self._active.read(after, known)
            return
        segment = Segment(path, self._sync)
        try:
            if segment.last_offset > after:
                yield from segment.read(after, known)
        finally:
            segment.close()

    def _cut(self, path: Path, problem: DamagedEntry | sqlite3.DatabaseError) -> None:
        """Keep what is sound of a segment in a new file of the same name."""
        if path == self._active.path:
            self._active.close()
        sound = self._rescue(path, problem.offset) if isinstance(problem, DamagedEntry) else []
        fresh = self._set_aside(path, problem)
        if sound:
            fresh.append(sound)
        if path == self._active.path:
            self._active = fresh
        else:
            fresh.close()

    def _rescue(self, path: Path, stop: int) -> list[Entry]:
        segment = Segment(path, self._sync)
        sound: list[Entry] = []
        with contextlib.suppress(DamagedEntry):
            sound.extend(entry for entry in segment.read(0) if entry.offset < stop)
        segment.close()
        return sound

    def _set_aside(self, path: Path, problem: Exception) -> Segment:
        offset = problem.offset if isinstance(problem, DamagedEntry) else int(path.stem)
        kept = path.with_suffix(DAMAGED)
        path.rename(kept)
        _remove(path)
        self.damage += (Damage(offset, str(problem), kept),)
        return Segment(path, self._sync)


@contextlib.contextmanager
def _as_unavailable(what: str) -> Iterator[None]:
    try:
        yield
    except (sqlite3.Error, OSError) as problem:
        raise Overloaded(ErrorId.STORAGE_UNAVAILABLE, f"The log cannot be {what}: {problem}.") from problem


def _remove(path: Path) -> None:
    for name in (path, path.with_name(path.name + "-wal"), path.with_name(path.name + "-shm")):
        name.unlink(missing_ok=True)
