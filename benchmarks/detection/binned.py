"""How streams of histograms and of categories keep their budget, and how soon they show a change.

    python -m benchmarks.detection.binned [--out docs/benchmarks/binned.md]

Streams without a change give the false-alarm ratio: episodes over those that the budget allows. Then the
change comes, and the median number of samples until the first episode is the delay.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kullback.core.batch import Buckets
from kullback.core.budget import Budget
from kullback.core.scores import Episode, Scores, blank_scores
from kullback.detector.binned.layout import FIRST_UNITS
from kullback.detector.binned.warmup import warmup
from kullback.detector.category import CategoryDetector
from kullback.detector.histogram import HistogramDetector
from kullback.detector.plan import Plan

BOUNDS = np.array([0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, np.inf])
BUDGETS_SAMPLES = (1000, 10_000)
STEP_MS = 60_000
SPREAD = 0.8
DAY_SAMPLES = 1440
normal_cdf = np.vectorize(NormalDist().cdf, otypes=[np.float64])
Draw = Callable[[np.random.Generator, int, int, int], NDArray[Any]]


@dataclass(frozen=True)
class Outcome:
    """What one family of streams gave at one budget."""

    family: str
    budget_samples: int
    ratio: float
    warm_up_ratio: float
    delay: float
    found: float
    episodes: float
    microseconds: float


def steady(mean: float) -> Callable[[int], float]:
    """The same traffic at any time."""
    return lambda _at: mean


def histograms(traffic: Callable[[int], float], wander: float = 0.0, shift: float = 0.5) -> Draw:
    """Intervals of lognormal values in classic buckets; their median moves by `shift` spreads.

    Parameters
    ----------
    traffic : callable
        Mean observations of an interval.
    wander : float
        Steps of an AR(0.9) of the logarithm's mean.
    shift : float
    """

    def draw(rng: np.random.Generator, streams: int, quiet: int, changed: int) -> NDArray[Any]:
        level, counts = np.zeros(streams), np.empty((quiet + changed, streams, len(BOUNDS)))
        for at in range(quiet + changed):
            level = 0.9 * level + wander * rng.standard_normal(streams)
            centre = -2.0 + level + (shift * SPREAD if at >= quiet else 0.0)
            below = normal_cdf((np.log(BOUNDS)[None, :] - centre[:, None]) / SPREAD)
            shares = np.diff(below, axis=1, prepend=0.0)
            counts[at] = rng.multinomial(rng.poisson(traffic(at), streams), shares)
        return counts

    return draw


def categories(*shares: float, new_share: float = 0.05) -> Draw:
    """Codes with fixed shares; then a new one takes `new_share` of the samples."""

    def draw(rng: np.random.Generator, streams: int, quiet: int, changed: int) -> NDArray[Any]:
        codes = 1 + rng.choice(len(shares), (quiet + changed, streams), p=np.array(shares) / sum(shares))
        codes[quiet:][rng.random((changed, streams)) < new_share] = len(shares) + 1
        return codes.astype(np.int32)

    return draw


HISTOGRAMS = {
    "200 observations per interval": histograms(steady(200.0)),
    "10 to 210 observations, daily": histograms(lambda at: 110 + 100 * np.sin(2 * np.pi * at / DAY_SAMPLES)),
    "200 observations, median wanders": histograms(steady(200.0), wander=0.05),
    "5 observations per interval": histograms(steady(5.0)),
}
CATEGORIES = {
    "4 categories": categories(0.62, 0.22, 0.11, 0.05),
    "rare ones (0.8 %, 0.2 %)": categories(0.9, 0.09, 0.008, 0.002),
    "12 alike": categories(*np.ones(12)),
    "2, one rare (3 %)": categories(0.97, 0.03),
}


def score(drawn: NDArray[Any], budget_samples: int) -> tuple[Scores, float]:
    """Feed all streams in one call; scores in the order of time, and seconds.

    Parameters
    ----------
    drawn : array, shape (samples, streams) of codes, or (samples, streams, buckets) of counts
    budget_samples : int
    """
    samples, streams = drawn.shape[:2]
    slots = np.tile(np.arange(streams, dtype=np.int32), samples)
    scores = blank_scores(np.repeat(np.arange(1, samples + 1, dtype=np.int64) * STEP_MS, streams))
    detector = HistogramDetector(streams) if drawn.ndim == 3 else CategoryDetector(streams)
    detector.open(slots[:streams], Plan(budget=Budget(1.0, 0, budget_samples)))
    rows, began = np.arange(len(slots)), time.perf_counter()
    if isinstance(detector, HistogramDetector):
        start = np.arange(len(slots) + 1) * len(BOUNDS)
        buckets = Buckets(start, np.tile(BOUNDS, len(slots)), drawn.reshape(-1))
        detector.update(slots, scores.timestamp_ms, buckets, scores, rows, 0)
    else:
        detector.update(slots, scores.timestamp_ms, drawn.reshape(-1), scores, rows, 0)
    return scores, time.perf_counter() - began


def measure(family: str, drawn: NDArray[Any], quiet: int, budget_samples: int) -> Outcome:
    """Score a family and count its episodes before and after the change."""
    scores, seconds = score(drawn, budget_samples)
    samples, streams = drawn.shape[:2]
    started = ((scores.episode & Episode.STARTED) > 0).reshape(samples, streams)
    early, after = 10 * FIRST_UNITS, started[quiet:]
    found = after.any(axis=0)
    return Outcome(
        family,
        budget_samples,
        float(started[:quiet].sum()) * budget_samples / ((quiet - FIRST_UNITS) * streams),
        float(started[:early].sum()) * budget_samples / ((early - FIRST_UNITS) * streams),
        float(np.median(after.argmax(axis=0)[found])) if found.any() else float("nan"),
        float(found.mean()),
        float(after.sum() / max(found.sum(), 1)),
        1e6 * seconds / (samples * streams),
    )


def outcomes(families: dict[str, Draw], streams: int, quiet: int, changed: int) -> Iterator[Outcome]:
    """All families at all budgets."""
    for number, (family, draw) in enumerate(families.items()):
        drawn = draw(np.random.default_rng(number), streams, quiet, changed)
        for budget_samples in BUDGETS_SAMPLES:
            found = measure(family, drawn, quiet, budget_samples)
            print(found, flush=True)
            yield found


def table(found: list[Outcome]) -> str:
    """Outcomes as a Markdown table."""
    head = "| streams | 1 per | false-alarm ratio | in the first 640 | delay | found | episodes | µs |"
    lines = [head, "|---|---|---|---|---|---|---|---|"]
    lines += [
        f"| {one.family} | {one.budget_samples} | {one.ratio:.2f} | {one.warm_up_ratio:.2f} "
        f"| {one.delay:.0f} | {100 * one.found:.0f} % | {one.episodes:.2f} | {one.microseconds:.1f} |"
        for one in found
    ]
    return "\n".join(lines)


PAGE = """# Histograms and categories

