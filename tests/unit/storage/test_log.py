"""What is appended is there again, in order, and nothing else is."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from kullback.core.batch import Batch, Buckets
from kullback.core.errors import ErrorId, KullbackError, Overloaded
from kullback.core.labels import Kind, Series, sorted_labels
from kullback.storage.entry import Entry
from kullback.storage.log import SqliteLog


def series(name: str, kind: Kind = Kind.GAUGE) -> Series:
    return Series(sorted_labels([("__name__", name), ("job", "a")]), kind)


def batch(*names: str, at_ms: int = 1_000) -> Batch:
    n = len(names)
    return Batch(
        tuple(map(series, names)),
        np.arange(n, dtype=np.int32),
        np.full(n, at_ms, np.int64),
        np.linspace(0, 1, n),
    )


def entry(*names: str, at_ms: int = 1_000) -> Entry:
    return Entry(at_ms, "json", batch(*names, at_ms=at_ms))


def assert_same(one: Batch, two: Batch) -> None:
    assert one.series == two.series
    assert one.categories == two.categories
    for name in ("stream_index", "timestamp_ms", "value"):
        np.testing.assert_array_equal(getattr(one, name), getattr(two, name))
        assert getattr(one, name).dtype == getattr(two, name).dtype
    assert (one.buckets is None) == (two.buckets is None)
    if one.buckets and two.buckets:
        for name in ("start", "upper_bound", "count", "cumulative"):
            np.testing.assert_array_equal(getattr(one.buckets, name), getattr(two.buckets, name))


def test_entries_come_back_in_order_with_their_offsets(tmp_path: Path) -> None:
    log = SqliteLog(tmp_path)
    assert log.append([entry("a", "b"), entry("b", at_ms=2_000)]) == range(1, 3)
    assert log.append([entry("c")]) == range(3, 4)
    log.close()
    entries = list(SqliteLog(tmp_path).replay(1))
    assert [one.offset for one in entries] == [2, 3]
    assert (entries[0].now_ms, entries[0].protocol) == (2_000, "json")
    assert_same(entries[0].batch, batch("b", at_ms=2_000))


def test_every_column_survives(tmp_path: Path) -> None:
    counts = Buckets(
        np.array([0, 0, 2, 2]), np.array([0.5, np.inf]), np.array([3.0, 4.0]), np.array([False, True, False])
    )
    kept = Batch(
        (series("x"), series("h", Kind.HISTOGRAM), series("c", Kind.CATEGORY)),
        np.array([0, 1, 2], np.int32),
        np.array([5, 6, -7]),
        np.array([np.inf, np.nan, 1.0]),
        counts,
        ("card", "ünicode \x00"),
    )
    log = SqliteLog(tmp_path)
    log.append([Entry(9, "otlp", kept, any_age=True)])
    (found,) = log.replay(0)
    assert_same(found.batch, kept)
    assert found.any_age
    assert found.batch.series[2].kind is Kind.CATEGORY


def test_series_whose_samples_were_refused_are_not_kept(tmp_path: Path) -> None:
    log = SqliteLog(tmp_path)
    log.append([Entry(1, "x", batch("a", "b", "c").take(np.array([False, True, False])))])
    (found,) = log.replay(0)
    assert [one.metric for one in found.batch.series] == ["b"]
    assert found.batch.stream_index.tolist() == [0]
    assert len(log._active._series) == 1


def test_stale_marker_keeps_its_bits(tmp_path: Path) -> None:
    bits = np.array([0x7FF0000000000002, 0x7FF8000000000001], np.uint64)
    log = SqliteLog(tmp_path)
    log.append(
        [Entry(1, "x", Batch((series("a"),), np.zeros(2, np.int32), np.arange(2), bits.view(np.float64)))]
    )
    (found,) = log.replay(0)
    np.testing.assert_array_equal(found.batch.value.view(np.uint64), bits)


def test_an_action_is_an_entry_like_any_other(tmp_path: Path) -> None:
    log = SqliteLog(tmp_path)
    log.append([Entry(7, action={"do": "rebaseline", "stream": "abc"})])
    (found,) = log.replay(0)
    assert found.action == {"do": "rebaseline", "stream": "abc"}
    assert len(found.batch) == 0


def test_truncate_drops_only_what_lies_before_the_offset(tmp_path: Path) -> None:
    log = SqliteLog(tmp_path)
    for _ in range(3):
        log.append([entry("a"), entry("b")])
        log.roll()
    log.truncate(3)
    assert [one.offset for one in log.replay(0)] == [3, 4, 5, 6]
    log.truncate(4)
    assert [one.offset for one in log.replay(0)] == [5, 6]
    log.close()
    log = SqliteLog(tmp_path)
    assert log.last_offset == 6
    assert log.append([entry("a")]) == range(7, 8)


def test_offsets_a_snapshot_covers_are_never_given_out_again(tmp_path: Path) -> None:
    log = SqliteLog(tmp_path)
    log.append([entry("a")])
    log.skip_to(10)
    assert log.append([entry("a")]) == range(11, 12)
    log.close()
    assert [one.offset for one in SqliteLog(tmp_path).replay(0)] == [1, 11]


def _spoil(path: Path, statement: str) -> None:
    connection = sqlite3.connect(path)
    connection.execute(statement)
    connection.commit()
    connection.close()


def test_entries_from_the_first_bad_checksum_on_are_reported_and_skipped(tmp_path: Path) -> None:
    log = SqliteLog(tmp_path)
    log.append([entry("a"), entry("b"), entry("c")])
    log.close()
    _spoil(next(tmp_path.glob("*.db")), "UPDATE entries SET now_ms = now_ms + 1 WHERE offset = 2")
    log = SqliteLog(tmp_path)
    assert [one.offset for one in log.replay(0)] == [1]
    assert [damage.offset for damage in log.damage] == [2]
    assert log.damage[0].kept.exists()
    assert log.append([entry("d")]) == range(4, 5)
    log.close()
    log = SqliteLog(tmp_path)
    assert [one.offset for one in log.replay(0)] == [1, 4]
    assert log.damage == ()


def test_a_spoilt_label_set_does_not_become_another_stream(tmp_path: Path) -> None:
    log = SqliteLog(tmp_path)
    log.append([entry("a")])
    log.append([entry("b")])
    log.close()
    _spoil(
        next(tmp_path.glob("*.db")), "UPDATE series SET labels = replace(labels, 'b', 'x') WHERE number = 2"
    )
    log = SqliteLog(tmp_path)
    assert [one.batch.series[0].metric for one in log.replay(0)] == ["a"]
    assert log.damage[0].offset == 2


def test_a_torn_file_loses_its_end_only(tmp_path: Path) -> None:
    log = SqliteLog(tmp_path)
    for _ in range(400):
        log.append([entry(*(f"m{i}" for i in range(200)))])
    log.close()
    (path,) = tmp_path.glob("*.db")
    os.truncate(path, path.stat().st_size // 2)
    log = SqliteLog(tmp_path)
    offsets = [one.offset for one in log.replay(0)]
    assert offsets == list(range(1, len(offsets) + 1))
    assert len(offsets) < 400
    assert log.damage
    (new,) = log.append([entry("a")])
    assert [one.offset for one in log.replay(new - 1)] == [new]


def test_a_file_that_is_no_database_is_set_aside(tmp_path: Path) -> None:
    (tmp_path / "00000000000000000001.db").write_bytes(b"this is no database" * 1000)
    log = SqliteLog(tmp_path)
    assert len(log.damage) == 1
    assert list(log.replay(0)) == []
    assert log.append([entry("a")]) == range(1, 2)


def test_a_full_disk_refuses_the_group_whole_and_recovers_by_itself(tmp_path: Path) -> None:
    log = SqliteLog(tmp_path)
    log.append([entry("a")])
    connection = log._active._connection
    connection.execute("PRAGMA max_page_count = 8")  # SQLite's own "database or disk is full"
    big = entry(*(f"m{i}" for i in range(20_000)))
    with pytest.raises(Overloaded) as refused:
        log.append([entry("b"), big])
    assert refused.value.error is ErrorId.STORAGE_UNAVAILABLE
    assert [one.offset for one in log.replay(0)] == [1]
    assert log.append([entry("b"), big]) == range(2, 4)
    assert [one.offset for one in log.replay(0)] == [1, 2, 3]
    assert_same(next(iter(log.replay(2))).batch, big.batch)


def test_what_a_failed_commit_left_behind_is_gone_after_recovery(tmp_path: Path) -> None:
    log = SqliteLog(tmp_path)
    log.append([entry("a")])
    log._active._connection.execute(
        "INSERT INTO entries SELECT 2, now_ms, protocol, any_age, body, action, 0 FROM entries"
    )
    log._broken = True
    assert log.append([entry("b")]) == range(2, 3)
    assert [one.batch.series[0].metric for one in log.replay(0)] == ["a", "b"]


def test_a_directory_that_cannot_be_written_is_said_so(tmp_path: Path) -> None:
    (tmp_path / "log").write_text("a file where the directory should be")
    with pytest.raises(Overloaded, match="kb-storage-unavailable"):
        SqliteLog(tmp_path / "log")


def test_a_log_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    SqliteLog(tmp_path).close()
    _spoil(next(tmp_path.glob("*.db")), "PRAGMA user_version = 99")
    with pytest.raises(KullbackError) as refused:
        SqliteLog(tmp_path)
    assert refused.value.error is ErrorId.STORAGE_TOO_NEW


def test_a_killed_process_loses_nothing_it_acknowledged(tmp_path: Path) -> None:
    program = f"""
import os, sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
from pathlib import Path
from test_log import SqliteLog, entry
log = SqliteLog(Path({str(tmp_path)!r}))
for i in range(50):
    log.append([entry("a", "b", at_ms=i)])
    print(i, flush=True)
os.kill(os.getpid(), 9)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == -9, done.stderr
    assert [one.now_ms for one in SqliteLog(tmp_path).replay(0)] == list(map(int, done.stdout.split()))


@pytest.mark.parametrize("sync", ["full", "interval", "off"])
def test_every_mode_can_be_flushed(tmp_path: Path, sync: str) -> None:
    log = SqliteLog(tmp_path, sync)  # type: ignore[arg-type]
    log.append([entry("a")])
    log.flush()
    assert log.size_bytes > 0


def test_series_that_are_known_already_are_not_made_anew(tmp_path: Path) -> None:
    log = SqliteLog(tmp_path)
    log.append([Entry(1_000, "json", batch("a", "b"))])
    log.close()
    known, other = series("a"), series("b", Kind.COUNTER)
    (found,) = SqliteLog(tmp_path).replay(0, {known.labels: known, other.labels: other})
    assert found.batch.series[0] is known
    assert found.batch.series[1] == series("b")
