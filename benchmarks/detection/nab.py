"""(c) The Numenta Anomaly Benchmark, scored from its published definition.

Lavin and Ahmad, "Evaluating real-time anomaly detection algorithms", ICMLA 2015, and the scoring notes of
NAB v1.1:

- A row at relative position y in a window (−1 at its first row, just below 0 at its last) is worth sigma(y)
  / sigma(−1) with sigma(y) = 2 / (1 + exp(5 y)) − 1; a window counts its best detected row, or −1 when
  missed.
- A detected row outside windows costs sigma(y), y counted from the end of the last window in units of its
  width, −1 beyond y = 3 or when no window came before.
- The first 15 % of a file (at most 750 rows) are not counted.
- One threshold for all files. Score = 100 (total − nothing) / (everything − nothing).
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import orjson
from numpy.typing import NDArray

from benchmarks.detection.table import Cell, Table
from benchmarks.detection.watch import Detector
from benchmarks.peers import Feed, Values

BUDGET_DAYS = 30
DAY_MS = 86_400_000
PROBATION_SHARE, PROBATION_FULL_ROWS = 0.15, 5_000


@dataclass(frozen=True, slots=True)
class Weights:
    """What an application profile pays.

    Parameters
    ----------
    hit, false, miss : float
        Weights of a window found, a false row, a window missed.
    """

    hit: float
    false: float
    miss: float


PROFILES = {
    "standard": Weights(1.0, 0.11, 1.0),
    "low FP": Weights(1.0, 0.22, 1.0),
    "low FN": Weights(1.0, 0.11, 2.0),
}

PUBLISHED: dict[str, tuple[float, float, float]] = {
    "ARTime": (74.9, 65.1, 80.4),
    "Numenta HTM": (70.5, 62.6, 75.2),
    "CAD OSE": (69.9, 67.0, 73.2),
    "KNN CAD": (58.0, 43.4, 64.8),
    "Relative Entropy (KL, with look-ahead)": (54.6, 47.6, 58.8),
    "Random Cut Forest": (51.7, 38.4, 59.7),
    "Twitter ADVec": (47.1, 33.6, 53.5),
    "Windowed Gaussian": (39.6, 20.9, 47.4),
    "Etsy Skyline": (35.7, 27.1, 44.5),
    "Bayesian Changepoint": (17.7, 3.2, 32.2),
    "EXPoSE": (16.4, 3.2, 26.9),
    "Random": (11.0, 1.2, 19.5),
}
"""NAB's scoreboard (README of github.com/numenta/NAB), each with the threshold best for it."""


@dataclass(frozen=True, slots=True)
class File:
    """One file of the corpus.

    Parameters
    ----------
    name : str
    timestamp_ms : int64 array, shape (rows,)
    values : float64 array, shape (rows,)
    window : int64 array, shape (rows,)
        Number of the labelled window of each row, −1 outside.
    worth : float64 array, shape (rows,)
        Of a detection in this row, before the profile's weights.
    windows : int
    probation : int
        Rows at the start that are not counted.
    """

    name: str
    timestamp_ms: NDArray[np.int64]
    values: Values
    window: NDArray[np.int64]
    worth: Values
    windows: int
    probation: int

    @property
    def interval_ms(self) -> int:
        return int(np.median(np.diff(self.timestamp_ms)))


def load(root: Path) -> list[File]:
    """Read the corpus: `data/` and `labels/combined_windows.json`.

    Parameters
    ----------
    root : Path
    """
    labels = orjson.loads((root / "labels" / "combined_windows.json").read_bytes())
    return [_file(root / "data" / name, name, windows) for name, windows in sorted(labels.items())]


def _file(path: Path, name: str, windows: list[list[str]]) -> File:
    with path.open(newline="") as lines:
        rows = list(csv.reader(lines))[1:]
    timestamp_ms = _milliseconds([row[0] for row in rows])
    spans = [[int(np.argmax(timestamp_ms == t)) for t in _milliseconds(window)] for window in windows]
    window, worth = row_worth(len(rows), spans)
    probation = int(
        np.ceil(min(np.floor(PROBATION_SHARE * len(rows)), PROBATION_SHARE * PROBATION_FULL_ROWS))
    )
    values = np.array([float(row[1]) for row in rows])
    return File(name, timestamp_ms, values, window, worth, len(windows), probation)


def _milliseconds(texts: list[str]) -> NDArray[np.int64]:
    return np.array([text.replace(" ", "T") for text in texts], dtype="datetime64[ms]").astype(np.int64)


def sigma(position: Values) -> Values:
    """NAB's scaled sigmoid, −1 beyond 3 window widths.

    Parameters
    ----------
    position : float64 array
    """
    return np.where(position > 3.0, -1.0, 2.0 / (1.0 + np.exp(5.0 * np.minimum(position, 3.0))) - 1.0)


def row_worth(rows: int, spans: list[list[int]]) -> tuple[NDArray[np.int64], Values]:
    """Window number and worth of each row.

    Parameters
    ----------
    rows : int
    spans : list of [first row, last row]
    """
    window, worth = np.full(rows, -1, np.int64), np.full(rows, -1.0)
    for number, (first, last) in enumerate(spans):
        width = last - first + 1
        inside, after = np.arange(first, last + 1), np.arange(last + 1, rows)
        window[inside] = number
        worth[inside] = sigma(-(last - inside + 1) / width) / sigma(np.array(-1.0))
        worth[after] = sigma((after - last) / (width - 1.0))
    return window, worth


