"""What counts as finding an incident, and what as a false alarm.

Rules, the same for every detector:

- The target window of a labelled incident runs from a few samples before it to a few after it.
- Alarmed samples at most `merge` apart are one episode. An episode with no sample in any window is one
  false alarm, plus one for each further day it lasts. One that reaches into a window but began more than
  `lead` before it, and not in another window, is a false alarm and finds nothing: an alarm that was on
  anyway tells nobody anything.
- An incident is found when its window has an alarmed sample of an episode that began in some window or
  within `lead` of one. Its delay runs from the incident's start to that sample.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.peers import Values

Rows = NDArray[np.int64]
GRID = 140
LOWEST_RATE, HIGHEST_RATE, AREA_POINTS = 0.1, 3.0, 40


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules' spans, in samples.

    Parameters
    ----------
    merge, lead, day : int
    """

    merge: int
    lead: int
    day: int


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the alarms of one stream or server are worth.

    Parameters
    ----------
    false_alarms : int
    first : int64 array, shape (incidents,)
        Row of the alarm that found each incident; -1: missed.
    """

    false_alarms: int
    first: Rows

    @property
    def found(self) -> NDArray[np.bool_]:
        return self.first >= 0


@dataclass(frozen=True, slots=True)
class Labels:
    """Incidents of one stream or server.

    Parameters
    ----------
    start, end : int64 array, shape (incidents,)
        First and last row of each incident.
    opens, closes : int64 array, shape (incidents,)
        First and last row of each target window.
    rows : int
    """

    start: Rows
    end: Rows
    opens: Rows
    closes: Rows
    rows: int

    def clean(self) -> NDArray[np.bool_]:
        """Rows outside all target windows."""
        clean = np.ones(self.rows, bool)
        for begin, end in zip(self.opens, self.closes, strict=True):
            clean[begin : end + 1] = False
        return clean


def label(start: Rows, end: Rows, rows: int, before: int, after: int) -> Labels:
    """Target windows around incidents.

    Parameters
    ----------
    start, end : int64 array, shape (incidents,)
    rows : int
        Length of the stream.
    before, after : int
        Tolerance in samples.
    """
    return Labels(start, end, np.maximum(start - before, 0), np.minimum(end + after, rows - 1), rows)


def judge(alarmed: Rows, labels: Labels, rules: Rules) -> Verdict:
    """Apply the rules to the alarmed rows of one stream or server.

    Parameters
    ----------
    alarmed : int64 array
        Rising row numbers.
    labels : Labels
    rules : Rules
    """
    first = np.full(len(labels.start), -1)
    if not len(alarmed):
        return Verdict(0, first)
    breaks = np.flatnonzero(np.diff(alarmed) > rules.merge)
    begins, ends = alarmed[np.r_[0, breaks + 1]], alarmed[np.r_[breaks, len(alarmed) - 1]]
    touched, stale = np.zeros(len(begins), bool), np.zeros(len(begins), bool)
    low, high = np.searchsorted(alarmed, labels.opens), np.searchsorted(alarmed, labels.closes, side="right")
    for k in np.flatnonzero(high > low):
        early = np.searchsorted(begins, alarmed[low[k]], side="right") - 1
        late = np.searchsorted(begins, alarmed[high[k] - 1], side="right") - 1
        if begins[early] >= labels.opens[k] - rules.lead:
            first[k] = alarmed[low[k]]
        elif late > early:
            first[k] = begins[early + 1]
        stale[early] |= begins[early] < labels.opens[k] - rules.lead and not touched[early]
        touched[early : late + 1] = True
    further_days = (ends - begins) // rules.day
    return Verdict(int((~touched).sum() + stale.sum() + further_days.sum()), first)


@dataclass(frozen=True, slots=True)
class Sweep:
    """Recall against false alarms over all thresholds.

    Parameters
    ----------
    threshold, false_alarms, recall : float64 arrays
        False alarms per unit of exposure.
    """

    threshold: Values
    false_alarms: Values
    recall: Values

    def recall_at(self, rate: float) -> float:
        """Largest recall at any threshold with at most `rate` false alarms per unit of exposure."""
        allowed = self.false_alarms <= rate * (1 + 1e-9)
        return float(self.recall[allowed].max()) if allowed.any() else 0.0

    def area(self) -> float:
        """Mean of `recall_at` over rates 0.1 to 3, evenly on a log scale."""
        rates = np.geomspace(LOWEST_RATE, HIGHEST_RATE, AREA_POINTS)
        return float(np.mean([self.recall_at(rate) for rate in rates]))


def thresholds_of(scores: list[Values], block: int) -> Values:
    """Thresholds worth trying: block maxima of the scores at evenly spaced log ranks, and 1.0; falling.

    Parameters
    ----------
    scores : list of float64 arrays
    block : int
        Samples per block.
    """
    whole = [s[: len(s) // block * block].reshape(-1, block).max(axis=1) for s in scores if len(s) >= block]
    maxima = np.sort(np.concatenate(whole))[::-1]
    if not (maxima > 0).any():
        return np.array([1.0])
    ranks = np.unique(np.round(np.geomspace(1, len(maxima), GRID)).astype(int)) - 1
    return np.unique(np.r_[maxima[ranks], 1.0])[::-1]


def sweep(scores: list[Values], labels: list[Labels], rules: Rules, exposure: float) -> Sweep:
    """Try all thresholds on all streams or servers together.

    Parameters
    ----------
    scores : list of float64 arrays
    labels : list of Labels
    rules : Rules
    exposure : float
        What false alarms are counted over, such as clean days.
    """
    thresholds = thresholds_of(scores, rules.merge)
    thresholds = thresholds[thresholds > 0]
    alarms, found = np.zeros(len(thresholds)), np.zeros(len(thresholds))
    for score, stream in zip(scores, labels, strict=True):
        for k, threshold in enumerate(thresholds):
            verdict = judge(np.flatnonzero(score >= threshold), stream, rules)
            alarms[k] += verdict.false_alarms
            found[k] += verdict.found.sum()
    incidents = max(1, sum(len(stream.start) for stream in labels))
    return Sweep(thresholds, alarms / exposure, found / incidents)
