"""Snapshots of the engine: written beside the running service, whole or not at all.

A snapshot is *fuzzy*: its slices are copied one at a time between requests, and each says up to which
offset it contains the log. Restoring loads the slices and replays the log from the snapshot's own offset,
where what a slice contains already is not applied twice.

    <path>/<offset, 20 digits>/shard-<n>.slices     one generation
    <path>/writing/                                 the one that is being written
"""

from __future__ import annotations

import contextlib
import shutil
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from queue import Queue

from kullback.core.errors import KullbackError
from kullback.core.slice import Slice
from kullback.storage.directory import flush_directory
from kullback.storage.slices import BadSnapshot, SliceWriter, check_slices, read_slices

GENERATIONS = 2
SUFFIX = ".slices"
WRITING = "writing"
DAMAGED = ".damaged"
WAITING_SLICES = 2


@dataclass(frozen=True, slots=True)
class Generation:
    """A whole generation: the offset from which the log is replayed behind it, and its slices."""

    offset: int
    count: int
    slices: Iterator[Slice]


@dataclass(frozen=True, slots=True)
class Unusable:
    """A generation that could not be read, and why."""

    offset: int
    why: str


class Snapshots:
    """The generations in a directory, and the one being written.

    All methods belong to the owner thread; only writing and searching themselves happen on others.

    Parameters
    ----------
    path : Path
        Made when it does not exist.

    Attributes
    ----------
    problem : str
        Why the newest attempt failed; "" when it did not. The next attempt is made as usual.
    unusable : tuple of Unusable
        What `newest` had to pass over.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.problem = ""
        self.unusable: tuple[Unusable, ...] = ()
        self._writing: _Writing | None = None
        self._sought: Future[Generation | None] | None = None
        path.mkdir(parents=True, exist_ok=True)

    @property
    def running(self) -> bool:
        """Whether a generation is being written."""
        return self._writing is not None

    def start(self, offset: int, slices: Iterator[Slice]) -> None:
        """Begin a generation, unless it is there already; `step` takes it further.

        Parameters
        ----------
        offset : int
            Position in the log from which a restored engine is replayed: no slice contains less.
        slices : iterator of Slice
            Advanced on the caller's thread, one slice at a time; a KullbackError ends the attempt.
        """
        if self._writing is None and offset not in self.offsets():
            self._writing = _Writing(self.path, offset, slices)

    def step(self) -> bool:
        """Copy at most one slice and hand it to the writer.

        Returns
        -------
        bool
            Whether there is more to do without waiting: call again between the next requests.
        """
        if self._writing is None:
            return False
        more = self._writing.step()
        if self._writing.done:
            self.problem, self._writing = self._writing.problem, None
        return more

    def finish(self) -> None:
        """Take a generation to its end; when the service stops."""
        while self._writing is not None:
            if not self.step() and self._writing is not None:
                self._writing.wait()

    def offsets(self) -> list[int]:
        """Offsets of the complete generations, rising."""
        return _generations(self.path)

    @property
    def needed_after(self) -> int:
        """Entries up to this offset are needed by no kept generation; 0 until all generations are there."""
        offsets = self.offsets()
        return offsets[0] if len(offsets) == GENERATIONS else 0

    def seek(self) -> None:
        """Begin to look for what `newest` gives, while the program does something else."""
        search = ThreadPoolExecutor(1, thread_name_prefix="kullback-snapshot")
        self._sought = search.submit(self._find)
        search.shutdown(wait=False)

    def newest(self) -> Generation | None:
        """The newest generation that is whole, None when there is none."""
        sought, self._sought = self._sought, None
        return sought.result() if sought else self._find()

    def _find(self) -> Generation | None:
        for offset in reversed(self.offsets()):
            files = self._files(offset)
            try:
                if not files:
                    raise BadSnapshot("it holds no files")
                count = sum(map(check_slices, files))
            except (BadSnapshot, OSError, ValueError) as problem:
                self._set_aside(offset, problem)
                continue
            return Generation(offset, count, (part for path in files for part in read_slices(path)))
        return None

    def _files(self, offset: int) -> list[Path]:
        return sorted((self.path / f"{offset:020}").glob(f"*{SUFFIX}"))

    def _set_aside(self, offset: int, problem: Exception) -> None:
        self.unusable += (Unusable(offset, str(problem)),)
        generation = self.path / f"{offset:020}"
        with contextlib.suppress(OSError):  # a read-only disk: it is passed over again next time
            generation.rename(generation.with_suffix(DAMAGED))


def _generations(path: Path) -> list[int]:
    """Offsets of the complete generations in a directory, rising."""
    return sorted(int(found.name) for found in path.iterdir() if found.name.isdigit())


class _Writing:
    """One generation under way: the owner thread puts slices into a short queue, a thread writes them."""

    def __init__(self, path: Path, offset: int, slices: Iterator[Slice]) -> None:
        self.problem = ""
        self._path, self._offset, self._slices = path, offset, slices
        self._queue: Queue[Slice | KullbackError | None] = Queue(WAITING_SLICES)
        self._all_copied = False
        self._thread = threading.Thread(target=self._write, name="kullback-snapshot", daemon=True)
        self._thread.start()

    @property
    def done(self) -> bool:
        return not self._thread.is_alive()

    def step(self) -> bool:
        if self._all_copied or self._queue.full() or self.done:
            return False
        try:
            part = next(self._slices, None)
        except KullbackError as problem:
            self._queue.put(problem)
            self._all_copied = True
            return False
        self._queue.put(part)
        self._all_copied = part is None
        return part is not None

    def wait(self) -> None:
        self._thread.join(0.01)

    def _write(self) -> None:
        writing = self._path / WRITING
        try:
            shutil.rmtree(writing, ignore_errors=True)
            writing.mkdir(parents=True)
            self._write_files(writing)
            self._publish(writing)
        except (OSError, ValueError, TypeError, KullbackError) as problem:
            self.problem = f"The snapshot cannot be written: {problem}."
            shutil.rmtree(writing, ignore_errors=True)

    def _write_files(self, writing: Path) -> None:
        writers: dict[int, SliceWriter] = {}
        with contextlib.ExitStack() as stack:
            while (part := self._queue.get()) is not None:
                if isinstance(part, KullbackError):
                    raise part
                if part.shard not in writers:
                    writers[part.shard] = SliceWriter(writing / f"shard-{part.shard:04}{SUFFIX}")
                    stack.callback(writers[part.shard].close)
                writers[part.shard].write(part)
            for writer in writers.values():
                writer.finish()

    def _publish(self, writing: Path) -> None:
        flush_directory(writing)
        final = self._path / f"{self._offset:020}"
        writing.rename(final)
        flush_directory(self._path)
        for offset in _generations(self._path)[:-GENERATIONS]:  # here, because large files take their time
            shutil.rmtree(self._path / f"{offset:020}", ignore_errors=True)