@dataclass(frozen=True, slots=True)
class Curve:
    """Score of a set of files at every threshold.

    Parameters
    ----------
    threshold, score : float64 arrays
        Falling thresholds.
    """

    threshold: Values
    score: Values

    def best(self) -> tuple[float, float]:
        """(score, threshold) at the best threshold."""
        k = int(np.argmax(self.score))
        return float(self.score[k]), float(self.threshold[k])

    def at(self, threshold: float) -> float:
        """The score at a given threshold."""
        return float(self.score[np.flatnonzero(self.threshold >= threshold)[-1]])


def curve(files: list[File], scores: dict[str, Values], weights: Weights) -> Curve:
    """Lower the threshold row by row and add up what changes.

    Parameters
    ----------
    files : list of File
    scores : dict
        File name -> score of each row.
    weights : Weights
    """
    parts = [_gains(file, scores[file.name], weights) for file in files]
    score = np.concatenate([part[0] for part in parts])
    gain = np.concatenate([part[1] for part in parts])
    order = np.argsort(-score, kind="stable")
    score, total = score[order], np.cumsum(gain[order])
    last = np.flatnonzero(np.r_[score[1:] != score[:-1], True])
    windows = sum(file.windows for file in files)
    span = (weights.hit + weights.miss) * windows
    return Curve(np.r_[np.inf, score[last]], 100.0 * np.r_[0.0, total[last]] / span)


def _gains(file: File, score: Values, weights: Weights) -> tuple[Values, Values]:
    """Each counted row's score, and what detecting it adds once all rows with higher scores are detected."""
    rows = np.arange(file.probation, len(score))
    gain = np.where(file.window[rows] < 0, weights.false * file.worth[rows], 0.0)
    for number in range(file.windows):
        inside = np.flatnonzero(file.window[rows] == number)
        if not len(inside):
            continue
        inside = inside[np.argsort(-score[rows][inside], kind="stable")]
        best = np.maximum.accumulate(weights.hit * file.worth[rows][inside])
        gain[inside] = np.diff(best, prepend=-weights.miss)
    return score[rows], gain


def watch(detector: Detector, files: list[File]) -> dict[str, Values]:
    """Scores of every file, each started afresh, with the default budget.

    Parameters
    ----------
    detector : Detector
    files : list of File
    """
    scores = {}
    for file in files:
        feed = Feed(file.interval_ms, max(256.0, BUDGET_DAYS * DAY_MS / file.interval_ms))
        watched = detector.watch(file.values[None], feed, timestamp_ms=file.timestamp_ms)
        scores[file.name] = watched.score[0]
    return scores


@dataclass(frozen=True, slots=True)
class Points:
    """A detector's NAB points in the three profiles.

    Parameters
    ----------
    best : dict
        Profile -> (score, threshold) at the best single threshold.
    own_line : dict
        Profile -> score at 1.0.
    held_out : float
        Standard profile, threshold chosen on one half of the files and scored on the other, both ways,
        averaged over windows.
    """

    best: dict[str, tuple[float, float]]
    own_line: dict[str, float]
    held_out: float


def points(files: list[File], scores: dict[str, Values], seed: int) -> Points:
    """Score a detector on the corpus.

    Parameters
    ----------
    files : list of File
    scores : dict
    seed : int
        Draws the halves.
    """
    curves = {name: curve(files, scores, weights) for name, weights in PROFILES.items()}
    return Points(
        {name: c.best() for name, c in curves.items()},
        {name: c.at(1.0) for name, c in curves.items()},
        held_out(files, scores, PROFILES["standard"], seed),
    )


def held_out(
    files: list[File], scores: dict[str, Values], weights: Weights, seed: int, draws: int = 20
) -> float:
    """Mean over random halvings: the threshold best on one half, scored on the other.

    Parameters
    ----------
    files : list of File
    scores : dict
    weights : Weights
    seed, draws : int
    """
    rng = np.random.default_rng(seed)
    total, windows = 0.0, 0
    for _ in range(draws):
        order = rng.permutation(len(files))
        for chosen, other in ((order[::2], order[1::2]), (order[1::2], order[::2])):
            _, threshold = curve([files[k] for k in chosen], scores, weights).best()
            part = [files[k] for k in other]
            count = sum(file.windows for file in part)
            total += count * curve(part, scores, weights).at(threshold)
            windows += count
    return total / windows


def table(scored: dict[str, Points]) -> Table:
    """Measured detectors, then the published scores."""
    rows: list[tuple[Cell, ...]] = [
        (
            name, *(p.best[profile][0] for profile in PROFILES), p.best["standard"][1],
            p.own_line["standard"], p.held_out, "this run",
        )
        for name, p in scored.items()
    ]  # fmt: skip
    rows += [(name, *values, None, None, None, "published") for name, values in PUBLISHED.items()]
    return Table(
        "NAB",
        ("detector", *PROFILES, "threshold (standard)", "standard at its own line 1.0",
         "standard, threshold from the other half", "source"),
        rows,
        f"58 files, defaults, one threshold for all. Budget 1 per {BUDGET_DAYS} days. "
        "Targets 76 / 70 / 81, held out 72.",
    )  # fmt: skip
