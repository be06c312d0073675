"""A real small file system that is full or read-only: nothing is half written, and all goes on by itself."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from tests.unit.storage.test_log import entry
from tests.unit.storage.test_snapshots import restored, slices, write

from kullback.core.errors import Overloaded
from kullback.storage.entry import Entry
from kullback.storage.history import History
from kullback.storage.log import SqliteLog
from kullback.storage.snapshots import Snapshots

DISK = "2m"
FILLER = "filler"


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    mounted = tmp_path / "disk"
    mounted.mkdir()
    try:
        done = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={DISK}", "tmpfs", str(mounted)],
            check=False,
            capture_output=True,
        )
    except FileNotFoundError:
        pytest.skip("There is no mount command.")
    if done.returncode:
        pytest.skip(f"A small file system needs the right to mount: {done.stderr.decode().strip()}")
    yield mounted
    subprocess.run(["umount", "--lazy", str(mounted)], check=True)


def fill(disk: Path) -> None:
    with (disk / FILLER).open("wb", buffering=0) as file:
        try:
            while file.write(b"x" * 4096) == 4096:
                pass
        except OSError:
            pass


def big(at_ms: int) -> Entry:
    return entry(*(f"m{i}" for i in range(500)), at_ms=at_ms)


def append_until_full(log: SqliteLog) -> list[int]:
    """Times of what was acknowledged before the first refusal."""
    for at_ms in range(10_000):
        try:
            log.append([big(at_ms)])
        except Overloaded:
            return list(range(at_ms))
    raise AssertionError("the disk did not fill")


def test_the_log_refuses_when_full_and_goes_on_when_there_is_room(disk: Path) -> None:
    log = SqliteLog(disk / "log")
    log.append([big(-1)])
    fill(disk)
    written = [-1, *append_until_full(log)]
    assert [one.now_ms for one in log.replay(0)] == written
    with pytest.raises(Overloaded):
        log.append([big(99)])
    (disk / FILLER).unlink()
    log.append([big(100)])
    log.close()
    again = SqliteLog(disk / "log")
    assert [one.now_ms for one in again.replay(0)] == [*written, 100]
    again.close()


def test_a_full_disk_keeps_the_log_in_its_file(disk: Path) -> None:
    log = SqliteLog(disk / "log")
    log.append([entry("a", at_ms=1)])
    fill(disk)
    with pytest.raises(Overloaded):
        log.roll()
    (disk / FILLER).unlink()
    log.append([entry("a", at_ms=2)])
    log.close()
    again = SqliteLog(disk / "log")
    assert [one.now_ms for one in again.replay(0)] == [1, 2]
    assert again.last_offset == 2
    again.close()


def test_a_snapshot_that_does_not_fit_leaves_the_older_one(disk: Path) -> None:
    snapshots = Snapshots(disk / "snapshots")
    write(snapshots, 1, slices(seed=1))
    fill(disk)
    snapshots.start(2, iter(slices(parts=30, seed=2)))
    snapshots.finish()
    assert "cannot be written" in snapshots.problem
    assert restored(Snapshots(disk / "snapshots"))[0] == 1
    (disk / FILLER).unlink()
    write(snapshots, 3, slices())
    assert snapshots.offsets() == [1, 3]


def test_the_history_waits_for_room(disk: Path) -> None:
    kept = History(disk / "history.sqlite", 8, 10_000, 10**12)
    fill(disk)
    for offset in range(200):
        kept.audit(offset, 0, {"note": "x" * 4000})
    kept.flush(0)
    assert kept.problem
    (disk / FILLER).unlink()
    kept.flush(1)
    assert kept.problem == ""
    assert len(kept.audits(limit=1000)) == 200
    kept.close()


def test_a_read_only_disk_is_refused_and_recovers(disk: Path) -> None:
    log = SqliteLog(disk / "log")
    log.append([entry("a", at_ms=1)])
    log.close()
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    with pytest.raises(Overloaded, match="kb-storage-unavailable"):
        SqliteLog(disk / "log").append([entry("a", at_ms=2)])
    subprocess.run(["mount", "-o", "remount,rw", str(disk)], check=True)
    log = SqliteLog(disk / "log")
    log.append([entry("a", at_ms=3)])
    assert [one.now_ms for one in log.replay(0)] == [1, 3]
    log.close()


def test_answers_given_while_the_disk_fills_and_empties_are_true(disk: Path) -> None:
    rng = np.random.default_rng(0)
    log = SqliteLog(disk / "log")
    acknowledged = []
    for at_ms in range(120):
        if at_ms % 40 == 10:
            fill(disk)
        if at_ms % 40 == 30:
            (disk / FILLER).unlink()
            log.roll()
            log.truncate(log.last_offset - 5)
        try:
            log.append([big(at_ms) for _ in range(rng.integers(1, 4))])
            acknowledged.append(at_ms)
        except Overloaded:
            continue
    log.close()
    again = SqliteLog(disk / "log")
    found = sorted({one.now_ms for one in again.replay(0)})
    assert found == [at_ms for at_ms in acknowledged if at_ms >= found[0]]
    assert 119 in found
    again.close()
