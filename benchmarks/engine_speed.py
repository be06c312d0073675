"""Samples per second of the full detector on one core, and the size of a stream's state.

    python benchmarks/engine_speed.py [--seconds 3]

Each row scores batches in which every stream has one new sample, as a scrape brings them, after every stream
has had enough samples for its full reference. Time is the thread's processor time.
"""

from __future__ import annotations

import argparse
import json
import time

import numpy as np

from kullback.core.scores import blank_scores
from kullback.detector.layout import Shape
from kullback.detector.plan import Plan
from kullback.detector.scalar import ScalarDetector

STREAMS = (1, 100, 1_000, 10_000)
WARM_UP_SAMPLES = 2_200
SEED = 1


def warmed(streams: int) -> ScalarDetector:
    """A detector whose streams have their full reference."""
    detector = ScalarDetector(streams, Shape())
    detector.open(np.arange(streams, dtype=np.int32), Plan())
    values = np.random.default_rng(SEED).standard_normal(WARM_UP_SAMPLES)
    timestamp_ms = (1 + np.arange(WARM_UP_SAMPLES, dtype=np.int64)) * 15_000
    scores, rows = blank_scores(timestamp_ms), np.arange(WARM_UP_SAMPLES)
    first = np.zeros(1, np.int32)
    detector.update(np.zeros(WARM_UP_SAMPLES, np.int32), timestamp_ms, values, scores, rows, 0)
    detector.load(
        np.arange(streams, dtype=np.int32),
        {name: np.repeat(array, streams, axis=0) for name, array in detector.save(first).items()},
    )
    return detector


def rate(streams: int, seconds: float) -> dict[str, float]:
    """Median and best samples per second over batches of one sample per stream."""
    detector = warmed(streams)
    rng = np.random.default_rng(SEED)
    values = rng.standard_normal((64, streams))
    slots, rows = rng.permutation(streams).astype(np.int32), np.arange(streams)
    spent: list[float] = []
    stop = time.perf_counter() + seconds
    turn = 0
    while time.perf_counter() < stop or turn < 30:
        at_ms = np.full(streams, (WARM_UP_SAMPLES + 1 + turn) * 15_000, np.int64)
        scores = blank_scores(at_ms)
        started = time.thread_time()
        detector.update(slots, at_ms, values[turn % 64], scores, rows, 0)
        spent.append(time.thread_time() - started)
        turn += 1
    return {
        "streams": streams,
        "batches": turn,
        "median_samples_per_s": streams / float(np.median(spent)),
        "mean_samples_per_s": streams / float(np.mean(spent)),
        "bytes_per_stream": detector.bytes_per_stream,
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=3.0, help="time per row")
    parser.add_argument("--json", help="write the rows to this file")
    options = parser.parse_args()
    rows = []
    print(f"{'streams':>8} {'median M/s':>11} {'mean M/s':>9} {'bytes/stream':>13}")
    for streams in STREAMS:
        row = rate(streams, options.seconds)
        rows.append(row)
        print(
            f"{streams:>8} {row['median_samples_per_s'] / 1e6:>11.2f} {row['mean_samples_per_s'] / 1e6:>9.2f}"
            f" {row['bytes_per_stream']:>13.0f}",
            flush=True,
        )
    if options.json:
        with open(options.json, "w", encoding="utf-8") as file:  # noqa: PTH123
            json.dump(rows, file, indent=2)


if __name__ == "__main__":
    main()
