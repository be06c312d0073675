"""How every SQLite file here is opened: write-ahead mode, one owner, tables of the newest version."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Literal

from kullback.core.errors import ErrorId, KullbackError

APPLICATION_ID = 0x4B554C4C
PAGE_BYTES = 8192
WAIT_FOR_LOCK_S = 0.2

Synchronous = Literal["FULL", "NORMAL", "OFF"]


def open_database(
    path: Path, upgrades: Mapping[int, str], newest: int, synchronous: Synchronous
) -> sqlite3.Connection:
    """Open a file, making or upgrading its tables. No other connection can use it until it is closed.

    Parameters
    ----------
    path : Path
    upgrades : mapping of int to str
        Statements from the key's schema version to the next; 0 is an empty file.
    newest : int
        Schema version that is wanted.
    synchronous : "FULL", "NORMAL" or "OFF"
        SQLite's word for how much a commit waits for the disk.

    Raises
    ------
    sqlite3.Error
        When the file is not a sound database or cannot be written.
    KullbackError
        STORAGE_TOO_NEW, STORAGE_IN_USE.
    """
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=WAIT_FOR_LOCK_S)
    try:
        connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        connection.execute(f"PRAGMA page_size = {PAGE_BYTES}")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute(f"PRAGMA synchronous = {synchronous}")
        _upgrade(connection, upgrades, newest, path)
    except BaseException as problem:
        connection.close()
        if isinstance(problem, sqlite3.OperationalError) and "locked" in str(problem):
            raise KullbackError(ErrorId.STORAGE_IN_USE, f"Another process has {path} open.") from problem
        raise
    return connection


@contextlib.contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Commit what happens inside, or roll all of it back.

    Parameters
    ----------
    connection : sqlite3.Connection
    """
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        with contextlib.suppress(sqlite3.Error):  # SQLite may have rolled back by itself
            connection.execute("ROLLBACK")
        raise


def _upgrade(connection: sqlite3.Connection, steps: Mapping[int, str], newest: int, path: Path) -> None:
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version > newest:
        raise KullbackError(
            ErrorId.STORAGE_TOO_NEW,
            f"{path} has schema version {version}; this Kullback reads up to {newest}.",
        )
    for step in range(version, newest):
        with transaction(connection):
            for statement in steps[step].split(";"):
                connection.execute(statement)
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            connection.execute(f"PRAGMA user_version = {step + 1}")
