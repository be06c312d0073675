"""All shards together: what is addressed by stream number is found in the slot of one shard."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import fields, replace
from math import ceil, sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kullback.core.scores import Scores
from kullback.detector.plan import Plan
from kullback.engine.forms import Columns, Detector, Form, Makers, NumberDetector, rows_of
from kullback.engine.plans import Plans
from kullback.engine.readings import Readings
from kullback.engine.shard import FREE, Shard
from kullback.engine.streams import Stream

Numbers = NDArray[np.int32]


class Shards:
    """The shards of one process. A stream's number is slot · shards + shard.

    Parameters
    ----------
    count : int
    slots : int
        Capacity of each.
    makers : Makers
    """

    def __init__(self, count: int, slots: int, makers: Makers) -> None:
        self._shards = [Shard(slots, makers) for _ in range(count)]
        self.category_codes = self._shards[0].category_codes

    def __len__(self) -> int:
        return len(self._shards)

    def __iter__(self) -> Iterator[Shard]:
        return iter(self._shards)

    def place(self, stream_id: str) -> tuple[int, int]:
        """The shard that a stream belongs to, and how many slots are left there.

        Parameters
        ----------
        stream_id : str
        """
        shard = int(stream_id[:8], 16) % len(self._shards)
        return shard, self._shards[shard].slots.free

    def take(self, stream_id: str, slot: int | None = None) -> int | None:
        """A number for a stream, None when its shard is full.

        Parameters
        ----------
        stream_id : str
        slot : int or None
            The slot it would like to have.
        """
        shard, free = self.place(stream_id)
        if not free:
            return None
        slots = self._shards[shard].slots
        return (slots.take() if slot is None else slots.take_from(slot)) * len(self._shards) + shard

    def seat(self, streams: Iterable[Stream]) -> None:
        """Note which forms of streams have which slots; their rows are filled by `open` or `load`.

        Parameters
        ----------
        streams : iterable of Stream
        """
        for stream in streams:
            shard, slot = self._at(stream.number)
            shard.seat(slot, stream.form, stream.opened_offset)

    def open(self, streams: Iterable[Stream], plans: Plans) -> None:
        """Start the rows of seated streams.

        Parameters
        ----------
        streams : iterable of Stream
        plans : Plans
        """
        for shard, form, plan, slots in self._by_plan(streams, plans):
            shard.open(slots, form, plan)

    def replan(self, streams: Iterable[Stream], plans: Plans) -> None:
        """Give streams the plan of today and keep their history.

        Parameters
        ----------
        streams : iterable of Stream
        plans : Plans
        """
        for shard, form, plan, slots in self._by_plan(streams, plans):
            shard.replan(slots, form, plan)

    def close(self, number: int) -> None:
        """End a stream.

        Parameters
        ----------
        number : int
        """
        shard, slot = self._at(number)
        shard.close(slot)

    def forms(self, numbers: Numbers) -> NDArray[np.uint8]:
        """`Form` of streams, `FREE` for -1.

        Parameters
        ----------
        numbers : int32 array, shape (n,)
        """
        forms = np.full(len(numbers), FREE, np.uint8)
        for index, shard in enumerate(self._shards):
            slots, rows = self._rows_of(index, numbers)
            forms[rows] = shard.forms(slots)
        return forms

    def update(self, readings: Readings, scores: Scores, offset: int, live_streams: int) -> None:
        """Score a batch in the order of its rows.

        Parameters
        ----------
        readings : Readings
        scores : Scores
            With the stream of each row; the other columns are filled.
        offset : int
        live_streams : int
            Streams among which a fleet budget is divided.
        """
        for index, shard in enumerate(self._shards):
            slots, rows = self._rows_of(index, scores.stream)
            shard.share_fleet(live_streams)
            if len(rows):
                shard.update(slots, rows, readings, scores, offset)

    def detector(self, number: int) -> tuple[Detector, int]:
        """What scores a stream, and in which of its slots.

        Parameters
        ----------
        number : int
        """
        shard, slot = self._at(number)
        return shard.detector(slot), slot

    def of_numbers(self, number: int) -> tuple[NumberDetector, int]:
        """`detector` of a stream of numbers.

        Parameters
        ----------
        number : int
        """
        shard, slot = self._at(number)
        return shard.of_numbers, slot

    def contains(self, number: int, offset: int) -> bool:
        """Whether a stream's restored row has a log entry in it already.

        Parameters
        ----------
        number : int
        offset : int
        """
        shard, slot = self._at(number)
        return shard.contains(slot, offset)

    def load(self, form: Form, numbers: Numbers, columns: Columns) -> Numbers:
        """Put saved rows back.

        Parameters
        ----------
        form : Form
        numbers : int32 array, shape (n,)
        columns : mapping of str to array, shape (n, …)

        Returns
        -------
        int32 array
            Numbers whose rows could be put back: none when they were saved in another layout.
        """
        loaded = [np.empty(0, np.int32)]
        for index, shard in enumerate(self._shards):
            slots, rows = self._rows_of(index, numbers)
            if shard.load(form, slots, rows_of(columns, rows)):
                loaded.append(numbers[rows])
        return np.concatenate(loaded)

    def cover(self, numbers: Numbers, offset: int) -> None:
        """Note that restored rows contain the log up to an offset.

        Parameters
        ----------
        numbers : int32 array
        offset : int
        """
        for index, shard in enumerate(self._shards):
            shard.cover(self._rows_of(index, numbers)[0], offset)

    def summary(self, numbers: Numbers) -> Any:
        """The detectors' summaries as one, in the order of the numbers.

        Parameters
        ----------
        numbers : int32 array, shape (n,)
        """
        parts = []
        for index, shard in enumerate(self._shards):
            slots, rows = self._rows_of(index, numbers)
            parts += [(rows[at], summary) for at, summary in shard.summaries(slots)]
        if not parts:
            return self._shards[0].empty_summary()
        return parts[0][1] if len(parts) == 1 else _joined(parts, len(numbers))

    @property
    def bytes_per_stream(self) -> int:
        """Size of one row."""
        return self._shards[0].bytes_per_stream

    def _at(self, number: int) -> tuple[Shard, int]:
        slot, shard = divmod(number, len(self._shards))
        return self._shards[shard], slot

    def _rows_of(self, shard: int, numbers: Numbers) -> tuple[Numbers, NDArray[np.int64]]:
        """Slots and positions of the numbers that belong to a shard; -1 belongs to none."""
        shards = len(self._shards)
        if shards == 1 and (not len(numbers) or numbers.min() >= 0):
            return numbers.copy(), np.arange(len(numbers))
        rows = np.flatnonzero((numbers >= 0) & (numbers % shards == shard))
        return numbers[rows] // np.int32(shards), rows

    def _by_plan(
        self, streams: Iterable[Stream], plans: Plans
    ) -> Iterator[tuple[Shard, Form, Plan, Numbers]]:
        groups: dict[tuple[int, Form, Plan], list[int]] = {}
        for stream in streams:
            slot, shard = divmod(stream.number, len(self._shards))
            groups.setdefault((shard, stream.form, plans.of(stream)), []).append(slot)
        for (shard, form, plan), slots in groups.items():
            yield self._shards[shard], form, plan, np.array(slots, np.int32)


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
