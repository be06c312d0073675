"""Why a stream is anomalous, or why it is not: gates, parts, one sentence."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from kullback.detector.bank import ALTERNATIVES
from kullback.detector.layout import KINDS, Shape
from kullback.detector.plan import nearest
from kullback.detector.ranks import BANK_LEADERS
from kullback.detector.views import WindowView

LEVEL_OF_MEDIAN, LEVEL_OF_P99 = 3, 6
UNCHANGED_SHARE_OF_SPREAD = 0.1
NEIGHBOUR_SHARE = 0.25
SECONDS = ("s", "seconds")
HELD_SCORE = 0.995
"""A gate that is not passed holds a score this close to the line."""
CHANGES = frozenset(alternative.name for alternative in ALTERNATIVES)
"""Leaders that say what happened."""


@dataclass(frozen=True, slots=True)
class Gate:
    """One condition that an anomaly must pass.

    Parameters
    ----------
    name : str
    value, limit : float
        NaN when it cannot be told yet.
    passed : bool
    """

    name: str
    value: float
    limit: float
    passed: bool


def effect_gates(move: float, smallest: float) -> tuple[Gate, ...]:
    """The gate of a minimum effect, where there is one.

    Parameters
    ----------
    move, smallest : float
        How far the stream moved, and the least that counts; NaN when there is no such gate.
    """
    return (Gate("minimum effect", move, smallest, move >= smallest),) if np.isfinite(smallest) else ()


@dataclass(frozen=True, slots=True)
class Move:
    """The range of values that contributes most to the divergence.

    Parameters
    ----------
    lower, upper : float
        In the metric's unit; ±inf at an open end.
    reference_share, current_share : float
        Shares of samples in that range.
    divergence_share : float
        Its part of all that adds to the divergence.
    name : str
        Of the category that the range is; empty for ranges of values.
    """

    lower: float
    upper: float
    reference_share: float
    current_share: float
    divergence_share: float
    name: str = ""


@dataclass(frozen=True, slots=True)
class Explanation:
    """Everything that decided about the last sample.

    Parameters
    ----------
    anomalous : bool
    score : float
        NaN before the first score.
    leader : str
        What leads, e.g. `ordered, 16 samples`, `value`, or the kind of change: `spread grew`.
    onset_ms : int
        When the leading evidence begins.
    gates : tuple of Gate
    view : WindowView
        Of the leading window.
    move : Move or None
        None without samples.
    median_change, p99_change : float
        Current − reference, in the metric's unit.
    """

    anomalous: bool
    score: float
    leader: str
    onset_ms: int
    gates: tuple[Gate, ...]
    view: WindowView
    move: Move | None
    median_change: float
    p99_change: float

    def named(self, names: tuple[str, ...]) -> Explanation:
        """The same of a stream of categories, which are told by their names.

        Parameters
        ----------
        names : tuple of str
            Of the view's bins.
        """
        view = replace(self.view, names=names)
        return replace(self, view=view, move=largest_move(view))

    def sentence(self, unit: str = "") -> str:
        """One sentence a person can read.

        Parameters
        ----------
        unit : str
            Unit of the values, e.g. `s`; shown behind numbers.
        """
        if self.move is None or not np.isfinite(self.score):
            return f"No score yet: {self._progress()}."
        if not self.anomalous:
            return f"{self._verdict()}; {self._where(unit)}"
        return f"{self.leader}: {self._where(unit)}" if self.leader in CHANGES else self._where(unit)

    def _progress(self) -> str:
        ready = self.gates[0]
        return f"{ready.value:.0f} of the first {ready.limit:.0f} samples are here"

    def _verdict(self) -> str:
        if self.score > 1.0:
            return f"Not anomalous: the score is {self.score:.2f}, but no new episode began"
        if self.score < HELD_SCORE:
            return f"Not anomalous: the score is {self.score:.2f}, below the alarm line at 1"
        held = [gate.name for gate in self.gates if not gate.passed and gate.name != "score"]
        why = f", held there by the {held[0]}" if held else ""
        return f"Not anomalous: the score is just below the alarm line at 1{why}"

    def _where(self, unit: str) -> str:
        assert self.move is not None
        move = self.move
        span = f"category {move.name}" if move.name else range_text(move.lower, move.upper, unit)
        shares = f"{percent(move.reference_share)} to {percent(move.current_share)} of samples"
        changes = (
            f"median {self._change(self.median_change, unit)}, p99 {self._change(self.p99_change, unit)}"
        )
        part = f"{percent(move.divergence_share)} of the divergence comes from {span} going from {shares}"
        return part if move.name else f"{part}; {changes}"

    def _change(self, change: float, unit: str) -> str:
        quantiles = self.view.reference_quantiles
        spread = quantiles[4] - quantiles[2]
        if not np.isfinite(change) or abs(change) <= UNCHANGED_SHARE_OF_SPREAD * spread:
            return "unchanged"
        return f"{'+' if change > 0 else '−'}{quantity(abs(change), unit)}"


def percent(share: float) -> str:
    """A share as `19 %`; small ones keep a digit.

    Parameters
    ----------
    share : float
    """
    return f"{100 * share:.0f} %" if share >= 0.01 or share == 0 else f"{100 * share:.1f} %"


def quantity(value: float, unit: str) -> str:
    """A number of the metric's unit with three digits; seconds below one as milliseconds.

    Parameters
    ----------
    value : float
    unit : str
    """
    if unit in SECONDS:
        return f"{1000 * value:.3g} ms" if abs(value) < 1 else f"{value:.3g} s"
    return f"{value:.4g} {unit}".rstrip()


def range_text(lower: float, upper: float, unit: str) -> str:
    """A range of values as people write it.

    Parameters
    ----------
    lower, upper : float
    unit : str
    """
    if not np.isfinite(lower):
        return f"values below {quantity(upper, unit)}" if np.isfinite(upper) else "all values"
    if not np.isfinite(upper):
        return f"values above {quantity(lower, unit)}"
    if lower == upper:
        return f"the value {quantity(lower, unit)}"
    low, high = quantity(lower, unit), quantity(upper, unit)
    shared = low.rsplit(" ", 1)[-1] if " " in low else ""
    if shared and high.endswith(f" {shared}"):
        low = low[: -len(shared) - 1]
    return f"{low} to {high}" if "−" in low or low.startswith("-") else f"{low}-{high}"


def leader_text(leader: int, shape: Shape) -> str:
    """What an index of leadership stands for.

    Parameters
    ----------
    leader : int
    shape : Shape
    """
    if leader < 0:
        return "none"
    window, kind = divmod(leader, len(KINDS))
    if window < shape.window_slots:
        return f"{KINDS[kind]}, {shape.windows[window]} samples"
    beyond = leader - len(KINDS) * shape.window_slots
    return ALTERNATIVES[beyond - BANK_LEADERS].name if beyond >= BANK_LEADERS else ("value", "level")[beyond]


def leading_window(leader: int, since_onset_samples: int, shape: Shape) -> int:
    """Index of the window that shows what leads.

    Magnitude is best seen in the shortest windows, a change of a kind in the one nearest to its age.

    Parameters
    ----------
    leader : int
    since_onset_samples : int
    shape : Shape
    """
    window, kind = divmod(max(leader, 0), len(KINDS))
    if window < shape.window_slots:
        return min(window, len(shape.windows) - 1)
    if window > shape.window_slots:
        return nearest(shape, since_onset_samples)
    return min(kind, len(shape.windows) - 1)


def largest_move(view: WindowView) -> Move | None:
    """The neighbouring bins that carry most of the divergence, as one range; of categories the one bin.

    Parameters
    ----------
    view : WindowView
    """
    terms = view.contributions_nats
    if view.window_samples == 0 or view.reference_samples == 0:
        return None
    top = int(np.argmax(terms))
    low = high = top
    while not view.names and low > 0 and terms[low - 1] >= NEIGHBOUR_SHARE * terms[top] > 0:
        low -= 1
    while not view.names and high < len(terms) - 1 and terms[high + 1] >= NEIGHBOUR_SHARE * terms[top] > 0:
        high += 1
    inside = slice(low, high + 1)
    gained = float(np.clip(terms, 0.0, None).sum())
    return Move(
        lower=float(view.edges[low]),
        upper=float(view.edges[high + 1]),
        reference_share=float(view.reference_mass[inside].sum()),
        current_share=float(view.current_mass[inside].sum()),
        divergence_share=float(terms[inside].sum()) / gained if gained > 0 else 0.0,
        name=view.names[top] if view.names else "",
    )


def explain(
    view: WindowView, score: float, leader: str, onset_ms: int, anomalous: bool, gates: tuple[Gate, ...]
) -> Explanation:
    """Put an explanation together.

    Parameters
    ----------
    view : WindowView
        Of the leading window.
    score : float
    leader : str
    onset_ms : int
    anomalous : bool
    gates : tuple of Gate
        The first says how many samples are here and needed.
    """
    change: NDArray[np.float64] = view.current_quantiles - view.reference_quantiles
    return Explanation(
        anomalous=anomalous,
        score=score,
        leader=leader,
        onset_ms=onset_ms,
        gates=gates,
        view=view,
        move=largest_move(view),
        median_change=float(change[LEVEL_OF_MEDIAN]),
        p99_change=float(change[LEVEL_OF_P99]),
    )
