"""A batch as the bytes of one log entry.

    header   flags u8 | samples u32 | series u32 | bucket bounds u32 | category bytes u32   (little endian)
    columns  series number i64[series] | stream_index i32[samples] | timestamp_ms i64[samples]
             | value f64[samples] | bucket start i64[samples + 1] | upper_bound f64 | count f64
             | cumulative u8[samples] | category names as JSON

A column that its flag tells is left out: most requests hold one sample per series, all of one time.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from kullback.core.batch import Batch, Buckets
from kullback.core.labels import Series

_HEADER = struct.Struct("<BIIII")
_ONE_EACH = 1
_ONE_TIME = 2
_HAS_BUCKETS = 4
_HAS_CUMULATIVE = 8


def without_unused_series(batch: Batch) -> Batch:
    """The batch without series that have no samples: those of refused ones must not fill the log.

    Parameters
    ----------
    batch : Batch
    """
    used = np.bincount(batch.stream_index, minlength=len(batch.series)) > 0
    if used.all():
        return batch
    index = (np.cumsum(used) - 1).astype(np.int32)
    series = tuple(one for one, is_used in zip(batch.series, used, strict=True) if is_used)
    return replace(batch, series=series, stream_index=index[batch.stream_index])


def encode_batch(batch: Batch, series_numbers: NDArray[np.int64]) -> bytes:
    """The bytes of a batch.

    Parameters
    ----------
    batch : Batch
    series_numbers : int64 array, shape (series,)
        The log's number of each of the batch's series.
    """
    n, times, buckets = len(batch), batch.timestamp_ms, batch.buckets
    one_each = n == len(series_numbers) and bool((batch.stream_index == np.arange(n)).all())
    one_time = n > 0 and bool((times == times[0]).all())
    names = orjson.dumps(batch.categories) if batch.categories else b""
    columns: list[NDArray[Any]] = [series_numbers.astype(np.int64, copy=False)]
    if not one_each:
        columns.append(batch.stream_index.astype(np.int32, copy=False))
    columns += [times[:1] if one_time else times, batch.value.astype(np.float64, copy=False)]
    flags = one_each * _ONE_EACH + one_time * _ONE_TIME
    if buckets is not None:
        flags |= _HAS_BUCKETS
        columns += [buckets.start, buckets.upper_bound, buckets.count]
        if buckets.cumulative is not None:
            flags |= _HAS_CUMULATIVE
            columns.append(buckets.cumulative.astype(np.uint8))
    bounds = len(buckets.upper_bound) if buckets is not None else 0
    header = _HEADER.pack(flags, n, len(series_numbers), bounds, len(names))
    return b"".join([header, *(column.tobytes() for column in columns), names])


def decode_batch(body: bytes, series: Callable[[NDArray[np.int64]], tuple[Series, ...]]) -> Batch:
    """The batch that `encode_batch` wrote.

    Parameters
    ----------
    body : bytes
        Whole and unharmed (its checksum was compared).
    series : callable
        The series of the log's numbers.

    Raises
    ------
    KeyError
        From `series`, when a number is not known.
    """
    flags, n, many, bounds, names_bytes = _HEADER.unpack_from(body)
    reader = _Columns(body, _HEADER.size)
    numbers = reader.take(np.int64, many)
    index = np.arange(n, dtype=np.int32) if flags & _ONE_EACH else reader.take(np.int32, n)
    times = np.repeat(reader.take(np.int64, 1), n) if flags & _ONE_TIME else reader.take(np.int64, n)
    value = reader.take(np.float64, n)
    buckets = _decode_buckets(reader, flags, n, bounds) if flags & _HAS_BUCKETS else None
    names = tuple(orjson.loads(body[reader.at :])) if names_bytes else ()
    return Batch(series(numbers), index, times, value, buckets, names)


def _decode_buckets(reader: _Columns, flags: int, n: int, bounds: int) -> Buckets:
    start = reader.take(np.int64, n + 1)
    upper_bound, count = reader.take(np.float64, bounds), reader.take(np.float64, bounds)
    cumulative = reader.take(np.uint8, n).astype(bool) if flags & _HAS_CUMULATIVE else None
    return Buckets(start, upper_bound, count, cumulative)


class _Columns:
    """Reads one column after the other; copies, because a column need not lie aligned."""

    def __init__(self, body: bytes, at: int) -> None:
        self.body, self.at = body, at

    def take(self, dtype: type[np.generic], count: int) -> NDArray[Any]:
        column = np.frombuffer(self.body, dtype, count, self.at).copy()
        self.at += column.nbytes
        return column
