"""How the records of streams live, whatever scores them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from kullback.detector.plan import Plan

Slots = NDArray[np.int32]


class Records:
    """One record per slot: opened, given a plan, saved, put back and closed.

    Parameters
    ----------
    streams : array of records, shape (capacity,)
        All zero.
    """

    def __init__(self, streams: NDArray[Any]) -> None:
        self.streams = streams
        self.bytes_per_stream = streams.itemsize
        self.live_streams = 1
        """Streams among which a fleet budget is divided; the owner sets it."""
        self._bytes = streams.view(np.uint8).reshape(len(streams), streams.itemsize)

    def open(self, slots: Slots, plan: Plan) -> None:
        """Start streams, forgetting what the slots held.

        Parameters
        ----------
        slots : int32 array, shape (n,)
        plan : Plan
        """
        self.close(slots)
        self.streams["open"][slots] = 1
        self.streams["score"][slots] = np.nan
        self.streams["divergence_nats"][slots] = np.nan
        self.streams["leader"][slots] = -1
        self._begin(slots)
        self.replan(slots, plan)

    def _begin(self, slots: Slots) -> None:
        """Set what else is not zero in a record at its start."""
        raise NotImplementedError

    def replan(self, slots: Slots, plan: Plan) -> None:
        """Give streams other parameters; their history stays.

        Parameters
        ----------
        slots : int32 array, shape (n,)
        plan : Plan
        """
        raise NotImplementedError

    def close(self, slots: Slots) -> None:
        """Forget streams.

        Parameters
        ----------
        slots : int32 array, shape (n,)
        """
        self._bytes[slots] = 0

    def save(self, slots: Slots) -> dict[str, NDArray[np.generic]]:
        """Copies of the exact state of streams.

        Parameters
        ----------
        slots : int32 array, shape (n,)

        Returns
        -------
        dict of str to array
            First axis as `slots`; records with the names of their fields, so that rows of another layout are
            told from these even when they are as long.
        """
        return {"stream": self._bytes[slots].view(self.streams.dtype).reshape(-1)}

    def load(self, slots: Slots, arrays: dict[str, NDArray[np.generic]]) -> None:
        """Put back what `save` gave.

        Parameters
        ----------
        slots : int32 array, shape (n,)
        arrays : dict of str to array
        """
        # As bytes: NumPy copies records field by field, which takes ten times as long.
        rows = np.ascontiguousarray(arrays["stream"], self.streams.dtype)
        self._bytes[slots] = rows.view(np.uint8).reshape(len(slots), self.bytes_per_stream)
