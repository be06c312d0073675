"""(b) How soon is a change found, at the same false-alarm rate for everyone?

The threshold of each detector is set on null streams of the change's own background so that the mean run to
its first alarm is 10 000 samples (exponential maximum likelihood with censoring), then used on changed
streams.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.detection.changes import Change
from benchmarks.detection.table import Cell, Table
from benchmarks.detection.watch import Detector
from benchmarks.peers import Feed, Values

RUN_LENGTH = 10_000
STREAMS = 100
LEAD, NULL_AFTER = 12_288, 10_000
PEER_LEAD, SLOW_LEAD, SLOW_US = 4_096, 1_024, 10.0
CALM_BEFORE = 256


@dataclass(frozen=True, slots=True)
class Delay:
    """How one detector fares on one change.

    Parameters
    ----------
    median, late : float
        Median and 90 % quantile of the delay in samples (1 = on the first changed sample); inf: missed.
    found : float
        Share of streams on which it was found within the change's limit.
    own : float
        Median delay at the detector's own line.
    own_found : float
    streams : int
    """

    median: float
    late: float
    found: float
    own: float
    own_found: float
    streams: int


def matched_threshold(score: Values, run_length: float) -> float:
    """The lowest threshold whose mean run to the first alarm is at least `run_length` samples.

    Parameters
    ----------
    score : float64 array, shape (streams, samples)
    run_length : float
    """
    highest = np.maximum.accumulate(score, axis=1)
    candidates = np.unique(highest)
    low, high = 0, len(candidates) - 1
    while low < high:
        middle = (low + high) // 2
        if _run_length(highest, candidates[middle]) < run_length:
            low = middle + 1
        else:
            high = middle
    return float(candidates[low])


def _run_length(highest: Values, threshold: float) -> float:
    over = highest > threshold
    alarmed = over[:, -1]
    first = np.where(alarmed, over.argmax(axis=1) + 1, over.shape[1])
    return float(first.sum() / max(alarmed.sum(), 0.5))


def delays_of(over: NDArray[np.bool_], at: int, within: int) -> Values:
    """Samples from the change to the first alarm; inf when missed; streams already in alarm are left out.

    Parameters
    ----------
    over : bool array, shape (streams, samples)
    at : int
        The first changed sample.
    within : int
        Later alarms do not count.
    """
    calm = ~over[:, max(0, at - CALM_BEFORE) : at].any(axis=1)
    after = over[calm, at : at + within]
    return np.where(after.any(axis=1), after.argmax(axis=1) + 1.0, np.inf)


def lead_of(detector: Detector, peer: bool) -> int:
    """How much history a detector is given before the change.

    Parameters
    ----------
    detector : Detector
    peer : bool
        Peers learn in fewer samples than a full block history takes.
    """
    if not peer:
        return LEAD
    return SLOW_LEAD if detector.cost_us >= SLOW_US else PEER_LEAD


def null_scores(detector: Detector, change: Change, streams: int, lead: int, seed: int) -> Values:
    """Scores on undisturbed streams of the change's background, after the lead."""
    rng = np.random.default_rng([seed, 1, *change.background.encode()])
    values = change.base(rng, streams, lead + NULL_AFTER)
    return detector.watch(values, Feed(change.interval_ms, RUN_LENGTH)).score[:, lead:]


def changed_scores(detector: Detector, change: Change, streams: int, lead: int, seed: int) -> Values:
    """Scores on streams that change at sample `lead`."""
    rng = np.random.default_rng([seed, 2, *change.name.encode()])
    values = change.base(rng, streams, lead + change.within)
    values[:, lead:] = change.apply(rng, values[:, lead:].copy(), values[:, :lead])
    return detector.watch(values, Feed(change.interval_ms, RUN_LENGTH)).score


def delay(score: Values, threshold: float, lead: int, within: int) -> Delay:
    """Summarise the delays of one detector on one change."""
    matched = delays_of(score > threshold, lead, within)
    own = delays_of(score >= 1.0, lead, within)
    return Delay(
        _quantile(matched, 0.5), _quantile(matched, 0.9), _share(matched), _quantile(own, 0.5), _share(own),
        len(score),
    )  # fmt: skip


def _quantile(delays: Values, q: float) -> float:
    return float(np.quantile(delays, q, method="higher")) if len(delays) else float("nan")


def _share(delays: Values) -> float:
    return float(np.isfinite(delays).mean()) if len(delays) else float("nan")


def product_table(
    results: dict[str, Delay], thresholds: dict[str, float], changes: Iterable[Change]
) -> Table:
    """Kullback alone, against the targets."""
    rows: list[tuple[Cell, ...]] = []
    for change in changes:
        got = results[change.name]
        verdict = "" if change.target is None else "met" if got.median <= change.target else "missed"
        rows.append(
            (
                change.name, change.target, change.peer, _samples(got.median), _samples(got.late),
                f"{100 * got.found:.0f} %", verdict, _samples(got.own), f"{100 * got.own_found:.0f} %",
                thresholds[change.background],
            )
        )  # fmt: skip
    return Table(
        "Kullback",
        ("change", "target", "best peer before", "median delay", "90 % delay", "found", "target",
         "median at its own line", "found at its own line", "matched threshold"),
        rows,
        f"Samples; matched mean run between false alarms: {RUN_LENGTH} samples. The own line is a score of "
        f"1.0 at a budget of 1 per {RUN_LENGTH} samples. Chance alone 'finds' 18 % within 2048 samples.",
    )  # fmt: skip


def everyone_table(results: dict[str, dict[str, Delay]], changes: Iterable[Change]) -> Table:
    """Detectors down, changes across: median delay and share found."""
    listed = list(changes)
    rows: list[tuple[Cell, ...]] = [
        (name, max(r.streams for r in row.values()), *(_brief(row[c.name]) for c in listed))
        for name, row in results.items()
    ]
    return Table(
        "Everyone at the matched false-alarm rate",
        ("detector", "streams", *(c.name for c in listed)),
        rows,
        "Median delay in samples (share found when below 95 %); – = not found in half of the streams. "
        "Slow detectors saw fewer streams.",
    )


def _samples(delay_samples: float) -> str:
    return f"{delay_samples:.0f}" if np.isfinite(delay_samples) else "–"


def _brief(result: Delay) -> str:
    share = f" ({100 * result.found:.0f} %)" if result.found < 0.95 else ""
    return _samples(result.median) + share
