"""Is a budget of one alarm per million samples kept? Streams of months, group after group.

    python -m benchmarks.detection --only long_budgets [--budget 1000000]

An alarm that is accepted once in a million samples takes many millions to be counted, so a few families stand
for all; a group of streams is drawn, watched and forgotten before the next.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
from numpy.typing import NDArray

from benchmarks.detection.false_alarms import PHASES, Ratio, ratio_of
from benchmarks.detection.nulls import NULLS, Family
from benchmarks.detection.table import Cell, Section, Table
from benchmarks.detection.watch import Detector
from benchmarks.peers import Feed

STEADY = "steady"
STEADY_FROM = PHASES[STEADY][0]
STEADY_SAMPLES = {1_000_000: 49_152, 10_000_000: 131_072}
"""Samples that a stream has after it has learnt, by budget; each is more than its lines remember."""
EXPOSURE = 30
"""Alarms that the budget accepts of each family: their number is known to one in the root of that."""
GROUP_STREAMS = 32
FAMILIES = ("normal", "lognormal", "student t(3)", "AR 0.9", "counts", "daily")

Counted = dict[str, tuple[NDArray[np.int64], NDArray[np.int64]]]
"""Alarms and samples that arrived, of each stream, by phase."""
Measured = dict[tuple[str, int], Counted]


def groups_of(budget: int, share: float) -> int:
    """Groups of streams that a family needs.

    Parameters
    ----------
    budget : int
        N, samples per accepted false alarm.
    share : float
        Of the full exposure.
    """
    per_group = GROUP_STREAMS * STEADY_SAMPLES[budget]
    return int(np.ceil(share * EXPOSURE * budget / per_group))


def count(detector: Detector, family: Family, budget: int, group: int, seed: int) -> Counted:
    """Alarms of one group of streams.

    Parameters
    ----------
    detector : Detector
    family : Family
    budget : int
    group : int
    seed : int
    """
    rng = np.random.default_rng([seed, budget, group, *family.name.encode()])
    values = family.draw(rng, GROUP_STREAMS, STEADY_FROM + STEADY_SAMPLES[budget])
    watched = detector.watch(values, Feed(family.interval_ms, budget), counter=family.counter)
    arrived = np.isfinite(values)
    return {
        phase: (watched.started[:, begin:end].sum(axis=1), arrived[:, begin:end].sum(axis=1))
        for phase, (begin, end) in PHASES.items()
    }


def measure(
    detector: Detector,
    families: Iterable[Family],
    budgets: Iterable[int],
    share: float,
    seed: int,
    told: Callable[[float], None],
) -> Measured:
    """Alarms of every family at every budget.

    Parameters
    ----------
    detector : Detector
    families : iterable of Family
    budgets : iterable of int
        Keys of `STEADY_SAMPLES`.
    share : float
        Of the full exposure.
    seed : int
    told : callable
        Hears after each group how much of the work is done, from 0 to 1.
    """
    jobs = [
        (family, budget, group)
        for budget in budgets
        for family in families
        for group in range(groups_of(budget, share))
    ]
    work = float(sum(STEADY_FROM + STEADY_SAMPLES[budget] for _, budget, _ in jobs))
    done, measured = 0.0, {}
    for family, budget, group in jobs:
        part = count(detector, family, budget, group, seed)
        measured[family.name, budget] = joined(measured.get((family.name, budget)), part)
        done += STEADY_FROM + STEADY_SAMPLES[budget]
        told(done / work)
    return measured


def joined(so_far: Counted | None, part: Counted) -> Counted:
    """The counts of more streams.

    Parameters
    ----------
    so_far : Counted or None
    part : Counted
    """
    if so_far is None:
        return part
    return {
        phase: (np.append(so_far[phase][0], alarms), np.append(so_far[phase][1], arrived))
        for phase, (alarms, arrived) in part.items()
    }


def ratio(counted: Counted, phase: str, budget: int) -> Ratio:
    """Realised over accepted false alarms of one phase.

    Parameters
    ----------
    counted : Counted
    phase : str
    budget : int
    """
    alarms, arrived = counted[phase]
    return ratio_of(alarms[:, None], arrived[:, None], budget)


def section(measured: Measured) -> Section:
    """The page."""
    budgets = sorted({budget for _, budget in measured})
    figure = [
        {"family": name, "budget": n, "phase": phase, "ratio": r.value, "error": r.error, "alarms": r.alarms}
        for (name, n), counted in measured.items()
        for phase in counted
        for r in [ratio(counted, phase, n)]
    ]
    return Section(
        "long_budgets",
        "Is a budget of one alarm per million samples kept?",
        [_table({name: counted for (name, n), counted in measured.items() if n == b}, b) for b in budgets],
        {"ratios": figure},
    )


def _table(measured: dict[str, Counted], budget: int) -> Table:
    notes = {family.name: family.note for family in NULLS}
    rows: list[tuple[Cell, ...]] = [
        (name, notes[name], *(_cell(counted, phase, budget) for phase in reversed(PHASES)))
        for name, counted in measured.items()
    ]
    streams, exposure = _extent(measured, budget)
    return Table(
        f"One alarm per {budget:,} samples".replace(",", " "),
        ("family", "", *(_heading(phase) for phase in reversed(PHASES))),
        rows,
        f"Realised / accepted false alarms ± standard error, and (alarms / accepted). {streams} streams of "
        f"{STEADY_FROM + STEADY_SAMPLES[budget]} samples per family; from sample {STEADY_FROM} on the budget "
        f"accepts {exposure:.1f} alarms of them, so chance alone moves a ratio of 1 by {exposure**-0.5:.2f}. "
        "▲ ▼: outside 0.5-1.2 by more than two standard errors.",
    )


def _extent(measured: dict[str, Counted], budget: int) -> tuple[int, float]:
    _, arrived = next(iter(measured.values()))[STEADY]
    return len(arrived), float(arrived.sum()) / budget


def _heading(phase: str) -> str:
    begin, end = PHASES[phase]
    return f"{phase} ({begin}-{end})" if end else f"{phase} (from {begin} on)"


def _cell(counted: Counted, phase: str, budget: int) -> str:
    found = ratio(counted, phase, budget)
    return f"{found.show()} ({found.alarms} / {counted[phase][1].sum() / budget:.1f})"
