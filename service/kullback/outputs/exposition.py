"""`GET /metrics`: the text of Prometheus' scrape format 0.0.4 and of OpenMetrics 1.0.

Self metrics go through prometheus_client. The per-stream families do not: setting a label child per
stream takes 0.4 s for 50 000 streams, so a kernel puts their lines together from cached label texts and
from numbers that orjson renders as one array.

Formats: https://prometheus.io/docs/instrumenting/exposition_formats/,
https://prometheus.io/docs/specs/om/open_metrics_spec/
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import orjson
from numpy.typing import NDArray
from prometheus_client import CollectorRegistry
from prometheus_client import exposition as plain
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import CounterMetricFamily, Metric
from prometheus_client.openmetrics import exposition as openmetrics

from kullback.outputs.exposure import Exposure, StreamColumns, choose
from kullback.outputs.label_texts import LabelTexts
from kullback.outputs.lines import Lines, page_of, stacked

TEXT = "text/plain; version=0.0.4; charset=utf-8"
OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Standing:
    """How the service stands at the moment of a scrape.

    Parameters
    ----------
    gauges, counters : mapping of (name, help) to value
        Plain self metrics without labels; names without `_total`.
    streams : mapping of str to int
        Live streams by state.
    notifications : mapping of (receiver, outcome) to int
    tenants : mapping of str to int
        Live streams by tenant; empty while tenants are off.
    written : mapping of (receiver, outcome) to int
        Samples of scores that were written to others.
    markers : mapping of (text, match, tenant) to float
        When it happened last, Unix seconds; tenant "" while tenants are off.
    """

    gauges: Mapping[tuple[str, str], float]
    counters: Mapping[tuple[str, str], float] = field(default_factory=dict)
    streams: Mapping[str, int] = field(default_factory=dict)
    notifications: Mapping[tuple[str, str], int] = field(default_factory=dict)
    tenants: Mapping[str, int] = field(default_factory=dict)
    markers: Mapping[tuple[str, str, str], float] = field(default_factory=dict)
    written: Mapping[tuple[str, str], int] = field(default_factory=dict)

    def collect(self) -> Iterator[Metric]:
        """The standing as metric families (prometheus_client's collector interface)."""
        for (name, text), value in self.gauges.items():
            yield GaugeMetricFamily(name, text, value)
        for (name, text), value in self.counters.items():
            yield CounterMetricFamily(name, text, value)
        yield _filled(
            GaugeMetricFamily("kullback_streams", "Live streams by state.", labels=["state"]),
            (((state,), count) for state, count in self.streams.items()),
        )
        outcomes = ["receiver", "outcome"]
        yield _filled(
            CounterMetricFamily("kullback_notifications", "Notifications by outcome.", labels=outcomes),
            self.notifications.items(),
        )
        if self.tenants:
            yield _filled(
                GaugeMetricFamily("kullback_tenant_streams", "Live streams by tenant.", labels=["tenant"]),
                (((tenant,), count) for tenant, count in self.tenants.items()),
            )
        yield _filled(
            CounterMetricFamily(
                "kullback_remote_write_samples", "Scores written by outcome.", labels=outcomes
            ),
            self.written.items(),
        )
        names = ["text", "match", *(["tenant"] if any(tenant for *_, tenant in self.markers) else [])]
        yield _filled(
            GaugeMetricFamily(
                "kullback_marker_timestamp_seconds",
                "When a marker such as a deployment was set, Unix time.",
                labels=names,
            ),
            ((mark[: len(names)], at_s) for mark, at_s in self.markers.items()),
        )


def _filled(
    family: GaugeMetricFamily | CounterMetricFamily, values: Iterable[tuple[Sequence[str], float]]
) -> Metric:
    for labels, value in values:
        family.add_metric(labels, value)
    return family


def render(
    registry: CollectorRegistry,
    standing: Standing,
    columns: StreamColumns,
    exposure: Exposure,
    texts: LabelTexts,
    accept: str = "",
) -> tuple[bytearray, str]:
    """The whole of /metrics.

    Parameters
    ----------
    registry : CollectorRegistry
        The self metrics that are observed as things happen.
    standing : Standing
    columns : StreamColumns
    exposure : Exposure
    texts : LabelTexts
    accept : str
        The request's Accept header.

    Returns
    -------
    bytearray, str
        Body and content type.
    """
    rows = choose(columns, exposure)
    shown = columns.series if len(rows) == len(columns.series) else [columns.series[row] for row in rows]
    own = _Own(standing, {"exposed": len(rows), "left_out": len(columns.series) - len(rows)})
    labels = stacked(texts.of(shown))
    if "application/openmetrics-text" in accept:
        head = _openmetrics_head(registry, own)
        parts = [head, *_stream_parts(columns, rows, openmetrics_names=True), b"# EOF\n"]
        return page_of(parts, labels), OPENMETRICS
    head = plain.generate_latest(registry) + plain.generate_latest(own)
    return page_of([head, *_stream_parts(columns, rows, openmetrics_names=False)], labels), TEXT


class _Own(CollectorRegistry):
    """The standing and the exposure's own counts, as something prometheus_client can render."""

    def __init__(self, standing: Standing, counts: Mapping[str, int]) -> None:
        super().__init__()
        self._standing = standing
        self._counts = counts

    def collect(self) -> Iterator[Metric]:
        yield from self._standing.collect()
        yield _filled(
            GaugeMetricFamily(
                "kullback_exposition_streams",
                "Streams on /metrics, and those left out by `metrics.expose` or "
                "`metrics.max_exposed_streams`.",
                labels=["outcome"],
            ),
            (((outcome,), count) for outcome, count in self._counts.items()),
        )


def _openmetrics_head(*sources: CollectorRegistry) -> bytes:
    parts = [openmetrics.generate_latest(source) for source in sources]  # type: ignore[no-untyped-call]
    return b"".join(part.removesuffix(b"# EOF\n") for part in parts)


@dataclass(frozen=True, slots=True)
class _Family:
    """One metric family: its name without `_total`; what follows the labels of a column's lines."""

    name: str
    text: str
    columns: Mapping[str, NDArray[np.number]]
    kind: str = "gauge"


def _stream_families(columns: StreamColumns) -> Iterator[_Family]:
    divergence = {
        f',window="{window}"': columns.divergence_nats[:, index]
        for index, window in enumerate(columns.windows)
    }
    ready = columns.ready.astype(np.uint8)
    yield _Family("kullback_score", "Surprise over threshold; 1.0 is the alarm line.", {"": columns.score})
    yield _Family(
        "kullback_divergence_nats", "Divergence of the current window from the reference.", divergence
    )
    yield _Family(
        "kullback_alert_state", "0 inactive, 1 pending, 2 firing, 3 shifted.", {"": columns.alert_state}
    )
    yield _Family("kullback_stream_ready", "Whether the reference is trusted.", {"": ready})
    yield _Family(
        "kullback_alarm_budget_per_day", "False alarms accepted per day.", {"": columns.budget_per_day}
    )
    yield _Family(
        "kullback_realised_alarms_per_day", "Alarms per day so far.", {"": columns.realised_per_day}
    )
    yield _Family("kullback_anomalies", "Anomaly episodes so far.", {"": columns.anomalies}, "counter")


def _stream_parts(
    columns: StreamColumns, rows: NDArray[np.int64], *, openmetrics_names: bool
) -> Iterator[bytes | Lines]:
    for family in _stream_families(columns):
        sample = family.name + ("_total" if family.kind == "counter" else "")
        heading = family.name if openmetrics_names else sample
        yield f"# HELP {heading} {family.text}\n# TYPE {heading} {family.kind}\n".encode()
        for extra, column in family.columns.items():
            values = column[rows]
            known = np.flatnonzero(~np.isnan(values))  # NaN: there is nothing to say
            if len(known):
                before, after = f"{sample}{{".encode(), f"{extra}}} ".encode()
                yield Lines(before, after, known, _numbers(values[known]))


def _numbers(values: NDArray[np.number]) -> bytes:
    """Shortest decimal texts with commas between; orjson writes ±Inf as null."""
    rendered = orjson.dumps(np.ascontiguousarray(values), option=orjson.OPT_SERIALIZE_NUMPY)[1:-1]
    infinite = np.flatnonzero(np.isinf(values))
    if not len(infinite):
        return rendered
    texts = rendered.split(b",")
    for row in infinite:
        texts[row] = b"+Inf" if values[row] > 0 else b"-Inf"
    return b",".join(texts)
