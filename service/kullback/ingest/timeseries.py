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
from kullback.ingest.wire import FIXED64, LENGTH, VARINT, Bytes, Positions, load_f64, next_field, varint

Owners = NDArray[np.int32]


class Fields(NamedTuple):
    """Field numbers in which the two versions differ; `side` is metadata in 1.0 and symbols in 2.0."""

    series: int
    side: int
    histogram: int
    metadata: int


SERIES, SAMPLES, HISTOGRAMS, SIDES = 0, 1, 2, 3
DONE, FULL, TOO_MANY = -1, -2, -3
PARTS_PER_SAMPLE = 8
"""Series, symbols and metadata a request may have per allowed sample: bounds the memory of the tables."""
USUAL_SERIES_BYTES = 48
"""A series with one sample is rarely shorter; tables that turn out too short are made longer."""

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
    room = len(body) // USUAL_SERIES_BYTES + 16
    while True:
        found, counts = _tables(room), np.zeros(4, np.int64)
        outcome = fill_parts(body, *fields, found, counts, limits.max_samples_per_request)
        series, samples, histograms, sides = counts.tolist()
        crowded = series + sides > PARTS_PER_SAMPLE * limits.max_samples_per_request
        if outcome == TOO_MANY or samples + histograms > limits.max_samples_per_request or crowded:
            detail = f"The request holds more than {limits.max_samples_per_request} samples."
            raise DecodeError(ErrorId.TOO_MANY_SAMPLES, detail)
        if outcome >= 0:
            detail = f"The body is not a valid write request: malformed at byte {outcome}."
            raise DecodeError(ErrorId.BAD_PROTOBUF, detail)
        if outcome == DONE:
            return _filled(found, series, samples, histograms, sides)
        room *= 4


def _tables(room: int) -> Walk:
    return Walk(
        np.empty(room, np.int64),
        np.empty(room, np.int64),
        np.empty(room, np.int64),
        np.empty(room, np.int64),
        np.empty(room, np.int32),
        np.empty(room, np.int64),
        np.empty(room, np.float64),
        np.empty(room, np.int32),
        np.empty(room, np.int64),
        np.empty(room, np.int64),
        np.empty(room, np.int64),
        np.empty(room, np.int64),
    )


def _filled(found: Walk, series: int, samples: int, histograms: int, sides: int) -> Walk:
    """The parts of the tables that were written."""
    return Walk(
        found.key_start[:series],
        found.key_stop[:series],
        found.metadata_start[:series],
        found.metadata_stop[:series],
        found.owner[:samples],
        found.timestamp_ms[:samples],
        found.value[:samples],
        found.histogram_owner[:histograms],
        found.histogram_start[:histograms],
        found.histogram_stop[:histograms],
        found.side_start[:sides],
        found.side_stop[:sides],
    )


@kernel
def fill_parts(
    body: Bytes,
    series: int,
    side: int,
    histogram: int,
    metadata: int,
    found: Walk,
    counts: Positions,
    most: int,
) -> int:
    """Write where everything is.

    Parameters
    ----------
    body : uint8 array
    series, side, histogram, metadata : int
        See `Fields`.
    found : Walk, written
        Tables of equal length.
    counts : int64 array, shape (4,), written
        Series, samples, histograms, side messages.
    most : int
        Samples and histograms that are allowed.

    Returns
    -------
    int
        DONE, FULL (the tables are too short), TOO_MANY, or the offset of malformed bytes.
    """
    # One function, because handing twelve tables on costs as much as reading a series.
    owner, row, histograms, sides, at, room = 0, 0, 0, 0, 0, len(found.value)
    outcome = DONE
    while at < len(body) and outcome == DONE:
        field = at
        number, wire, start, at = next_field(body, at, len(body))
        if number < 0 or (wire != LENGTH and number in (series, side)):
            outcome = field
        elif max(owner, sides) == room:
            outcome = FULL
        elif number == side:
            found.side_start[sides], found.side_stop[sides] = start, at
            sides += 1
        elif number == series:
            first, last, about, about_stop = 0, 0, 0, 0
            stop, inner = at, start
            while inner < stop and outcome == DONE:
                field = inner
                number, wire, start, inner = next_field(body, inner, stop)
                if number == 1 and (wire == LENGTH or metadata > 0):
                    # An unpacked reference (2.0) is a varint.
                    first, last = (field if last == 0 else first), inner
                elif number == 2 and wire == LENGTH and row < room:
                    found.owner[row] = owner
                    found.timestamp_ms[row], found.value[row], good = read_sample(body, start, inner)
                    outcome = DONE if good else start
                    row += 1
                elif number == histogram and wire == LENGTH and histograms < room:
                    found.histogram_owner[histograms] = owner
                    found.histogram_start[histograms], found.histogram_stop[histograms] = start, inner
                    histograms += 1
                elif number == metadata and wire == LENGTH:
                    about, about_stop = start, inner
                elif number <= 2 or number == histogram:
                    outcome = FULL if wire == LENGTH and number > 0 else field
            found.key_start[owner], found.key_stop[owner] = first, last
            found.metadata_start[owner], found.metadata_stop[owner] = about, about_stop
            owner += 1
            if row + histograms > most:
                outcome = TOO_MANY
    counts[SERIES], counts[SAMPLES], counts[HISTOGRAMS], counts[SIDES] = owner, row, histograms, sides
    return outcome


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
