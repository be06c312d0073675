"""The detector of streams of categories."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from kullback.core.profile import DEFAULT_WINDOWS_SAMPLES, Direction
from kullback.core.scores import Scores
from kullback.detector.binned.batch import columns_told, update_categories
from kullback.detector.binned.layout import BINS
from kullback.detector.binned.state import BinnedStreams
from kullback.detector.binned.views import view_bins
from kullback.detector.plan import Plan
from kullback.detector.records import Slots
from kullback.detector.views import WindowView


class CategoryDetector(BinnedStreams):
    """Scores categories that come as codes; code 0 is "new or other".

    Parameters
    ----------
    capacity : int
        Slots.
    windows : tuple of int
        The windows that lists show.
    """

    codes = BINS

    def __init__(self, capacity: int, windows: tuple[int, ...] = DEFAULT_WINDOWS_SAMPLES) -> None:
        super().__init__(capacity, windows)

    def replan(self, slots: Slots, plan: Plan) -> None:
        """Give streams other parameters; their history stays.

        Categories have no order, so a direction says nothing of them; nor does a minimum effect that no share
        can reach, as it has when a profile matches streams of numbers, too.

        Parameters
        ----------
        slots : int32 array, shape (n,)
        plan : Plan
        """
        absolute = plan.minimum_effect_absolute
        least_change = absolute if absolute < 1.0 else 0.0
        super().replan(slots, replace(plan, direction=Direction.BOTH, minimum_effect_absolute=least_change))

    def update(
        self,
        slot: Slots,
        timestamp_ms: NDArray[np.int64],
        code: NDArray[np.int32],
        scores: Scores,
        rows: NDArray[np.int64],
        _offset: int,
    ) -> None:
        """Score categories in the order given.

        Parameters
        ----------
        slot : int32 array, shape (n,)
            A slot may occur many times.
        timestamp_ms : int64 array, shape (n,)
        code : int32 array, shape (n,)
        scores : Scores
            Rows `rows` are filled.
        rows : int64 array, shape (n,)
        """
        update_categories(
            self.streams, slot, timestamp_ms, code, rows,
            scores.value, columns_told(scores), self.live_streams,
        )  # fmt: skip

    def _view(self, slot: int, window: int) -> WindowView:
        stream = self.streams[slot]
        edges = np.arange(max(int(stream["bins"]), 2) + 1, dtype=np.float64)
        return view_bins(stream, window, edges, quantiles=False)
