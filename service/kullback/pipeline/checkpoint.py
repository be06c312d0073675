"""When snapshots are made, what they let the log forget, and how they are taken up again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from itertools import chain

import orjson

from kullback.core.errors import Overloaded
from kullback.core.saved_profile import load_profiles
from kullback.core.slice import Slice
from kullback.pipeline.fleet import Fleet
from kullback.storage.history import History
from kullback.storage.log import SqliteLog
from kullback.storage.snapshots import Snapshots, Unusable

PAUSE = "pause"
"""Kind of slices that hold nothing."""

FACTS = "facts"
"""Kind of the slice that holds what people decided."""


class Checkpoint:
    """The schedule of snapshots.

    Parameters
    ----------
    snapshots : Snapshots
    log : SqliteLog
    interval_ms : int

    Attributes
    ----------
    written_ms : int
        When the newest snapshot was complete; 0 before the first.
    """

    def __init__(self, snapshots: Snapshots, log: SqliteLog, interval_ms: int) -> None:
        self.written_ms = 0
        self.offset = 0
        self._snapshots = snapshots
        self._log = log
        self._interval_ms = interval_ms
        self._begun_ms = 0

    @property
    def problem(self) -> str:
        """Why the newest attempt failed; "" when it did not."""
        return self._snapshots.problem

    @property
    def unusable(self) -> tuple[Unusable, ...]:
        """Snapshots that `restore` passed over."""
        return self._snapshots.unusable

    def restore(self, fleet: Fleet) -> Iterator[float]:
        """Take up the newest sound snapshot, telling how far it is, 0 to 1.

        Afterwards `offset` is that behind which the log has to be replayed; 0 when there is no snapshot.

        Parameters
        ----------
        fleet : Fleet
            Without streams yet.
        """
        newest = self._snapshots.newest()
        if newest is None:
            return
        self.offset = newest.offset
        for done, _ in enumerate(fleet.engine.restoring(_engine_slices(fleet, newest.slices)), 1):
            yield min(done / newest.count, 1.0)
        self._log.skip_to(fleet.engine.offset)  # slices reach further than the snapshot's own offset

    def step(self, fleet: Fleet, now_ms: int) -> bool:
        """Copy one slice of a running snapshot, or begin one when it is time.

        Parameters
        ----------
        fleet : Fleet
        now_ms : int

        Returns
        -------
        bool
            Whether there is more to do at once.
        """
        if not self._snapshots.running:
            self._begin_when_due(fleet, now_ms)
            return False
        more = self._snapshots.step()
        if not self._snapshots.running and not self._snapshots.problem:
            self._complete(now_ms)
        return more

    def finish(self, fleet: Fleet) -> None:
        """Write a snapshot of the present state; when the service stops.

        Parameters
        ----------
        fleet : Fleet
        """
        self._snapshots.finish()
        self._begin(fleet)
        self._snapshots.finish()
        self._log.truncate(self._snapshots.needed_after)

    def _begin_when_due(self, fleet: Fleet, now_ms: int) -> None:
        if not self._begun_ms:
            self._begun_ms = now_ms
        if now_ms - self._begun_ms >= self._interval_ms and fleet.engine.offset > self.offset:
            self._begun_ms = now_ms
            self._begin(fleet)

    def _begin(self, fleet: Fleet) -> None:
        with suppress(Overloaded):  # the disk is full: the log keeps everything until a later attempt
            self._copy(fleet)

    def _copy(self, fleet: Fleet) -> None:
        self._log.roll()
        self.offset = fleet.engine.offset
        decided = Slice(0, self.offset, FACTS, orjson.loads(orjson.dumps(fleet.facts.save())))
        slices = chain([decided], fleet.engine.slices(), _securing(fleet.history))
        self._snapshots.start(self.offset, slices)

    def _complete(self, now_ms: int) -> None:
        self.written_ms = now_ms
        self._log.truncate(self._snapshots.needed_after)


def _securing(history: History) -> Iterator[Slice]:
    """History on disk: what the copied rows handed over to it must not be lost. Its slices are pauses."""
    for _ in history.secure():
        yield Slice(0, 0, PAUSE)


def _engine_slices(fleet: Fleet, slices: Iterator[Slice]) -> Iterator[Slice]:
    """Take out what is not the engine's."""
    for part in slices:
        if part.kind == FACTS:
            fleet.facts.load(part.facts)
            fleet.engine.references.know(fleet.facts.pinned_values())
            if fleet.facts.profiles:  # the log behind the snapshot was written under these
                fleet.watch(load_profiles(fleet.facts.profiles), part.offset)
        else:
            yield part
