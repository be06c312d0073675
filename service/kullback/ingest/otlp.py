"""OTLP metrics as protobuf (opentelemetry.io/docs/specs/otlp, opentelemetry/proto/collector/metrics/v1)."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from kullback.core.batch import Batch, Buckets
from kullback.core.errors import ErrorId, Refusal, merge_refusals
from kullback.core.labels import Series
from kullback.core.limits import Limits
from kullback.ingest.builder import shown
from kullback.ingest.decoded import Decoded
from kullback.ingest.interner import Ids, Interner
from kullback.ingest.otel_names import Family, Pairs, family_of, point_series, resource_labels
from kullback.ingest.otlp_points import PROBLEMS, Heap, Points, read_histograms, read_numbers
from kullback.ingest.otlp_values import read_attributes
from kullback.ingest.otlp_walk import EXPONENTIAL, GAUGE, HISTOGRAM, SUM, Found, walk
from kullback.ingest.wire import Bytes, Positions, as_bytes

RESOURCE, METRIC_NAME, METRIC_UNIT, POINT = 0, 1, 2, 3
"""Levels of keys: each one's prefix holds the id of the one above."""
LEVELS = 4
RESOURCE_ATTRIBUTES = 1
ATTRIBUTES = {GAUGE: 7, SUM: 7, HISTOGRAM: 9, EXPONENTIAL: 1}
"""Field of a data point that holds its attributes."""

Meaning = Pairs | tuple[Pairs, str] | Family | Series
SUMMARIES_REFUSED = "Summaries carry quantiles, not samples; send a histogram instead."


