"""OTLP metrics as JSON (opentelemetry.io/docs/specs/otlp, "JSON Protobuf Encoding")."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise
from typing import Any

import numpy as np
import orjson

from kullback.core.batch import STALE_MARKER
from kullback.core.errors import DecodeError, ErrorId, Refusal
from kullback.core.labels import Kind, Series
from kullback.core.limits import Limits
from kullback.ingest.arrivals import remembered_series
from kullback.ingest.builder import Builder, Histogram, shown
from kullback.ingest.decoded import Decoded
from kullback.ingest.exponential import write_buckets
from kullback.ingest.numbers import Bad, refuse_crowded
from kullback.ingest.otel_names import Family, Pairs, family_of, point_series, resource_labels
from kullback.ingest.otlp_points import MAX_SCALE, MIN_SCALE, NO_RECORDED_VALUE, NS_PER_MS, SHORTEST_S
from kullback.ingest.otlp_values import DEEPEST, TOO_DEEP, as_text
from kullback.ingest.otlp_walk import DELTA

FORMS = ("gauge", "sum", "histogram", "exponentialHistogram", "summary")
SPECIAL = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}
MOST_BUCKETS = 10_000
NO_FLOATS = np.empty(0, np.float64)
SUMMARIES_REFUSED = "Summaries carry quantiles, not samples; send a histogram instead."

Tree = dict[str, Any]


class OtlpJsonDecoder:
    """Decodes the JSON form of `ExportMetricsServiceRequest`.

    Parameters
    ----------
    limits : Limits, optional
    resource_labels : iterable of str
        Keys of resource attributes that become labels, beside those of `job` and `instance`.
    """

    protocol = "otlp"

    def __init__(self, limits: Limits | None = None, resource_labels: Iterable[str] = ()) -> None:
        self._limits = limits or Limits()
        self._capacity = remembered_series(self._limits)
        self._promoted = tuple(resource_labels)
        self._series: dict[tuple[Family, Pairs], Series | Refusal] = {}

    def decode(self, body: bytes, now_ms: int) -> Decoded:
        """Read a JSON metrics request.

        Parameters
        ----------
        body : bytes
        now_ms : int
            Time of points that carry none.

        Raises
        ------
        DecodeError
            BAD_JSON, BAD_SAMPLE when the body is no metrics request, or TOO_MANY_SAMPLES.
        """
        refuse_crowded(body, self._limits.max_samples_per_request)
        try:
            request = orjson.loads(body)
        except orjson.JSONDecodeError as problem:
            raise DecodeError(ErrorId.BAD_JSON, f"The body is not valid JSON: {problem}.") from problem
        builder = Builder(self._limits.max_samples_per_request)
        try:
            for resource, metric in _metrics(request):
                self._read_metric(builder, resource, metric, now_ms)
        except Bad as problem:
            detail = f"The body is not an OTLP metrics request: it {problem}."
            raise DecodeError(ErrorId.BAD_SAMPLE, detail) from problem
        return builder.build()

    def _read_metric(self, builder: Builder, resource: Tree, metric: Tree, now_ms: int) -> None:
        form = next((form for form in FORMS if form in metric), None)
        if form is None:
            return
        held = _object(metric[form], form)
        points = _objects(held, "dataPoints")
        name, unit = _text(metric.get("name"), "name"), _text(metric.get("unit"), "unit")
        if form == "summary":
            if points:
                builder.refuse(ErrorId.UNSUPPORTED_SAMPLE, SUMMARIES_REFUSED, len(points))
            return
        delta = _enum(held.get("aggregationTemporality"), "AGGREGATION_TEMPORALITY_") == DELTA
        monotonic = form == "sum" and held.get("isMonotonic") is True
        family = family_of(
            resource_labels(_attributes(resource), self._promoted),
            name,
            unit,
            monotonic=monotonic,
            delta=delta,
            histogram="istogram" in form,
            gauge=form == "gauge",
        )
        for point in points:
            try:
                self._read_point(builder, family, form, point, delta, monotonic, now_ms)
            except Bad as problem:
                builder.refuse(problem.error, f"A point of {shown(name)} {problem}.")

    def _read_point(
        self,
        builder: Builder,
        family: Family,
        form: str,
        point: Tree,
        delta: bool,
        monotonic: bool,
        now_ms: int,
    ) -> None:
        series = self._series_of(family, tuple(_attributes(point)))
        time_ns = _integer(point.get("timeUnixNano", 0), "timeUnixNano")
        time_ms = time_ns // NS_PER_MS or now_ms
        stale = _integer(point.get("flags", 0), "flags") & NO_RECORDED_VALUE
        if stale and family.kind is Kind.HISTOGRAM:
            builder.add_histogram(series, time_ms, Histogram((), (), False), float(STALE_MARKER))
        elif stale:
            builder.add(series, time_ms, float(STALE_MARKER))
        elif form == "histogram":
            builder.add_histogram(series, time_ms, _explicit(point, not delta))
        elif form == "exponentialHistogram":
            builder.add_histogram(series, time_ms, _exponential(point, not delta))
        else:
            value = _value(point)
            started_ns = _integer(point.get("startTimeUnixNano", 0), "startTimeUnixNano")
            if delta and monotonic and 0 < started_ns < time_ns:
                value /= max((time_ns - started_ns) * 1e-9, SHORTEST_S)
            builder.add(series, time_ms, value)

    def _series_of(self, family: Family, attributes: Pairs) -> Series:
        key = (family, attributes)
        series = self._series.get(key)
        if series is None:
            if len(self._series) >= self._capacity:
                self._series.clear()
            series = self._series[key] = point_series(family, attributes)
        if isinstance(series, Refusal):
            raise Bad(f"has bad labels: {series.detail.rstrip('.')}", 1, series.error)
        return series


def _metrics(request: object) -> Iterator[tuple[Tree, Tree]]:
    for of_resource in _objects(_object(request, "body"), "resourceMetrics"):
        resource = _object(of_resource.get("resource") or {}, "resource")
        for scope in _objects(of_resource, "scopeMetrics"):
            for metric in _objects(scope, "metrics"):
                yield resource, metric


def _object(value: object, field: str) -> Tree:
    if not isinstance(value, dict):
        raise Bad(f"needs an object as `{field}`")
    return value


def _objects(tree: Tree, field: str) -> list[Tree]:
    values = tree.get(field) or []
    if not isinstance(values, list) or not all(isinstance(value, dict) for value in values):
        raise Bad(f"needs an array of objects as `{field}`")
    return values


def _text(value: object, field: str) -> str:
    if value is not None and not isinstance(value, str):
        raise Bad(f"needs a text as `{field}`")
    return value or ""


def _enum(value: object, prefix: str) -> int:
    """Numbers are the rule; names are read too."""
    if isinstance(value, str):
        return {f"{prefix}DELTA": 1, f"{prefix}CUMULATIVE": 2}.get(value, 0)
    return value if isinstance(value, int) else 0


def _integer(value: object, field: str) -> int:
    """64-bit integers are texts in protobuf's JSON; numbers are read too."""
    if isinstance(value, str) and value.lstrip("-").isdecimal() and len(value) <= 20:
        value = int(value)
    if type(value) is not int or not -(2**63) <= value < 2**64:
        raise Bad(f"needs a 64-bit integer as `{field}`")
    return value


