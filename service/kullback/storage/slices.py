"""Slices of a shard as one file.

    file    magic "KULLBACK" | format u32 | slice* | end
    slice   "SLIC" | head bytes u32 | body bytes u64 | crc32 of head and body u32 | head | body
    head    JSON: shard, offset, kind, facts, and name, dtype and shape of each column
    body    the columns' bytes, one after the other
    end     "ENDS" and the number of slices, in the form of a slice with a head only

All numbers little endian. A file without its end was not written to the end and is not a snapshot.
"""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Callable, Iterator
from mmap import ACCESS_READ, mmap
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import orjson
from numpy.lib.format import descr_to_dtype, dtype_to_descr

from kullback.core.slice import Slice

MAGIC = b"KULLBACK"
FORMAT = 1
_FILE = struct.Struct("<8sI")
_PART = struct.Struct("<4sIQI")
_SLICE, _END = b"SLIC", b"ENDS"
_CHUNK_BYTES = 1 << 22

UPGRADES: dict[int, Callable[[Slice], Slice]] = {}
"""What turns a slice of the key's format into one of the next."""


class BadSnapshot(Exception):
    """A file is not a whole, unharmed snapshot that this version can read."""


class SliceWriter:
    """Writes one file; nothing is promised before `finish`.

    Parameters
    ----------
    path : Path

    Raises
    ------
    OSError
    """

    def __init__(self, path: Path) -> None:
        self._file = path.open("wb")
        self._file.write(_FILE.pack(MAGIC, FORMAT))
        self._slices = 0

    def write(self, part: Slice) -> None:
        """Append a slice.

        Parameters
        ----------
        part : Slice

        Raises
        ------
        OSError
        """
        columns = [(name, np.ascontiguousarray(column)) for name, column in part.columns.items()]
        described = [[name, dtype_to_descr(column.dtype), column.shape] for name, column in columns]
        head = orjson.dumps([part.shard, part.offset, part.kind, part.facts, described])
        self._write(_SLICE, head, [column.reshape(-1).view(np.uint8).data for _, column in columns])
        self._slices += 1

    def finish(self) -> None:
        """Write the end and bring the file to the disk.

        Raises
        ------
        OSError
        """
        self._write(_END, orjson.dumps(self._slices), [])
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()

    def close(self) -> None:
        """Let go of a file that will not be finished."""
        self._file.close()

    def _write(self, tag: bytes, head: bytes, body: list[memoryview]) -> None:
        checksum = zlib.crc32(head)
        for piece in body:
            checksum = zlib.crc32(piece, checksum)
        self._file.write(_PART.pack(tag, len(head), sum(map(len, body)), checksum))
        self._file.write(head)
        for piece in body:
            self._file.write(piece)


def check_slices(path: Path) -> int:
    """Read a file once from end to end, comparing checksums.

    Parameters
    ----------
    path : Path

    Returns
    -------
    int
        How many slices it holds.

    Raises
    ------
    BadSnapshot
    """
    with path.open("rb") as file:
        _format_of(file)
        slices = 0
        while True:
            tag, head_bytes, body_bytes, checksum = _part(file)
            head = _exactly(file, head_bytes)
            if _checksum_of_body(file, body_bytes, zlib.crc32(head)) != checksum:
                raise BadSnapshot(f"a checksum of {path.name} does not match")
            if tag == _END:
                break
            slices += 1
        if slices != orjson.loads(head) or file.read(1):
            raise BadSnapshot(f"{path.name} does not hold the slices it says")
    return slices


def read_slices(path: Path) -> Iterator[Slice]:
    """The slices of a file that `check_slices` found sound, brought to the newest format.

    Columns lie in the file, mapped into memory, so that its bytes are copied once: to where they belong.

    Parameters
    ----------
    path : Path

    Raises
    ------
    BadSnapshot
    """
    dtypes = _Dtypes()
    with path.open("rb") as file:
        mapped = memoryview(mmap(file.fileno(), 0, access=ACCESS_READ))
        version = _format_of(file)
        while True:
            tag, head_bytes, body_bytes, _ = _part(file)
            head = orjson.loads(_exactly(file, head_bytes))
            if tag == _END:
                return
            part = _slice(head, mapped[file.tell() : file.tell() + body_bytes], dtypes)
            file.seek(body_bytes, os.SEEK_CUR)
            for step in range(version, FORMAT):
                part = UPGRADES[step](part)
            yield part


class _Dtypes:
    """The dtypes of columns; those of the slice before are mostly those of the next."""

    def __init__(self) -> None:
        self._read: dict[str, tuple[Any, np.dtype[Any]]] = {}

    def of(self, name: str, described: Any) -> np.dtype[Any]:
        if name not in self._read or self._read[name][0] != described:
            self._read[name] = described, descr_to_dtype(_as_descr(described))
        return self._read[name][1]


def _slice(head: list[Any], body: memoryview, dtypes: _Dtypes) -> Slice:
    shard, offset, kind, facts, described = head
    columns, at = {}, 0
    for name, described_dtype, shape in described:
        dtype = dtypes.of(name, described_dtype)
        count = int(np.prod(shape, dtype=np.int64))
        columns[name] = np.frombuffer(body, dtype, count, at).reshape(shape)
        at += columns[name].nbytes
    return Slice(shard, offset, kind, facts, columns)


def _as_descr(described: Any) -> Any:
    """A dtype's description after JSON has made lists of its tuples."""
    if isinstance(described, str):
        return described
    return [tuple(field) if len(field) == 2 else (field[0], field[1], tuple(field[2])) for field in described]


def _format_of(file: BinaryIO) -> int:
    magic, version = _FILE.unpack(_exactly(file, _FILE.size))
    if magic != MAGIC:
        raise BadSnapshot("it is not a snapshot of Kullback")
    if not 1 <= version <= FORMAT:
        raise BadSnapshot(f"its format {version} is not known; this Kullback reads up to {FORMAT}")
    return int(version)


def _part(file: BinaryIO) -> tuple[bytes, int, int, int]:
    tag, head_bytes, body_bytes, checksum = _PART.unpack(_exactly(file, _PART.size))
    if tag not in (_SLICE, _END):
        raise BadSnapshot("a slice does not begin where it should")
    return tag, head_bytes, body_bytes, checksum


def _exactly(file: BinaryIO, count: int) -> bytes:
    # Compared with what is left first: a spoilt length must not allocate.
    if count > os.fstat(file.fileno()).st_size - file.tell() or len(found := file.read(count)) != count:
        raise BadSnapshot("it ends too early")
    return found


def _checksum_of_body(file: BinaryIO, count: int, checksum: int) -> int:
    while count:
        chunk = _exactly(file, min(count, _CHUNK_BYTES))
        checksum, count = zlib.crc32(chunk, checksum), count - len(chunk)
    return checksum
