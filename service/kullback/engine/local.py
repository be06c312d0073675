"""The engine with all its shards in this process."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kullback.core.batch import Batch
from kullback.core.errors import Refusal
from kullback.core.limits import Limits
from kullback.core.profile import Profile
from kullback.core.scores import Scores, blank_scores
from kullback.core.selector import Selector
from kullback.core.slice import Slice
from kullback.core.tenant import Quotas
from kullback.engine.acts import Acts
from kullback.engine.admission import Admission, Candidate, unrouted
from kullback.engine.categories import Categories
from kullback.engine.forms import Detector, Makers, Rows
from kullback.engine.identity import profile_for
from kullback.engine.patience import Patience
from kullback.engine.plans import Plans
from kullback.engine.readings import read_batch
from kullback.engine.references import References
from kullback.engine.restoring import Restoring
from kullback.engine.saving import saved_slices, table_at
from kullback.engine.shards import Shards, slots_per_shard
from kullback.engine.streams import Stream, StreamTable
from kullback.engine.undo import Undo
from kullback.engine.views import Views

SLICE_ROWS = 250


class LocalEngine:
    """Streams and detectors. Not thread-safe: the owner thread runs it.

    Parameters
    ----------
    limits : Limits
    profiles : sequence of Profile
        First match wins.
    makers : Makers
    shards : int
        Parts the streams are divided into; scores do not depend on it.
    expire_after_ms : int
        Silence after which a stream is closed; 0 means never.
    companions : mapping of str to Rows
        State kept elsewhere by stream number, which is saved, restored and cleared with the streams.
    """

    def __init__(
        self,
        limits: Limits,
        profiles: Sequence[Profile],
        makers: Makers,
        *,
        shards: int = 1,
        expire_after_ms: int = 0,
        companions: Mapping[str, Rows] | None = None,
    ) -> None:
        slots = slots_per_shard(limits.max_streams, shards)
        self.restarted_streams = 0
        """Restored streams that begin anew because their rows were saved in another layout."""
        self.offset = 0
        self.opened: tuple[Stream, ...] = ()
        self._shards = Shards(shards, slots, makers)
        undo = Undo()
        self._companions: dict[str, Rows] = {**(companions or {}), "undo": undo}
        self._table = StreamTable()
        self._categories = Categories(self._shards.category_codes)
        self._plans = Plans(limits.out_of_order_ms)
        self.views = Views(self._shards, self._categories)
        self.acts = Acts(self._table, self._plans, undo, self._act)
        self.references = References(self._table, self._shards, self._plans, self._act_on)
        self._outdated: list[int] = []
        self._restored_offset = 0
        self._admission = Admission(self._table, limits, profiles, self._shards.place, makers.forms)
        self._patience = Patience(slots * shards, expire_after_ms)

    def __len__(self) -> int:
        return len(self._table)

    def __iter__(self) -> Iterator[Stream]:
        return iter(self._table)

    def room(self, batch: Batch) -> tuple[Batch, tuple[Refusal, ...]]:
        """Leave out samples for which there is no stream and no room for one.

        Changes nothing but what later calls of the same group count as taken.

        Parameters
        ----------
        batch : Batch

        Returns
        -------
        Batch, tuple of Refusal
            TOO_MANY_STREAMS, TOO_MANY_STREAMS_PER_METRIC, KIND_MISMATCH.
        """
        return self._admission.room(batch)

    def abandoned(self, now_ms: int) -> tuple[Stream, ...]:
        """Streams that were silent for too long, to be closed before the next log entry is applied.

        Parameters
        ----------
        now_ms : int
            The entry's arrival time.
        """
        self._patience.pass_to(now_ms)
        return tuple(self._table.at(int(number)) for number in self._patience.abandoned())

    def update(self, batch: Batch, now_ms: int, offset: int) -> Scores:
        """Score a batch, opening the streams that are new.

        Parameters
        ----------
        batch : Batch
            As it stands in the log.
        now_ms : int
            Arrival time.
        offset : int
            The batch's log entry, from 1.

        Returns
        -------
        Scores
            Stream -1 where there was no room, or where a restored stream contains the sample already.
        """
        self._patience.pass_to(now_ms)
        self._settle(offset)
        numbers = self._numbers(batch, now_ms, offset)
        scores = blank_scores(batch.timestamp_ms)
        scores.stream[:] = numbers[batch.stream_index]
        self._patience.hear(numbers[numbers >= 0])
        readings = read_batch(batch, numbers, self._shards.forms(numbers), self._table, self._categories)
        self._shards.update(readings, scores, offset, len(self._table))
        self.offset = offset
        return scores

    def close(self, number: int, offset: int) -> Stream:
        """Forget a stream.

        Parameters
        ----------
        number : int
        offset : int

        Raises
        ------
        KeyError
            When there is no such stream.
        """
        self.offset = offset
        stream = self._table.remove(number)
        self._patience.forget(number)
        self._categories.forget(number)
        self._shards.close(number)
        for companion in self._companions.values():
            companion.close(np.array([number], np.int32))
        return stream

    def contains(self, number: int, offset: int) -> bool:
        """Whether a stream's restored state has a log entry in it already, so that a replay leaves it alone.

        Parameters
        ----------
        number : int
        offset : int
        """
        return self._shards.contains(number, offset)

    def set_quotas(self, quotas: Quotas) -> None:
        """Let tenants open as many streams as new quotas say.

        Parameters
        ----------
        quotas : Quotas
        """
        self._admission.limits = replace(self._admission.limits, tenants=quotas)

    def reconfigure(self, profiles: Sequence[Profile], offset: int = 0) -> None:
        """Watch every stream as the new profiles say, keeping its history.

        Parameters
        ----------
        profiles : sequence of Profile
        offset : int
            Log entry that says so; 0 when none does.
        """
        self._admission.reconfigure(profiles)
        self._table.forget_routes()
        self._plans.forget()
        for stream in list(self._table):
            self._table.add(replace(stream, profile=profile_for(stream.source, self._admission.profiles)))
        new = (stream for stream in self._table if not (offset and self.contains(stream.number, offset)))
        self._shards.replan(new, self._plans)
        self.offset = max(self.offset, offset)

    def find(self, stream_id: str) -> int | None:
        """The number of a stream, None when there is none.

        Parameters
        ----------
        stream_id : str
        """
        stream = self._table.find(stream_id)
        return stream.number if stream else None

    @property
    def count_of_tenant(self) -> Mapping[str, int]:
        """Live streams by tenant."""
        return self._table.count_of_tenant

    def stream(self, number: int) -> Stream:
        """The stream of a number.

        Parameters
        ----------
        number : int

        Raises
        ------
        KeyError
        """
        return self._table.at(number)

    def select(self, selector: Selector) -> NDArray[np.int32]:
        """Numbers of the streams that a selector matches, rising.

        Parameters
        ----------
        selector : Selector
        """
        return self._table.select(selector)

    def summary(self, numbers: NDArray[np.int32]) -> Any:
        """Columns for lists and metrics, in the order of the numbers.

        Parameters
        ----------
        numbers : int32 array, shape (n,)
        """
        return self._shards.summary(numbers)

    def slices(self, rows: int = SLICE_ROWS) -> Iterator[Slice]:
        """The whole state for a snapshot at the present offset.

        The table of streams is copied at once; rows are copied as the iterator is advanced, and each slice
        says which offset it contains.

        Parameters
        ----------
        rows : int
            Slots per slice.
        """
        table = table_at(self.offset, self._table, self._patience, self._categories)
        return saved_slices(table, self._shards, self._companions, rows, lambda: self.offset, self._plans)

    def restore(self, slices: Iterable[Slice]) -> None:
        """Take up a snapshot; afterwards the log is replayed from the snapshot's offset.

        Parameters
        ----------
        slices : iterable of Slice
            As `slices` gave them, by any number of shards; an engine without streams takes them.
        """
        for _ in self.restoring(slices):
            pass

    def restoring(self, slices: Iterable[Slice]) -> Iterator[None]:
        """`restore`, stopping after each slice so that one can tell how far it is.

        Parameters
        ----------
        slices : iterable of Slice
        """
        restoring = Restoring(
            self._table, self._patience, self._categories, self._shards, self._companions, self._plans
        )
        for part in slices:
            restoring.take(part, self._admission.profiles)
            self.offset = max(self.offset, part.offset)
            yield
        self.restarted_streams = restoring.finish()
        self._outdated, self._restored_offset = restoring.outdated, self.offset

    @property
    def bytes_per_stream(self) -> int:
        """What one more stream takes, without its labels."""
        return self._shards.bytes_per_stream

    def _numbers(self, batch: Batch, now_ms: int, offset: int) -> NDArray[np.int32]:
        self.opened = ()
        numbers = self._table.route(batch.series)
        if None in numbers:
            fresh: list[Stream] = []
            for index in unrouted(batch, numbers):
                numbers[index] = self._number_of(batch, index, fresh, now_ms, offset)
            self._shards.seat(fresh)
            self._shards.open(fresh, self._plans)
            self.opened = tuple(fresh)
            numbers = [-1 if number is None else number for number in numbers]
        return np.array(numbers, np.int32)

    def _number_of(
        self, batch: Batch, index: int, fresh: list[Stream], now_ms: int, offset: int
    ) -> int | None:
        series = batch.series[index]
        candidate = self._admission.candidate(series)
        if candidate is None:
            return None
        stream = self._table.find(candidate.series.id)
        if stream is None:
            stream = self._add(candidate, now_ms, offset)
            fresh += [stream] if stream else []
        if stream is None or stream.form != candidate.form:
            return None
        self._table.learn(series, stream.number, candidate.bound)
        return stream.number

    def _add(self, candidate: Candidate, now_ms: int, offset: int) -> Stream | None:
        number = self._shards.take(candidate.series.id)
        if number is None:  # only in a replay, after max_streams was lowered
            return None
        stream = Stream(
            number, candidate.series, candidate.source, candidate.form, candidate.profile, now_ms, offset
        )
        self._table.add(stream)
        return stream

    def _settle(self, offset: int) -> None:
        """Give restored streams the plan of today, once nothing is replayed that their rows contain."""
        if self._outdated and offset > self._restored_offset:
            known = (number for number in self._outdated if number in self._table)
            self._shards.replan([self._table.at(number) for number in known], self._plans)
            self._outdated = []

    def _act(self, number: int, offset: int, action: Callable[[Detector, int], object]) -> None:
        self._act_on((number,), offset, lambda _, detector, slot: action(detector, slot))

    def _act_on(
        self, numbers: Iterable[int], offset: int, action: Callable[[int, Detector, int], object]
    ) -> None:
        for number in numbers:
            if not self._shards.contains(number, offset):
                action(number, *self._shards.detector(number))
        self.offset = offset
