"""The figures as SVG."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib import pyplot as plt

from benchmarks.detection.table import Section

mpl.use("Agg")
mpl.rcParams.update(
    {"svg.hashsalt": "kullback", "font.size": 8, "axes.spines.top": False, "axes.spines.right": False}
)

TARGET_COLOUR, OURS, OTHERS, DUMMY = "#d9ead3", "#0b5394", "#999999", "#cc0000"


def draw(section: Section, folder: Path) -> None:
    """Write every figure of a section.

    Parameters
    ----------
    section : Section
    folder : Path
    """
    for name, facts in section.figures.items():
        figure = FIGURES[name](facts)
        figure.savefig(folder / f"{section.name}-{name}.svg", metadata={"Date": None}, bbox_inches="tight")
        plt.close(figure)


def ratios(facts: list[dict[str, Any]]) -> Any:
    """Realised over nominal false alarms: one row per family, one mark per budget."""
    steady = [fact for fact in facts if fact["phase"] == "steady"]
    families = list(dict.fromkeys(fact["family"] for fact in steady))
    budgets = sorted({fact["budget"] for fact in steady})
    figure, axes = plt.subplots(figsize=(7, 0.22 * len(families) + 1))
    axes.axvspan(0.5, 1.2, color=TARGET_COLOUR)
    for k, budget in enumerate(budgets):
        chosen = [fact for fact in steady if fact["budget"] == budget]
        heights = [families.index(fact["family"]) + 0.22 * (k - 1) for fact in chosen]
        ratio, error = [fact["ratio"] for fact in chosen], [fact["error"] for fact in chosen]
        axes.errorbar(ratio, heights, xerr=error, fmt="o", ms=3, lw=0.8, label=f"N = {budget}")
    axes.set_yticks(range(len(families)), families)
    axes.invert_yaxis()
    axes.set_xlim(0, 3)
    axes.set_xlabel("false alarms, realised / budget (green: target)")
    axes.legend(frameon=False)
    return figure


def delays(facts: list[dict[str, Any]]) -> Any:
    """Median delays, everyone, on a log scale; missed ones at the right edge."""
    changes = list(dict.fromkeys(fact["change"] for fact in facts))
    figure, axes = plt.subplots(figsize=(7, 0.28 * len(changes) + 1))
    for fact in facts:
        ours = fact["detector"] == "Kullback"
        height = changes.index(fact["change"])
        axes.plot(
            min(fact["median"], 3000.0), height, "D" if ours else "|", color=OURS if ours else OTHERS,
            ms=6 if ours else 9, zorder=3 if ours else 2,
        )  # fmt: skip
    axes.set_yticks(range(len(changes)), changes)
    axes.invert_yaxis()
    axes.set_xscale("log")
    axes.set_xlabel("median delay, samples (blue: Kullback; right edge: missed)")
    return figure


def curves(facts: list[dict[str, Any]]) -> Any:
    """Recall against false alarms."""
    figure, axes = plt.subplots(figsize=(6, 4))
    for fact in facts:
        ours = fact["detector"] == "Kullback"
        colour = OURS if ours else DUMMY if fact["detector"].startswith("dummy") else None
        axes.step(
            fact["rate"], fact["recall"], where="post", color=colour, lw=2.2 if ours else 0.9,
            ls="--" if fact["detector"].startswith("dummy") else "-", label=fact["detector"],
        )  # fmt: skip
    axes.set_xscale("log")
    axes.set_xlim(0.05, 5)
    axes.set_ylim(0, 1.02)
    axes.set_xlabel("false alarms per server and day")
    axes.set_ylabel("incidents found")
    axes.legend(frameon=False, fontsize=7, loc="upper left", bbox_to_anchor=(1, 1))
    return figure


def recalls(facts: list[dict[str, Any]]) -> Any:
    """Recall of bursts at the matched false-alarm rate."""
    backgrounds = list(dict.fromkeys(fact["background"] for fact in facts))
    figure, axes = plt.subplots(figsize=(6, 0.35 * len(backgrounds) + 1))
    for fact in facts:
        ours = fact["detector"] == "Kullback"
        axes.plot(
            fact["recall"], backgrounds.index(fact["background"]), "D" if ours else "|",
            color=OURS if ours else OTHERS, ms=6 if ours else 9, zorder=3 if ours else 2,
        )  # fmt: skip
    axes.axvline(0.9, color="#6aa84f", lw=0.8)
    axes.set_yticks(range(len(backgrounds)), backgrounds)
    axes.invert_yaxis()
    axes.set_xlim(0, 1.02)
    axes.set_xlabel("bursts found at 1 false alarm per 10 000 samples (blue: Kullback)")
    return figure


FIGURES = {"ratios": ratios, "delays": delays, "curves": curves, "recalls": recalls}
