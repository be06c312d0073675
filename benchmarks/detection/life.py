"""The life of an alarm: one incident, one alert, and soon over."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from benchmarks.detection.nulls import MINUTE_MS, autoregressive, normal
from benchmarks.detection.table import Cell, Table
from benchmarks.detection.watch import Detector, Watched
from benchmarks.peers import Feed, Values

LEAD, AFTER = 12_288, 3_072
STREAMS = 60
BUDGET = 10_000
SETTLE = 300
"""Samples after an incident in which a further alert still belongs to it."""


@dataclass(frozen=True, slots=True)
class Incident:
    """A disturbance of a stream with a beginning and, mostly, an end.

    Parameters
    ----------
    name : str
    base : callable
    length : int
        Samples; `AFTER` for one that stays.
    disturb : callable
        (generator, the undisturbed stretch) -> the disturbed one.
    """

    name: str
    base: Callable[[Generator, int, int], Values]
    length: int
    disturb: Callable[[Generator, Values], Values]


def level(size: float) -> Callable[[Generator, Values], Values]:
    return lambda _rng, stretch: stretch + size


def noisier(factor: float) -> Callable[[Generator, Values], Values]:
    return lambda _rng, stretch: stretch * factor


def hill(height: float) -> Callable[[Generator, Values], Values]:
    """Rises and falls in a straight line."""

    def disturb(_rng: Generator, stretch: Values) -> Values:
        n = stretch.shape[1]
        return np.asarray(stretch + height * (1.0 - np.abs(np.linspace(-1.0, 1.0, n))))

    return disturb


def some(share: float, height: float) -> Callable[[Generator, Values], Values]:
    """Only a share of the samples, by chance."""
    return lambda rng, stretch: stretch + height * (rng.random(stretch.shape) < share)


def flapping(height: float, half: int) -> Callable[[Generator, Values], Values]:
    """On and off by turns."""

    def disturb(_rng: Generator, stretch: Values) -> Values:
        on = np.arange(stretch.shape[1]) // half % 2 == 0
        return stretch + height * on

    return disturb


AR9 = autoregressive(0.9)
INCIDENTS = (
    Incident("+6 sigma, 10 samples", normal, 10, level(6.0)),
    Incident("+4 sigma, 60 samples", normal, 60, level(4.0)),
    Incident("+2 sigma, 200 samples", normal, 200, level(2.0)),
    Incident("+3 sigma, 500 samples", normal, 500, level(3.0)),
    Incident("noise x3, 200 samples", normal, 200, noisier(3.0)),
    Incident("hill of 5 sigma, 400 samples", normal, 400, hill(5.0)),
    Incident("on and off, 4 sigma, 200 samples", normal, 200, flapping(4.0, 10)),
    Incident("+4 sigma of a fifth, 300 samples", normal, 300, some(0.2, 4.0)),
    Incident("AR(0.9) +6 sigma, 60 samples", AR9, 60, level(6.0)),
    Incident("AR(0.9) +4 sigma, 500 samples", AR9, 500, level(4.0)),
    Incident("+3 sigma for good", normal, AFTER, level(3.0)),
    Incident("+0.5 sigma for good", normal, AFTER, level(0.5)),
    Incident("AR(0.9) +4 sigma for good", AR9, AFTER, level(4.0)),
    Incident("noise x3 for good", normal, AFTER, noisier(3.0)),
)


@dataclass(frozen=True, slots=True)
class Course:
    """How alarms ran on one kind of incident.

    Parameters
    ----------
    found, one_alert : float
        Share of incidents found; of those, share with exactly one alert.
    alerts : float
        Mean alerts per found incident.
    delay, lag : float
        Median samples to the alert, and from the incident's end to its resolution.
    slow_lag : float
        90 % quantile of the lag.
    """

    found: float
    one_alert: float
    alerts: float
    delay: float
    lag: float
    slow_lag: float


def run(detector: Detector, incident: Incident, streams: int, seed: int) -> Course:
    """Put the incident into streams after the lead and follow the alarms.

    Parameters
    ----------
    detector : Detector
    incident : Incident
    streams : int
    seed : int
    """
    rng = np.random.default_rng([seed, 4, *incident.name.encode()])
    values = incident.base(rng, streams, LEAD + AFTER)
    stretch = slice(LEAD, LEAD + incident.length)
    values[:, stretch] = incident.disturb(rng, values[:, stretch])
    return follow(detector.watch(values, Feed(MINUTE_MS, BUDGET)), incident.length)


def follow(watched: Watched, length: int) -> Course:
    """Summarise the alarms from the incident's first sample on.

    Parameters
    ----------
    watched : Watched
        With the incident at sample `LEAD`; streams in alarm just before are left out.
    length : int
    """
    calm = ~watched.anomalous[:, LEAD - 1]
    started = watched.started[calm, LEAD : LEAD + min(length + SETTLE, AFTER)]
    alerts = started.sum(axis=1)
    hit = started[:, :length].any(axis=1)
    lags = _lags(watched.anomalous[calm][hit, LEAD:], length)
    return Course(
        float(hit.mean()),
        float((alerts[hit] == 1).mean()) if hit.any() else float("nan"),
        float(alerts[hit].mean()) if hit.any() else float("nan"),
        float(np.median(started[hit].argmax(axis=1) + 1)) if hit.any() else float("nan"),
        *lags,
    )


def _lags(anomalous: NDArray[np.bool_], length: int) -> tuple[float, float]:
    if not len(anomalous):
        return float("nan"), float("nan")
    if length >= AFTER:
        ended = ~anomalous
        ended = np.maximum.accumulate(anomalous, axis=1) & ended
        lags = np.where(ended.any(axis=1), ended.argmax(axis=1), np.inf)
    else:
        calm = ~anomalous[:, length:]
        lags = np.where(calm.any(axis=1), calm.argmax(axis=1), np.inf)
    low, high = np.quantile(lags, (0.5, 0.9), method="higher")
    return float(low), float(high)


def table(courses: dict[str, dict[str, Course]]) -> Table:
    """Incidents down; Kullback, then the peers' share of one alert."""
    names = list(courses)
    ours, others = courses[names[0]], names[1:]
    rows: list[tuple[Cell, ...]] = [
        (
            incident.name, _percent(c.found), _percent(c.one_alert), c.alerts, c.delay, c.lag, c.slow_lag,
            *(_percent(courses[n][incident.name].one_alert) for n in others),
        )
        for incident in INCIDENTS
        if (c := ours.get(incident.name))
    ]  # fmt: skip
    return Table(
        "One incident, one alert",
        ("incident", "found", "one alert", "alerts per incident", "median delay", "resolve lag", "90 % lag",
         *(f"{n}: one alert" for n in others)),
        rows,
        f"At each detector's own line, budget 1 per {BUDGET} samples. Alerts count up to {SETTLE} "
        "samples after the end. "
        "For incidents that stay, the lag is the time until the level is accepted as the new normal "
        "(or the alarm gave up). Targets: one alert in 95 %, lag at most 30 samples.",
    )  # fmt: skip


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %" if np.isfinite(share) else "–"
