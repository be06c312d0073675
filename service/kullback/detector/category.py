"""The detector of streams of categories, such as a status code or a payment channel.

A category is a code in the order of first appearance, so rare and new ones have the largest codes and stand
at the end of the quantile axis, where the tail statistic watches. Ties spread over the bins that a category
fills, so the rank channel compares the shares of categories.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from kullback.core.scores import Scores
from kullback.detector.divergence import Measures, contributions, measure, smooth
from kullback.detector.explain import Gate
from kullback.detector.plan import Plan, nearest
from kullback.detector.scalar import ScalarDetector
from kullback.detector.views import newest_values, reference_values

Slots = NDArray[np.int32]
CODES = 64
OPEN_BIN = -1


@dataclass(frozen=True, slots=True)
class CategoryView:
    """One current window beside the reference, category by category.

    Parameters
    ----------
    window_samples, reference_samples : int
    full : bool
        Whether the window holds its full number.
    codes : int64 array, shape (categories,)
        Rising; −1 is the open bin of categories that neither side has shown.
    reference_mass, current_mass, smoothed_mass : float64 arrays, shape (categories,)
    contributions_nats : float64 array, shape (categories,)
        Sum to `divergence_nats`.
    measures : Measures
    """

    window_samples: int
    reference_samples: int
    full: bool
    codes: NDArray[np.int64]
    reference_mass: NDArray[np.float64]
    current_mass: NDArray[np.float64]
    smoothed_mass: NDArray[np.float64]
    contributions_nats: NDArray[np.float64]
    divergence_nats: float
    measures: Measures


@dataclass(frozen=True, slots=True)
class CategoryExplanation:
    """Everything that decided about the last sample.

    Parameters
    ----------
    anomalous : bool
    score : float
    leader : str
    onset_ms : int
    gates : tuple of Gate
    view : CategoryView
    """

    anomalous: bool
    score: float
    leader: str
    onset_ms: int
    gates: tuple[Gate, ...]
    view: CategoryView

    def sentence(self, names: tuple[str, ...] = ()) -> str:
        """One sentence a person can read.

        Parameters
        ----------
        names : tuple of str
            Names of the codes, from code 0 on.
        """
        view = self.view
        if not np.isfinite(self.score) or view.window_samples == 0:
            return "No score yet."
        top = int(np.argmax(view.contributions_nats))
        code = int(view.codes[top])
        name = names[code] if 0 <= code < len(names) else f"category {code}"
        gained = float(np.clip(view.contributions_nats, 0.0, None).sum())
        share = float(view.contributions_nats[top]) / gained if gained > 0 else 0.0
        verdict = "" if self.anomalous else f"Not anomalous (score {self.score:.2f} of 1.0); "
        usual, now = view.reference_mass[top], view.current_mass[top]
        return (
            f"{verdict}{100 * share:.0f} % of the divergence comes from {name} "
            f"going from {100 * usual:.1f} % to {100 * now:.1f} % of samples"
        )


class CategoryDetector(ScalarDetector):
    """Scores categories of many streams by their codes; one slot per stream.

    Parameters
    ----------
    capacity : int
    shape : Shape
    """

    codes = CODES

    def open(self, slots: Slots, plan: Plan) -> None:
        """Start streams.

        Parameters
        ----------
        slots : int32 array, shape (n,)
        plan : Plan
        """
        super().open(slots, _of_codes(plan))

    def replan(self, slots: Slots, plan: Plan) -> None:
        """Give streams other parameters; their history stays.

        Parameters
        ----------
        slots : int32 array, shape (n,)
        plan : Plan
        """
        super().replan(slots, _of_codes(plan))

    def update(
        self,
        slot: Slots,
        timestamp_ms: NDArray[np.int64],
        value: NDArray[np.generic],
        scores: Scores,
        rows: NDArray[np.int64],
        offset: int,
    ) -> None:
        """Score codes in their order.

        Parameters
        ----------
        slot : int32 array, shape (n,)
        timestamp_ms : int64 array, shape (n,)
        value : int32 array, shape (n,)
            Codes; 0 is every name for which there is no room, and counts as the newest one.
        scores : Scores
        rows : int64 array, shape (n,)
        offset : int
            As for `ScalarDetector.update`.
        """
        codes = np.where(value == 0, CODES, value).astype(np.float64)
        super().update(slot, timestamp_ms, codes, scores, rows, offset)

    def windows(self, slot: int, window: int) -> CategoryView:  # type: ignore[override]
        """Reference and current window of a stream, category by category.

        Parameters
        ----------
        slot : int
        window : int
            Length in samples; the nearest that the detector keeps is shown.
        """
        stream = self.streams[slot]
        length = self.shape.windows[nearest(self.shape, window)]
        current = newest_values(stream, min(int(stream["fill"]), length))
        return view_categories(np.rint(reference_values(stream)), np.rint(current), length)

    def explain(self, slot: int) -> CategoryExplanation:  # type: ignore[override]
        """Why the stream's last sample is anomalous, or why it is not.

        Parameters
        ----------
        slot : int
        """
        scalar = super().explain(slot)
        return CategoryExplanation(
            scalar.anomalous,
            scalar.score,
            scalar.leader,
            scalar.onset_ms,
            scalar.gates,
            self.windows(slot, max(scalar.view.window_samples, 4)),
        )


def _of_codes(plan: Plan) -> Plan:
    """A plan for codes: they have no unit, no rate and no season of their own."""
    return replace(
        plan,
        minimum_effect_absolute=0.0,
        minimum_effect_relative=0.0,
        counter=False,
        season_ms=-1,
    )


def view_categories(
    reference: NDArray[np.float64], current: NDArray[np.float64], length: int
) -> CategoryView:
    """Shares of categories and their part in D(current ‖ reference), with an open bin for new ones.

    Parameters
    ----------
    reference, current : float64 arrays, shapes (m,) and (n,)
        Codes of the samples.
    length : int
        Samples in a full window.
    """
    known = np.unique(np.concatenate((reference, current)))
    codes = np.concatenate(([OPEN_BIN], known)).astype(np.int64)
    usual_counts = np.array([(reference == code).sum() for code in codes], np.float64)
    counts = np.array([(current == code).sum() for code in codes], np.float64)
    smoothed, usual = smooth(counts), smooth(usual_counts)
    terms = contributions(smoothed, usual)
    return CategoryView(
        window_samples=len(current),
        reference_samples=len(reference),
        full=len(current) == length,
        codes=np.where(codes == CODES, 0, codes),
        reference_mass=usual_counts / max(len(reference), 1),
        current_mass=counts / max(len(current), 1),
        smoothed_mass=smoothed,
        contributions_nats=terms,
        divergence_nats=float(terms.sum()),
        measures=measure(smoothed, usual),
    )
