import numpy as np
import pytest

from kullback.core.errors import ErrorId, Refusal
from kullback.ingest.interner import Interner
from kullback.ingest.wire import as_bytes


def look_up(interner: Interner, words: list[bytes], prefix: int = 0, meaning=None) -> list:
    body = b"".join(words)
    stop = np.cumsum([len(word) for word in words])
    start = stop - [len(word) for word in words]
    asked: list[bytes] = []

    def read(rows: np.ndarray) -> list:
        fresh = [words[row] for row in rows]
        asked.extend(fresh)
        return [(meaning or bytes)(word) for word in fresh]

    ids = interner.ids(as_bytes(body), np.full(len(words), prefix), start, stop, read)
    return [ids, asked]


def test_a_key_is_read_once_however_often_it_comes() -> None:
    interner: Interner = Interner()
    ids, asked = look_up(interner, [b"one", b"two", b"one", b"", b"two"])
    assert asked == [b"one", b"two", b""]
    assert [interner.values[i] for i in ids] == [b"one", b"two", b"one", b"", b"two"]
    again, asked = look_up(interner, [b"two", b"one"])
    assert asked == []
    assert again.tolist() == [ids[1], ids[0]]


def test_the_prefix_is_part_of_the_key() -> None:
    interner: Interner = Interner()
    look_up(interner, [b"one"], prefix=0)
    _, asked = look_up(interner, [b"one"], prefix=1)
    assert asked == [b"one"]


def test_keys_that_mean_the_same_have_one_id() -> None:
    interner: Interner = Interner()
    ids, _ = look_up(interner, [b"ab", b"ba", b"c"], meaning=lambda word: bytes(sorted(word)))
    assert ids[0] == ids[1] != ids[2]


@pytest.mark.parametrize("count", [1, 1000, 1025, 5000])
def test_growth_loses_nothing(count: int) -> None:
    interner: Interner = Interner()
    words = [f"word {i}".encode() * (i % 40 + 1) for i in range(count)]
    first, _ = look_up(interner, words)
    second, asked = look_up(interner, words)
    assert asked == []
    assert (first == second).all()
    assert [interner.values[i] for i in first] == words


@pytest.mark.parametrize("size", [*range(1, 34), 255, 256, 257, 600])
def test_keys_that_differ_in_one_byte_are_told_apart(size: int) -> None:
    interner: Interner = Interner()
    base = bytes(range(size % 256)) + b"x" * (size - size % 256)
    words = [base] + [base[:i] + bytes([base[i] ^ 1]) + base[i + 1 :] for i in range(size)]
    ids, _ = look_up(interner, words)
    assert len(set(ids.tolist())) == len(words)


def test_a_full_table_starts_anew_between_requests() -> None:
    interner: Interner = Interner(capacity_keys=10)
    for start in range(0, 100, 5):
        with interner.request():
            look_up(interner, [f"{i}".encode() for i in range(start, start + 5)])
            assert len(interner.values) < 15


def test_a_table_full_of_bytes_starts_anew() -> None:
    interner: Interner = Interner(capacity_bytes=1000)
    with interner.request():
        look_up(interner, [b"x" * 2000])
    with interner.request():
        assert interner.values == []


def test_distinct_numbers_in_order_of_first_appearance() -> None:
    interner: Interner = Interner()
    ids, _ = look_up(interner, [b"a", b"b", b"a", b"c", b"b"])
    local, unique = interner.distinct(ids)
    assert local.tolist() == [0, 1, 0, 2, 1]
    assert interner.meanings(unique) == (b"a", b"b", b"c")
    local, unique = interner.distinct(ids[3:])
    assert local.tolist() == [0, 1]


def test_refusals_are_counted_per_row() -> None:
    interner: Interner = Interner()
    ids, _ = look_up(interner, [b"bad", b"bad"], meaning=lambda _: Refusal(ErrorId.BAD_LABELS, 1, "why"))
    assert interner.refused(ids).all()
    assert interner.refusals(ids) == [Refusal(ErrorId.BAD_LABELS, 2, "why")]


def test_a_reader_that_fails_leaves_an_empty_table() -> None:
    interner: Interner = Interner()

    def fail(word: bytes) -> None:
        raise RuntimeError(word)

    with pytest.raises(RuntimeError):
        look_up(interner, [b"one"], meaning=fail)
    assert look_up(interner, [b"one"])[1] == [b"one"]
