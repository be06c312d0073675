"""(d) Short bursts: 3-20 samples, 3-8 robust sigma, on backgrounds that have habits of their own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from benchmarks.detection import nulls
from benchmarks.detection.incidents import Labels, Rules, Sweep, judge, label, sweep
from benchmarks.detection.table import Cell, Table
from benchmarks.detection.watch import Detector, Watched
from benchmarks.peers import Feed, Values

BACKGROUNDS: dict[str, Callable[[Generator, int, int], Values]] = {
    "AR(0.9)": nulls.autoregressive(0.9),
    "Student t(3)": nulls.student,
    "lognormal": nulls.lognormal,
    "daily": nulls.daily,
    "bursty": nulls.bursty,
}
STREAMS, LEAD, SAMPLES = 60, 8_192, 24_576
SPACING = 4_096
BUDGET = 10_000
RULES = Rules(merge=60, lead=3, day=1_440)
TOLERANCE = 10


@dataclass(frozen=True, slots=True)
class Scene:
    """Streams with bursts put in.

    Parameters
    ----------
    values : float64 array, shape (streams, samples)
    labels : list of Labels
        One per stream, counted from `LEAD`.
    """

    values: Values
    labels: list[Labels]


def scene(background: str, streams: int, seed: int) -> Scene:
    """Draw a background and put a burst into every stretch of `SPACING` samples after the lead.

    Parameters
    ----------
    background : str
        A key of `BACKGROUNDS`.
    streams : int
    seed : int
    """
    rng = np.random.default_rng([seed, 3, *background.encode()])
    values = BACKGROUNDS[background](rng, streams, SAMPLES)
    labels = [_disturb(rng, stream) for stream in values]
    return Scene(values, labels)


def _disturb(rng: Generator, stream: Values) -> Labels:
    sigma = 1.4826 * np.median(np.abs(stream - np.median(stream)))
    stretches = np.arange(LEAD, SAMPLES, SPACING)
    start = stretches + rng.integers(64, SPACING - 128, len(stretches))
    length = rng.integers(3, 21, len(stretches))
    height = rng.uniform(3.0, 8.0, len(stretches)) * rng.choice((-1.0, 1.0), len(stretches)) * sigma
    for begin, count, rise in zip(start, length, height, strict=True):
        stream[begin : begin + count] += rise
    return label(start - LEAD, start - LEAD + length - 1, SAMPLES - LEAD, 0, TOLERANCE)


@dataclass(frozen=True, slots=True)
class Caught:
    """How one detector fares on one background.

    Parameters
    ----------
    curve : Sweep
        Recall against false alarms per 10 000 clean samples.
    own_recall, own_false : float
        At its own line.
    delay : float
        Median delay at its own line, samples after the burst's first.
    """

    curve: Sweep
    own_recall: float
    own_false: float
    delay: float


def catch(detector: Detector, drawn: Scene) -> Caught:
    """Run a detector over a scene and score it.

    Parameters
    ----------
    detector : Detector
    drawn : Scene
    """
    watched = detector.watch(drawn.values, Feed(nulls.MINUTE_MS, BUDGET))
    exposure = sum(int(stream.clean().sum()) for stream in drawn.labels) / BUDGET
    curve = sweep([row[LEAD:] for row in watched.score], drawn.labels, RULES, exposure)
    return Caught(curve, *_own_line(watched, drawn, exposure))


def _own_line(watched: Watched, drawn: Scene, exposure: float) -> tuple[float, float, float]:
    false, found, delays = 0, 0, []
    for alarmed, stream in zip(_alarmed(watched), drawn.labels, strict=True):
        verdict = judge(np.flatnonzero(alarmed), stream, RULES)
        false += verdict.false_alarms
        found += int(verdict.found.sum())
        delays += list((verdict.first - stream.start)[verdict.found])
    incidents = sum(len(stream.start) for stream in drawn.labels)
    return found / incidents, false / exposure, float(np.median(delays)) if delays else float("nan")


def _alarmed(watched: Watched) -> NDArray[np.bool_]:
    return watched.anomalous[:, LEAD:]


def table(caught: dict[str, dict[str, Caught]]) -> Table:
    """Detectors down, backgrounds across."""
    backgrounds = list(next(iter(caught.values())))
    rows: list[tuple[Cell, ...]] = []
    for name, row in caught.items():
        cells = [f"{row[b].curve.recall_at(1.0):.2f}" for b in backgrounds]
        own = [f"{row[b].own_recall:.2f} @ {row[b].own_false:.2f}" for b in backgrounds]
        rows.append((name, *cells, *own))
    return Table(
        "Bursts of 3-20 samples at 3-8 robust sigma",
        ("detector", *backgrounds, *(f"{b}, own line" for b in backgrounds)),
        rows,
        f"Recall at 1 false alarm per {BUDGET} samples (target 0.9, and above each peer); own line: recall @ "
        f"false alarms per {BUDGET} samples.",
    )
