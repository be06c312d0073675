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
    FIXED64, LENGTH, VARINT, Bytes, load_f64, load_u64, next_field, varint, varint_end, zigzag,
)  # fmt: skip

MAX_HISTOGRAM_BYTES = 256 * 1024
"""Longest message of one histogram; room for more than 30 000 buckets."""
MAX_BUCKETS_PER_REQUEST = 8_000_000

MIN_SCHEMA, MAX_SCHEMA = -4, 8
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
    """Room for the parts of one histogram; `used` holds how much of each of the eight lists is filled."""

    negative_spans: Positions
    positive_spans: Positions
    negative: Floats
    positive: Floats
    custom: Floats
    used: Positions


class Rows(NamedTuple):
    """One row per histogram message; rows that are neither GOOD nor STALE are refused."""

    timestamp_ms: Positions
    value: Floats
    cumulative: NDArray[np.bool_]
    status: NDArray[np.int8]
    stop: Positions
    upper_bound: Floats
    count: Floats


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
        *(np.empty(longest + 1, np.float64) for _ in range(3)),
        np.zeros(5, np.int64),
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
        rows.count[:used].copy(),
        np.concatenate((np.zeros(scalars, np.bool_), rows.cumulative)),
    )


def refusals_of(rows: Rows) -> list[Refusal]:
    """One refusal per problem met.

    Parameters
    ----------
    rows : Rows
    """
    codes, counts = np.unique(rows.status[rows.status < 0], return_counts=True)
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
    schema, zero_threshold, zero_count = 0, 0.0, 0.0
    while at < stop:
        number, wire, start, at = next_field(body, at, stop)
        if number == 15 and wire == VARINT:
            rows.timestamp_ms[i] = varint(body, start)
        elif number == 14 and wire == VARINT:
            rows.cumulative[i] = varint(body, start) != COUNTS_THE_PRESENT
        elif number == 3 and wire == FIXED64:
            if load_u64(body, start) == STALE_MARKER_BITS:
                rows.status[i] = STALE
        elif number == 4 and wire == VARINT:
            schema = zigzag(varint(body, start))
        elif number == 5 and wire == FIXED64:
            zero_threshold = load_f64(body, start)
        elif number == 6 and wire == VARINT:
            zero_count = np.float64(varint(body, start))
        elif number == 7 and wire == FIXED64:
            zero_count = load_f64(body, start)
        elif number in (8, 11) and wire == LENGTH:
            if not _add_span(body, start, at, 0 if number == 8 else 1, scratch):
                rows.status[i] = BROKEN
        elif number in (9, 12):
            if not _add_deltas(body, start, at, wire, 2 if number == 9 else 3, scratch):
                rows.status[i] = BROKEN
        elif number in (10, 13, 16):
            if not _add_floats(body, start, at, wire, number, scratch):
                rows.status[i] = BROKEN
        elif number <= 0 or 3 <= number <= 15:
            rows.status[i] = BROKEN
            return first
    if rows.status[i] != GOOD:
        return first
    if schema != CUSTOM_BOUNDS and (schema < MIN_SCHEMA or schema > MAX_SCHEMA):
        rows.status[i] = BAD_SCHEMA
        return first
    if not (0.0 <= zero_threshold < np.inf and 0.0 <= zero_count < np.inf):
        rows.status[i] = MISFIT
        return first
    used = scratch.used
    end = write_buckets(
        schema, zero_threshold, zero_count,
        scratch.negative_spans[: used[0]], scratch.negative[: used[2]],
        scratch.positive_spans[: used[1]], scratch.positive[: used[3]],
        scratch.custom[: used[4]], rows.upper_bound, rows.count, first,
    )  # fmt: skip
    if end < 0:
        rows.status[i] = end
        return first
    return end


@kernel
def _add_span(body: Bytes, at: int, stop: int, side: int, scratch: Scratch) -> bool:
    offset, length = np.int64(0), np.int64(0)
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
