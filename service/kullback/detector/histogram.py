"""The detector of streams of histograms.

What is scored of an interval is one number, the root of D(interval ‖ reference) over the stream's own
buckets: the divergence of a sample of n is near χ²/2n, its root near normal.
Its null is learnt like that of any stream of numbers, one interval being one sample: how much intervals
differ from each other by chance, how many observations they hold and how they depend on each other are all
in the stream's past divergences. Only larger divergences than usual count.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kullback.core.batch import Buckets
from kullback.core.profile import Direction
from kullback.core.scores import Episode, Outcome, Scores
from kullback.detector.bucket_axis import HISTOGRAM, MASS_BINS, SMOOTHING, WINDOW_INTERVALS, judge, learn
from kullback.detector.divergence import contributions, measure, smooth, wasserstein_of_masses
from kullback.detector.explain import Explanation, explain
from kullback.detector.layout import Shape
from kullback.detector.plan import Plan
from kullback.detector.rounds import rounds
from kullback.detector.scalar import ScalarDetector
from kullback.detector.summary import Summary
from kullback.detector.views import SHOWN_QUANTILES, WindowView

Slots = NDArray[np.int32]


class HistogramDetector:
    """Scores histograms of many streams; one slot per stream.

    Parameters
    ----------
    capacity : int
    shape : Shape
    """

    def __init__(self, capacity: int, shape: Shape) -> None:
        self._divergences = ScalarDetector(capacity, shape)
        self.histograms = np.zeros(capacity, HISTOGRAM)
        self._bytes = self.histograms.view(np.uint8).reshape(capacity, HISTOGRAM.itemsize)
        self.bytes_per_stream = self._divergences.bytes_per_stream + HISTOGRAM.itemsize
        self._undo: dict[int, NDArray[np.uint8]] = {}

    @property
    def live_streams(self) -> int:
        """Streams among which a fleet budget is divided."""
        return self._divergences.live_streams

    @live_streams.setter
    def live_streams(self, count: int) -> None:
        self._divergences.live_streams = count

    def open(self, slots: Slots, plan: Plan) -> None:
        """Start streams.

        Parameters
        ----------
        slots : int32 array, shape (n,)
        plan : Plan
        """
        self._bytes[slots] = 0
        self._divergences.open(slots, _of_divergences(plan))

    def replan(self, slots: Slots, plan: Plan) -> None:
        """Give streams other parameters; their history stays.

        Parameters
        ----------
        slots : int32 array, shape (n,)
        plan : Plan
        """
        self._divergences.replan(slots, _of_divergences(plan))

    def close(self, slots: Slots) -> None:
        """Forget streams.

        Parameters
        ----------
        slots : int32 array, shape (n,)
        """
        self._bytes[slots] = 0
        self._divergences.close(slots)

    def update(
        self,
        slot: Slots,
        timestamp_ms: NDArray[np.int64],
        buckets: Buckets,
        scores: Scores,
        rows: NDArray[np.int64],
        offset: int,
    ) -> None:
        """Score histograms in their order; `buckets` holds those of `slot`, row by row.

        Parameters
        ----------
        slot : int32 array, shape (n,)
        timestamp_ms : int64 array, shape (n,)
        buckets : Buckets
        scores : Scores
        rows : int64 array, shape (n,)
        offset : int
            As for `ScalarDetector.update`.
        """
        for turn in rounds(slot):
            self._update_once(slot[turn], timestamp_ms[turn], buckets.take(turn), scores, rows[turn], offset)

    def _update_once(
        self,
        slot: Slots,
        timestamp_ms: NDArray[np.int64],
        buckets: Buckets,
        scores: Scores,
        rows: NDArray[np.int64],
        offset: int,
    ) -> None:
        mass, total, divergence = np.zeros((len(slot), MASS_BINS)), np.zeros(len(slot)), np.zeros(len(slot))
        judge(
            self.histograms, slot, buckets.start, buckets.upper_bound, buckets.count, mass, total, divergence
        )
        known = np.isfinite(divergence)
        scores.outcome[rows[~known]] = Outcome.ABSORBED
        self._divergences.update(
            slot[known], timestamp_ms[known], np.sqrt(divergence[known]), scores, rows[known], offset
        )
        scored = scores.outcome[rows] == Outcome.SCORED
        scores.divergence_nats[rows[scored]] = divergence[scored]
        usual = (scores.episode[rows] & Episode.ANOMALOUS) == 0
        first = ~known & (total > 0) & (self.histograms["intervals"][slot] == 0)
        learn(self.histograms, slot, mass, total, scored | first, usual)

    def windows(self, slot: int, window: int) -> WindowView:
        """Reference and the newest intervals, side by side.

        Parameters
        ----------
        slot : int
        window : int
            Intervals over which the current side fades.
        """
        histogram = self.histograms[slot]
        index = int(np.argmin(np.abs(np.log(WINDOW_INTERVALS / max(window, 1)))))
        return view_histogram(histogram, index)

    def explain(self, slot: int) -> Explanation:
        """Why the stream's last interval is anomalous, or why it is not.

        Parameters
        ----------
        slot : int
        """
        scalar = self._divergences.explain(slot)
        view = self.windows(slot, max(scalar.view.window_samples, 4))
        return explain(view, scalar.score, scalar.leader, scalar.onset_ms, scalar.anomalous, scalar.gates)

    def summary(self, slots: Slots) -> Summary:
        """Columns for lists of streams and metrics.

        Parameters
        ----------
        slots : int32 array, shape (n,)
        """
        summary = self._divergences.summary(slots)
        return replace(summary, divergence_nats=np.where(summary.ready, summary.value**2, np.nan))

    def rebaseline(self, slot: int) -> None:
        """Accept what the stream shows now as its normal.

        Parameters
        ----------
        slot : int
        """
        before = self._bytes[slot].copy()
        self._divergences.rebaseline(slot)
        self._undo[slot] = before
        histogram = self.histograms[slot]
        histogram["reference"] = histogram["current"][1] * WINDOW_INTERVALS[1]

    def undo_rebaseline(self, slot: int) -> None:
        """Put the reference back that the last `rebaseline` replaced.

        Parameters
        ----------
        slot : int
        """
        self._divergences.undo_rebaseline(slot)
        if slot in self._undo:
            self._bytes[slot] = self._undo.pop(slot)

    def strike(self, slot: int, start_ms: int, end_ms: int) -> int:
        """Keep a time span's divergences out of what is usual.

        Parameters
        ----------
        slot : int
        start_ms, end_ms : int
        """
        return self._divergences.strike(slot, start_ms, end_ms)

    def save(self, slots: Slots) -> dict[str, NDArray[Any]]:
        """Copies of the exact state of streams.

        Parameters
        ----------
        slots : int32 array, shape (n,)
        """
        return {**self._divergences.save(slots), "histogram": self._bytes[slots]}

    def load(self, slots: Slots, arrays: dict[str, NDArray[Any]]) -> None:
        """Put back what `save` gave.

        Parameters
        ----------
        slots : int32 array, shape (n,)
        arrays : dict of str to array
        """
        self._divergences.load(slots, arrays)
        self._bytes[slots] = arrays["histogram"]


def _of_divergences(plan: Plan) -> Plan:
    """A plan for divergences: only large ones count, and users have no gate in their unit."""
    return replace(
        plan,
        direction=Direction.ABOVE,
        minimum_effect_absolute=0.0,
        minimum_effect_relative=0.0,
        fixed_window_samples=0,
        counter=False,
    )


def view_histogram(histogram: Any, window: int) -> WindowView:
    """The newest intervals beside the reference.

    Parameters
    ----------
    histogram : HISTOGRAM record
    window : int
        Index into WINDOW_INTERVALS.
    """
    bins = max(int(histogram["bins"]), 1)
    intervals = int(min(histogram["intervals"], WINDOW_INTERVALS[window]))
    inner = histogram["edges"][: bins - 1]
    reference = histogram["reference"][:bins]
    current = histogram["current"][window, :bins].astype(np.float64) * intervals
    smoothed, usual = smooth(current, SMOOTHING), smooth(reference, SMOOTHING)
    terms = contributions(smoothed, usual)
    levels = np.array(SHOWN_QUANTILES)
    distance = wasserstein_of_masses(_shares(current), _shares(reference), _centres(inner))
    return WindowView(
        window_samples=intervals,
        reference_samples=int(histogram["intervals"]),
        full=intervals == int(WINDOW_INTERVALS[window]),
        edges=np.concatenate(([-np.inf], inner, [np.inf])),
        reference_mass=_shares(reference),
        current_mass=_shares(current),
        smoothed_mass=smoothed,
        contributions_nats=terms,
        divergence_nats=float(terms.sum()),
        quantile_levels=levels,
        reference_quantiles=_quantiles(reference, inner, levels),
        current_quantiles=_quantiles(current, inner, levels),
        measures=measure(smoothed, usual, distance),
    )


def _shares(counts: NDArray[np.float64]) -> NDArray[np.float64]:
    total = counts.sum()
    shares: NDArray[np.float64] = counts / total if total > 0 else np.full(len(counts), 1.0 / len(counts))
    return shares


def _centres(inner: NDArray[np.float64]) -> NDArray[np.float64]:
    """A point for each bin; open ends stand at their edge."""
    if not len(inner):
        return np.zeros(1)
    return np.concatenate(([inner[0]], 0.5 * (inner[1:] + inner[:-1]), [inner[-1]]))


def _quantiles(
    counts: NDArray[np.float64], inner: NDArray[np.float64], levels: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Quantiles, even within a bin; what lies in an open end stands at its edge."""
    if not len(inner) or counts.sum() <= 0:
        return np.full(len(levels), np.nan)
    below = np.cumsum(counts)[:-1] / counts.sum()
    rising = np.maximum.accumulate(below + np.arange(len(below)) * 1e-12)
    quantiles: NDArray[np.float64] = np.interp(levels, rising, inner)
    return quantiles
