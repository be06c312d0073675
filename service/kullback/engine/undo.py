"""What was last done to a stream's reference, and can be taken back."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from kullback.core.errors import ErrorId, RequestError
from kullback.engine.forms import Columns

MOST_STREAMS = 64
"""Of so many streams the last act can be taken back: each keeps a copy of its row."""


class Did(IntEnum):
    """What was done."""

    REBASELINE = 1
    EXCLUDE = 2


_NAMES = {Did.REBASELINE: "rebaseline", Did.EXCLUDE: "exclusion"}


@dataclass(frozen=True, slots=True)
class Act:
    """One act.

    Parameters
    ----------
    did : Did
    offset : int
        Its log entry.
    row : bytes
        The detector's row before it.
    start_ms, end_ms : int
        The span that was excluded.
    """

    did: Did
    offset: int
    row: bytes
    start_ms: int = 0
    end_ms: int = 0


class Undo:
    """The last act on each stream; saved and restored with the streams, so that a replay can take it back."""

    def __init__(self) -> None:
        self._acts: dict[int, Act] = {}

    def note(self, number: int, act: Act) -> None:
        """Remember an act in place of the stream's last; the oldest of all makes room.

        Parameters
        ----------
        number : int
        act : Act
        """
        self._acts[number] = act
        while len(self._acts) > MOST_STREAMS:
            del self._acts[min(self._acts, key=lambda one: self._acts[one].offset)]

    def take(self, number: int, did: Did) -> Act:
        """The last act on a stream, which is then forgotten.

        Parameters
        ----------
        number : int
        did : Did

        Raises
        ------
        RequestError
            CONFLICT when it was none of this kind.
        """
        act = self._acts.get(number)
        if act is None or act.did is not did:
            raise RequestError(
                ErrorId.CONFLICT,
                f"There is no {_NAMES[did]} to take back: only the last one of the {MOST_STREAMS} streams "
                "touched last is kept.",
            )
        return self._acts.pop(number)

    def close(self, numbers: NDArray[np.int32]) -> None:
        """Forget streams.

        Parameters
        ----------
        numbers : int32 array, shape (n,)
        """
        for number in numbers.tolist():
            self._acts.pop(number, None)

    def save(self, numbers: NDArray[np.int32]) -> Columns:
        """The acts as columns; 0 in `did` where there is none.

        Parameters
        ----------
        numbers : int32 array, shape (n,)
        """
        acts = [self._acts.get(number) for number in numbers.tolist()]
        longest = max((len(act.row) for act in acts if act), default=0)
        rows = np.zeros((len(acts), longest), np.uint8)
        for at, act in enumerate(acts):
            if act:
                rows[at, : len(act.row)] = np.frombuffer(act.row, np.uint8)
        figures = [
            (act.did, act.offset, act.start_ms, act.end_ms, len(act.row)) if act else (0,) * 5 for act in acts
        ]
        return {"act": np.array(figures, np.int64).reshape(len(acts), 5), "row": rows}

    def load(self, numbers: NDArray[np.int32], arrays: Columns) -> None:
        """Put back what `save` gave.

        Parameters
        ----------
        numbers : int32 array, shape (n,)
        arrays : mapping of array, shape (n, …)
        """
        for number, figures, row in zip(numbers.tolist(), arrays["act"].tolist(), arrays["row"], strict=True):
            did, offset, start_ms, end_ms, length = figures
            if did:
                self.note(number, Act(Did(did), offset, row[:length].tobytes(), start_ms, end_ms))


def packed(columns: Columns) -> bytes:
    """One row as bytes.

    Parameters
    ----------
    columns : mapping of str to array, shape (1, …)
    """
    return b"".join(np.ascontiguousarray(column).tobytes() for column in columns.values())


def unpacked(row: bytes, like: Columns) -> Columns:
    """The row that `packed` packed.

    Parameters
    ----------
    row : bytes
    like : mapping of str to array, shape (0, …)
        Names, types and shapes of the columns.

    Raises
    ------
    RequestError
        CONFLICT when the row was packed by a version that kept other columns.
    """
    sizes = [column.dtype.itemsize * int(np.prod(column.shape[1:])) for column in like.values()]
    if sum(sizes) != len(row):
        raise RequestError(
            ErrorId.CONFLICT, "It was done by another version of Kullback; it cannot be taken back."
        )
    columns, at = {}, 0
    for (name, column), size in zip(like.items(), sizes, strict=True):
        part = np.frombuffer(row, column.dtype, size // column.dtype.itemsize, at)
        columns[name], at = part.reshape(1, *column.shape[1:]), at + size
    return columns
