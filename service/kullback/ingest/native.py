"""Native histograms of remote write 1.0 and 2.0 (prompb/types.proto, message Histogram), compiled."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kullback.core.batch import STALE_MARKER, STALE_MARKER_BITS, Buckets
from kullback.core.errors import ErrorId, Refusal
from kullback.core.kernel import kernel
from kullback.ingest.exponential import CUSTOM_BOUNDS, FULL, MISFIT, write_buckets
from kullback.ingest.wire import (
    FIXED64,
    LENGTH,
    VARINT,
    Bytes,
    load_f64,
    load_u64,
    next_field,
    varint,
    varint_end,
    zigzag,
)  # fmt: skip

MAX_HISTOGRAM_BYTES = 256 * 1024
"""Longest message of one histogram; room for more than 30 000 buckets."""
MAX_BUCKETS_PER_REQUEST = 8_000_000

MIN_SCHEMA, MAX_SCHEMA = -4, 8
SUM, SCHEMA, ZERO_THRESHOLD, ZERO_COUNT, ZERO_COUNT_FLOAT, RESET_HINT, TIMESTAMP = 3, 4, 5, 6, 7, 14, 15
COUNTS_THE_PRESENT = 3
"""Reset hint GAUGE: not cumulative over time."""

GOOD, STALE, BAD_SCHEMA, TOO_LONG, BROKEN = 0, 1, -3, -4, -5

PROBLEMS = {
    MISFIT: "its spans, counts and bounds do not fit together",
    FULL: f"the request holds more than {MAX_BUCKETS_PER_REQUEST} buckets",
    BAD_SCHEMA: f"its schema is not {CUSTOM_BOUNDS} or {MIN_SCHEMA} to {MAX_SCHEMA}",
    TOO_LONG: f"it is longer than {MAX_HISTOGRAM_BYTES} bytes",
    BROKEN: "its message is malformed",
}
Positions = NDArray[np.int64]
Floats = NDArray[np.float64]


class Scratch(NamedTuple):
    """Room for the parts of one histogram; `used` says how much of each of the five lists is filled,
    `head` holds schema, zero threshold and zero count."""

    negative_spans: Positions
    positive_spans: Positions
    negative: Floats
    positive: Floats
    custom: Floats
    used: Positions
    head: Floats


class Rows(NamedTuple):
    """One row per histogram message; rows that are neither GOOD nor STALE are refused."""

    timestamp_ms: Positions
    value: Floats
    cumulative: NDArray[np.bool_]
    status: NDArray[np.int8]
    stop: Positions
    upper_bound: Floats
    observations: Floats


def read_histograms(body: Bytes, start: Positions, stop: Positions) -> Rows:
    """Read histogram messages.

    Parameters
    ----------
    body : uint8 array
    start, stop : int64 array, shape (h,)

    Returns
    -------
    Rows
        Buckets of row `i` end at `Rows.stop[i]` and begin where those of row `i - 1` end.
    """
    sizes = stop - start
    room = min(int(sizes.sum()) + 4 * len(sizes), MAX_BUCKETS_PER_REQUEST)
    longest = min(int(sizes.max(initial=0)), MAX_HISTOGRAM_BYTES)
    rows = Rows(
        np.zeros(len(sizes), np.int64),
        np.full(len(sizes), np.nan),
        np.ones(len(sizes), np.bool_),
        np.zeros(len(sizes), np.int8),
        np.zeros(len(sizes), np.int64),
        np.empty(room, np.float64),
        np.empty(room, np.float64),
    )
    scratch = Scratch(
        np.empty((longest + 1, 2), np.int64),
        np.empty((longest + 1, 2), np.int64),
        np.empty(longest + 1, np.float64),
        np.empty(longest + 1, np.float64),
        np.empty(longest + 1, np.float64),
        np.zeros(5, np.int64),
        np.zeros(3, np.float64),
    )
    fill_rows(body, start, stop, rows, scratch)
    rows.value[rows.status == STALE] = STALE_MARKER
    return rows


def buckets_of(rows: Rows, scalars: int) -> Buckets:
    """The buckets of a batch whose first `scalars` rows are plain samples and whose others are these rows.

    Parameters
    ----------
    rows : Rows
    scalars : int
    """
    used = int(rows.stop[-1])
    return Buckets(
        np.concatenate((np.zeros(scalars + 1, np.int64), rows.stop)),
        rows.upper_bound[:used].copy(),
        rows.observations[:used].copy(),
        np.concatenate((np.zeros(scalars, np.bool_), rows.cumulative)),
    )


def refusals_of(status: NDArray[np.int8]) -> list[Refusal]:
    """One refusal per problem met.

    Parameters
    ----------
    status : int8 array, shape (n,)
        Of `Rows`.
    """
    codes, counts = np.unique(status[status < 0], return_counts=True)
    return [
        Refusal(ErrorId.BAD_HISTOGRAM, int(count), f"A native histogram was refused: {PROBLEMS[int(code)]}.")
        for code, count in zip(codes, counts, strict=True)
    ]


@kernel
def fill_rows(body: Bytes, start: Positions, stop: Positions, rows: Rows, scratch: Scratch) -> None:
    """Read every message into `rows`.

    Parameters
    ----------
    body : uint8 array
    start, stop : int64 array, shape (h,)
    rows : Rows, written
    scratch : Scratch, written
    """
    at = 0
    for i in range(len(start)):
        if stop[i] - start[i] > MAX_HISTOGRAM_BYTES:
            rows.status[i] = TOO_LONG
        else:
            at = _fill_row(body, start[i], stop[i], i, rows, scratch, at)
        rows.stop[i] = at


@kernel
def _fill_row(body: Bytes, at: int, stop: int, i: int, rows: Rows, scratch: Scratch, first: int) -> int:
    scratch.used[:] = 0
    scratch.head[:] = 0.0
    while at < stop:
        number, wire, start, at = next_field(body, at, stop)
        if number <= 0:
            rows.status[i] = BROKEN
            return first
        if number in (SUM, RESET_HINT, TIMESTAMP):
            _read_row_field(body, start, number, wire, i, rows)
        elif number <= ZERO_COUNT_FLOAT:
            _read_head(body, start, number, wire, scratch.head)
        elif not _read_list(body, start, at, number, wire, scratch):
            rows.status[i] = BROKEN
            return first
    if rows.status[i] == GOOD:
        end = _write_row(rows, scratch, first)
        if end >= 0:
            return end
        rows.status[i] = end
    return first


@kernel
def _read_row_field(body: Bytes, start: int, number: int, wire: int, i: int, rows: Rows) -> None:
    if number == TIMESTAMP and wire == VARINT:
        rows.timestamp_ms[i] = varint(body, start)
    elif number == RESET_HINT and wire == VARINT:
        rows.cumulative[i] = varint(body, start) != COUNTS_THE_PRESENT
    elif number == SUM and wire == FIXED64:
        if load_u64(body, start) == STALE_MARKER_BITS:
            rows.status[i] = STALE
    else:
        rows.status[i] = BROKEN


@kernel
def _read_head(body: Bytes, start: int, number: int, wire: int, head: Floats) -> None:
    if number == SCHEMA and wire == VARINT:
        head[0] = zigzag(varint(body, start))
    elif number == ZERO_THRESHOLD and wire == FIXED64:
        head[1] = load_f64(body, start)
    elif number == ZERO_COUNT and wire == VARINT:
        head[2] = varint(body, start)
    elif number == ZERO_COUNT_FLOAT and wire == FIXED64:
        head[2] = load_f64(body, start)


@kernel
def _read_list(body: Bytes, start: int, stop: int, number: int, wire: int, scratch: Scratch) -> bool:
    if number in (8, 11):
        return wire == LENGTH and _add_span(body, start, stop, 0 if number == 8 else 1, scratch)
    if number in (9, 12):
        return _add_deltas(body, start, stop, wire, 2 if number == 9 else 3, scratch)
    if number in (10, 13, 16):
        return _add_floats(body, start, stop, wire, number, scratch)
    return True


@kernel
def _write_row(rows: Rows, scratch: Scratch, first: int) -> int:
    schema, zero_threshold, zero_count = int(scratch.head[0]), scratch.head[1], scratch.head[2]
    if schema != CUSTOM_BOUNDS and (schema < MIN_SCHEMA or schema > MAX_SCHEMA):
        return BAD_SCHEMA
    if not (0.0 <= zero_threshold < np.inf and 0.0 <= zero_count < np.inf):
        return MISFIT
    used = scratch.used
    return write_buckets(
        schema, zero_threshold, zero_count,
        scratch.negative_spans[: used[0]], scratch.negative[: used[2]],
        scratch.positive_spans[: used[1]], scratch.positive[: used[3]],
        scratch.custom[: used[4]], rows.upper_bound, rows.observations, first,
    )  # fmt: skip


@kernel
def _add_span(body: Bytes, at: int, stop: int, side: int, scratch: Scratch) -> bool:
    offset, length = 0, 0
    while at < stop:
        number, wire, start, at = next_field(body, at, stop)
        if number == 1 and wire == VARINT:
            offset = zigzag(varint(body, start))
        elif number == 2 and wire == VARINT:
            length = varint(body, start)
        elif number <= 2:
            return False
    spans = scratch.negative_spans if side == 0 else scratch.positive_spans
    if abs(offset) > 0xFFFFFFFF or length < 0 or length > 0xFFFFFFFF:
        return False
    spans[scratch.used[side], 0], spans[scratch.used[side], 1] = offset, length
    scratch.used[side] += 1
    return True


@kernel
def _add_deltas(body: Bytes, at: int, stop: int, wire: int, side: int, scratch: Scratch) -> bool:
    """Integer counts, each written as the difference to the one before."""
    if wire not in (VARINT, LENGTH):
        return False
    counts = scratch.negative if side == 2 else scratch.positive
    used = scratch.used[side]
    while at < stop:
        end = varint_end(body, at, stop)
        if end < 0:
            return False
        before = counts[used - 1] if used > 0 else 0.0
        counts[used] = before + np.float64(zigzag(varint(body, at)))
        used += 1
        at = end
    scratch.used[side] = used
    return True


@kernel
def _add_floats(body: Bytes, at: int, stop: int, wire: int, number: int, scratch: Scratch) -> bool:
    if wire not in (FIXED64, LENGTH) or (stop - at) % 8 != 0:
        return False
    side = 2 if number == 10 else (3 if number == 13 else 4)
    floats = scratch.negative if side == 2 else (scratch.positive if side == 3 else scratch.custom)
    used = scratch.used[side]
    while at < stop:
        floats[used] = load_f64(body, at)
        used += 1
        at += 8
    scratch.used[side] = used
    return True
