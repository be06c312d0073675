"""The names of a stream's categories, and the codes by which its detector knows them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

NEW_OR_OTHER = "new or other"
OTHER = 0
"""Code of every name for which there is no room."""


class Categories:
    """Codes by stream number: names get 1, 2, 3 … in the order in which they first came.

    Parameters
    ----------
    most : int
        Codes that fit, `OTHER` included.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        # Replaced, never changed, so that a snapshot may keep them while new names come.
        self._codes: dict[int, dict[str, int]] = {}

    def codes(
        self, numbers: NDArray[np.int32], category: NDArray[np.int64], names: Sequence[str]
    ) -> NDArray[np.int32]:
        """Code of each row, giving new names one.

        Parameters
        ----------
        numbers : int32 array, shape (n,)
            Stream of each row.
        category : int64 array, shape (n,)
            Index into `names`; anything else is `OTHER`.
        names : sequence of str
        """
        known = (category >= 0) & (category < len(names))
        pair = numbers.astype(np.int64) * (len(names) + 1) + np.where(known, category, len(names))
        distinct, first, inverse = np.unique(pair, return_index=True, return_inverse=True)
        codes = np.zeros(len(distinct), np.int32)
        for place in np.argsort(first):
            number, index = divmod(int(distinct[place]), len(names) + 1)
            codes[place] = self._code(number, names[index]) if index < len(names) else OTHER
        return codes[inverse]

    def names(self, number: int) -> tuple[str, ...]:
        """Names of a stream; the first has code 1.

        Parameters
        ----------
        number : int
        """
        return tuple(self._codes.get(number, ()))

    def of_bins(self, number: int) -> tuple[str, ...]:
        """Names by code, that of `OTHER` included; none when the stream has no categories.

        Parameters
        ----------
        number : int
        """
        names = self.names(number)
        return (NEW_OR_OTHER, *names) if names else ()

    def put(self, number: int, names: Sequence[str]) -> None:
        """Put back what `names` gave.

        Parameters
        ----------
        number : int
        names : sequence of str
        """
        if names:
            self._codes[number] = {name: code for code, name in enumerate(names, 1)}

    def forget(self, number: int) -> None:
        """Drop a stream.

        Parameters
        ----------
        number : int
        """
        self._codes.pop(number, None)

    def view(self) -> dict[int, dict[str, int]]:
        """All names at this moment: a copy that later names do not change."""
        return dict(self._codes)

    def _code(self, number: int, name: str) -> int:
        codes = self._codes.get(number, {})
        if name not in codes and len(codes) + 1 < self._most:
            self._codes[number] = codes = {**codes, name: len(codes) + 1}
        return codes.get(name, OTHER)
