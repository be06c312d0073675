"""A crash changes nothing: snapshot and replay give the state of an engine that never stopped."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.engine.tiny import ALL_FORMS, TinyDetector, batch, engine, series, state_of

from kullback.core.errors import RequestError
from kullback.core.labels import Kind, Series
from kullback.core.slice import Slice
from kullback.engine import saving
from kullback.engine.local import LocalEngine

SERIES = [
    *(series("m", i=str(i)) for i in range(5)),
    series("c", Kind.CATEGORY),
    *(series("t_bucket", Kind.COUNTER, le=bound) for bound in ("1", "2", "+Inf")),
    series("t_count", Kind.COUNTER),
]
NAMES = ("red", "green", "blue", "grey", "black")
OPTIONS: dict[str, Any] = {
    "expire_after_ms": 200_000,
    "limits": {"max_streams": 6},
    "makers": ALL_FORMS,
}


@pytest.fixture(autouse=True, scope="module")
def few_streams_per_slice() -> Iterator[None]:
    """So that rows and streams take turns."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(saving, "TABLE_ROWS", 2)
        yield


@dataclass(frozen=True)
class Write:
    samples: tuple[tuple[int, int], ...]
    pause_ms: int


@dataclass(frozen=True)
class Act:
    verb: str
    which: int


@dataclass(frozen=True)
class Copy:
    """Let the snapshot take one slice further."""


writes = st.builds(
    Write,
    st.lists(st.tuples(st.integers(0, 9), st.integers(0, 100)), min_size=1, max_size=12).map(tuple),
    st.sampled_from([0, 1_000, 59_000, 70_000, -5_000, 10**9]),
)
VERBS = ("close", "rebaseline", "undo_rebaseline", "exclude", "undo_exclude", "strike", "feedback")
acts = st.builds(Act, st.sampled_from(VERBS), st.integers(0, 9))
events = st.lists(st.one_of(writes, writes, acts, st.builds(Copy), st.builds(Copy)), max_size=40)


class Live:
    """An engine, the rows that go with it, and the log entries it was fed."""

    def __init__(self, shards: int) -> None:
        self.alerts = TinyDetector(64)
        self.engine = engine(shards=shards, companions={"alerts": self.alerts}, **OPTIONS)
        self.now_ms = 10**12

    def apply(self, entry: tuple[int, int, Any]) -> None:
        offset, now_ms, what = entry
        if isinstance(what, Act):
            with suppress(RequestError):  # nothing to take back
                act(self.engine, what, offset)
            return
        for stream in self.engine.abandoned(now_ms):
            self.engine.close(stream.number, offset)
        scores = self.engine.update(what, now_ms, offset)
        for number, value in zip(scores.stream, scores.value, strict=True):
            if number >= 0 and np.isfinite(value):
                self.alerts.rows["total"][number] += value

    def state(self) -> dict[str, Any]:
        totals = {one.id: self.alerts.rows["total"][one.number] for one in self.engine}
        return {"streams": state_of(self.engine), "alerts": totals, "clock": self.engine._patience.save()}


def act(one: LocalEngine, what: Act, offset: int) -> None:
    number = one.find((SERIES[what.which] if what.which < 6 else Series((("__name__", "t"),))).id)
    if number is None:
        return
    if what.verb == "close":
        one.close(number, offset)
    elif what.verb in ("strike", "exclude"):
        getattr(one.acts, what.verb)(number, 0, offset, offset)
    elif what.verb != "feedback":
        getattr(one.acts, what.verb)(number, offset)
    else:
        one.acts.set_feedback(number, 1.0 + offset / 10, offset)


def run(live: Live, script: list[Any], start: int) -> tuple[list[Any], int, list[Slice]]:
    """Feed a script; from event `start` on a snapshot is taken: a slice at each `Copy`, then the rest."""
    log: list[Any] = []
    copied: list[Slice] = []
    slices: Iterator[Slice] = iter(())
    from_offset = 0
    for index, event in enumerate(script):
        if index == start:
            from_offset, slices = live.engine.offset, live.engine.slices(rows=2)
        if isinstance(event, Copy):
            copied += [part] if (part := next(slices, None)) else []
        elif (entry := entry_of(live, event, len(log) + 1)) is not None:
            log.append(entry)
            live.apply(entry)
    return log, from_offset, copied + list(slices)


def entry_of(live: Live, event: Write | Act, offset: int) -> tuple[int, int, Any] | None:
    if isinstance(event, Act):
        return (offset, live.now_ms, event)
    live.now_ms += event.pause_ms
    rows = [sample(index, offset, place, x) for place, (index, x) in enumerate(event.samples)]
    kept, _ = live.engine.room(replace(batch(*rows), categories=NAMES))
    return (offset, live.now_ms, kept) if len(kept) else None


@settings(max_examples=300, deadline=None)
@given(events, st.integers(0, 40), st.sampled_from([(1, 1), (3, 3), (1, 3), (3, 2)]))
def test_state_after_crash_and_replay_is_that_of_an_uninterrupted_run(
    script: list[Any], start: int, shards: tuple[int, int]
) -> None:
    before, after = shards
    live = Live(before)
    log, from_offset, slices = run(live, script, min(start, max(len(script) - 1, 0)))
    again = Live(after)
    again.engine.restore(slices)
    for entry in log:
        if entry[0] > from_offset:
            again.apply(entry)
    assert again.state() == live.state()
    if before == after:
        assert numbers_of(again) == numbers_of(live)


@settings(max_examples=100, deadline=None)
@given(events, st.integers(0, 40))
def test_a_restored_engine_goes_on_like_the_first(script: list[Any], start: int) -> None:
    live, again = Live(2), Live(2)
    log, from_offset, slices = run(live, script, min(start, max(len(script) - 1, 0)))
    again.engine.restore(slices)
    for entry in log:
        if entry[0] > from_offset:
            again.apply(entry)
    more = replace(batch(*((one, 10**6, 3.0) for one in SERIES)), categories=NAMES)
    first, second = (one.engine.update(one.engine.room(more)[0], 10**12, 10**6) for one in (live, again))
    np.testing.assert_array_equal(first.score, second.score)
    np.testing.assert_array_equal(first.stream, second.stream)


def sample(index: int, offset: int, place: int, x: int) -> tuple[Series, int, float]:
    """Buckets of one request share their time; category values are indices, not all with a name."""
    if SERIES[index].metric == "t_bucket":
        return SERIES[index], offset * 10, float(x)
    return SERIES[index], offset * 10 + place, float(x % 7 if SERIES[index].kind is Kind.CATEGORY else x)


def numbers_of(live: Live) -> dict[str, int]:
    return {stream.id: stream.number for stream in live.engine}


def test_a_snapshot_of_an_empty_engine_restores() -> None:
    again = engine()
    again.restore(engine().slices())
    assert len(again) == 0


def test_a_smaller_engine_takes_up_what_has_room() -> None:
    live = Live(1)
    many: list[Series] = SERIES[:5]
    live.apply((1, 0, batch(*((one, 1, 1.0) for one in many))))
    small = engine(limits={"max_streams": 3})
    small.restore(live.engine.slices())
    assert len(small) == 3
    scores = small.update(batch(*((one, 2, 2.0) for one in many)), 1, 2)
    assert (scores.stream >= 0).sum() == 3
