"""References that follow something: is the budget kept, and are changes found?

`python -m benchmarks.detection.following`: streams that are compared with themselves a day ago and with a
sibling, beside pinned and rolling references, on streams where nothing happens and on changed ones.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.progress import Progress

from benchmarks.detection.false_alarms import Ratio, ratio_of
from benchmarks.detection.nulls import (
    DAY_MS,
    MINUTE_MS,
    Family,
    Values,
    autoregressive,
    normal,
)
from kullback.core.budget import Budget
from kullback.core.profile import Profile
from kullback.core.scores import Episode, blank_scores
from kullback.detector.layout import Shape
from kullback.detector.pinned import pinned_of
from kullback.detector.plan import Plan
from kullback.detector.scalar import ScalarDetector
from kullback.pipeline.following import renewed_after

HOUR_MS = 3_600_000
DAY = DAY_MS // MINUTE_MS
LEAD, WATCHED, BUDGETS = 8 * DAY, 10 * DAY, (1_000, 10_000)
SEED = 20261122
STEP = 16
REFERENCE = Profile().reference.size_samples
MODES = ("ago", "stream", "pinned", "rolling")
WITHIN = 1_024


def nightly(rng: np.random.Generator, streams: int, samples: int) -> Values:
    """Variance of the day four times that of the night, of one phase for all streams."""
    swing = np.sin(2.0 * np.pi * np.arange(samples) / DAY)
    return np.asarray(np.exp(np.log(2.0) * 0.5 * swing) * normal(rng, streams, samples))


def daily(noise: Callable[..., Values]) -> Callable[..., Values]:
    """2 sin(day) on top, of one phase for all streams: siblings share it."""

    def draw(rng: np.random.Generator, streams: int, samples: int) -> Values:
        return 2.0 * np.sin(2.0 * np.pi * np.arange(samples) / DAY) + noise(rng, streams, samples)

    return draw


FAMILIES = (
    Family("normal", normal, "N(0, 1)"),
    Family("AR 0.9", autoregressive(0.9), "unit variance"),
    Family("daily", daily(normal), "2 sin(day) + normal"),
    Family("daily + AR 0.7", daily(autoregressive(0.7)), "2 sin(day) + AR(0.7)"),
    Family("day/night variance", nightly, "variance x4 between night and day"),
)
CHANGES: dict[str, Callable[[Values], Values]] = {
    "mean +1 sigma": lambda values: values + 1.0,
    "spread x2": lambda values: values * 2.0,
}


def run(mode: str, values: Values, siblings: Values, budget: int) -> NDArray[np.bool_]:
    """Beginnings of alarms, shape (streams, samples).

    Parameters
    ----------
    mode : str
        One of MODES.
    values : float64 array, shape (streams, samples)
        A sample a minute.
    siblings : float64 array, shape (streams, DAY + samples)
        Of streams that began a day earlier.
    budget : int
        Samples per accepted alarm.
    """
    streams, samples = values.shape
    detector, slots = ScalarDetector(streams, Shape()), np.arange(streams, dtype=np.int32)
    for slot in slots:
        detector.open(slots[slot : slot + 1], _plan(mode, budget, siblings[slot, : 2 * DAY]))
    started, renewed = np.zeros(values.shape, bool), 0
    for begin in range(0, samples, STEP):
        stop, known = min(begin + STEP, samples), DAY + begin
        if mode == "stream" and known - renewed >= renewed_after(known, REFERENCE):
            renewed = known
            for slot in slots:
                detector.renew(slot, np.sort(siblings[slot, known - REFERENCE : known]))
        at_ms = np.repeat(MINUTE_MS * np.arange(begin + 1, stop + 1), streams)
        scores = blank_scores(at_ms)
        row = np.arange(len(at_ms))
        detector.update(np.tile(slots, stop - begin), at_ms, values[:, begin:stop].T.ravel(), scores, row, 0)
        flags = scores.episode & Episode.STARTED
        started[:, begin:stop] = flags.reshape(stop - begin, streams).T != 0
    return started


def _plan(mode: str, budget: int, before: Values) -> Plan:
    allowed = Budget(1.0, 0, budget)
    if mode == "ago":
        return Plan(budget=allowed, ago_ms=DAY_MS, ago_span_ms=3 * HOUR_MS)
    if mode == "pinned":
        return Plan(budget=allowed, pinned=pinned_of(before))
    return Plan(budget=allowed, follows=mode == "stream")


def null_ratio(mode: str, family: Family, budget: int, streams: int) -> tuple[Ratio, Ratio]:
    """Realised over nominal false alarms: in all, and from `LEAD` on.

    Parameters
    ----------
    mode : str
    family : Family
    budget, streams : int
    """
    rng = np.random.default_rng([SEED, budget, *family.name.encode()])
    values, siblings = (family.draw(rng, streams, more + LEAD + WATCHED) for more in (0, DAY))
    started = run(mode, values, siblings, budget)
    counted = np.ones(started.shape, bool)
    return ratio_of(started, counted, budget), ratio_of(started[:, LEAD:], counted[:, LEAD:], budget)


def found(mode: str, family: Family, change: str, budget: int, streams: int) -> tuple[float, float]:
    """Share of the streams with an alarm within `WITHIN` samples of a change, and the median delay.

    Parameters
    ----------
    mode : str
    family : Family
    change : str
        One of CHANGES.
    budget, streams : int
    """
    rng = np.random.default_rng([SEED, 7, *family.name.encode()])
    values, siblings = (family.draw(rng, streams, more + LEAD + WITHIN) for more in (0, DAY))
    values[:, LEAD:] = CHANGES[change](values[:, LEAD:])
    started = run(mode, values, siblings, budget)[:, LEAD:]
    hit = started.any(axis=1)
    delays = np.where(hit, started.argmax(axis=1) + 1, np.inf)
    return float(hit.mean()), float(np.median(delays))


def main() -> None:
    """Print the table; `--out FILE` writes it as JSON, too."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--streams", type=int, default=60)
    parser.add_argument("--modes", nargs="+", default=MODES, choices=MODES)
    parser.add_argument("--budgets", nargs="+", type=int, default=BUDGETS)
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args()
    rows = []
    with Progress() as progress:
        for mode in progress.track(asked.modes, description="references"):
            for family in progress.track(FAMILIES, description=mode):
                row: dict[str, object] = {"reference": mode, "family": family.name}
                for budget in asked.budgets:
                    whole, steady = null_ratio(mode, family, budget, asked.streams)
                    row |= {f"all 1/{budget}": whole.show(), f"steady 1/{budget}": steady.show()}
                for change in CHANGES:
                    share, delay = found(mode, family, change, 10_000, asked.streams)
                    row[change] = f"{share:.0%}, {delay:.0f}"
                rows.append(row)
                progress.console.print(row)
    if asked.out:
        asked.out.write_text(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
