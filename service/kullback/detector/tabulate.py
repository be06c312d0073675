"""Simulate the null distributions that ship with the package: `python -m kullback.detector.tabulate`.

Independent samples of one distribution are scored by the product's own kernels; the quantile axis makes the
choice of distribution irrelevant. Beyond the last well-observed quantile a tail goes on exponentially.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kullback.core.kernel import kernel
from kullback.detector.kernels import take
from kullback.detector.layout import KINDS, Shape, allocate
from kullback.detector.maxima import BLOCK_SAMPLES, EULER
from kullback.detector.plan import Plan
from kullback.detector.ranks import rank_surprise
from kullback.detector.tables import (
    FILE,
    FIXED,
    STATISTIC_KNOTS,
    STATISTIC_STEP,
    Null,
    build_tables,
)
from kullback.detector.windows import ALARM_WINDOW_SAMPLES

SEED = 20_240_501
ALARM_WINDOWS = (4, 16, ALARM_WINDOW_SAMPLES)
"""Windows whose statistics are simulated; those of other lengths lie between."""
SIZES: NDArray[np.int64] = np.array([64, 128, 256, 512, 850, 1024], np.int64)
SIZE_EDGES: NDArray[np.int64] = np.array([0, 96, 192, 384, 768, 1024], np.int64)
LOG_SAMPLES: NDArray[np.float64] = np.log(10.0) * np.arange(2.0, 9.01, 0.5)
COUNT_STEP = 0.05
COUNT_KNOTS = 4000
SETTLED_SAMPLES = 3200
"""Samples after which reference, gap and windows have their full size."""
WARM_UP_SAMPLES = 1600
REFRACTORY_SAMPLES = 64
LINES: NDArray[np.float64] = np.arange(2.0, 24.0, 0.25)
SEEN_OFTEN = 30
STEEPEST = 1.2
"""Most nats per unit of a statistic beyond the observed; a lattice (four samples in bins) has no tail."""


class Trace(NamedTuple):
    """What one simulated stream showed, sample by sample; the counts add up over streams."""

    surprise: NDArray[np.float64]
    size: NDArray[np.int64]
    counts: NDArray[np.int64]


def blank_null() -> Null:
    """A null under which a surprise is the statistic itself and nothing alarms."""
    step = np.arange(STATISTIC_KNOTS, dtype=np.float32) * STATISTIC_STEP
    return Null(
        np.array([4, 1024]),
        np.tile(step, (2, len(KINDS), 1)).astype(np.float32),
        np.array([32, 1024]),
        np.array([0.0, 20.0]),
        np.full((2, 2), 1e9),
        np.array([1e9]),
        np.array([1.0]),
    )


@kernel
def _feed(
    streams: NDArray[Any],
    tables: NDArray[Any],
    values: NDArray[np.float64],
    scratch: NDArray[np.int64],
    trace: Trace,
) -> None:
    stream, table = streams[0], tables[0]
    zones = np.zeros(1, np.int64)
    for index in range(len(values)):
        take(stream, table, 1000 * (index + 1), values[index], 1, zones, zones, scratch)
        trace.surprise[index] = rank_surprise(stream, table)[0] if stream.reference_count > 0 else -1.0
        trace.size[index] = stream.reference_count
        if stream.samples > SETTLED_SAMPLES:
            _count(stream, table, trace.counts)


@kernel
def _count(stream: Any, tables: Any, counts: NDArray[np.int64]) -> None:
    for window in range(len(tables.windows)):
        for kind in range(3):
            statistic = 2.0 * tables.windows[window] * stream.sums[window, kind] / FIXED
            counts[window, kind, min(int(statistic / COUNT_STEP), COUNT_KNOTS - 1)] += 1


def _simulate(
    shape: Shape, null: Null, samples: int, rng: np.random.Generator, counts: NDArray[np.int64]
) -> Trace:
    tables = build_tables(shape, null)
    streams = allocate(1, shape)
    streams["last_raw"][0] = np.nan
    Plan(feedback=1e9, season_ms=-1).write(streams, np.array([0], np.int32), shape)
    trace = Trace(np.zeros(samples), np.zeros(samples, np.int64), counts)
    scratch = np.empty(2 * shape.reference_samples + 2 * shape.queue_samples + 64, np.int64)
    _feed(streams, tables, rng.random(samples), scratch, trace)
    return trace


def nats_of_counts(counts: NDArray[np.int64], window: int) -> NDArray[np.float32]:
    """Surprise at the knots from the counts of a statistic.

    Parameters
    ----------
    counts : int64 array, shape (COUNT_KNOTS,)
    window : int
        Length; neighbouring samples of a long window are nearly one observation.
    """
    above = np.concatenate((np.cumsum(counts[::-1])[::-1], [0])).astype(np.float64)
    edges = np.arange(COUNT_KNOTS + 1) * COUNT_STEP
    enough = SEEN_OFTEN * max(8.0, window / 2)
    last = int(np.searchsorted(-above, -enough, side="right")) - 1
    beyond = above[last + 1 :].sum() * COUNT_STEP / above[last]
    nats = -np.log(np.maximum(above, 0.5) / above[0])
    tail = edges > edges[last]
    nats[tail] = nats[last] + (edges[tail] - edges[last]) * min(1.0 / max(beyond, COUNT_STEP), STEEPEST)
    knots: NDArray[np.float64] = np.interp(np.arange(STATISTIC_KNOTS) * STATISTIC_STEP, edges, nats)
    return knots.astype(np.float32)


@kernel
def _starts(
    trace: Trace,
    first: int,
    edges: NDArray[np.int64],
    lines: NDArray[np.float64],
    starts: NDArray[np.int64],
    samples: NDArray[np.int64],
) -> None:
    """Count episode starts per line and class of reference size, and the samples at risk."""
    quiet_from = np.zeros(len(lines), np.int64)
    for index in range(first, len(trace.surprise)):
        if trace.size[index] == 0:
            continue
        row = np.searchsorted(edges, trace.size[index], side="right") - 1
        for line in range(len(lines)):
            if index < quiet_from[line]:
                continue
            samples[row, line] += 1
            if trace.surprise[index] > lines[line]:
                starts[row, line] += 1
                quiet_from[line] = index + REFRACTORY_SAMPLES


def thresholds_of_starts(starts: NDArray[np.int64], samples: NDArray[np.int64]) -> NDArray[np.float64]:
    """Line that is crossed once per N samples, per class of reference size; log-linear beyond the observed.

    A rarer alarm or a smaller reference never has a lower line, whatever chance said.

    Parameters
    ----------
    starts, samples : int64 arrays, shape (sizes, lines)
    """
    rows = []
    for row in range(len(starts)):
        often = starts[row] >= SEEN_OFTEN
        log_gap = np.log(samples[row][often] / starts[row][often])
        lines = LINES[often]
        rare = log_gap > log_gap[-1] - 4.0
        slope, start = np.polyfit(log_gap[rare], lines[rare], 1)
        inside = np.interp(LOG_SAMPLES, np.maximum.accumulate(log_gap), lines)
        rows.append(np.where(log_gap[-1] < LOG_SAMPLES, start + slope * LOG_SAMPLES, inside))
    rising = np.maximum.accumulate(np.array(rows), axis=1)
    return np.maximum.accumulate(rising[::-1], axis=0)[::-1]


def tabulate(samples: int, streams: int, seed: int = SEED, shape: Shape | None = None) -> Null:
    """Simulate everything in `Null`.

    Parameters
    ----------
    samples : int
        Samples with a full reference, in runs of 2¹⁷.
    streams : int
        Streams followed through their warm-up.
    seed : int
    shape : Shape or None
        The default shape when None.
    """
    shape = shape or Shape()
    rng = np.random.default_rng(seed)
    run = min(samples, 1 << 17)
    short = replace(shape, windows=ALARM_WINDOWS)
    counts = np.zeros((len(ALARM_WINDOWS), len(KINDS), COUNT_KNOTS), np.int64)
    for _ in range(samples // run):
        _simulate(short, blank_null(), run, rng, counts)
    nats = np.stack(
        [
            np.stack([nats_of_counts(counts[w, k], length) for k in range(len(KINDS))])
            for w, length in enumerate(ALARM_WINDOWS)
        ]
    )
    null = blank_null()._replace(windows=np.array(ALARM_WINDOWS, np.int64), nats=nats)
    return _with_thresholds(shape, null, run, samples // run, streams, rng)


def _with_thresholds(
    shape: Shape, null: Null, run: int, runs: int, streams: int, rng: np.random.Generator
) -> Null:
    counts = np.zeros((len(shape.windows), len(KINDS), COUNT_KNOTS), np.int64)
    starts = np.zeros((len(SIZES), len(LINES)), np.int64)
    at_risk = np.zeros_like(starts)
    maxima = []
    for _ in range(runs):
        trace = _simulate(shape, null, run, rng, counts)
        settled = trace.surprise[SETTLED_SAMPLES:]
        _starts(trace, SETTLED_SAMPLES, SIZE_EDGES, LINES, starts, at_risk)
        blocks = len(settled) // BLOCK_SAMPLES
        maxima.append(settled[: blocks * BLOCK_SAMPLES].reshape(blocks, BLOCK_SAMPLES).max(axis=1))
    for _ in range(streams):
        trace = _simulate(shape, null, WARM_UP_SAMPLES, rng, counts)
        _starts(trace, 0, SIZE_EDGES, LINES, starts, at_risk)
    scale = float(np.concatenate(maxima).std() * np.sqrt(6.0) / np.pi)
    location = float(np.concatenate(maxima).mean() - EULER * scale)
    return null._replace(
        sizes=SIZES,
        log_samples=LOG_SAMPLES,
        threshold=thresholds_of_starts(starts, at_risk),
        location=np.array([location]),
        scale=np.array([scale]),
    )


def main(samples: int = 60_000_000, streams: int = 30_000) -> None:
    """Write the file that ships with the package.

    Parameters
    ----------
    samples, streams : int
        As for `tabulate`.
    """
    null = tabulate(samples, streams)
    np.savez_compressed(Path(__file__).with_name(FILE), **null._asdict())


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:]))
