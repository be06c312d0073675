"""Data points of OTLP metrics, read by compiled kernels (opentelemetry/proto/metrics/v1/metrics.proto)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kullback.core.batch import STALE_MARKER
from kullback.core.kernel import kernel
from kullback.ingest.exponential import FULL, MISFIT, append, write_buckets
from kullback.ingest.otlp_walk import EXPONENTIAL, Found
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

NO_RECORDED_VALUE = 1
"""DataPointFlags: the series has ended."""
MIN_SCALE, MAX_SCALE = -10, 20
NS_PER_MS = 1_000_000
SHORTEST_S = 1.0
"""Deltas of shorter intervals, such as the first one of a process, count as of this one: no rate explodes."""
MAX_HISTOGRAM_BYTES = 256 * 1024
MAX_BUCKETS_PER_REQUEST = 8_000_000

GOOD, STALE, BROKEN, NO_VALUE, BAD_SCALE, TOO_LONG, NO_BUCKETS = 0, 1, -3, -4, -5, -6, -7

PROBLEMS = {
    MISFIT: "its bounds and counts do not fit together",
    FULL: f"the request holds more than {MAX_BUCKETS_PER_REQUEST} buckets",
    BROKEN: "its message is malformed",
    NO_VALUE: "it has no value",
    BAD_SCALE: f"its scale is not between {MIN_SCALE} and {MAX_SCALE}",
    TOO_LONG: f"it is longer than {MAX_HISTOGRAM_BYTES} bytes",
    NO_BUCKETS: "it has no buckets, only a count and a sum",
}

Positions = NDArray[np.int64]
Floats = NDArray[np.float64]
Spans = NDArray[np.int64]


class Points(NamedTuple):
    """One row per data point.

    Parameters
    ----------
    timestamp_ms : int64 array, shape (n,)
        0 where the point has none.
    value : float64 array, shape (n,)
        Monotonic delta sums as a rate per second, so that they mean what cumulative ones do.
    attributes : int64 array, shape (n, 2)
        From the first to after the last attribute.
    status : int8 array, shape (n,)
        GOOD, STALE, or a key of PROBLEMS.
    """

    timestamp_ms: Positions
    value: Floats
    attributes: Spans
    status: NDArray[np.int8]


class Heap(NamedTuple):
    """The buckets of all histogram rows, and room for the parts of one; `used` and `head` describe that one.

    `used` counts bounds or negative counts, counts or positive counts; `head` holds scale, zero count and
    threshold, and the offsets of both sides.
    """

    stop: Positions
    upper_bound: Floats
    observations: Floats
    lower: Floats
    upper: Floats
    used: Positions
    head: Floats


def blank_points(count: int) -> Points:
    """Rows to be filled.

    Parameters
    ----------
    count : int
    """
    return Points(
        np.zeros(count, np.int64),
        np.full(count, np.nan),
        np.zeros((count, 2), np.int64),
        np.zeros(count, np.int8),
    )


def read_numbers(body: Bytes, found: Found) -> Points:
    """Read the data points of gauges and sums.

    Parameters
    ----------
    body : uint8 array
    found : Found
    """
    points = blank_points(len(found.number))
    fill_numbers(body, found, points)
    points.value[points.status == STALE] = STALE_MARKER
    return points


def read_histograms(body: Bytes, found: Found) -> tuple[Points, Heap]:
    """Read the data points of both kinds of histograms.

    Parameters
    ----------
    body : uint8 array
    found : Found

    Returns
    -------
    Points, Heap
        Buckets of row `i` end at `Heap.stop[i]` and begin where those of row `i - 1` end.
    """
    points = blank_points(len(found.histogram))
    sizes = found.histogram[:, 1] - found.histogram[:, 0]
    longest = min(int(sizes.max(initial=0)), MAX_HISTOGRAM_BYTES)
    # A bucket takes a byte at least, and an exponential one may need an empty one before it.
    room = min(2 * int(sizes.sum()) + 4 * len(sizes), MAX_BUCKETS_PER_REQUEST)
    heap = Heap(
        np.zeros(len(sizes), np.int64),
        np.empty(room, np.float64),
        np.empty(room, np.float64),
        np.empty(longest + 1, np.float64),
        np.empty(longest + 1, np.float64),
        np.zeros(2, np.int64),
        np.zeros(5, np.float64),
    )
    fill_histograms(body, found, points, heap)
    points.value[points.status == STALE] = STALE_MARKER
    return points, heap


@kernel
def fill_numbers(body: Bytes, found: Found, points: Points) -> None:
    """Read every NumberDataPoint into `points`.

    Parameters
    ----------
    body : uint8 array
    found : Found
    points : Points, written
    """
    for i in range(len(found.number)):
        metric = found.number_metric[i]
        rate = found.metric_delta[metric] and found.metric_monotonic[metric]
        _read_number(body, found.number[i, 0], found.number[i, 1], i, rate, points)


@kernel
def _read_number(body: Bytes, at: int, stop: int, i: int, rate: bool, points: Points) -> None:
    started_ns, time_ns = np.uint64(0), np.uint64(0)
    points.status[i] = NO_VALUE
    while at < stop:
        field = at
        number, wire, start, at = next_field(body, at, stop)
        if number == 7 and wire == LENGTH:
            _note_attribute(points, i, field, at)
        elif number == 3 and wire == FIXED64:
            time_ns = load_u64(body, start)
        elif number == 2 and wire == FIXED64:
            started_ns = load_u64(body, start)
        elif number == 4 and wire == FIXED64:
            points.value[i], points.status[i] = load_f64(body, start), GOOD
        elif number == 6 and wire == FIXED64:
            points.value[i], points.status[i] = np.float64(np.int64(load_u64(body, start))), GOOD
        elif number == 8 and wire == VARINT:
            if varint(body, start) & NO_RECORDED_VALUE:
                points.status[i] = STALE
                rate = False
        elif number <= 0 or number in (2, 3, 4, 6, 7, 8):
            points.status[i] = BROKEN
            return
    points.timestamp_ms[i] = np.int64(time_ns // np.uint64(NS_PER_MS))
    if rate and started_ns > 0 and time_ns > started_ns:
        points.value[i] /= max(np.float64(time_ns - started_ns) * 1e-9, SHORTEST_S)


@kernel
def _note_attribute(points: Points, i: int, start: int, stop: int) -> None:
    if points.attributes[i, 1] == 0:
        points.attributes[i, 0] = start
    points.attributes[i, 1] = stop


@kernel
def fill_histograms(body: Bytes, found: Found, points: Points, heap: Heap) -> None:
    """Read every histogram data point into `points` and `heap`.

    Parameters
    ----------
    body : uint8 array
    found : Found
    points : Points, written
    heap : Heap, written
    """
    at = 0
    for i in range(len(found.histogram)):
        exponential = found.metric_type[found.histogram_metric[i]] == EXPONENTIAL
        start, stop = found.histogram[i, 0], found.histogram[i, 1]
        if stop - start > MAX_HISTOGRAM_BYTES:
            points.status[i] = TOO_LONG
        else:
            heap.used[:] = 0
            heap.head[:] = 0.0
            _read_histogram(body, start, stop, i, exponential, points, heap)
            if points.status[i] == GOOD:
                end = _write_exponential(heap, at) if exponential else _write_explicit(heap, at)
                if end < 0:
                    points.status[i] = end
                else:
                    at = end
        heap.stop[i] = at


@kernel
def _read_histogram(
    body: Bytes, at: int, stop: int, i: int, exponential: bool, points: Points, heap: Heap
) -> None:
    attributes = 1 if exponential else 9
    while at < stop:
        field = at
        number, wire, start, at = next_field(body, at, stop)
        good = number > 0
        if number == attributes:
            _note_attribute(points, i, field, at)
        elif number == 3 and wire == FIXED64:
            points.timestamp_ms[i] = np.int64(load_u64(body, start) // np.uint64(NS_PER_MS))
        elif number == 10 and wire == VARINT:
            if varint(body, start) & NO_RECORDED_VALUE:
                points.status[i] = STALE
        elif exponential:
            good = good and _read_exponential_field(body, start, at, number, wire, heap)
        elif number in (6, 7):
            good = _read_doubles(body, start, at, wire, number == 6, heap)
        if not good:
            points.status[i] = BROKEN
            return


@kernel
def _read_doubles(body: Bytes, at: int, stop: int, wire: int, counts: bool, heap: Heap) -> bool:
    """Packed or single 8-byte numbers: bucket counts (fixed64) or bounds (double)."""
    if wire not in (FIXED64, LENGTH) or (stop - at) % 8 != 0:
        return False
    while at < stop:
        if counts:
            heap.upper[heap.used[1]] = np.float64(load_u64(body, at))
            heap.used[1] += 1
        else:
            heap.lower[heap.used[0]] = load_f64(body, at)
            heap.used[0] += 1
        at += 8
    return True


@kernel
def _read_exponential_field(body: Bytes, start: int, stop: int, number: int, wire: int, heap: Heap) -> bool:
    if number == 6 and wire == VARINT:
        heap.head[0] = np.float64(zigzag(varint(body, start)))
    elif number == 7 and wire == FIXED64:
        heap.head[1] = np.float64(load_u64(body, start))
    elif number == 14 and wire == FIXED64:
        heap.head[2] = load_f64(body, start)
    elif number == 8 and wire == LENGTH:
        return _read_side(body, start, stop, 1, heap.upper, heap)
    elif number == 9 and wire == LENGTH:
        return _read_side(body, start, stop, 0, heap.lower, heap)
    elif number in (6, 7, 8, 9, 14):
        return False
    return True


@kernel
def _read_side(body: Bytes, at: int, stop: int, side: int, counts: Floats, heap: Heap) -> bool:
    while at < stop:
        number, wire, start, at = next_field(body, at, stop)
        if number == 1 and wire == VARINT:
            heap.head[3 + side] = np.float64(zigzag(varint(body, start)))
        elif number == 2 and wire in (LENGTH, VARINT):
            while start < at:
                end = varint_end(body, start, at)
                if end < 0:
                    return False
                counts[heap.used[side]] = np.float64(np.uint64(varint(body, start)))
                heap.used[side] += 1
                start = end
        elif number <= 2:
            return False
    return True


@kernel
def _write_explicit(heap: Heap, at: int) -> int:
    bounds, counts = heap.lower[: heap.used[0]], heap.upper[: heap.used[1]]
    if len(bounds) == 0:
        return NO_BUCKETS
    if len(counts) != len(bounds) + 1:
        return MISFIT
    first = at
    for k in range(len(counts)):
        bound = bounds[k] if k < len(bounds) else np.inf
        if not (bound > -np.inf) or (k > 0 and not bound > bounds[k - 1]):
            return MISFIT
        at = append(heap.upper_bound, heap.observations, first, at, bound, counts[k])
    return at


@kernel
def _write_exponential(heap: Heap, at: int) -> int:
    scale = int(heap.head[0])
    if scale < MIN_SCALE or scale > MAX_SCALE:
        return BAD_SCALE
    if not (0.0 <= heap.head[2] < np.inf) or abs(heap.head[3]) > 2.0**31 or abs(heap.head[4]) > 2.0**31:
        return MISFIT
    spans = np.empty((2, 2), np.int64)
    for side in range(2):
        # Bucket k of OpenTelemetry is bucket k + 1 of Prometheus.
        spans[side, 0], spans[side, 1] = int(heap.head[3 + side]) + 1, heap.used[side]
    return write_buckets(
        scale, heap.head[2], heap.head[1], spans[:1], heap.lower[: heap.used[0]],
        spans[1:], heap.upper[: heap.used[1]], heap.head[:0], heap.upper_bound, heap.observations, at,
    )  # fmt: skip
