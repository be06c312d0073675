"""What the examples share: where the service is, and a picture of streams with their alarms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np

mpl.use("Agg")
import matplotlib.pyplot as plt  # the backend must be chosen first

ALARM_COLOUR = "#d62728"
EVENT_COLOUR = "#888888"
LINEAR_UP_TO = 10.0


@dataclass(slots=True)
class Track:
    """One stream as an example saw it: its values, its scores, and what was known to happen.

    Parameters
    ----------
    name : str
    unit : str
    values, scores : list of float
        Scores are None while the stream warms up.
    events : dict of int to str
        What was done to the data, by step; drawn, never told to Kullback.
    """

    name: str
    unit: str
    values: list[float] = field(default_factory=list)
    scores: list[float | None] = field(default_factory=list)
    events: dict[int, str] = field(default_factory=dict)

    def note(self, value: float, score: float | None) -> None:
        """Add one step."""
        self.values.append(value)
        self.scores.append(score)

    def first_alarm(self, after: int = 0) -> int | None:
        """The first step from `after` on with a score above 1."""
        steps = range(after, len(self.scores))
        return next((step for step in steps if (self.scores[step] or 0.0) > 1.0), None)


def score_of(receipt: Mapping[str, Any], position: int = 0) -> float | None:
    """The largest score a receipt reports for one of its streams."""
    score: float | None = receipt["scores"][position]["max_score"]
    return score


def draw(tracks: Sequence[Track], title: str, step_name: str, path: Path) -> None:
    """A row per stream: values above, score against the alarm line below."""
    figure, axes = plt.subplots(
        2, len(tracks), figsize=(5.2 * len(tracks), 5), sharex="col", squeeze=False, layout="constrained"
    )
    for column, track in enumerate(tracks):
        _draw_values(axes[0][column], track)
        _draw_scores(axes[1][column], track, step_name)
    figure.suptitle(title)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)
    plt.close(figure)


def _draw_values(axis: Any, track: Track) -> None:
    axis.plot(track.values, ".", markersize=2, color="#1f77b4")
    axis.set_title(track.name)
    axis.set_ylabel(track.unit)
    _mark_events(axis, track)
    for step, what in track.events.items():
        axis.annotate(
            what, (step, 1), (4, -4), xycoords=("data", "axes fraction"), textcoords="offset points",
            rotation=90, va="top", ha="left", fontsize=7,
            bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 1},
        )  # fmt: skip


def _draw_scores(axis: Any, track: Track, step_name: str) -> None:
    scores = [float("nan") if score is None else score for score in track.scores]
    axis.plot(scores, color="#444444", linewidth=0.8, label="score")
    axis.axhline(1.0, color=ALARM_COLOUR, linewidth=1, linestyle="--", label="alarm line")
    if (first := track.first_alarm()) is not None:
        axis.plot(first, scores[first], "v", color=ALARM_COLOUR, label=f"first alarm, {step_name} {first}")
    highest = np.nanmax([*scores, 1.0])
    if highest > LINEAR_UP_TO:
        axis.set_yscale("symlog", linthresh=1.0)
    axis.set_ylim(0, 1.6 * highest)  # room for the legend
    axis.set_xlabel(step_name)
    axis.set_ylabel("score")
    axis.legend(loc="upper left", fontsize="small", ncols=3)
    _mark_events(axis, track)


def _mark_events(axis: Any, track: Track) -> None:
    for step in track.events:
        axis.axvline(step, color=EVENT_COLOUR, linewidth=1)
