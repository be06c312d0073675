"""(d) Incidents of many kinds on streams of many kinds, all drawn: what no list of labelled servers can hold.

Each stream draws its own noise, memory, season, wandering, jobs and leaps, and every few days an incident of
one of seven kinds. One threshold serves all streams, as it does where people watch a fleet. The detector's
parameters were compared on seeds 1 and 2; the page shows another.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from benchmarks.detection.incidents import Labels, Rows, Rules, Sweep, judge, label, sweep
from benchmarks.detection.nulls import autoregressive
from benchmarks.detection.table import Cell, Table
from benchmarks.detection.watch import Detector
from benchmarks.peers import Feed, Values

DAY, MINUTE_MS = 1_440, 60_000
LEAD, SAMPLES = 6 * DAY, 16 * DAY
STREAMS = 96
EVERY = 5 * DAY // 2
FIRST, LATEST = 300, 2 * DAY
BUDGET = 30 * DAY
RULES = Rules(merge=60, lead=15, day=DAY)
BEFORE, AFTER = 5, 10
SMOOTH_SAMPLES = 61
KIND_RATE = 1.0 / 3.0
SEED_OFFSET = 6
"""Added to the seed of a run, so that its figures are of other streams than those that parameters saw."""


def noise(rng: Generator, samples: int) -> Values:
    """Normal, heavy-tailed or skewed; independent or with a memory."""
    draw = rng.choice(3, p=(0.5, 0.25, 0.25))
    if draw == 0:
        fresh = rng.standard_normal(samples)
    elif draw == 1:
        fresh = rng.standard_t(4.0, samples) / np.sqrt(2.0)
    else:
        fresh = (rng.lognormal(0.0, 0.6, samples) - 1.2) / 0.8
    memory = rng.choice((0.0, 0.5, 0.8, 0.95))
    return _remembering(fresh, memory)


def _remembering(fresh: Values, memory: float) -> Values:
    x, last, scale = np.empty_like(fresh), 0.0, np.sqrt(1.0 - memory * memory)
    for t, value in enumerate(fresh):
        last = memory * last + scale * value
        x[t] = last
    return x


def season(rng: Generator, samples: int) -> Values:
    """A day with harmonics; at some, weekends differ."""
    turns = np.arange(samples) / DAY
    phase = rng.random(3)
    waves = (part * np.sin(2.0 * np.pi * (2**k * turns + phase[k])) for k, part in enumerate((1.0, 0.4, 0.2)))
    day: Values = np.sum(list(waves), axis=0)
    weekend = rng.uniform(-0.5, 0.2) * (rng.random() < 0.5)
    return np.asarray(day * (1.0 + weekend * ((np.arange(samples) // DAY) % 7 >= 5)))


def jobs(rng: Generator, samples: int) -> Values:
    """Work that comes by the clock: a few samples every hour, six hours or day."""
    every = int(rng.choice((60, 360, DAY)))
    length, first = rng.integers(2, 12), rng.integers(every)
    on = (np.arange(samples) + first) % every < length
    return np.asarray(rng.uniform(2.0, 8.0) * on * rng.uniform(0.7, 1.3, samples))


def leaps(rng: Generator, samples: int) -> Values:
    """Single samples far up, one in 400: nobody calls them incidents."""
    return np.asarray((rng.random(samples) < 1 / 400) * rng.exponential(4.0, samples))


def background(rng: Generator, samples: int) -> Values:
    """A stream on which nothing happens.

    Parameters
    ----------
    rng : Generator
    samples : int
    """
    swing = season(rng, samples)
    x = noise(rng, samples) * (np.exp(0.3 * swing) if rng.random() < 0.4 else 1.0)
    x = x + rng.choice((0.0, 0.0, 1.0, 3.0, 6.0)) * swing
    if rng.random() < 0.4:
        x = x + rng.uniform(0.5, 2.0) * autoregressive(0.9995)(rng, 1, samples)[0]
    if rng.random() < 0.3:
        x = x + jobs(rng, samples)
    if rng.random() < 0.25:
        x = x + leaps(rng, samples)
    return _formed(x, rng.random()) * 10.0 ** rng.uniform(-2.0, 4.0)


def _formed(x: Values, draw: float) -> Values:
    """As it is; in steps; cut off at zero; or with a logarithm that looks like this."""
    if draw < 0.25:
        return np.asarray(np.round(2.0 * x) / 2.0)
    if draw < 0.35:
        return np.maximum(x, 0.0)
    return np.asarray(np.exp(0.4 * x)) if draw < 0.5 else x


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of incident.

    Parameters
    ----------
    shortest, longest : int
        Samples; the longest is not reached.
    disturb : callable
        (generator, undisturbed stretch, size, least value of the stream) -> disturbed stretch.
    """

    shortest: int
    longest: int
    disturb: Callable[[Generator, Values, float, float], Values]


