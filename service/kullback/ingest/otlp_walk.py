"""Walking an OTLP metrics request, compiled (opentelemetry/proto/metrics/v1/metrics.proto)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kullback.core.errors import DecodeError, ErrorId
from kullback.core.kernel import kernel
from kullback.core.limits import Limits
from kullback.ingest.wire import LENGTH, MALFORMED, VARINT, Bytes, next_field, varint

Positions = NDArray[np.int64]
Spans = NDArray[np.int64]

GAUGE, SUM, HISTOGRAM, EXPONENTIAL, SUMMARY = 5, 7, 9, 10, 11
"""Field numbers of Metric's data."""
DELTA = 1
"""AggregationTemporality; anything else counts as cumulative."""

RESOURCES, METRICS, NUMBERS, HISTOGRAMS, SUMMARIES, TABLES = 0, 1, 2, 3, 4, 5
"""Tables of spans in `Found`, in the order in which counts are kept."""


class Found(NamedTuple):
    """Where everything is in one request; spans are rows of start and stop.

    Parameters
    ----------
    resource : int64 array, shape (r, 2)
        The Resource message of each ResourceMetrics.
    metric_resource : int64 array, shape (m,)
    metric_name, metric_unit : int64 array, shape (m, 2)
    metric_type : int64 array, shape (m,)
        Field number of its data.
    metric_delta, metric_monotonic : bool array, shape (m,)
    number_metric, histogram_metric : int64 array, shape (n,) and (h,)
    number, histogram : int64 array, shape (n, 2) and (h, 2)
        Data point messages of gauges and sums; of explicit and exponential histograms.
    """

    resource: Spans
    metric_resource: Positions
    metric_name: Spans
    metric_unit: Spans
    metric_type: Positions
    metric_delta: NDArray[np.bool_]
    metric_monotonic: NDArray[np.bool_]
    number_metric: Positions
    number: Spans
    histogram_metric: Positions
    histogram: Spans


def walk(body: Bytes, limits: Limits) -> tuple[Found, int]:
    """Find every resource, metric and data point.

    Parameters
    ----------
    body : uint8 array
    limits : Limits

    Returns
    -------
    Found, int
        The last is the number of summary points, which are not read.

    Raises
    ------
    DecodeError
        BAD_PROTOBUF with the offset, or TOO_MANY_SAMPLES.
    """
    counts = np.zeros(TABLES, np.int64)
    bad = walk_request(body, _tables(counts), counts, False)
    if bad >= 0:
        raise DecodeError(
            ErrorId.BAD_PROTOBUF, f"The body is not a valid OTLP metrics request: malformed at byte {bad}."
        )
    points = int(counts[NUMBERS] + counts[HISTOGRAMS])
    if points > limits.max_samples_per_request:
        detail = f"The request holds {points} data points; the limit is {limits.max_samples_per_request}."
        raise DecodeError(ErrorId.TOO_MANY_SAMPLES, detail)
    found = _tables(counts)
    counts[:] = 0
    walk_request(body, found, counts, True)
    return found, int(counts[SUMMARIES])


def _tables(counts: Positions) -> Found:
    resources, metrics, numbers, histograms = counts[:SUMMARIES].tolist()
    return Found(
        resource=np.zeros((resources, 2), np.int64),
        metric_resource=np.zeros(metrics, np.int64),
        metric_name=np.zeros((metrics, 2), np.int64),
        metric_unit=np.zeros((metrics, 2), np.int64),
        metric_type=np.zeros(metrics, np.int64),
        metric_delta=np.zeros(metrics, np.bool_),
        metric_monotonic=np.zeros(metrics, np.bool_),
        number_metric=np.zeros(numbers, np.int64),
        number=np.zeros((numbers, 2), np.int64),
        histogram_metric=np.zeros(histograms, np.int64),
        histogram=np.zeros((histograms, 2), np.int64),
    )


@kernel
def walk_request(body: Bytes, found: Found, counts: Positions, fill: bool) -> int:
    """Count what a request holds or, with `fill`, write it; returns a malformed offset or MALFORMED (none).

    Parameters
    ----------
    body : uint8 array
    found : Found, written with `fill`
    counts : int64 array, shape (TABLES,), added to
    fill : bool
    """
    at = 0
    while at < len(body):
        field = at
        number, wire, start, at = next_field(body, at, len(body))
        if number < 0 or (number == 1 and wire != LENGTH):
            return field
        if number == 1:
            bad = _walk_resource(body, start, at, found, counts, fill)
            if bad >= 0:
                return bad
    return MALFORMED


@kernel
def _walk_resource(body: Bytes, at: int, stop: int, found: Found, counts: Positions, fill: bool) -> int:
    resource = counts[RESOURCES]
    counts[RESOURCES] += 1
    while at < stop:
        field = at
        number, wire, start, at = next_field(body, at, stop)
        if number < 0 or (number <= 2 and wire != LENGTH):
            return field
        if number == 1 and fill:
            found.resource[resource, 0], found.resource[resource, 1] = start, at
        elif number == 2:
            bad = _walk_scope(body, start, at, resource, found, counts, fill)
            if bad >= 0:
                return bad
    return MALFORMED


@kernel
def _walk_scope(
    body: Bytes, at: int, stop: int, resource: int, found: Found, counts: Positions, fill: bool
) -> int:
    while at < stop:
        field = at
        number, wire, start, at = next_field(body, at, stop)
        if number < 0 or (number == 2 and wire != LENGTH):
            return field
        if number == 2:
            bad = _walk_metric(body, start, at, resource, found, counts, fill)
            if bad >= 0:
                return bad
    return MALFORMED


@kernel
def _walk_metric(
    body: Bytes, at: int, stop: int, resource: int, found: Found, counts: Positions, fill: bool
) -> int:
    metric = counts[METRICS]
    counts[METRICS] += 1
    if fill:
        found.metric_resource[metric] = resource
    while at < stop:
        field = at
        number, wire, start, at = next_field(body, at, stop)
        held = number in (GAUGE, SUM, HISTOGRAM, EXPONENTIAL, SUMMARY)
        if number < 0 or ((number in (1, 3) or held) and wire != LENGTH):
            return field
        if number == 1 and fill:
            found.metric_name[metric, 0], found.metric_name[metric, 1] = start, at
        elif number == 3 and fill:
            found.metric_unit[metric, 0], found.metric_unit[metric, 1] = start, at
        elif held:
            bad = _walk_points(body, start, at, number, metric, found, counts, fill)
            if bad >= 0:
                return bad
    return MALFORMED


@kernel
def _walk_points(
    body: Bytes, at: int, stop: int, held: int, metric: int, found: Found, counts: Positions, fill: bool
) -> int:
    table = SUMMARIES if held == SUMMARY else (NUMBERS if held in (GAUGE, SUM) else HISTOGRAMS)
    if fill:
        found.metric_type[metric] = held
    while at < stop:
        field = at
        number, wire, start, at = next_field(body, at, stop)
        if number < 0 or (number == 1 and wire != LENGTH) or (number in (2, 3) and wire != VARINT):
            return field
        if number == 2 and fill:
            found.metric_delta[metric] = varint(body, start) == DELTA
        elif number == 3 and fill:
            found.metric_monotonic[metric] = varint(body, start) != 0
        elif number == 1:
            row = counts[table]
            counts[table] += 1
            if fill and table == NUMBERS:
                found.number_metric[row] = metric
                found.number[row, 0], found.number[row, 1] = start, at
            elif fill and table == HISTOGRAMS:
                found.histogram_metric[row] = metric
                found.histogram[row, 0], found.histogram[row, 1] = start, at
    return MALFORMED
