"""The detector of streams of histograms."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kullback.core.batch import Buckets
from kullback.core.profile import DEFAULT_WINDOWS_SAMPLES
from kullback.core.scores import Scores
from kullback.detector.binned.batch import columns_told, update_histograms
from kullback.detector.binned.state import BinnedStreams
from kullback.detector.binned.views import view_bins
from kullback.detector.records import Slots
from kullback.detector.views import WindowView


class HistogramDetector(BinnedStreams):
    """Scores histograms: one interval is one unit, however many observations it holds.

    Parameters
    ----------
    capacity : int
        Slots.
    windows : tuple of int
        The windows that lists show.
    """

    ordered = True

    def __init__(self, capacity: int, windows: tuple[int, ...] = DEFAULT_WINDOWS_SAMPLES) -> None:
        super().__init__(capacity, windows)

    def update(
        self,
        slot: Slots,
        timestamp_ms: NDArray[np.int64],
        buckets: Buckets,
        scores: Scores,
        rows: NDArray[np.int64],
        _offset: int,
    ) -> None:
        """Score histograms in the order given.

        Parameters
        ----------
        slot : int32 array, shape (n,)
            A slot may occur many times.
        timestamp_ms : int64 array, shape (n,)
        buckets : Buckets
            Counts per interval; row `i` belongs to `slot[i]`.
        scores : Scores
            Rows `rows` are filled; `value` gets the number of observations.
        rows : int64 array, shape (n,)
        """
        update_histograms(
            self.streams, slot, timestamp_ms, buckets.start, buckets.upper_bound, buckets.count, rows,
            scores.value, columns_told(scores), self.live_streams,
        )  # fmt: skip

    def _view(self, slot: int, window: int) -> WindowView:
        stream = self.streams[slot]
        bounds = stream["bounds"][: max(int(stream["bins"]) - 1, 0)]
        edges = np.concatenate(([-np.inf], bounds, [np.inf]))
        return view_bins(stream, window, edges, quantiles=True)