Made by `python -m benchmarks.detection.binned` ({streams} streams of {quiet} samples without a change, then
{changed} with one; seeded).

- *false-alarm ratio*: episodes before the change over those that the budget allows; *in the first 640*: the
  same over the warm-up. Standard error at a ratio of 1: {thousand:.0%} at a budget of 1 per 1000 samples,
  {ten_thousand:.0%} at 1 per 10 000.
- *delay*: median samples from the change to the first episode, where one was *found*. *episodes*: per stream
  in which the change was found; 1 is one alert for one change.
- *µs*: per sample, one thread, whatever else the machine did.

## Histograms: the median moves by half a standard deviation

Lognormal values (σ = {spread}) in 12 classic buckets; one sample is one interval.

{histograms}

## Categories: a new one takes 5 % of the samples

{categories}
"""


def page(streams: int, quiet: int, changed: int) -> str:
    """Measure everything and tell it as Markdown."""
    allowed = [streams * (quiet - FIRST_UNITS) / budget for budget in BUDGETS_SAMPLES]
    return PAGE.format(
        streams=streams,
        quiet=quiet,
        changed=changed,
        spread=SPREAD,
        thousand=allowed[0] ** -0.5,
        ten_thousand=allowed[1] ** -0.5,
        histograms=table(list(outcomes(HISTOGRAMS, streams, quiet, changed))),
        categories=table(list(outcomes(CATEGORIES, streams, quiet, changed))),
    )


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--streams", type=int, default=24)
    parser.add_argument("--quiet-samples", type=int, default=8000)
    parser.add_argument("--changed-samples", type=int, default=500)
    parser.add_argument("--out", type=Path, default=Path("docs/benchmarks/binned.md"))
    chosen = parser.parse_args()
    warmup()
    text = page(chosen.streams, chosen.quiet_samples, chosen.changed_samples)
    chosen.out.parent.mkdir(parents=True, exist_ok=True)
    chosen.out.write_text(text)


if __name__ == "__main__":
    main()
