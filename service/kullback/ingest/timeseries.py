"""The TimeSeries messages of remote write 1.0 and 2.0, walked by one compiled kernel.

Sources: prometheus/prompb/remote.proto and types.proto; io/prometheus/write/v2/types.proto. The two differ in
the numbers of their fields only; what field 1 of a series means (labels, or references to symbols) is the
caller's.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kullback.core.errors import DecodeError, ErrorId
from kullback.core.kernel import kernel
from kullback.core.limits import Limits
from kullback.ingest.wire import FIXED64, LENGTH, MALFORMED, VARINT, Bytes, load_f64, next_field, varint

Positions = NDArray[np.int64]
Owners = NDArray[np.int32]


class Fields(NamedTuple):
    """Field numbers in which the two versions differ; `side` is metadata in 1.0 and symbols in 2.0."""

    series: int
    side: int
    histogram: int
    metadata: int


VERSION_1 = Fields(series=1, side=3, histogram=4, metadata=0)
VERSION_2 = Fields(series=5, side=4, histogram=3, metadata=5)


class Walk(NamedTuple):
    """Where everything is in one request.

    Parameters
    ----------
    key_start, key_stop : int64 array, shape (series,)
        From the first to after the last field 1 of each series.
    metadata_start, metadata_stop : int64 array, shape (series,)
        The series' own metadata (2.0); empty where there is none.
    owner, timestamp_ms, value : int32, int64, float64 array, shape (samples,)
        `owner` is the number of the series.
    histogram_owner, histogram_start, histogram_stop : int32, int64, int64 array, shape (histograms,)
    side_start, side_stop : int64 array, shape (sides,)
    """

    key_start: Positions
    key_stop: Positions
    metadata_start: Positions
    metadata_stop: Positions
    owner: Owners
    timestamp_ms: Positions
    value: NDArray[np.float64]
    histogram_owner: Owners
    histogram_start: Positions
    histogram_stop: Positions
    side_start: Positions
    side_stop: Positions


def walk(body: Bytes, fields: Fields, limits: Limits) -> Walk:
    """Find every series, sample and histogram of a request.

    Parameters
    ----------
    body : uint8 array
    fields : Fields
    limits : Limits

    Raises
    ------
    DecodeError
        BAD_PROTOBUF with the offset, or TOO_MANY_SAMPLES.
    """
    series, samples, histograms, sides, bad = count_parts(body, *fields)
    _refuse_malformed(bad)
    if samples + histograms > limits.max_samples_per_request:
        most = limits.max_samples_per_request
        detail = f"The request holds {samples + histograms} samples; the limit is {most}."
        raise DecodeError(ErrorId.TOO_MANY_SAMPLES, detail)
    found = Walk(
        np.zeros(series, np.int64),
        np.zeros(series, np.int64),
        np.zeros(series, np.int64),
        np.zeros(series, np.int64),
        np.empty(samples, np.int32),
        np.empty(samples, np.int64),
        np.empty(samples, np.float64),
        np.empty(histograms, np.int32),
        np.empty(histograms, np.int64),
        np.empty(histograms, np.int64),
        np.empty(sides, np.int64),
        np.empty(sides, np.int64),
    )
    _refuse_malformed(fill_parts(body, *fields, found))
    return found


def _refuse_malformed(offset: int) -> None:
    if offset >= 0:
        raise DecodeError(
            ErrorId.BAD_PROTOBUF, f"The body is not a valid write request: malformed at byte {offset}."
        )


@kernel
def count_parts(
    body: Bytes, series: int, side: int, histogram: int, metadata: int
) -> tuple[int, int, int, int, int]:
    """Count series, samples, histograms and side messages; the last is a malformed offset or MALFORMED.

    Parameters
    ----------
    body : uint8 array
    series, side, histogram, metadata : int
        See `Fields`.
    """
    counted_series, samples, histograms, sides = 0, 0, 0, 0
    at = 0
    while at < len(body):
        number, wire, start, stop = next_field(body, at, len(body))
        if number < 0 or (wire != LENGTH and (number in (series, side))):
            return 0, 0, 0, 0, at
        if number == side:
            sides += 1
        if number == series:
            counted_series += 1
            inner = start
            while inner < stop:
                number, wire, start, inner_stop = next_field(body, inner, stop)
                known = number in (1, 2, histogram)
                # An unpacked reference (2.0) is a varint; everything else is a message.
                if number < 0 or (known and wire != LENGTH and not (number == 1 and metadata > 0)):
                    return 0, 0, 0, 0, inner
                if number == 2:
                    samples += 1
                elif number == histogram:
                    histograms += 1
                inner = inner_stop
        at = stop
    return counted_series, samples, histograms, sides, MALFORMED


@kernel
def fill_parts(body: Bytes, series: int, side: int, histogram: int, metadata: int, found: Walk) -> int:
    """Write what `count_parts` counted; returns the offset of a malformed sample or MALFORMED (none).

    Parameters
    ----------
    body : uint8 array
    series, side, histogram, metadata : int
        See `Fields`.
    found : Walk, written
    """
    at, owner, row, histograms, sides = 0, 0, 0, 0, 0
    while at < len(body):
        number, _wire, start, stop = next_field(body, at, len(body))
        at = stop
        if number == side:
            found.side_start[sides], found.side_stop[sides] = start, stop
            sides += 1
        elif number == series:
            inner = start
            while inner < stop:
                field = inner
                number, _wire, start, inner = next_field(body, inner, stop)
                if number == 1:
                    if found.key_stop[owner] == 0:
                        found.key_start[owner] = field
                    found.key_stop[owner] = inner
                elif number == 2:
                    timestamp_ms, value, good = read_sample(body, start, inner)
                    if not good:
                        return start
                    found.owner[row], found.timestamp_ms[row], found.value[row] = owner, timestamp_ms, value
                    row += 1
                elif number == histogram:
                    found.histogram_owner[histograms] = owner
                    found.histogram_start[histograms], found.histogram_stop[histograms] = start, inner
                    histograms += 1
                elif number == metadata:
                    found.metadata_start[owner], found.metadata_stop[owner] = start, inner
            owner += 1
    return MALFORMED


@kernel
def read_sample(body: Bytes, at: int, stop: int) -> tuple[int, float, bool]:
    """Timestamp, value and well-formedness of a Sample message.

    Parameters
    ----------
    body : uint8 array
    at, stop : int
    """
    timestamp_ms, value = 0, 0.0
    while at < stop:
        number, wire, start, at = next_field(body, at, stop)
        if number == 1 and wire == FIXED64:
            value = load_f64(body, start)
        elif number == 2 and wire == VARINT:
            timestamp_ms = varint(body, start)
        elif number <= 2:
            return 0, 0.0, False
    return timestamp_ms, value, True
