"""Label sets known by their raw bytes, so that a label set is read once and not once per request."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import contextmanager
from threading import Lock
from typing import Generic, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from kullback.core.errors import Refusal
from kullback.core.kernel import kernel
from kullback.ingest.wire import Bytes, load_u64

Ids = NDArray[np.int32]
Positions = NDArray[np.int64]
Words = NDArray[np.uint64]
T = TypeVar("T", bound=Hashable)

CAPACITY_KEYS = 200_000
CAPACITY_BYTES = 64 * 1024 * 1024
BYTES_PER_STREAM = 640
SECRET_WORDS = 64
UNKNOWN = -1


class Interner(Generic[T]):
    """A table from (prefix, raw bytes) to what they mean.

    Keys are hashed by a kernel with a secret of this process, so that nobody can send colliding ones, and
    compared byte by byte. Everything is forgotten, between two requests, once the table is full.

    Parameters
    ----------
    capacity_keys, capacity_bytes : int
        Size at which the table starts anew.
    """

    def __init__(self, capacity_keys: int = CAPACITY_KEYS, capacity_bytes: int = CAPACITY_BYTES) -> None:
        self.capacity_keys = capacity_keys
        self.capacity_bytes = capacity_bytes
        self._lock = Lock()
        self._secret = np.array([secrets.randbits(64) for _ in range(SECRET_WORDS)], np.uint64)
        self.forget()

    @classmethod
    def for_streams(cls, max_streams: int) -> Self:
        """A table with room for the label sets of that many streams and for as many that come and go.

        Parameters
        ----------
        max_streams : int
        """
        return cls(max(CAPACITY_KEYS, 2 * max_streams), max(CAPACITY_BYTES, BYTES_PER_STREAM * max_streams))

    def forget(self) -> None:
        """Start anew, empty."""
        self.values: list[T | Refusal] = []
        self._known: dict[T | Refusal, int] = {}
        self._used_bytes = 0
        self._slots = np.full(2048, UNKNOWN, np.int32)
        self._hash = np.empty(1024, np.uint64)
        self._prefix = np.empty(1024, np.int64)
        self._span = np.empty((1024, 2), np.int64)
        self._alias = np.empty(1024, np.int32)
        self._local = np.full(1024, UNKNOWN, np.int32)
        self._refused = np.zeros(1024, np.bool_)
        self._meaning = np.empty(1024, np.object_)
        self._arena = np.empty(65_536, np.uint8)

    @contextmanager
    def request(self) -> Iterator[None]:
        """Hold the table for one request: ids stay valid inside."""
        with self._lock:
            if len(self.values) >= self.capacity_keys or self._used_bytes >= self.capacity_bytes:
                self.forget()
            yield

    def ids(
        self,
        body: Bytes,
        prefix: Positions,
        start: Positions,
        stop: Positions,
        read: Callable[[Positions], Sequence[T | Refusal]],
    ) -> Ids:
        """The id of each key `(prefix[i], body[start[i]:stop[i]])`.

        Parameters
        ----------
        body : uint8 array
        prefix, start, stop : int64 array, shape (n,)
            `prefix` carries what the bytes alone do not say, such as the id of an enclosing message.
        read : callable
            Given the rows of keys never seen before, says what each means.

        Returns
        -------
        int32 array, shape (n,)
            Indices into `values`; keys that mean the same have the same id.
        """
        self._make_room(len(start), int((stop - start).sum()))
        found = np.empty(len(start), np.int32)
        known = len(self.values)
        total, used = find_or_add(
            body, prefix, start, stop, found, known, self._used_bytes, self._secret,
            self._slots, self._hash, self._prefix, self._span, self._arena,
        )  # fmt: skip
        if total > known:
            self._learn(read, first_rows(found, known, total))
        self._used_bytes = used
        ids: Ids = self._alias[found]
        return ids

    def distinct(self, ids: Ids) -> tuple[Ids, Ids]:
        """Number ids in order of first appearance.

        Parameters
        ----------
        ids : int32 array, shape (n,)

        Returns
        -------
        local : int32 array, shape (n,)
            Index into `unique` per id.
        unique : int32 array, shape (m,)
        """
        local = np.empty(len(ids), np.int32)
        unique = np.empty(len(ids), np.int32)
        count = number_in_order(ids, self._local, local, unique)
        return local, unique[:count]

    def refused(self, ids: Ids) -> NDArray[np.bool_]:
        """Which ids mean a refusal.

        Parameters
        ----------
        ids : int32 array, shape (n,)
        """
        return self._refused[ids]

    def refusals(self, ids: Ids) -> list[Refusal]:
        """The refusals among rows, counted.

        Parameters
        ----------
        ids : int32 array, shape (n,)
            All of them mean a refusal.
        """
        counted = zip(*np.unique(ids, return_counts=True), strict=True) if len(ids) else ()
        meanings = ((self.values[entry], int(count)) for entry, count in counted)
        return [
            Refusal(meant.error, count, meant.detail)
            for meant, count in meanings
            if isinstance(meant, Refusal)
        ]

    def meanings(self, ids: Ids) -> tuple[T, ...]:
        """What ids mean, none of them a refusal.

        Parameters
        ----------
        ids : int32 array, shape (n,)
        """
        return tuple(self._meaning[ids])

    def _learn(self, read: Callable[[Positions], Sequence[T | Refusal]], rows: Positions) -> None:
        try:
            meanings = read(rows)
        except BaseException:
            self.forget()
            raise
        for meaning in meanings:
            entry = len(self.values)
            self.values.append(meaning)
            self._alias[entry] = self._known.setdefault(meaning, entry)
            self._refused[entry] = isinstance(meaning, Refusal)
            self._meaning[entry] = meaning

    def _make_room(self, keys: int, size_bytes: int) -> None:
        needed = len(self.values) + keys
        if needed > len(self._hash):
            self._grow(1 << (needed - 1).bit_length())
        if self._used_bytes + size_bytes > len(self._arena):
            arena = np.empty(1 << (self._used_bytes + size_bytes - 1).bit_length(), np.uint8)
            arena[: self._used_bytes] = self._arena[: self._used_bytes]
            self._arena = arena

    def _grow(self, size: int) -> None:
        extra = size - len(self._hash)
        self._hash = np.concatenate((self._hash, np.empty(extra, np.uint64)))
        self._prefix = np.concatenate((self._prefix, np.empty(extra, np.int64)))
        self._span = np.concatenate((self._span, np.empty((extra, 2), np.int64)))
        self._alias = np.concatenate((self._alias, np.empty(extra, np.int32)))
        self._refused = np.concatenate((self._refused, np.zeros(extra, np.bool_)))
        self._meaning = np.concatenate((self._meaning, np.empty(extra, np.object_)))
        self._local = np.full(size, UNKNOWN, np.int32)
        self._slots = np.full(2 * size, UNKNOWN, np.int32)
        place(self._slots, self._hash, len(self.values))


@kernel
def hash_key(body: Bytes, start: int, stop: int, prefix: int, secret: Words) -> np.uint64:
    """A keyed 64-bit hash.

    Within a block of 256 bytes: NH, the sum of products of secretly shifted halves of each word (Black et
    al., "UMAC: Fast and Secure Message Authentication", 1999, §4); a bijective mixing step chains blocks.

    Parameters
    ----------
    body : uint8 array
    start, stop, prefix : int
    secret : uint64 array, shape (64,)
    """
    total = mix(np.uint64(prefix) ^ secret[0]) + np.uint64(stop - start)
    at, i = start, 0
    while at < stop:
        if stop - at >= 8:
            word = load_u64(body, at)
        else:
            word = np.uint64(0)
            for k in range(stop - at):
                word |= np.uint64(body[at + k]) << np.uint64(8 * k)
        low = (word + secret[i]) & np.uint64(0xFFFFFFFF)
        high = ((word >> np.uint64(32)) + secret[i + 1]) & np.uint64(0xFFFFFFFF)
        total += low * high
        at += 8
        i += 2
        if i == SECRET_WORDS:
            total, i = mix(total), 0
    return mix(total)


@kernel
def mix(x: np.uint64) -> np.uint64:
    """A bijection whose every output bit depends on every input bit (David Stafford's variant 13).

    Parameters
    ----------
    x : uint64
    """
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


@kernel
def same_bytes(one: Bytes, at: int, other: Bytes, there: int, size: int) -> bool:
    """Whether two ranges of equal size hold the same bytes.

    Parameters
    ----------
    one, other : uint8 array
    at, there, size : int
    """
    i = 0
    while i + 8 <= size:
        if load_u64(one, at + i) != load_u64(other, there + i):
            return False
        i += 8
    while i < size:
        if one[at + i] != other[there + i]:
            return False
        i += 1
    return True


@kernel
def find_or_add(
    body: Bytes,
    prefix: Positions,
    start: Positions,
    stop: Positions,
    found: Ids,
    count: int,
    used: int,
    secret: Words,
    slots: Ids,
    hashes: Words,
    prefixes: Positions,
    spans: Positions,
    arena: Bytes,
) -> tuple[int, int]:
    """Fill `found` with the entry of each key; unknown keys are added with the next numbers.

    Parameters
    ----------
    body, prefix, start, stop : see `Interner.ids`
    found : int32 array, shape (n,), written
    count, used : int
        Entries and arena bytes in use before.
    secret, slots, hashes, prefixes, spans, arena : the table, written

    Returns
    -------
    int, int
        Entries and arena bytes in use after.
    """
    mask = len(slots) - 1
    for i in range(len(start)):
        size = stop[i] - start[i]
        hashed = hash_key(body, start[i], stop[i], prefix[i], secret)
        slot = np.int64(hashed & np.uint64(mask))
        entry = slots[slot]
        while entry >= 0 and not (
            hashes[entry] == hashed
            and prefixes[entry] == prefix[i]
            and spans[entry, 1] == size
            and same_bytes(body, start[i], arena, spans[entry, 0], size)
        ):
            slot = (slot + 1) & mask
            entry = slots[slot]
        if entry < 0:
            entry = count
            slots[slot], hashes[entry], prefixes[entry] = entry, hashed, prefix[i]
            spans[entry, 0], spans[entry, 1] = used, size
            arena[used : used + size] = body[start[i] : stop[i]]
            used += size
            count += 1
        found[i] = entry
    return count, used


@kernel
def first_rows(found: Ids, known: int, total: int) -> Positions:
    """The row at which each new entry first appears.

    Parameters
    ----------
    found : int32 array, shape (n,)
    known, total : int
        Entries before and after.
    """
    rows = np.empty(total - known, np.int64)
    fresh = known
    for i in range(len(found)):
        if found[i] == fresh:
            rows[fresh - known] = i
            fresh += 1
    return rows


@kernel
def place(slots: Ids, hashes: Words, count: int) -> None:
    """Enter `count` entries into an empty slot table.

    Parameters
    ----------
    slots : int32 array, written
    hashes : uint64 array
    count : int
    """
    mask = len(slots) - 1
    for entry in range(count):
        slot = np.int64(hashes[entry] & np.uint64(mask))
        while slots[slot] >= 0:
            slot = (slot + 1) & mask
        slots[slot] = entry


@kernel
def number_in_order(ids: Ids, scratch: Ids, local: Ids, unique: Ids) -> int:
    """Fill `local` and `unique` as `Interner.distinct` says; `scratch` is all UNKNOWN before and after.

    Parameters
    ----------
    ids, scratch, local, unique : int32 array
    """
    count = 0
    for i in range(len(ids)):
        if scratch[ids[i]] < 0:
            scratch[ids[i]] = count
            unique[count] = ids[i]
            count += 1
        local[i] = scratch[ids[i]]
    for k in range(count):
        scratch[unique[k]] = UNKNOWN
    return count