def _double(value: object, field: str) -> float:
    if isinstance(value, str) and value in SPECIAL:
        return SPECIAL[value]
    if type(value) not in (int, float):
        raise Bad(f"needs a number as `{field}`")
    return float(value)  # type: ignore[arg-type]


def _value(point: Tree) -> float:
    if "asDouble" in point:
        return _double(point["asDouble"], "asDouble")
    if "asInt" in point:
        return float(_integer(point["asInt"], "asInt"))
    raise Bad("has no value")


def _explicit(point: Tree, cumulative: bool) -> Histogram:
    counts = _counts(point, "bucketCounts")
    bounds = [_double(bound, "explicitBounds") for bound in _list(point, "explicitBounds")]
    if not bounds:
        raise Bad("has no buckets, only a count and a sum", 1, ErrorId.BAD_HISTOGRAM)
    rising = all(low < high for low, high in pairwise(bounds)) and -math.inf < bounds[0]
    if len(counts) != len(bounds) + 1 or not rising or bounds[-1] == math.inf:
        raise Bad("has bounds and counts that do not fit together", 1, ErrorId.BAD_HISTOGRAM)
    return Histogram([*bounds, math.inf], counts, cumulative)


def _exponential(point: Tree, cumulative: bool) -> Histogram:
    scale = _integer(point.get("scale", 0), "scale")
    zero_count = float(_integer(point.get("zeroCount", 0), "zeroCount"))
    threshold = _double(point.get("zeroThreshold", 0.0), "zeroThreshold")
    negative_spans, negative = _side(point, "negative")
    positive_spans, positive = _side(point, "positive")
    if not (MIN_SCALE <= scale <= MAX_SCALE and 0.0 <= threshold < math.inf and zero_count >= 0):
        raise Bad("has a scale, zero count or threshold out of range", 1, ErrorId.BAD_HISTOGRAM)
    room = 2 * (len(negative) + len(positive)) + 4
    bounds, counts = np.empty(room, np.float64), np.empty(room, np.float64)
    end = write_buckets(
        scale, threshold, zero_count, negative_spans, negative, positive_spans, positive, NO_FLOATS,
        bounds, counts, 0,
    )  # fmt: skip
    if end < 0:
        raise Bad("has buckets that do not fit together", 1, ErrorId.BAD_HISTOGRAM)
    return Histogram(bounds[:end].tolist(), counts[:end].tolist(), cumulative)


