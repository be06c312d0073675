"""A snapshot is there whole or not at all, and never wrong."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from kullback.core.errors import ErrorId, Overloaded
from kullback.core.slice import Slice
from kullback.storage.slices import FORMAT, BadSnapshot, check_slices, read_slices
from kullback.storage.snapshots import Snapshots

GOLDEN = Path(__file__).parents[2] / "golden" / "snapshots"
RECORD = np.dtype([("a", "i8"), ("b", "f4", (2,))])


def slices(shards: int = 2, parts: int = 3, seed: int = 0) -> list[Slice]:
    rng = np.random.default_rng(seed)
    return [
        Slice(
            shard,
            100 + part,
            "rows",
            {"first": part, "name": "ü"},
            {
                "ring": rng.standard_normal((5, 3)).astype(np.float32),
                "none": np.empty((0, 4), np.uint8),
                "record": np.ones(2, RECORD),
            },
        )
        for part in range(parts)
        for shard in range(shards)
    ]


def write(snapshots: Snapshots, offset: int, parts: list[Slice]) -> None:
    snapshots.start(offset, iter(parts))
    snapshots.finish()
    assert snapshots.problem == ""


def assert_same(found: list[Slice], wanted: list[Slice]) -> None:
    assert len(found) == len(wanted)
    for one, two in zip(found, sorted(wanted, key=lambda part: part.shard), strict=True):
        assert (one.shard, one.offset, one.kind, one.facts) == (two.shard, two.offset, two.kind, two.facts)
        assert list(one.columns) == list(two.columns)
        for name, column in one.columns.items():
            assert column.dtype == two.columns[name].dtype
            np.testing.assert_array_equal(column, two.columns[name])


def restored(snapshots: Snapshots) -> tuple[int, list[Slice]]:
    found = snapshots.newest()
    assert found is not None
    return found.offset, list(found.slices)


def test_a_snapshot_gives_back_what_was_written(tmp_path: Path) -> None:
    write(Snapshots(tmp_path), 7, slices())
    offset, found = restored(Snapshots(tmp_path))
    assert offset == 7
    assert_same(found, slices())


def test_a_search_ahead_finds_what_is_there_when_it_begins(tmp_path: Path) -> None:
    snapshots = Snapshots(tmp_path)
    write(snapshots, 7, slices())
    snapshots.seek()
    assert_same(list(snapshots.newest().slices), slices())
    write(snapshots, 9, slices(seed=2))
    assert snapshots.newest().offset == 9


def test_an_empty_directory_has_no_snapshot(tmp_path: Path) -> None:
    assert Snapshots(tmp_path).newest() is None
    assert Snapshots(tmp_path).needed_after == 0


def test_two_generations_are_kept_and_the_older_one_says_what_the_log_must_hold(tmp_path: Path) -> None:
    snapshots = Snapshots(tmp_path)
    write(snapshots, 10, slices())
    assert snapshots.needed_after == 0
    write(snapshots, 20, slices())
    assert snapshots.needed_after == 10
    write(snapshots, 30, slices())
    assert snapshots.offsets() == [20, 30]
    assert snapshots.needed_after == 20


def test_slices_are_copied_one_per_step(tmp_path: Path) -> None:
    taken = []

    def watched() -> Iterator[Slice]:
        for part in slices():
            taken.append(part)
            yield part

    snapshots = Snapshots(tmp_path)
    snapshots.start(1, watched())
    assert taken == []
    snapshots.step()
    assert len(taken) == 1
    snapshots.finish()
    assert not snapshots.running


@pytest.mark.parametrize("place", [0.0, 0.01, 0.1, 0.3, 0.5, 0.8, 0.999])
def test_one_flipped_byte_anywhere_leads_back_to_the_older_generation(tmp_path: Path, place: float) -> None:
    snapshots = Snapshots(tmp_path)
    write(snapshots, 1, slices(seed=1))
    write(snapshots, 2, slices(seed=2))
    file = sorted((tmp_path / f"{2:020}").iterdir())[1]
    harmed = bytearray(file.read_bytes())
    harmed[int(place * len(harmed))] ^= 0x10
    file.write_bytes(harmed)
    snapshots = Snapshots(tmp_path)
    offset, found = restored(snapshots)
    assert offset == 1
    assert_same(found, slices(seed=1))
    assert [bad.offset for bad in snapshots.unusable] == [2]
    write(snapshots, 3, slices())
    assert snapshots.offsets() == [1, 3]


@pytest.mark.parametrize("keep", [0, 5, 12, 100, -1])
def test_a_cut_file_is_not_a_snapshot(tmp_path: Path, keep: int) -> None:
    write(Snapshots(tmp_path), 1, slices(shards=1))
    (file,) = (tmp_path / f"{1:020}").iterdir()
    file.write_bytes(file.read_bytes()[:keep])
    with pytest.raises(BadSnapshot):
        check_slices(file)


def test_a_spoilt_length_allocates_nothing(tmp_path: Path) -> None:
    write(Snapshots(tmp_path), 1, slices(shards=1))
    (file,) = (tmp_path / f"{1:020}").iterdir()
    harmed = bytearray(file.read_bytes())
    harmed[12 + 8 : 12 + 16] = (2**60).to_bytes(8, "little")
    file.write_bytes(harmed)
    with pytest.raises(BadSnapshot, match="too early"):
        check_slices(file)


def test_a_newer_format_is_passed_over_with_a_reason(tmp_path: Path) -> None:
    write(Snapshots(tmp_path), 1, slices(shards=1))
    (file,) = (tmp_path / f"{1:020}").iterdir()
    harmed = bytearray(file.read_bytes())
    harmed[8:12] = (FORMAT + 1).to_bytes(4, "little")
    file.write_bytes(harmed)
    snapshots = Snapshots(tmp_path)
    assert snapshots.newest() is None
    assert "format" in snapshots.unusable[0].why


def test_a_crash_while_writing_leaves_the_older_generation(tmp_path: Path) -> None:
    write(Snapshots(tmp_path), 1, slices(seed=1))
    left = tmp_path / "writing"
    left.mkdir()
    (left / "shard-0000.slices").write_bytes(b"half")
    assert restored(Snapshots(tmp_path))[0] == 1
    write(Snapshots(tmp_path), 2, slices())
    assert not left.exists()


def test_a_failed_write_is_told_and_the_next_one_succeeds(tmp_path: Path) -> None:
    snapshots = Snapshots(tmp_path / "s")
    (tmp_path / "s" / "writing").write_text("a file in the way")
    snapshots.start(1, iter(slices()))
    snapshots.finish()
    assert "cannot be written" in snapshots.problem
    assert snapshots.offsets() == []
    (tmp_path / "s" / "writing").unlink()
    write(snapshots, 2, slices())
    assert snapshots.offsets() == [2]


def test_slices_that_cannot_be_had_end_the_attempt_only(tmp_path: Path) -> None:
    def failing() -> Iterator[Slice]:
        yield from slices()
        raise Overloaded(ErrorId.STORAGE_UNAVAILABLE, "the history waits")

    snapshots = Snapshots(tmp_path)
    snapshots.start(1, failing())
    snapshots.finish()
    assert "the history waits" in snapshots.problem
    assert snapshots.offsets() == []
    write(snapshots, 1, slices())


def test_the_same_offset_is_not_written_twice(tmp_path: Path) -> None:
    snapshots = Snapshots(tmp_path)
    write(snapshots, 5, slices(seed=1))
    snapshots.start(5, iter(slices(seed=2)))
    assert not snapshots.running
    assert_same(restored(snapshots)[1], slices(seed=1))


@pytest.mark.parametrize("version", range(1, FORMAT + 1))
def test_snapshots_of_every_released_format_are_read(version: int) -> None:
    file = GOLDEN / f"format-{version}.slices"
    check_slices(file)
    assert_same(list(read_slices(file)), slices(shards=1))
