"""`GET /metrics`: the text of Prometheus' scrape format 0.0.4 and of OpenMetrics 1.0.

Self metrics go through prometheus_client. The per-stream families do not: setting a label child per
stream takes 0.4 s for 50 000 streams, so their lines are joined from cached label texts and from numbers
that orjson renders as one array.

Formats: https://prometheus.io/docs/instrumenting/exposition_formats/,
https://prometheus.io/docs/specs/om/open_metrics_spec/
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, repeat

import numpy as np
import orjson
from numpy.typing import NDArray
from prometheus_client import CollectorRegistry
from prometheus_client import exposition as plain
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import CounterMetricFamily, Metric
from prometheus_client.openmetrics import exposition as openmetrics

from kullback.core.labels import NAME, TENANT, Labels, escape
from kullback.core.selector import Selector
from kullback.core.tenant import tenant_of

TEXT = "text/plain; version=0.0.4; charset=utf-8"
OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"
TAKEN_NAMES = frozenset(("metric", "window"))
_NOT_IN_NAMES = re.compile(r"[^a-zA-Z0-9_]")
_ROOM_FOR_GONE = 2


@dataclass(frozen=True, slots=True)
class Exposure:
    """Which streams appear on /metrics.

    Parameters
    ----------
    expose : str
        `all`, `selector`, `score_above` or `top` (the highest scores).
    selector : Selector or None
    score_above : float
    top : int
    max_exposed_streams : int
        Hard limit, whatever the choice; what it leaves out is counted.
    """

    expose: str = "all"
    selector: Selector | None = None
    score_above: float = 0.5
    top: int = 1000
    max_exposed_streams: int = 20_000


@dataclass(frozen=True, slots=True)
class StreamColumns:
    """The figures of all live streams; row `i` of every column is one stream.

    Parameters
    ----------
    ids : sequence of str
    labels : sequence of Labels
    score, budget_per_day, realised_per_day : float array, shape (n,)
        NaN where there is none; such lines are left out.
    divergence_nats : float array, shape (n, windows)
    windows : sequence of str
        Label values of the windows, e.g. `64`.
    alert_state : int array, shape (n,)
        0 inactive, 1 pending, 2 firing, 3 shifted.
    ready : bool array, shape (n,)
    anomalies : int array, shape (n,)
        Episodes since the stream began.
    """

    ids: Sequence[str]
    labels: Sequence[Labels]
    score: NDArray[np.floating]
    divergence_nats: NDArray[np.floating]
    windows: Sequence[str]
    alert_state: NDArray[np.integer]
    ready: NDArray[np.bool_]
    budget_per_day: NDArray[np.floating]
    realised_per_day: NDArray[np.floating]
    anomalies: NDArray[np.integer]


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
        streams = GaugeMetricFamily("kullback_streams", "Live streams by state.", labels=["state"])
        for state, count in self.streams.items():
            streams.add_metric([state], count)
        yield streams
        sent = CounterMetricFamily(
            "kullback_notifications", "Notifications by outcome.", labels=["receiver", "outcome"]
        )
        for labels, count in self.notifications.items():
            sent.add_metric(labels, count)
        yield sent
        if self.tenants:
            owned = GaugeMetricFamily("kullback_tenant_streams", "Live streams by tenant.", labels=["tenant"])
            for tenant, count in self.tenants.items():
                owned.add_metric([tenant], count)
            yield owned
        written = CounterMetricFamily(
            "kullback_remote_write_samples", "Scores written by outcome.", labels=["receiver", "outcome"]
        )
        for labels, count in self.written.items():
            written.add_metric(labels, count)
        yield written
        names = ["text", "match", *(["tenant"] if any(tenant for *_, tenant in self.markers) else [])]
        marked = GaugeMetricFamily(
            "kullback_marker_timestamp_seconds",
            "When a marker such as a deployment was set, Unix time.",
            labels=names,
        )
        for mark, at_s in self.markers.items():
            marked.add_metric(mark[: len(names)], at_s)
        yield marked


def choose(columns: StreamColumns, exposure: Exposure) -> NDArray[np.int64]:
    """Rows of the streams to expose, in their order.

    Parameters
    ----------
    columns : StreamColumns
    exposure : Exposure

    Returns
    -------
    int64 array
        At most `max_exposed_streams` rows; where the limit cuts, the highest scores stay.
    """
    rows = _eligible(columns, exposure)
    most = exposure.max_exposed_streams
    if exposure.expose == "top":
        most = min(most, exposure.top)
    if len(rows) <= most:
        return rows
    score = np.nan_to_num(np.asarray(columns.score, np.float64)[rows], nan=-1.0)
    highest = np.argsort(-score, kind="stable")[:most]
    return np.sort(rows[highest])


def _eligible(columns: StreamColumns, exposure: Exposure) -> NDArray[np.int64]:
    if exposure.expose == "selector" and exposure.selector is not None:
        selects = exposure.selector.matches
        return np.array([row for row, labels in enumerate(columns.labels) if selects(labels)], np.int64)
    if exposure.expose == "score_above":
        return np.flatnonzero(columns.score > exposure.score_above)
    return np.arange(len(columns.ids))


class LabelTexts:
    """Rendered label sets by stream id, so that a scrape does not escape what it escaped before.

    Parameters
    ----------
    tenants : bool
        Whether they say whose the stream is.
    """

    def __init__(self, tenants: bool = False) -> None:
        self.tenants = tenants
        self._texts: dict[str, bytes] = {}

    def __len__(self) -> int:
        return len(self._texts)

    def of(self, ids: Sequence[str], labels: Sequence[Labels]) -> list[bytes]:
        """The text between the braces for each stream.

        Parameters
        ----------
        ids : sequence of str
        labels : sequence of Labels
        """
        if len(self._texts) > _ROOM_FOR_GONE * len(ids) + 1000:
            self._texts.clear()
        texts = self._texts
        return [
            texts.get(id) or texts.setdefault(id, label_text(own, self.tenants))
            for id, own in zip(ids, labels, strict=True)
        ]


def label_text(labels: Labels, tenants: bool = False) -> bytes:
    """A stream's labels as the scrape format writes them, the metric's name as `metric`.

    Labels whose names clash get `exported_` in front, as Prometheus does with a target's labels; names
    that the format does not allow get underscores.

    Parameters
    ----------
    labels : Labels
    tenants : bool
        Whether `tenant` says whose the stream is.
    """
    pairs = label_pairs(labels, tenants)
    return ",".join(f'{name}="{escape(value)}"' for name, value in pairs).encode("utf-8", "replace")


def label_pairs(labels: Labels, tenants: bool = False) -> list[tuple[str, str]]:
    """A stream's labels under the names that its scores have; see `label_text`.

    Parameters
    ----------
    labels : Labels
    tenants : bool
    """
    names = set(TAKEN_NAMES)
    pairs = [("metric", dict(labels).get(NAME, ""))]
    if tenants:
        names.add("tenant")
        pairs.append(("tenant", tenant_of(labels)))
    for name, value in labels:
        if name not in (NAME, TENANT):
            shown = _free_name(name, names)
            names.add(shown)
            pairs.append((shown, value))
    return pairs


def _free_name(name: str, taken: set[str]) -> str:
    shown = _NOT_IN_NAMES.sub("_", name)
    if shown[:1].isdigit() or shown.startswith("__"):
        shown = f"exported_{shown}"
    while shown in taken:
        shown = f"exported_{shown}"
    return shown


def render(
    registry: CollectorRegistry,
    standing: Standing,
    columns: StreamColumns,
    exposure: Exposure,
    texts: LabelTexts,
    accept: str = "",
) -> tuple[bytes, str]:
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
    bytes, str
        Body and content type.
    """
    rows = choose(columns, exposure)
    counts = {"exposed": len(rows), "left_out": len(columns.ids) - len(rows)}
    families = _stream_families(columns, rows, texts)
    if "application/openmetrics-text" in accept:
        head = _openmetrics_head(registry, standing, counts)
        return b"".join((head, *_lines(families, openmetrics_names=True), b"# EOF\n")), OPENMETRICS
    head = plain.generate_latest(registry) + plain.generate_latest(_Own(standing, counts))
    return b"".join((head, *_lines(families, openmetrics_names=False))), TEXT


