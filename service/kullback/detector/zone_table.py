"""The time zones that the streams of one detector follow, as arrays for the kernel."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from kullback.core.zones import offset_table


class Zones:
    """Offsets of every zone in use, one after another.

    Attributes
    ----------
    arrays : (int64 array, int64 array)
        Unix times at which an offset begins to hold, and the offsets, ms.
    """

    def __init__(self) -> None:
        self.arrays = (np.zeros(0, np.int64), np.zeros(0, np.int64))
        self._spans: dict[bytes, tuple[int, int]] = {}

    def resolve(self, streams: NDArray[Any], slots: NDArray[np.int32]) -> None:
        """Point streams at the offsets of the zone that their record names.

        Parameters
        ----------
        streams : array of stream records
        slots : int32 array, shape (n,)
        """
        written = streams["zone"][slots]
        names = written.view(f"S{written.shape[1]}")[:, 0]
        for name in np.unique(names):
            first, last = self._span(bytes(name))
            chosen = slots[names == name]
            streams["zone_first"][chosen], streams["zone_last"][chosen] = first, last

    def _span(self, name: bytes) -> tuple[int, int]:
        if name not in self._spans:
            table = offset_table(name.decode() or "UTC")
            first = len(self.arrays[0])
            self._spans[name] = (first, first + len(table.from_ms))
            self.arrays = (
                np.concatenate((self.arrays[0], table.from_ms)),
                np.concatenate((self.arrays[1], table.offset_ms)),
            )
        return self._spans[name]
