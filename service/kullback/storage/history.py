"""What people look back on: scores, alerts and who did what.

Writing is idempotent by key, so that a replay of the log writes the same rows again. Nothing here is
needed to score: when the disk is full the newest rows wait in memory, and ingest goes on.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from kullback.alerting.alert import Alert
from kullback.core.errors import ErrorId, Overloaded
from kullback.core.scores import Scores
from kullback.core.tenant import ANONYMOUS
from kullback.storage.database import open_database, transaction
from kullback.storage.point import POINT, pack, thin, unpack
from kullback.storage.points import CHUNK_POINTS, Chunk, Points

SCHEMA_VERSION = 4
_UPGRADES = {
    0: """
       CREATE TABLE chunks (stream TEXT, start_ms INTEGER, end_ms INTEGER, points BLOB);
       CREATE UNIQUE INDEX chunk ON chunks (stream, start_ms);
       CREATE TABLE alerts (id TEXT PRIMARY KEY, stream TEXT, state TEXT, started_ms INTEGER,
                            ended_ms INTEGER, document BLOB);
       CREATE INDEX alert_of_stream ON alerts (stream, started_ms);
       CREATE INDEX alert_by_time ON alerts (started_ms);
       CREATE TABLE audit (offset INTEGER PRIMARY KEY, now_ms INTEGER, action BLOB)
       """,
    1: f"""
       ALTER TABLE alerts ADD COLUMN tenant TEXT NOT NULL DEFAULT '{ANONYMOUS}';
       ALTER TABLE audit ADD COLUMN tenant TEXT NOT NULL DEFAULT '{ANONYMOUS}';
       CREATE INDEX alert_of_tenant ON alerts (tenant, started_ms)
       """,
    2: "",  # chunks with quantiles, which older versions cannot read; this one reads both
    3: "ALTER TABLE chunks ADD COLUMN peak REAL",
}
_PUT_CHUNK = """
    INSERT INTO chunks (stream, start_ms, end_ms, points, peak) VALUES (?, ?, ?, ?, ?)
    ON CONFLICT (stream, start_ms)
    DO UPDATE SET end_ms = excluded.end_ms, points = excluded.points, peak = excluded.peak
    """
_PEAKS = """
    SELECT stream, max(ifnull(peak, 9e999)) FROM chunks
    WHERE stream IN (SELECT value FROM json_each(?)) AND start_ms <= ? AND end_ms >= ? GROUP BY stream
    """
_PUT_ALERT = """
    INSERT INTO alerts VALUES (?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (id) DO UPDATE SET state = excluded.state, ended_ms = excluded.ended_ms,
                                   document = excluded.document
    """
_PUT_AUDIT = "INSERT OR REPLACE INTO audit VALUES (?, ?, ?, ?)"
_RETIRE = {
    "chunks": """DELETE FROM chunks WHERE end_ms < ?
                 AND rowid IN (SELECT rowid FROM chunks ORDER BY rowid LIMIT 1000)""",
    "alerts": "DELETE FROM alerts WHERE started_ms < ? AND ended_ms IS NOT NULL",
    "audit": "DELETE FROM audit WHERE now_ms < ?",
}
MAX_WAITING_ROWS = 200_000
MAX_ALERTS = 1000
FLUSHED_STREAMS = 250
"""Whose full chunks are written at once: those of a large fleet fill up together."""
RETIRE_EVERY_MS = 60_000
Document = dict[str, Any]


class History:
    """Score history, alert book and audit trail in one SQLite file.

    Parameters
    ----------
    path : Path
    capacity : int
        Stream numbers are below it.
    step_ms : int
        Resolution of the score history.
    retention_ms : int
        How long it is kept.

    Raises
    ------
    Overloaded
        STORAGE_UNAVAILABLE.
    KullbackError
        STORAGE_IN_USE, STORAGE_TOO_NEW.

    Attributes
    ----------
    points : Points
        The newest points, in memory; they are saved and restored with their streams.
    problem : str
        Why rows could not be written; "" when they could. They wait, and are tried again.
    lost_rows : int
        Rows given up because too many waited.
    damaged : Path or None
        Where an unreadable file was put aside.
    """

    def __init__(self, path: Path, capacity: int, step_ms: int, retention_ms: int) -> None:
        self.points = Points(capacity, step_ms)
        self.problem = ""
        self.lost_rows = 0
        self.damaged: Path | None = None
        self._path = path
        self._retention_ms = retention_ms
        self._retired_ms = -RETIRE_EVERY_MS
        self._waiting: deque[tuple[str, tuple[Any, ...]]] = deque()
        self._full: dict[str, list[Chunk]] = {}
        self._connection = self._open()

    def record(self, scores: Scores, phases: NDArray[np.uint8]) -> None:
        """Take the scores of a batch.

        Parameters
        ----------
        scores : Scores
        phases : uint8 array, shape (n,)
            Alert phase of each row's stream after the batch.
        """
        self.points.record(scores, phases)

    def put_alert(self, document: Document, alert: Alert, tenant: str = ANONYMOUS) -> None:
        """Write an alert down, in place of what was known of it.

        Parameters
        ----------
        document : dict
            The alert as JSON values, with `id`, `stream` and `state`.
        alert : Alert
        tenant : str
        """
        row = (document["id"], document["stream"], document["state"], alert.starts_at_ms, alert.ends_at_ms)
        self._put(_PUT_ALERT, (*row, orjson.dumps(document), tenant))

    def audit(self, offset: int, now_ms: int, action: Mapping[str, Any], tenant: str = ANONYMOUS) -> None:
        """Write down what a person did.

        Parameters
        ----------
        offset : int
            Of the action's log entry.
        now_ms : int
        action : mapping
        tenant : str
        """
        self._put(_PUT_AUDIT, (offset, now_ms, orjson.dumps(dict(action)), tenant))

    def flush(self, now_ms: int) -> None:
        """Write what waits and drop what is older than the retention.

        Parameters
        ----------
        now_ms : int
        """
        if self._write_some() and abs(now_ms - self._retired_ms) >= RETIRE_EVERY_MS:
            self._retired_ms = now_ms
            # A clock that jumps ahead must not wipe the history: the samples' own times count as well.
            bound_ms = min(now_ms, self.points.newest_ms) - self._retention_ms
            with self._noting_problems(), transaction(self._connection):
                for statement in _RETIRE.values():
                    self._connection.execute(statement, (bound_ms,))

    def secure(self) -> Iterator[None]:
        """Bring everything recorded so far to the disk, pausing in between; before a snapshot relies on it.

        Raises
        ------
        Overloaded
            STORAGE_UNAVAILABLE: some rows still wait.
        """
        while not self._write_some():
            if self.problem:
                raise Overloaded(ErrorId.STORAGE_UNAVAILABLE, self.problem)
            yield
        wal = self._path.with_name(f"{self._path.name}-wal")
        with contextlib.suppress(FileNotFoundError), wal.open("rb") as file:
            os.fsync(file.fileno())

    def scores(self, stream: str, start_ms: int, end_ms: int, step_ms: int = 0) -> NDArray[Any]:
        """The score history of a stream.

        Parameters
        ----------
        stream : str
            Its id.
        start_ms, end_ms : int
            Bounds of the points' times, both included.
        step_ms : int
            Length of a point; never shorter than it was stored with.

        Returns
        -------
        POINT array
            Rising in time.
        """
        self._write([stream])
        rows = self._read(
            "SELECT points FROM chunks WHERE stream = ? AND start_ms <= ? AND end_ms >= ? ORDER BY start_ms",
            (stream, end_ms, start_ms),
        )
        parts = [unpack(packed) for (packed,) in rows]
        points = np.concatenate([*parts, self.points.newest(stream), np.empty(0, POINT)])
        points = points[(points["at_ms"] >= start_ms) & (points["at_ms"] <= end_ms)]
        points = points[np.argsort(points["at_ms"], kind="stable")]
        return thin(points, max(step_ms, self.points.step_ms))

    def at_most(self, streams: Sequence[str], start_ms: int, end_ms: int) -> NDArray[np.float64]:
        """How high the scores of streams can have been in an interval, without reading their points.

        Parameters
        ----------
        streams : sequence of str
            Their ids.
        start_ms, end_ms : int
            Both included.

        Returns
        -------
        float64 array, shape (n,)
            Largest score of the chunks that reach into the interval, so perhaps of a time just outside; inf
            where an earlier version did not write it down, -inf where there is nothing.
        """
        bounds = self.points.at_most(streams, start_ms, end_ms)
        self._sort_full()
        for at, stream in enumerate(streams):
            for chunk in self._full.get(stream, ()):
                if chunk.span_ms[0] <= end_ms and chunk.span_ms[1] >= start_ms:
                    bounds[at] = max(bounds[at], chunk.peak)
        written = dict(self._read(_PEAKS, (orjson.dumps(list(streams)).decode(), end_ms, start_ms)))
        return np.fmax(bounds, [written.get(stream, -np.inf) for stream in streams])

    def newest(self, stream: str, count: int) -> NDArray[Any]:
        """The newest points of a stream.

        Parameters
        ----------
        stream : str
            Its id.
        count : int
            At most.

        Returns
        -------
        POINT array
            Rising in time.
        """
        self._write([stream])
        chunks = -(-count // CHUNK_POINTS)
        rows = self._read(
            "SELECT points FROM chunks WHERE stream = ? ORDER BY start_ms DESC LIMIT ?", (stream, chunks)
        )
        parts = [unpack(packed) for (packed,) in reversed(rows)]
        return np.concatenate([*parts, self.points.newest(stream), np.empty(0, POINT)])[-count:]

    def alert(self, alert_id: str, tenant: str | None = None) -> Document | None:
        """An alert as it was written last, None when it is not known.

        Parameters
        ----------
        alert_id : str
        tenant : str or None
            None: whosever it is.
        """
        self._write()
        found = self._read(
            "SELECT document FROM alerts WHERE id = ? AND tenant = ifnull(?, tenant)", (alert_id, tenant)
        )
        return orjson.loads(found[0][0]) if found else None

    def alerts(
        self,
        state: str | None = None,
        stream: str | None = None,
        before_ms: int | None = None,
        limit: int = 100,
        tenant: str | None = None,
    ) -> list[Document]:
        """Alerts, the newest first.

        Parameters
        ----------
        state : str or None
            Only those in this state.
        stream : str or None
            Only those of the stream with this id.
        before_ms : int or None
            Only those that started before; for paging.
        limit : int
            At most `MAX_ALERTS`.
        tenant : str or None
            Only those of one tenant.
        """
        self._write()
        wanted = {
            "state = ?": state,
            "stream = ?": stream,
            "started_ms < ?": before_ms,
            "tenant = ?": tenant,
        }
        given = {clause: value for clause, value in wanted.items() if value is not None}
        where = f"WHERE {' AND '.join(given)}" if given else ""
        rows = self._read(
            f"SELECT document FROM alerts {where} ORDER BY started_ms DESC, id LIMIT ?",
            (*given.values(), min(limit, MAX_ALERTS)),
        )
        return [orjson.loads(document) for (document,) in rows]

    def audits(self, limit: int = 100, tenant: str | None = None) -> list[tuple[int, int, Document]]:
        """What people did, the newest first: log offset, time and action.

        Parameters
        ----------
        limit : int
        tenant : str or None
            Only what was done in one tenant.
        """
        self._write()
        rows = self._read(
            "SELECT offset, now_ms, action FROM audit WHERE tenant = ifnull(?, tenant) "
            "ORDER BY offset DESC LIMIT ?",
            (tenant, limit),
        )
        return [(offset, now_ms, orjson.loads(action)) for offset, now_ms, action in rows]

    def close(self) -> None:
        """Write what waits and let go of the file."""
        self._sort_full()
        self._write(list(self._full))
        self._connection.close()

    def _open(self) -> sqlite3.Connection:
        try:
            return open_database(self._path, _UPGRADES, SCHEMA_VERSION, "NORMAL")
        except sqlite3.OperationalError as problem:
            detail = f"The history {self._path} cannot be opened: {problem}."
            raise Overloaded(ErrorId.STORAGE_UNAVAILABLE, detail) from problem
        except sqlite3.DatabaseError:
            self.damaged = self._path.with_suffix(".damaged")
            self._path.rename(self.damaged)
            return open_database(self._path, _UPGRADES, SCHEMA_VERSION, "NORMAL")

    def _put(self, statement: str, row: tuple[Any, ...]) -> None:
        self._waiting.append((statement, row))
        while len(self._waiting) > MAX_WAITING_ROWS:
            self._waiting.popleft()
            self.lost_rows += 1

    def _write_some(self) -> bool:
        """Whether all that waited was written; the points of a large fleet are not, in one go."""
        self._sort_full()
        return self._write(list(islice(self._full, FLUSHED_STREAMS)))

    def _write(self, streams: Iterable[str] = ()) -> bool:
        """Write what waits, and the full chunks of some streams; whether that is all there is."""
        self._sort_full()
        for stream in streams:
            for chunk in self._full.pop(stream, ()):
                self._put(_PUT_CHUNK, (chunk.stream, *chunk.span_ms, pack(chunk.points), chunk.peak))
        if self._waiting:
            with self._noting_problems(), transaction(self._connection):
                for statement, row in self._waiting:
                    self._connection.execute(statement, row)
            if not self.problem:
                self._waiting.clear()
        return not self._waiting and not self._full

    def _sort_full(self) -> None:
        for chunk in self.points.take_full():
            self._full.setdefault(chunk.stream, []).append(chunk)

    def _read(self, statement: str, values: tuple[Any, ...]) -> list[tuple[Any, ...]]:
        with self._noting_problems():
            return self._connection.execute(statement, values).fetchall()
        return []

    @contextlib.contextmanager
    def _noting_problems(self) -> Iterator[None]:
        self.problem = ""
        try:
            yield
        except sqlite3.Error as problem:
            self.problem = f"The history cannot be used: {problem}."