class _Own(CollectorRegistry):
    """The standing and the exposure's own counts, as something prometheus_client can render."""

    def __init__(self, standing: Standing, counts: Mapping[str, int]) -> None:
        super().__init__()
        self._standing = standing
        self._counts = counts

    def collect(self) -> Iterator[Metric]:
        yield from self._standing.collect()
        exposed = GaugeMetricFamily(
            "kullback_exposition_streams",
            "Streams on /metrics, and those left out by `metrics.expose` or `metrics.max_exposed_streams`.",
            labels=["outcome"],
        )
        for outcome, count in self._counts.items():
            exposed.add_metric([outcome], count)
        yield exposed


def _openmetrics_head(registry: CollectorRegistry, standing: Standing, counts: Mapping[str, int]) -> bytes:
    sources = (registry, _Own(standing, counts))
    parts = [openmetrics.generate_latest(source) for source in sources]  # type: ignore[no-untyped-call]
    return b"".join(part.removesuffix(b"# EOF\n") for part in parts)


@dataclass(frozen=True, slots=True)
class _Family:
    """One metric family: its name without `_total`, and lines as label texts and values."""

    name: str
    kind: str
    text: str
    parts: Sequence[tuple[Sequence[bytes], NDArray[np.number], bytes]]


def _stream_families(columns: StreamColumns, rows: NDArray[np.int64], texts: LabelTexts) -> Iterator[_Family]:
    ids = [columns.ids[row] for row in rows]
    labels = texts.of(ids, [columns.labels[row] for row in rows])

    def family(name: str, text: str, column: NDArray[np.number], kind: str = "gauge") -> _Family:
        return _Family(name, kind, text, [(labels, column[rows], b"")])

    yield family("kullback_score", "Surprise over threshold; 1.0 is the alarm line.", columns.score)
    yield _Family(
        "kullback_divergence_nats",
        "gauge",
        "Divergence of the current window from the reference.",
        [
            (labels, columns.divergence_nats[rows, index], f',window="{window}"'.encode())
            for index, window in enumerate(columns.windows)
        ],
    )
    yield family("kullback_alert_state", "0 inactive, 1 pending, 2 firing, 3 shifted.", columns.alert_state)
    yield family("kullback_stream_ready", "Whether the reference is trusted.", columns.ready.astype(np.int64))
    yield family("kullback_alarm_budget_per_day", "False alarms accepted per day.", columns.budget_per_day)
    yield family("kullback_realised_alarms_per_day", "Alarms per day so far.", columns.realised_per_day)
    yield family("kullback_anomalies", "Anomaly episodes so far.", columns.anomalies, "counter")


