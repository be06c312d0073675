"""Whatever is appended comes back, and a log that lost its end is a log of what came before."""

from __future__ import annotations

import os
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from kullback.core.batch import Batch, Buckets
from kullback.core.labels import Kind, Series, sorted_labels
from kullback.storage.encoding import decode_batch, encode_batch
from kullback.storage.entry import Entry
from kullback.storage.log import SqliteLog

text = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8)
series = st.builds(
    lambda pairs, kind, unit: Series(sorted_labels(pairs), kind, unit),
    st.dictionaries(text, text, min_size=1, max_size=4).map(lambda pairs: list(pairs.items())),
    st.sampled_from(list(Kind)),
    st.sampled_from(["", "s", "By"]),
)


@st.composite
def batches(draw: st.DrawFn) -> Batch:
    known = draw(st.lists(series, min_size=1, max_size=5, unique_by=lambda one: one.key))
    seed, n = draw(st.integers(0, 2**32 - 1)), draw(st.integers(1, 20))
    rng = np.random.default_rng(seed)
    dense = draw(st.booleans()) and n >= len(known)
    index = np.arange(n) % len(known) if dense else rng.integers(0, len(known), n)
    times = np.full(n, 5) if draw(st.booleans()) else rng.integers(-(2**62), 2**62, n)
    values = rng.bytes(8 * n)
    buckets = draw(st.sampled_from([None, False, True]))
    return Batch(
        tuple(known),
        index.astype(np.int32),
        times.astype(np.int64),
        np.frombuffer(values, np.float64),
        None if buckets is None else some_buckets(rng, n, cumulative=buckets),
        tuple(draw(st.lists(text, max_size=3))),
    )


def some_buckets(rng: np.random.Generator, n: int, *, cumulative: bool) -> Buckets:
    start = np.concatenate(([0], np.cumsum(rng.integers(0, 4, n)))).astype(np.int64)
    flags = rng.random(n) < 0.5 if cumulative else None
    return Buckets(start, rng.random(start[-1]), rng.random(start[-1]), flags)


def assert_same(one: Batch, two: Batch) -> None:
    assert one.series == two.series
    assert [s.unit for s in one.series] == [s.unit for s in two.series]
    assert one.categories == two.categories
    columns = [one.stream_index, one.timestamp_ms, one.value]
    others = [two.stream_index, two.timestamp_ms, two.value]
    assert (one.buckets is None) == (two.buckets is None)
    if one.buckets and two.buckets:
        columns += [one.buckets.start, one.buckets.upper_bound, one.buckets.count]
        others += [two.buckets.start, two.buckets.upper_bound, two.buckets.count]
        np.testing.assert_array_equal(one.buckets.cumulative, two.buckets.cumulative)
    for mine, other in zip(columns, others, strict=True):
        assert mine.dtype == other.dtype
        assert mine.tobytes() == other.tobytes()


@given(batches())
def test_encoding_loses_no_bit(batch: Batch) -> None:
    numbers = np.arange(len(batch.series))
    assert_same(
        decode_batch(
            encode_batch(batch, numbers),
            lambda found: tuple(batch.series[number] for number in found.tolist()),
        ),
        batch,
    )


@settings(max_examples=15, deadline=None)
@given(st.lists(batches(), min_size=1, max_size=12), st.integers(0, 12), st.integers(1, 5))
def test_a_log_gives_back_what_it_was_given(given_: list[Batch], after: int, group: int) -> None:
    with TemporaryDirectory() as folder:
        log = SqliteLog(Path(folder), "off")
        for first in range(0, len(given_), group):
            log.append([Entry(first, "x", batch) for batch in given_[first : first + group]])
            if first % 3 == 0:
                log.roll()
        log.close()
        log = SqliteLog(Path(folder), "off")
        found = list(log.replay(after))
        log.close()
    assert [one.offset for one in found] == list(range(after + 1, len(given_) + 1))
    for entry, batch in zip(found, given_[after:], strict=True):
        np.testing.assert_array_equal(entry.batch.timestamp_ms, batch.timestamp_ms)
        assert entry.batch.value.tobytes() == batch.value.tobytes()
        sent = [batch.series[i] for i in batch.stream_index]
        assert [entry.batch.series[i] for i in entry.batch.stream_index] == sent


@settings(max_examples=20, deadline=None)
@given(st.lists(batches(), min_size=2, max_size=12), st.floats(0, 1))
def test_a_power_cut_leaves_a_beginning_of_what_was_appended(given_: list[Batch], kept: float) -> None:
    with TemporaryDirectory() as folder:
        live, left = Path(folder) / "live", Path(folder) / "left"
        log = SqliteLog(live, "off")
        for batch in given_:
            log.append([Entry(1, "x", batch)])
        left.mkdir()
        for file in live.iterdir():
            (left / file.name).write_bytes(file.read_bytes())
        log.close()
        (wal,) = left.glob("*-wal")
        os.truncate(wal, int(kept * wal.stat().st_size))
        log = SqliteLog(left, "off")
        found = list(log.replay(0))
        offset = log.append([Entry(1, "x", given_[0])])[0]
        assert [one.offset for one in log.replay(0)] == [*range(1, len(found) + 1), offset]
        log.close()
    assert [one.offset for one in found] == list(range(1, len(found) + 1))
    for entry, batch in zip(found, given_, strict=False):
        assert entry.batch.value.tobytes() == batch.value.tobytes()