def _side(point: Tree, field: str) -> tuple[np.ndarray, np.ndarray]:
    side = _object(point.get(field) or {}, field)
    counts = _counts(side, "bucketCounts")
    offset = _integer(side.get("offset", 0), "offset")
    if abs(offset) > 2**31:
        raise Bad(f"needs a 32-bit integer as `offset` of `{field}`", 1, ErrorId.BAD_HISTOGRAM)
    return np.array([[offset + 1, len(counts)]], np.int64), np.array(counts, np.float64)


def _counts(tree: Tree, field: str) -> list[float]:
    counts = [float(_integer(count, field)) for count in _list(tree, field)]
    if min(counts, default=0.0) < 0:
        raise Bad(f"has a negative number in `{field}`", 1, ErrorId.BAD_HISTOGRAM)
    return counts


def _list(tree: Tree, field: str) -> list[Any]:
    values = tree.get(field) or []
    if not isinstance(values, list) or len(values) > MOST_BUCKETS:
        raise Bad(f"needs an array of at most {MOST_BUCKETS} numbers as `{field}`", 1, ErrorId.BAD_HISTOGRAM)
    return values


def _attributes(tree: Tree) -> Iterator[tuple[str, str]]:
    for attribute in _objects(tree, "attributes"):
        value = _object(attribute.get("value") or {}, "value")
        yield _text(attribute.get("key"), "key"), as_text(_plain(value, 0))


def _plain(value: Tree, depth: int) -> Any:
    """An AnyValue without its wrapping."""
    if depth > DEEPEST:
        return TOO_DEEP
    readers: dict[str, Callable[[Any], Any]] = {
        "stringValue": lambda held: _text(held, "stringValue"),
        "boolValue": lambda held: held is True,
        "bytesValue": lambda held: _text(held, "bytesValue"),
        "intValue": lambda held: _integer(held, "intValue"),
        "doubleValue": lambda held: _double(held, "doubleValue"),
        "arrayValue": lambda held: _array(held, depth + 1),
        "kvlistValue": lambda held: _map(held, depth + 1),
    }
    return next((readers[kind](held) for kind, held in value.items() if kind in readers), None)


def _array(held: object, depth: int) -> list[Any]:
    return [_plain(one, depth) for one in _objects(_object(held, "arrayValue"), "values")]


def _map(held: object, depth: int) -> dict[str, Any]:
    return {
        _text(one.get("key"), "key"): _plain(_object(one.get("value") or {}, "value"), depth)
        for one in _objects(_object(held, "kvlistValue"), "values")
    }