def _lift(_rng: Generator, stretch: Values, size: float, _least: float) -> Values:
    return stretch + size


def _spread(rng: Generator, stretch: Values, _size: float, _least: float) -> Values:
    return np.asarray(stretch.mean() + rng.uniform(3.0, 8.0) * (stretch - stretch.mean()))


def _drop(rng: Generator, stretch: Values, size: float, least: float) -> Values:
    return np.asarray(least - 0.02 * abs(size) * (1.0 + rng.standard_normal(len(stretch))))


def _ramp(_rng: Generator, stretch: Values, size: float, _least: float) -> Values:
    return stretch + size * np.linspace(0.0, 1.5, len(stretch))


def _stick(_rng: Generator, stretch: Values, _size: float, _least: float) -> Values:
    return np.full_like(stretch, stretch[0])


KINDS = {
    "spike": Kind(1, 4, _lift),
    "burst": Kind(3, 21, _lift),
    "plateau": Kind(20, 200, _lift),
    "spread": Kind(20, 200, _spread),
    "drop": Kind(10, 100, _drop),
    "ramp": Kind(60, 300, _ramp),
    "stuck": Kind(60, 300, _stick),
}


@dataclass(frozen=True, slots=True)
class Scene:
    """Streams with incidents.

    Parameters
    ----------
    values : float64 array, shape (streams, samples)
    labels : list of Labels
        One per stream, counted from `LEAD`.
    kinds : list of list of str
        Of each stream's incidents.
    """

    values: Values
    labels: list[Labels]
    kinds: list[list[str]]

    @property
    def days(self) -> float:
        """Stream-days outside all incidents."""
        return sum(int(stream.clean().sum()) for stream in self.labels) / DAY


def scene(streams: int, seed: int) -> Scene:
    """Draw streams and put an incident into every two and a half days after the lead.

    Parameters
    ----------
    streams, seed : int
    """
    rng = np.random.default_rng([seed + SEED_OFFSET, 8])
    values, labels, kinds = [], [], []
    for _ in range(streams):
        stream = background(rng, SAMPLES)
        drawn, starts, lengths = _disturb(rng, stream)
        values.append(stream)
        kinds.append(drawn)
        labels.append(label(starts - LEAD, starts + lengths - 1 - LEAD, SAMPLES - LEAD, BEFORE, AFTER))
    return Scene(np.array(values), labels, kinds)


def _disturb(rng: Generator, stream: Values) -> tuple[list[str], Rows, Rows]:
    begins = np.arange(LEAD + FIRST, SAMPLES - 2 * FIRST, EVERY)
    starts = begins + rng.integers(0, np.minimum(LATEST, SAMPLES - 2 * FIRST - begins))
    drawn = [str(name) for name in rng.choice(list(KINDS), len(starts))]
    lengths = np.array([rng.integers(KINDS[name].shortest, KINDS[name].longest) for name in drawn])
    usual, least = _spread_of(stream), float(np.quantile(stream, 0.001))
    for start, length, name in zip(starts, lengths, drawn, strict=True):
        size = usual * np.exp(rng.uniform(np.log(3.0), np.log(12.0))) * rng.choice((1.0, 1.0, 1.0, -1.0))
        stretch = slice(start, start + length)
        stream[stretch] = KINDS[name].disturb(rng, stream[stretch], size, least)
    return drawn, starts, lengths


