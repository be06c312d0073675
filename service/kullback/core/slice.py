"""A piece of the engine's state on its way into a snapshot and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Slice:
    """Part of one shard at one offset.

    Parameters
    ----------
    shard : int
    offset : int
        Position in the log up to which this part contains every entry.
    kind : str
        What it is part of; the engine's own word.
    facts : mapping
        JSON values.
    columns : mapping of str to array
        Copies, so that they may be written while the engine goes on.
    """

    shard: int
    offset: int
    kind: str
    facts: Mapping[str, Any] = field(default_factory=dict)
    columns: Mapping[str, NDArray[Any]] = field(default_factory=dict)

    @property
    def size_bytes(self) -> int:
        """Bytes of the columns."""
        return sum(column.nbytes for column in self.columns.values())
