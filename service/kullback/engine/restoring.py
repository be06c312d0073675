"""Slices of a snapshot become the engine's state.

Streams are made in the calling thread while another one loads the rows of those before: copying rows needs
no interpreter.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kullback.core.labels import Kind, Labels, Series
from kullback.core.profile import Profile
from kullback.core.slice import Slice
from kullback.engine.categories import Categories
from kullback.engine.families import bound_of, is_total
from kullback.engine.forms import Form, Rows, rows_of
from kullback.engine.identity import identity_of, profile_for
from kullback.engine.lanes import aside
from kullback.engine.patience import Patience
from kullback.engine.plans import Plans
from kullback.engine.saving import ROWS, STREAMS
from kullback.engine.shards import Shards
from kullback.engine.streams import Stream, StreamTable


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
        self._loading: Future[list[_Loaded]] | None = None
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
        self._await_rows()
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
        seating = replace(self._seatings[part.shard])  # grows by other arrays while rows are loaded
        self._await_rows()
        self._loading = aside(lambda: [self._load(name, part, seating) for name in _parts_of(part)])
        here = seating.number[part.facts["first"] : part.facts["stop"]]
        self._shards.cover(here[here >= 0], part.offset)

    def _await_rows(self) -> None:
        for loaded in self._loading.result() if self._loading else ():
            self._empty.difference_update(loaded.numbers)
            self._misfits += loaded.misfits

    def _load(self, name: str, part: Slice, seating: _Seating) -> _Loaded:
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
            return _Loaded(loaded.tolist(), len(numbers) - len(loaded))
        return _Loaded([], 0)


class _Loaded(NamedTuple):
    """Streams whose rows were put back, and how many had rows that did not fit."""

    numbers: list[int]
    misfits: int


def _parts_of(part: Slice) -> list[str]:
    return sorted({column.partition("/")[0] for column in part.columns if "/" in column})


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
