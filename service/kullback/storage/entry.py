"""What the log keeps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from kullback.core.batch import Batch, empty_batch

ACTION = "action"
"""The protocol of entries that hold no samples but something a person did."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One request, or one action of a person that changes the engine's state.

    Parameters
    ----------
    now_ms : int
        Arrival time; whatever depends on the clock while the entry is applied takes it from here.
    protocol : str
        The decoder's name, or `ACTION`.
    batch : Batch
        The admitted samples; empty for an action.
    any_age : bool
        Whether old samples were welcome (backfill).
    action : mapping
        JSON values that say what was done, such as `{"do": "rebaseline", "stream": "…"}`.
    offset : int
        Position in the log, from 1; 0 while the entry has none.
    """

    now_ms: int
    protocol: str = ACTION
    batch: Batch = field(default_factory=empty_batch)
    any_age: bool = False
    action: Mapping[str, Any] = field(default_factory=dict)
    offset: int = 0
