"""The engine's state as slices, and back.

Two kinds of slices per shard: `streams`, the table at the snapshot's own offset, and `rows`, a range of
slots at a later offset of its own. A row is loaded only if the table's stream still had the slot when
the row was copied; a stream that was opened later is left out, because the log from the snapshot's
offset on brings it back with all its samples.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kullback.core.labels import Kind, Labels, Series
from kullback.core.profile import Profile
from kullback.core.slice import Slice
from kullback.engine.categories import Categories
from kullback.engine.families import bound_of, is_total
from kullback.engine.forms import Columns, Form, Rows, rows_of
from kullback.engine.identity import identity_of, profile_for
from kullback.engine.patience import Patience
from kullback.engine.plans import Plans
from kullback.engine.shard import SavedRows
from kullback.engine.shards import Shards
from kullback.engine.streams import Stream, StreamTable

STREAMS, ROWS = "streams", "rows"
TABLE_ROWS = 1000


@dataclass(frozen=True, slots=True)
class Table:
    """What the engine knows of its streams beside their rows, at one offset."""

    offset: int
    streams: list[Stream]
    heard_ms: NDArray[np.int64]
    codes: dict[int, dict[str, int]]
    clock: list[int | None]


def table_at(offset: int, streams: StreamTable, patience: Patience, categories: Categories) -> Table:
    """A copy of the table; cheap, because what it refers to never changes.

    Parameters
    ----------
    offset : int
    streams : StreamTable
    patience : Patience
    categories : Categories
    """
    return Table(offset, list(streams), patience.heard_ms.copy(), categories.view(), patience.save())


def saved_slices(
    table: Table,
    shards: Shards,
    companions: Mapping[str, Rows],
    rows: int,
    position: Callable[[], int],
    plans: Plans,
) -> Iterator[Slice]:
    """The slices of a snapshot, copied as the iterator is advanced.

    Parameters
    ----------
    table : Table
    shards : Shards
    companions : mapping of str to Rows
    rows : int
        Slots per slice.
    position : callable
        The offset applied last, asked when rows are copied.
    plans : Plans
    """
    table.streams.sort(key=attrgetter("number"))
    for index, shard in enumerate(shards):
        mine = [stream for stream in table.streams if stream.number % len(shards) == index]
        for first in range(0, max(len(mine), 1), TABLE_ROWS):
            yield _streams_slice(index, len(shards), table, mine[first : first + TABLE_ROWS], plans)
        first = 0
        while first < shard.slots.high:  # which may rise meanwhile
            parts = shard.save(first, first + rows)
            yield _rows_slice(index, len(shards), position(), (first, first + rows), parts, companions)
            first += rows


def _streams_slice(shard: int, shards: int, table: Table, streams: list[Stream], plans: Plans) -> Slice:
    numbers = np.array([stream.number for stream in streams], np.int32)
    texts = [plans.text(stream) for stream in streams]
    distinct = list(dict.fromkeys(texts))
    facts = {
        "shards": shards,
        "clock": table.clock,
        "plans": distinct,
        "labels": [stream.series.labels for stream in streams],
        "categories": [list(table.codes.get(stream.number, ())) for stream in streams],
        "unit": [stream.series.unit for stream in streams],
        "source": [None if stream.source == stream.series.labels else stream.source for stream in streams],
    }
    columns: dict[str, NDArray[Any]] = {
        "number": numbers,
        "kind": np.array([stream.series.kind for stream in streams], np.uint8),
        "form": np.array([stream.form for stream in streams], np.uint8),
        "created_ms": np.array([stream.created_ms for stream in streams], np.int64),
        "opened_offset": np.array([stream.opened_offset for stream in streams], np.int64),
        "plan": np.array([distinct.index(text) for text in texts], np.int32),
        "feedback": np.array([stream.feedback for stream in streams], np.float64),
        "heard_ms": table.heard_ms[numbers],
    }
    return Slice(shard, table.offset, STREAMS, facts, columns)


def _rows_slice(
    shard: int,
    shards: int,
    offset: int,
    span: tuple[int, int],
    saved: Mapping[Form, SavedRows],
    companions: Mapping[str, Rows],
) -> Slice:
    columns: dict[str, NDArray[Any]] = {}
    for form, part in saved.items():
        columns |= _named(form.name.lower(), part.slots, part.opened_offset, part.columns)
    if saved:
        slots = np.concatenate([part.slots for part in saved.values()])
        opened = np.concatenate([part.opened_offset for part in saved.values()])
        for name, companion in companions.items():
            kept = companion.save(slots * np.int32(shards) + np.int32(shard))
            columns |= _named(name, slots, opened, kept)
    return Slice(shard, offset, ROWS, {"first": span[0], "stop": span[1]}, columns)


def _named(
    part: str, slots: NDArray[np.int32], opened: NDArray[np.int64], columns: Columns
) -> dict[str, NDArray[Any]]:
    named = {f"{part}/{name}": np.asarray(column) for name, column in columns.items()}
    return {f"{part}:slot": slots, f"{part}:opened_offset": opened, **named}


@dataclass(slots=True)
class _Seating:
    """Where the streams of one saved shard are now (-1: nowhere), by the slot they had."""

    number: NDArray[np.int32]
    opened_offset: NDArray[np.int64]


class Restoring:
    """Takes the slices of a snapshot into an engine without streams.

    Parameters
    ----------
    table : StreamTable
    patience : Patience
    categories : Categories
    shards : Shards
    companions : mapping of str to Rows
    plans : Plans

    Attributes
    ----------
    outdated : list of int
        Numbers of streams whose rows were saved under another plan.
    """

    def __init__(
        self,
        table: StreamTable,
        patience: Patience,
        categories: Categories,
        shards: Shards,
        companions: Mapping[str, Rows],
        plans: Plans,
    ) -> None:
        self._table, self._patience, self._categories = table, patience, categories
        self._shards = shards
        self._companions, self._plans = companions, plans
        self.outdated: list[int] = []
        self._seatings: dict[int, _Seating] = {}
        self._empty: set[int] = set()
        self._misfits = 0

    def take(self, part: Slice, profiles: Sequence[Profile]) -> None:
        """Take up the next slice.

        Parameters
        ----------
        part : Slice
        profiles : sequence of Profile
            How streams are watched today.
        """
        if part.kind == STREAMS:
            self._take_streams(part, profiles)
        elif part.kind == ROWS:
            self._take_rows(part)

    def finish(self) -> int:
        """Begin the streams anew whose rows were not among the slices, or did not fit.

        Returns
        -------
        int
            How many did not fit.
        """
        self._shards.open([self._table.at(number) for number in sorted(self._empty)], self._plans)
        return self._misfits

    def _take_streams(self, part: Slice, profiles: Sequence[Profile]) -> None:
        self._patience.load(part.facts["clock"])
        old_shards = int(part.facts["shards"])
        slots = part.columns["number"] // np.int32(old_shards)
        seating = self._seating(part.shard, slots)
        facts, seated = part.facts, []
        plan_of_row = map(facts["plans"].__getitem__, part.columns["plan"].tolist())
        saved_rows = zip(slots.tolist(), _streams(part), plan_of_row, facts["categories"], strict=True)
        for slot, saved, plan, categories in saved_rows:
            number = self._shards.take(saved.series.id, slot)
            if number is not None:
                stream = saved.stream(number, profile_for(saved.source, profiles))
                self._table.add(stream)
                if _feeds_itself(stream):
                    self._table.learn(stream.series, number)
                seated.append(stream)
                if self._plans.text(stream) != plan:
                    self.outdated.append(number)
                self._categories.put(number, categories)
                seating.number[slot], seating.opened_offset[slot] = number, stream.opened_offset
        self._shards.seat(seated)
        self._empty.update(stream.number for stream in seated)
        here = seating.number[slots]
        self._patience.heard_ms[here[here >= 0]] = part.columns["heard_ms"][here >= 0]

    def _seating(self, shard: int, slots: NDArray[np.int32]) -> _Seating:
        seating = self._seatings.setdefault(shard, _Seating(np.empty(0, np.int32), np.empty(0, np.int64)))
        missing = int(slots.max(initial=-1)) + 1 - len(seating.number)
        if missing > 0:
            seating.number = np.append(seating.number, np.full(missing, -1, np.int32))
            seating.opened_offset = np.append(seating.opened_offset, np.zeros(missing, np.int64))
        return seating

    def _take_rows(self, part: Slice) -> None:
        seating = self._seatings[part.shard]
        for name in sorted({column.partition("/")[0] for column in part.columns if "/" in column}):
            self._load(name, part, seating)
        here = seating.number[part.facts["first"] : part.facts["stop"]]
        self._shards.cover(here[here >= 0], part.offset)

    def _load(self, name: str, part: Slice, seating: _Seating) -> None:
        slots, opened = part.columns[f"{name}:slot"], part.columns[f"{name}:opened_offset"]
        known = np.flatnonzero(slots < len(seating.number))
        same = seating.opened_offset[slots[known]] == opened[known]
        rows = known[same & (seating.number[slots[known]] >= 0)]
        numbers = seating.number[slots[rows]]
        prefix = f"{name}/"
        mine = {
            column.removeprefix(prefix): values
            for column, values in part.columns.items()
            if column.startswith(prefix)
        }
        columns = rows_of(mine, rows)
        if name in self._companions:
            self._companions[name].load(numbers, columns)
        elif name.upper() in Form.__members__:
            loaded = self._shards.load(Form[name.upper()], numbers, columns)
            self._empty.difference_update(loaded.tolist())
            self._misfits += len(numbers) - len(loaded)


def _feeds_itself(stream: Stream) -> bool:
    """Whether the samples of the series that names a stream are its own for sure."""
    series = stream.series
    if stream.form is not Form.NUMBER or stream.source != series.labels:
        return False
    whole = bound_of(series) is None and not is_total(series)
    return whole and identity_of(series, stream.profile) is series


class _Saved(NamedTuple):
    """A stream of a snapshot, which has neither number nor profile yet."""

    series: Series
    source: Labels
    form: Form
    created_ms: int
    opened_offset: int
    feedback: float

    def stream(self, number: int, profile: Profile) -> Stream:
        """The stream, with what it has today."""
        return Stream(
            number,
            self.series,
            self.source,
            self.form,
            profile,
            self.created_ms,
            self.opened_offset,
            self.feedback,
        )


def _streams(part: Slice) -> Iterator[_Saved]:
    facts, columns = part.facts, part.columns
    kinds, forms = map(Kind, columns["kind"].tolist()), map(Form, columns["form"].tolist())
    numbers = (columns[name].tolist() for name in ("created_ms", "opened_offset", "feedback"))
    rows = zip(facts["labels"], facts["unit"], facts["source"], kinds, forms, *numbers, strict=True)
    for labels, unit, source, kind, form, created_ms, opened_offset, feedback in rows:
        series = Series(_labels(labels), kind, unit)
        own = series.labels if source is None else _labels(source)
        yield _Saved(series, own, form, created_ms, opened_offset, feedback)


def _labels(pairs: Sequence[Sequence[str]]) -> Labels:
    return tuple([(name, value) for name, value in pairs])
