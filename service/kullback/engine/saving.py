"""The engine's state as slices; `kullback.engine.restoring` takes them back.

Two kinds of slices per shard: `streams`, the table at the snapshot's own offset, and `rows`, a range of
slots at a later offset of its own. A row is loaded only if the table's stream still had the slot when
the row was copied; a stream that was opened later is left out, because the log from the snapshot's
offset on brings it back with all its samples. Rows follow as soon as the streams of their slots are told,
so that a start can load them while it makes the next streams.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kullback.core.slice import Slice
from kullback.engine.categories import Categories
from kullback.engine.forms import Columns, Form, Rows
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
    count = len(shards)
    for index, shard in enumerate(shards):
        mine = [stream for stream in table.streams if stream.number % count == index]
        first = 0
        for at in range(0, max(len(mine), 1), TABLE_ROWS):
            yield _streams_slice(index, count, table, mine[at : at + TABLE_ROWS], plans)
            untold = mine[at + TABLE_ROWS].number // count if at + TABLE_ROWS < len(mine) else None
            # The highest slot may rise meanwhile.
            while first < shard.slots.high if untold is None else first + rows <= untold:
                parts = shard.save(first, first + rows)
                yield _rows_slice(index, count, position(), (first, first + rows), parts, companions)
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