def _lines(families: Iterable[_Family], *, openmetrics_names: bool) -> Iterator[bytes]:
    for family in families:
        sample = family.name + ("_total" if family.kind == "counter" else "")
        heading = family.name if openmetrics_names else sample
        yield f"# HELP {heading} {family.text}\n# TYPE {heading} {family.kind}\n".encode()
        for labels, values, extra in family.parts:
            yield _rows(sample.encode(), labels, values, extra)


def _rows(name: bytes, labels: Sequence[bytes], values: NDArray[np.number], extra: bytes) -> bytes:
    """Lines `name{labels,extra} value`; NaN means that there is nothing to say."""
    known = np.flatnonzero(~np.isnan(values)) if values.dtype.kind == "f" else np.arange(len(values))
    if not len(known):
        return b""
    told = labels if len(known) == len(labels) else [labels[row] for row in known.tolist()]
    numbers = _numbers(values[known])
    parts = zip(repeat(name + b"{"), told, repeat(extra + b"} "), numbers, repeat(b"\n"), strict=False)
    return b"".join(chain.from_iterable(parts))


def _numbers(values: NDArray[np.number]) -> list[bytes]:
    """Shortest decimal texts; orjson writes a million of them in 40 ms, and ±Inf as null."""
    rendered = orjson.dumps(np.ascontiguousarray(values), option=orjson.OPT_SERIALIZE_NUMPY)[1:-1].split(b",")
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        for row in np.flatnonzero(np.isinf(values)):
            rendered[row] = b"+Inf" if values[row] > 0 else b"-Inf"
    return rendered