class OtlpDecoder:
    """Decodes `ExportMetricsServiceRequest`. Summaries are counted as unsupported; exemplars are not kept.

    Parameters
    ----------
    limits : Limits, optional
    resource_labels : iterable of str
        Keys of resource attributes that become labels, beside `service.name` (`job`) and
        `service.instance.id` (`instance`).
    """

    protocol = "otlp"

    def __init__(self, limits: Limits | None = None, resource_labels: Iterable[str] = ()) -> None:
        self._limits = limits or Limits()
        self._promoted = tuple(resource_labels)
        self._interner = Interner[Meaning].for_streams(self._limits.max_streams)

    def decode(self, body: bytes, now_ms: int) -> Decoded:
        """Read an unpacked metrics request.

        Parameters
        ----------
        body : bytes
        now_ms : int
            Time of points that carry none.

        Raises
        ------
        DecodeError
            BAD_PROTOBUF or TOO_MANY_SAMPLES.
        """
        raw = as_bytes(body)
        found, summaries = walk(raw, self._limits)
        numbers = read_numbers(raw, found)
        histograms, heap = read_histograms(raw, found)
        with self._interner.request():
            families = self._families(body, raw, found)
            ids = np.concatenate(
                (
                    self._points(body, raw, families, found.number_metric, numbers.attributes, found),
                    self._points(body, raw, families, found.histogram_metric, histograms.attributes, found),
                )
            )
            return self._decoded(found, numbers, histograms, heap, ids, summaries, now_ms)

    def _families(self, body: bytes, raw: Bytes, found: Found) -> Ids:
        """The id of each metric's family, by way of its resource, its name and its unit."""
        resources = self._resources(body, raw, found)
        names, units = found.metric_name, found.metric_unit
        above = resources[found.metric_resource].astype(np.int64)
        named = self._interner.ids(
            raw, above * LEVELS + METRIC_NAME, names[:, 0], names[:, 1],
            lambda rows: [self._named(body, int(above[row]), *names[row].tolist()) for row in rows],
        ).astype(np.int64)  # fmt: skip
        form = found.metric_type * 4 + found.metric_delta * 2 + found.metric_monotonic
        return self._interner.ids(
            raw, (named * 64 + form) * LEVELS + METRIC_UNIT, units[:, 0], units[:, 1],
            lambda rows: [self._family(body, int(named[row]), found, int(row)) for row in rows],
        )  # fmt: skip

    def _resources(self, body: bytes, raw: Bytes, found: Found) -> Ids:
        spans = found.resource

        def read(rows: Positions) -> list[Meaning | Refusal]:
            return [self._resource(body, *spans[row].tolist()) for row in rows]

        return self._interner.ids(
            raw, np.full(len(spans), RESOURCE, np.int64), spans[:, 0], spans[:, 1], read
        )

    def _points(
        self, body: bytes, raw: Bytes, families: Ids, metric: Positions, spans: Positions, found: Found
    ) -> Ids:
        above = families[metric].astype(np.int64)

        def read(rows: Positions) -> list[Meaning | Refusal]:
            kinds = found.metric_type[metric[rows]]
            return [
                self._point(body, int(above[row]), spans[row], int(kind))
                for row, kind in zip(rows, kinds, strict=True)
            ]

        return self._interner.ids(raw, above * LEVELS + POINT, spans[:, 0], spans[:, 1], read)

    def _resource(self, body: bytes, start: int, stop: int) -> Pairs | Refusal:
        try:
            attributes = read_attributes(body, start, stop, RESOURCE_ATTRIBUTES)
        except ValueError as problem:
            return _bad_labels("A resource", problem)
        return resource_labels(attributes, self._promoted)

    def _named(self, body: bytes, resource: int, start: int, stop: int) -> tuple[Pairs, str] | Refusal:
        above = self._interner.values[resource]
        if isinstance(above, Refusal):
            return above
        try:
            return above, body[start:stop].decode()  # type: ignore[return-value]
        except UnicodeDecodeError as problem:
            return _bad_labels("The name of a metric", problem)

    def _family(self, body: bytes, named: int, found: Found, metric: int) -> Family | Refusal:
        above = self._interner.values[named]
        if isinstance(above, Refusal):
            return above
        start, stop = found.metric_unit[metric].tolist()
        unit = body[start:stop].decode(errors="replace")
        resource, name = above  # type: ignore[misc]
        held = int(found.metric_type[metric])
        return family_of(
            resource,  # type: ignore[arg-type]
            str(name),
            unit,
            monotonic=bool(found.metric_monotonic[metric]) and held == SUM,
            delta=bool(found.metric_delta[metric]),
            histogram=held in (HISTOGRAM, EXPONENTIAL),
            gauge=held == GAUGE,
        )

    def _point(self, body: bytes, family: int, span: Positions, held: int) -> Series | Refusal:
        above = self._interner.values[family]
        if not isinstance(above, Family):
            return above if isinstance(above, Refusal) else _bad_labels("A metric", ValueError("no name"))
        start, stop = span.tolist()
        try:
            return point_series(above, read_attributes(body, start, stop, ATTRIBUTES[held]))
        except ValueError as problem:
            return _bad_labels(f"A point of {shown(above.metric)}", problem)

    def _decoded(
        self,
        found: Found,
        numbers: Points,
        histograms: Points,
        heap: Heap,
        ids: Ids,
        summaries: int,
        now_ms: int,
    ) -> Decoded:
        status = np.concatenate((numbers.status, histograms.status))
        bad_series = self._interner.refused(ids)
        keep = ~bad_series & (status >= 0)
        stream_index, unique = self._interner.distinct(ids[keep])
        times = np.concatenate((numbers.timestamp_ms, histograms.timestamp_ms))[keep]
        buckets = _buckets(found, len(numbers.status), heap) if len(histograms.status) else None
        batch = Batch(
            tuple(one for one in self._interner.meanings(unique) if isinstance(one, Series)),
            stream_index,
            np.where(times == 0, now_ms, times),
            np.concatenate((numbers.value, histograms.value))[keep],
            buckets.take(np.flatnonzero(keep)) if buckets else None,
        )
        refusals = self._interner.refusals(ids[bad_series])
        # A point is refused once, its labels first.
        scalars = len(numbers.status)
        refusals += _refusals(numbers.status[~bad_series[:scalars]], ErrorId.BAD_SAMPLE)
        refusals += _refusals(histograms.status[~bad_series[scalars:]], ErrorId.BAD_HISTOGRAM)
        if summaries:
            refusals.append(Refusal(ErrorId.UNSUPPORTED_SAMPLE, summaries, SUMMARIES_REFUSED))
        return Decoded(batch, merge_refusals(refusals))


def _buckets(found: Found, scalars: int, heap: Heap) -> Buckets:
    used = int(heap.stop[-1])
    return Buckets(
        np.concatenate((np.zeros(scalars + 1, np.int64), heap.stop)),
        heap.upper_bound[:used].copy(),
        heap.observations[:used].copy(),
        np.concatenate((np.zeros(scalars, np.bool_), ~found.metric_delta[found.histogram_metric])),
    )


def _refusals(status: np.ndarray, error: ErrorId) -> list[Refusal]:
    codes, counts = np.unique(status[status < 0], return_counts=True)
    return [
        Refusal(error, int(count), f"A data point was refused: {PROBLEMS[int(code)]}.")
        for code, count in zip(codes, counts, strict=True)
    ]


def _bad_labels(what: str, problem: ValueError) -> Refusal:
    why = "is not UTF-8" if isinstance(problem, UnicodeDecodeError) else "has malformed attributes"
    return Refusal(ErrorId.BAD_LABELS, 1, f"{what} {why}.")
