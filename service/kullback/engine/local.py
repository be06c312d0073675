"""The engine with all its shards in this process."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import fields, replace
from math import ceil, sqrt
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
from kullback.detector.plan import Plan
from kullback.engine.admission import Admission, Candidate, unrouted
from kullback.engine.forms import Detector, Form, Makers, Rows
from kullback.engine.identity import profile_for
from kullback.engine.patience import Patience
from kullback.engine.plans import Plans
from kullback.engine.saving import Restoring, saved_slices, table_at
from kullback.engine.shard import Shard
from kullback.engine.streams import Stream, StreamTable

SLICE_ROWS = 1000


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
        self.offset = 0
        self.opened: tuple[Stream, ...] = ()
        self._shards = [Shard(slots, makers) for _ in range(shards)]
        self._companions = dict(companions or {})
        self._table = StreamTable()
        self._plans = Plans(limits.out_of_order_ms)
        self._outdated: list[int] = []
        self._restored_offset = 0
        self._admission = Admission(self._table, limits, profiles, self._place)
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
        for index, shard in enumerate(self._shards):
            slot, rows = self._rows_of(index, scores.stream)
            shard.share_fleet(len(self._table))
            if len(rows):
                shard.update(slot, rows, batch, scores, offset)
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
        self._shards[number % len(self._shards)].close(self._slot(number))
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
        return self._shards[number % len(self._shards)].contains(self._slot(number), offset)

    def rebaseline(self, number: int, offset: int) -> None:
        """Accept a stream's present level as normal.

        Parameters
        ----------
        number : int
        offset : int
        """
        self._act(number, offset, lambda detector, slot: detector.rebaseline(slot))

    def undo_rebaseline(self, number: int, offset: int) -> None:
        """Take the last `rebaseline` back.

        Parameters
        ----------
        number : int
        offset : int
        """
        self._act(number, offset, lambda detector, slot: detector.undo_rebaseline(slot))

    def strike(self, number: int, start_ms: int, end_ms: int, offset: int) -> None:
        """Keep a span of time out of a stream's reference.

        Parameters
        ----------
        number : int
        start_ms, end_ms : int
        offset : int
        """
        self._act(number, offset, lambda detector, slot: detector.strike(slot, start_ms, end_ms))

    def set_feedback(self, number: int, factor: float, offset: int) -> None:
        """Move a stream's alarm line by a factor.

        Parameters
        ----------
        number : int
        factor : float
        offset : int
        """
        stream = replace(self._table.at(number), feedback=factor)
        self._table.add(stream)
        plan = self._plans.of(stream)
        self._act(number, offset, lambda detector, slot: detector.replan(np.array([slot], np.int32), plan))

    def reconfigure(self, profiles: Sequence[Profile]) -> None:
        """Watch every stream as the new profiles say, keeping its history.

        Parameters
        ----------
        profiles : sequence of Profile
        """
        self._admission.reconfigure(profiles)
        self._table.forget_routes()
        self._plans.forget()
        for stream in list(self._table):
            self._table.add(replace(stream, profile=profile_for(stream.source, self._admission.profiles)))
        self._replan(self._table)

    def find(self, stream_id: str) -> int | None:
        """The number of a stream, None when there is none.

        Parameters
        ----------
        stream_id : str
        """
        stream = self._table.find(stream_id)
        return stream.number if stream else None

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

    def windows(self, number: int, window: int) -> Any:
        """Reference and one current window side by side.

        Parameters
        ----------
        number : int
        window : int
            Its length in samples.
        """
        return self._detector(number).windows(self._slot(number), window)

    def explain(self, number: int) -> Any:
        """Why a stream is anomalous, or why not.

        Parameters
        ----------
        number : int
        """
        return self._detector(number).explain(self._slot(number))

    def summary(self, numbers: NDArray[np.int32]) -> Any:
        """Columns for lists and metrics, in the order of the numbers.

        Parameters
        ----------
        numbers : int32 array, shape (n,)
        """
        parts = []
        for index, shard in enumerate(self._shards):
            slot, rows = self._rows_of(index, numbers)
            parts += [(rows[at], summary) for at, summary in shard.summaries(slot)]
        if not parts:
            return self._shards[0].empty_summary()
        return parts[0][1] if len(parts) == 1 else _joined(parts, len(numbers))

    def slices(self, rows: int = SLICE_ROWS) -> Iterator[Slice]:
        """The whole state for a snapshot at the present offset.

        The table of streams is copied at once; rows are copied as the iterator is advanced, and each slice
        says which offset it contains.

        Parameters
        ----------
        rows : int
            Slots per slice.
        """
        table = table_at(self.offset, self._table, self._patience)
        return saved_slices(
            table, self._shards, self._companions, rows, lambda: self.offset, self._plans.text
        )

    def restore(self, slices: Iterable[Slice]) -> None:
        """Take up a snapshot; afterwards the log is replayed from the snapshot's offset.

        Parameters
        ----------
        slices : iterable of Slice
            As `slices` gave them, by any number of shards; an engine without streams takes them.
        """
        restoring = Restoring(
            self._table,
            self._patience,
            self._shards,
            self._companions,
            self._seat,
            self._begin,
            self._plans.text,
        )
        for part in slices:
            restoring.take(part)
            self.offset = max(self.offset, part.offset)
        self._outdated, self._restored_offset = restoring.outdated, self.offset

    @property
    def bytes_per_stream(self) -> int:
        """What one more stream takes, without its labels."""
        return self._shards[0].bytes_per_stream

    def _numbers(self, batch: Batch, now_ms: int, offset: int) -> NDArray[np.int32]:
        self.opened = ()
        numbers = self._table.route(batch.series)
        if None in numbers:
            fresh: list[Stream] = []
            for index in unrouted(batch, numbers):
                numbers[index] = self._number_of(batch, index, fresh, now_ms, offset)
            self._begin(fresh)
            self.opened = tuple(fresh)
            numbers = [-1 if number is None else number for number in numbers]
        return np.array(numbers, np.int32)

    def _number_of(
        self, batch: Batch, index: int, fresh: list[Stream], now_ms: int, offset: int
    ) -> int | None:
        series = batch.series[index]
        candidate = self._admission.candidate(series)
        stream = self._table.find(candidate.series.id)
        if stream is None:
            stream = self._add(candidate, now_ms, offset)
            fresh += [stream] if stream else []
        if stream is None or stream.form != candidate.form:
            return None
        self._table.learn(series, stream.number)
        return stream.number

    def _add(self, candidate: Candidate, now_ms: int, offset: int) -> Stream | None:
        shard, free = self._place(candidate.series.id)
        if not free:  # only in a replay, after max_streams was lowered
            return None
        number = self._shards[shard].slots.take() * len(self._shards) + shard
        stream = Stream(
            number, candidate.series, candidate.source, candidate.form, candidate.profile, now_ms, offset
        )
        self._table.add(stream)
        return stream

    def _begin(self, streams: Iterable[Stream]) -> None:
        for (shard, form, plan), group in self._by_plan(streams).items():
            slots = np.array([self._slot(stream.number) for stream in group], np.int32)
            offsets = np.array([stream.opened_offset for stream in group], np.int64)
            self._shards[shard].open(form, plan, slots, offsets)

    def _replan(self, streams: Iterable[Stream]) -> None:
        for (shard, form, plan), group in self._by_plan(streams).items():
            slots = np.array([self._slot(stream.number) for stream in group], np.int32)
            self._shards[shard].replan(slots, form, plan)

    def _by_plan(self, streams: Iterable[Stream]) -> dict[tuple[int, Form, Plan], list[Stream]]:
        groups: dict[tuple[int, Form, Plan], list[Stream]] = {}
        for stream in streams:
            key = (stream.number % len(self._shards), stream.form, self._plans.of(stream))
            groups.setdefault(key, []).append(stream)
        return groups

    def _settle(self, offset: int) -> None:
        """Give restored streams the plan of today, once nothing is replayed that their rows contain."""
        if self._outdated and offset > self._restored_offset:
            known = (number for number in self._outdated if number in self._table)
            self._replan([self._table.at(number) for number in known])
            self._outdated = []

    def _seat(self, stream: Stream) -> Stream | None:
        """A restored stream, which comes with the slot it had, at its number in this engine."""
        shard, free = self._place(stream.id)
        if not free:
            return None
        slot = self._shards[shard].slots.take_from(stream.number)
        profile = profile_for(stream.source, self._admission.profiles)
        return replace(stream, number=slot * len(self._shards) + shard, profile=profile)

    def _act(self, number: int, offset: int, action: Callable[[Detector, int], None]) -> None:
        if not self.contains(number, offset):
            action(self._detector(number), self._slot(number))
        self.offset = offset

    def _detector(self, number: int) -> Detector:
        return self._shards[number % len(self._shards)].detector(self._slot(number))

    def _slot(self, number: int) -> int:
        return number // len(self._shards)

    def _place(self, stream_id: str) -> tuple[int, int]:
        shard = int(stream_id[:8], 16) % len(self._shards)
        return shard, self._shards[shard].slots.free

    def _rows_of(self, shard: int, stream: NDArray[np.int32]) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        """Slots and rows of the samples that belong to a shard."""
        shards = len(self._shards)
        if shards == 1 and (not len(stream) or stream.min() >= 0):
            return stream.copy(), np.arange(len(stream))
        rows = np.flatnonzero((stream >= 0) & (stream % shards == shard))
        return stream[rows] // np.int32(shards), rows


def slots_per_shard(max_streams: int, shards: int) -> int:
    """Slots that let every shard hold its share: eight standard deviations above the mean of a fair draw.

    Parameters
    ----------
    max_streams, shards : int
    """
    mean = max_streams / shards
    return min(max_streams, ceil(mean + 8 * sqrt(mean) + 8))


def _joined(parts: list[tuple[NDArray[np.int64], Any]], n: int) -> Any:
    """One summary of several, each with the rows it stands for."""
    first = parts[0][1]
    columns = {}
    for field in fields(first):
        column = getattr(first, field.name)
        joined = np.zeros((n, *column.shape[1:]), column.dtype)
        for rows, summary in parts:
            joined[rows] = getattr(summary, field.name)
        columns[field.name] = joined
    return replace(first, **columns)
