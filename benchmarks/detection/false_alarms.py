"""(a) Is the alarm budget kept? Realised over nominal false alarms on streams where nothing happens."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.detection.nulls import NULLS, Family
from benchmarks.detection.table import Cell, Section, Table
from benchmarks.detection.watch import Detector
from benchmarks.peers import Feed

BUDGETS = (1_000, 10_000, 100_000)
STREAMS = {1_000: 20, 10_000: 40, 100_000: 120}
PHASES = {"warm-up": (0, 4_096), "learning": (4_096, 12_288), "steady": (12_288, None)}
SAMPLES = 24_576
LOW, HIGH, NEVER = 0.5, 1.2, 1.5
PEER_STREAMS, PEER_BUDGET, PEER_SECONDS = 10, 10_000, 5.0


@dataclass(frozen=True, slots=True)
class Ratio:
    """Realised over nominal false alarms.

    Parameters
    ----------
    value, error : float
        The ratio and its standard error over streams (a noisy stream counts as one), at least Poisson's.
    alarms : int
    """

    value: float
    error: float
    alarms: int

    def show(self) -> str:
        """Such as `1.02 ± 0.11`, marked when the target is missed by more than chance."""
        return f"{self.value:.2f} ± {self.error:.2f}{self.mark()}"

    def mark(self) -> str:
        """Up or down when outside the target by more than two standard errors."""
        if self.value - 2 * self.error > HIGH:
            return " ▲"
        return " ▼" if self.value + 2 * self.error < LOW else ""


def ratio_of(started: NDArray[np.bool_], counted: NDArray[np.bool_], samples_per_alarm: float) -> Ratio:
    """The ratio over some span of some streams.

    Parameters
    ----------
    started : bool array, shape (streams, samples)
        Beginnings of episodes.
    counted : bool array, shape (streams, samples)
        Samples that arrived: what the budget is spent over.
    samples_per_alarm : float
    """
    per_stream = started.sum(axis=1)
    allowed = max(counted.sum() / samples_per_alarm, 1e-12)
    between = per_stream.var(ddof=1) * len(per_stream) if len(per_stream) > 1 else 0.0
    alarms = int(per_stream.sum())
    return Ratio(alarms / allowed, float(np.sqrt(max(between, alarms, 1.0))) / allowed, alarms)


def measure(
    detector: Detector, family: Family, budget: int, streams: int, samples: int, seed: int
) -> dict[str, Ratio]:
    """The ratio in each phase of a stream's life.

    Parameters
    ----------
    detector : Detector
    family : Family
    budget : int
        N, samples per accepted false alarm.
    streams, samples : int
    seed : int
    """
    rng = np.random.default_rng([seed, budget, *family.name.encode()])
    values = family.draw(rng, streams, samples)
    watched = detector.watch(values, Feed(family.interval_ms, budget), counter=family.counter)
    arrived = np.isfinite(values)
    return {
        phase: ratio_of(watched.started[:, begin:end], arrived[:, begin:end], budget)
        for phase, (begin, end) in PHASES.items()
    }


def product_tables(
    measured: dict[tuple[str, int], dict[str, Ratio]], families: Iterable[Family]
) -> list[Table]:
    """One table per phase: families down, budgets across."""
    budgets = sorted({budget for _, budget in measured})
    tables = []
    for phase in reversed(PHASES):
        rows: list[tuple[Cell, ...]] = [
            (family.name, family.note, *(measured[family.name, n][phase].show() for n in budgets))
            for family in families
        ]
        rows.append(("within target", "", *(_share_within(measured, n, phase) for n in budgets)))
        begin, end = PHASES[phase]
        span = f"samples {begin}-{end}" if end else f"from sample {begin} on"
        tables.append(
            Table(
                f"Kullback, {phase} ({span})",
                ("family", "", *(f"N = {n}" for n in budgets)),
                rows,
                "Realised / nominal false alarms ± standard error. ▲ ▼: outside 0.5-1.2 by more than two "
                "standard errors. Constant streams must stay at 0.",
            )
        )
    return tables


def _share_within(measured: dict[tuple[str, int], dict[str, Ratio]], budget: int, phase: str) -> str:
    ratios = [m[phase] for (name, n), m in measured.items() if n == budget and name != "constant"]
    inside = sum(LOW <= r.value <= HIGH for r in ratios)
    above = sum(r.value > NEVER for r in ratios)
    return f"{inside} of {len(ratios)}; {above} above {NEVER}"


def peer_streams(detector: Detector, samples: int, streams: int = PEER_STREAMS) -> int:
    """How many streams a peer gets: the slow ones fewer.

    Parameters
    ----------
    detector : Detector
    samples, streams : int
    """
    affordable = int(PEER_SECONDS / (detector.cost_us * 1e-6 * samples))
    return max(1, min(streams, affordable))


def peer_table(ratios: dict[str, dict[str, Ratio]], streams: dict[str, int], lines: dict[str, str]) -> Table:
    """Detectors down, families across."""
    families = list(next(iter(ratios.values())))
    rows: list[tuple[Cell, ...]] = [
        (name, lines.get(name, "the budget"), streams[name], *(f"{row[f].value:.3g}" for f in families))
        for name, row in ratios.items()
    ]
    return Table(
        f"Everyone, steady, N = {PEER_BUDGET}, at their own line",
        ("detector", "line", "streams", *families),
        rows,
        "Realised / nominal false alarms. An episode lasts until 16 samples have stayed below the line. Slow "
        "detectors saw fewer streams.",
    )


def section(measured: dict[tuple[str, int], dict[str, Ratio]], peers: Table | None) -> Section:
    """The page."""
    tables = product_tables(measured, _families(measured))
    figure = [
        {"family": name, "budget": n, "phase": phase, "ratio": r.value, "error": r.error, "alarms": r.alarms}
        for (name, n), phases in measured.items()
        for phase, r in phases.items()
    ]
    return Section(
        "false_alarms", "Is the alarm budget kept?", tables + ([peers] if peers else []), {"ratios": figure}
    )


def _families(measured: dict[tuple[str, int], dict[str, Ratio]]) -> list[Family]:
    names = {name for name, _ in measured}
    return [family for family in NULLS if family.name in names]
