"""(d) Labelled incidents of real servers.

The folder holds `<set>/meta.json` and `<set>/<server>/<metric>.csv` with `timestamp_ms,value,label`; label
-1 marks the unlabelled first part, in which nothing is counted. A server alarms at k when k of its metrics
have alarmed within the last 10 minutes (at least 3 samples); the best k of 1, 2, 3 is told. `area` is the
mean recall over 0.1-3 false alarms per server and day; thresholds are picked on the labels for everyone
alike, an upper envelope.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from benchmarks.detection.incidents import Labels, Rules, Sweep, judge, label, sweep
from benchmarks.detection.table import Cell, Table
from benchmarks.detection.watch import Detector, Watched
from benchmarks.peers import Feed, Values

MINUTE_MS, DAY_MS = 60_000, 86_400_000
BUDGET_DAYS = 30
BEFORE_SAMPLES, AFTER_SAMPLES = 5, 10
METRICS_TOGETHER = (1, 2, 3)


@dataclass(frozen=True, slots=True)
class Server:
    """One server's metrics and incidents.

    Parameters
    ----------
    name : str
    timestamp_ms : int64 array, shape (rows,)
    values : float64 array, shape (metrics, rows)
    labelled_from : int
        First row with a label.
    labels : Labels
        Counted from `labelled_from`.
    """

    name: str
    timestamp_ms: NDArray[np.int64]
    values: Values
    labelled_from: int
    labels: Labels


@dataclass(frozen=True, slots=True)
class Estate:
    """All servers of one set.

    Parameters
    ----------
    name : str
    interval_ms : int
    servers : tuple of Server
    """

    name: str
    interval_ms: int
    servers: tuple[Server, ...]

    @property
    def rules(self) -> Rules:
        step = self.interval_ms
        return Rules(round(60 * MINUTE_MS / step), round(15 * MINUTE_MS / step), round(DAY_MS / step))

    @property
    def together_samples(self) -> int:
        return max(3, round(10 * MINUTE_MS / self.interval_ms))

    @property
    def samples_per_alarm(self) -> float:
        return BUDGET_DAYS * DAY_MS / self.interval_ms


def load(root: Path) -> list[Estate]:
    """Read every set below a folder.

    Parameters
    ----------
    root : Path
    """
    return [
        _estate(path.parent, orjson.loads(path.read_bytes())) for path in sorted(root.glob("*/meta.json"))
    ]


def _estate(folder: Path, meta: dict[str, Any]) -> Estate:
    servers = tuple(_server(folder / name, name, entity) for name, entity in meta["entities"].items())
    return Estate(folder.name, int(meta["step_ms"]), servers)


def _server(folder: Path, name: str, entity: dict[str, Any]) -> Server:
    tables = [np.loadtxt(folder / f"{m}.csv", delimiter=",", skiprows=1) for m in entity["metrics"]]
    begin = int(entity["train_rows"])
    segments = np.array(entity["segments"], dtype=np.int64) - begin
    labels = label(segments[:, 0], segments[:, 1], len(tables[0]) - begin, BEFORE_SAMPLES, AFTER_SAMPLES)
    timestamps = tables[0][:, 0].astype(np.int64)
    return Server(name, timestamps, np.stack([table[:, 1] for table in tables]), begin, labels)


def first_metrics(estate: Estate, count: int) -> Estate:
    """The same servers with only their first metrics, for detectors too slow to see all.

    Parameters
    ----------
    estate : Estate
    count : int
    """
    return replace(estate, servers=tuple(replace(s, values=s.values[:count]) for s in estate.servers))


@dataclass(frozen=True, slots=True)
class Findings:
    """How one detector fares on one set.

    Parameters
    ----------
    sweeps : dict
        k -> recall against false alarms per server and day.
    own : dict
        k -> (recall, false alarms per server-day, median delay in samples or None) at its own line.
    budget_ratio : float
        False alarms per stream at its own line over the budget.
    alerts_per_incident : float
        Episodes begun in an incident's window on a metric that has any, on average.
    """

    sweeps: dict[int, Sweep]
    own: dict[int, tuple[float, float, float | None]]
    budget_ratio: float
    alerts_per_incident: float

    def best(self) -> tuple[int, Sweep]:
        """The k with the largest area."""
        return max(self.sweeps.items(), key=lambda pair: pair[1].area())


def watch(detector: Detector, estate: Estate) -> list[Watched]:
    """Run a detector over all servers.

    Parameters
    ----------
    detector : Detector
    estate : Estate
    """
    feed = Feed(estate.interval_ms, estate.samples_per_alarm)
    return [detector.watch(s.values, feed, timestamp_ms=s.timestamp_ms) for s in estate.servers]


def evaluate(estate: Estate, watched: list[Watched]) -> Findings:
    """Score what a detector said.

    Parameters
    ----------
    estate : Estate
    watched : list of Watched
        One per server.
    """
    labels = [server.labels for server in estate.servers]
    clean_days = sum(int(x.clean().sum()) for x in labels) / estate.rules.day
    scores = [w.score[:, s.labelled_from :] for s, w in zip(estate.servers, watched, strict=True)]
    alarms = [w.anomalous[:, s.labelled_from :] for s, w in zip(estate.servers, watched, strict=True)]
    starts = [w.started[:, s.labelled_from :] for s, w in zip(estate.servers, watched, strict=True)]
    sweeps, own = {}, {}
    for k in METRICS_TOGETHER:
        joint = [together(s, estate.together_samples, k) for s in scores]
        sweeps[k] = sweep(joint, labels, estate.rules, clean_days)
        own[k] = _own_line(estate, alarms, k, clean_days)
    return Findings(sweeps, own, _budget_ratio(estate, alarms), _alerts_per_incident(labels, starts))


def together(score: Values, span: int, k: int) -> Values:
    """k-th largest over metrics of the largest score in the last `span` samples.

    Parameters
    ----------
    score : float64 array, shape (metrics, rows)
    span, k : int
    """
    recent = score.copy()
    for lag in range(1, span):
        np.maximum(recent[:, lag:], score[:, :-lag], out=recent[:, lag:])
    return np.asarray(np.sort(recent, axis=0)[-k])


def _own_line(
    estate: Estate, alarms: list[NDArray[np.bool_]], k: int, clean_days: float
) -> tuple[float, float, float | None]:
    false, found, delays = 0, 0, []
    for server, alarmed in zip(estate.servers, alarms, strict=True):
        on = together(alarmed.astype(np.float64), estate.together_samples, k) >= 1
        verdict = judge(np.flatnonzero(on), server.labels, estate.rules)
        false += verdict.false_alarms
        found += int(verdict.found.sum())
        delays += list(np.maximum(verdict.first - server.labels.start, 0)[verdict.found])
    incidents = sum(len(server.labels.start) for server in estate.servers)
    return found / incidents, false / clean_days, float(np.median(delays)) if delays else None


def _budget_ratio(estate: Estate, alarms: list[NDArray[np.bool_]]) -> float:
    false, days = 0, 0.0
    for server, alarmed in zip(estate.servers, alarms, strict=True):
        for metric in alarmed:
            false += judge(np.flatnonzero(metric), server.labels, estate.rules).false_alarms
            days += server.labels.clean().sum() / estate.rules.day
    return false / days * BUDGET_DAYS


def _alerts_per_incident(labels: list[Labels], starts: list[NDArray[np.bool_]]) -> float:
    counts = []
    for server, started in zip(labels, starts, strict=True):
        for begin, end in zip(server.opens, server.closes, strict=True):
            per_metric = started[:, begin : end + 1].sum(axis=1)
            counts += list(per_metric[per_metric > 0])
    return float(np.mean(counts)) if counts else float("nan")


def table(estate: Estate, findings: dict[str, Findings], notes: dict[str, str]) -> Table:
    """Everyone on one set."""
    rows: list[tuple[Cell, ...]] = []
    for name, got in findings.items():
        k, curve = got.best()
        rows.append(
            (
                name, curve.area(), k, *(curve.recall_at(rate) for rate in (0.1, 0.33, 1.0, 3.0)),
                got.budget_ratio, *(_own(got.own[k]) for k in METRICS_TOGETHER), got.own[1][2],
                got.alerts_per_incident, notes.get(name, ""),
            )
        )  # fmt: skip
    incidents = sum(len(server.labels.start) for server in estate.servers)
    streams = sum(len(server.values) for server in estate.servers)
    return Table(
        f"Servers ({estate.name})",
        ("detector", "area", "k", "recall at 0.1", "at 0.33", "at 1", "at 3 false alarms per server-day",
         "false alarms / budget at its own line", *(f"own line, k = {k}" for k in METRICS_TOGETHER),
         "median delay, k = 1", "alerts per incident and metric", "note"),
        rows,
        f"{len(estate.servers)} servers, {streams} metrics, {incidents} incidents; budget 1 false alarm "
        f"per metric and {BUDGET_DAYS} days; own line: recall @ false alarms per server-day. Targets: "
        "area 0.85, recall 0.95 at 1, ratio 0.5-1.5 with recall 0.65.",
    )  # fmt: skip


def _own(line: tuple[float, float, float | None]) -> str:
    return f"{line[0]:.2f} @ {line[1]:.2f}"