def _spread_of(stream: Values) -> float:
    """Robust spread about an hour's mean."""
    around = np.convolve(stream, np.ones(SMOOTH_SAMPLES) / SMOOTH_SAMPLES, "same")
    usual = 1.4826 * float(np.median(np.abs(stream - around)))
    return usual if usual > 0.0 else 0.3 * float(stream.std()) + 1e-9


@dataclass(frozen=True, slots=True)
class Caught:
    """How one detector fares.

    Parameters
    ----------
    curve : Sweep
        Recall against false alarms per stream and day.
    own_recall, own_ratio : float
        At its own line; false alarms over the budget.
    by_kind : dict of str to float
        Recall at the threshold with one false alarm per stream in three days.
    """

    curve: Sweep
    own_recall: float
    own_ratio: float
    by_kind: dict[str, float]


def catch(detector: Detector, drawn: Scene) -> Caught:
    """Run a detector over a scene and score it.

    Parameters
    ----------
    detector : Detector
    drawn : Scene
    """
    watched = detector.watch(drawn.values, Feed(MINUTE_MS, BUDGET))
    scores = [row[LEAD:] for row in watched.score]
    curve = sweep(scores, drawn.labels, RULES, drawn.days)
    own, false = _found(scores, drawn, 1.0)
    kinds = np.concatenate(drawn.kinds)
    allowed = np.flatnonzero(curve.false_alarms <= KIND_RATE)
    best = curve.threshold[allowed[curve.recall[allowed].argmax()]] if len(allowed) else np.inf
    found, _ = _found(scores, drawn, float(best))
    by_kind = {kind: float(found[kinds == kind].mean()) for kind in KINDS if (kinds == kind).any()}
    return Caught(curve, float(own.mean()), false / (drawn.days * DAY / BUDGET), by_kind)


def _found(scores: list[Values], drawn: Scene, line: float) -> tuple[NDArray[np.bool_], int]:
    verdicts = [
        judge(np.flatnonzero(score >= line), stream, RULES)
        for score, stream in zip(scores, drawn.labels, strict=True)
    ]
    return np.concatenate([v.found for v in verdicts]), sum(v.false_alarms for v in verdicts)


def table(caught: dict[str, Caught], drawn: Scene) -> Table:
    """Detectors down.

    Parameters
    ----------
    caught : dict of str to Caught
    drawn : Scene
    """
    kinds = list(next(iter(caught.values())).by_kind)
    rows = [(name, *_cells(c, kinds)) for name, c in caught.items()]
    return Table(
        "Incidents of seven kinds on drawn streams",
        ("detector", "area", "recall at 0.1", "at 1/3", "at 1", "at 3 false alarms per stream-day",
         "own line", *kinds),
        rows,
        f"{len(drawn.labels)} streams of {(SAMPLES - LEAD) // DAY} days after {LEAD // DAY} days of lead, "
        f"{sum(map(len, drawn.kinds))} incidents of 3-12 robust sigma; one threshold for all streams. Area: "
        "mean recall over 0.1-3 false alarms per stream and day, log scale. Own line: recall @ false alarms "
        "over the budget of one per 30 days. By kind: recall at one false alarm per stream in three days.",
    )  # fmt: skip


def _cells(c: Caught, kinds: list[str]) -> tuple[Cell, ...]:
    rates = (f"{c.curve.recall_at(rate):.2f}" for rate in (0.1, 1 / 3, 1.0, 3.0))
    by_kind = (f"{c.by_kind.get(kind, 0.0):.2f}" for kind in kinds)
    return (f"{c.curve.area():.2f}", *rates, f"{c.own_recall:.2f} @ {c.own_ratio:.2f}", *by_kind)
