"""The storage directory and who may write to it."""

from __future__ import annotations

import contextlib
import fcntl
import os
from pathlib import Path
from types import TracebackType

from kullback.core.errors import ErrorId, KullbackError

LOCK_NAME = "lock"


class Directory:
    """A storage directory that belongs to this process until `close`, or until the process ends.

    Parameters
    ----------
    path : Path
        Made when it does not exist.

    Raises
    ------
    KullbackError
        STORAGE_IN_USE when another process owns it, STORAGE_UNAVAILABLE when it cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            path.mkdir(parents=True, exist_ok=True)
            # Not a pid file: the kernel drops the lock with the process, so a crash leaves nothing stale.
            self._lock = os.open(path / LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as problem:
            raise KullbackError(
                ErrorId.STORAGE_UNAVAILABLE, f"The storage directory {path} cannot be written: {problem}."
            ) from problem
        self._claim()

    def _claim(self) -> None:
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as problem:
            owner = os.pread(self._lock, 20, 0).decode("ascii", "replace").strip() or "unknown"
            os.close(self._lock)
            raise KullbackError(
                ErrorId.STORAGE_IN_USE, f"The storage directory {self.path} is in use by process {owner}."
            ) from problem
        with contextlib.suppress(OSError):  # the number is for people; a full disk must not matter
            os.ftruncate(self._lock, 0)
            os.pwrite(self._lock, f"{os.getpid()}\n".encode(), 0)

    def close(self) -> None:
        """Let another process have the directory."""
        os.close(self._lock)

    def __enter__(self) -> Directory:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def flush_directory(path: Path) -> None:
    """Make the names in a directory durable (fsync of a file does not cover its name).

    Parameters
    ----------
    path : Path
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
