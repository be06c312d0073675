"""Batches in which a stream occurs more than once, as rounds in which it occurs once."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray


def rounds(slots: NDArray[np.int32]) -> Iterator[NDArray[np.int64]]:
    """Index arrays that cover all rows; each stream's rows in their order, one per round.

    Parameters
    ----------
    slots : int32 array, shape (n,)
    """
    order = np.argsort(slots, kind="stable")
    ordered = slots[order]
    first = np.concatenate(([True], ordered[1:] != ordered[:-1])) if len(slots) else np.zeros(0, bool)
    starts = np.flatnonzero(first)
    turn = np.empty(len(slots), np.int64)
    turn[order] = np.arange(len(slots)) - np.repeat(starts, np.diff(np.append(starts, len(slots))))
    for number in range(int(turn.max(initial=-1)) + 1):
        yield np.flatnonzero(turn == number)
