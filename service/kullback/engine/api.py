"""What the rest of the service knows of an engine.

`LocalEngine` holds all shards in this process; an engine that asks other processes for some of them would
look the same from outside.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from kullback.core.batch import Batch
from kullback.core.errors import Refusal
from kullback.core.profile import Profile
from kullback.core.scores import Scores
from kullback.core.selector import Selector
from kullback.core.slice import Slice
from kullback.engine.streams import Stream


class Engine(Protocol):
    """The streams and their detectors.

    For each log entry, live and in a replay: `close` what is `abandoned`, then `update`, then whatever
    follows from `opened`.
    """

    offset: int
    """Log entry that was applied last."""

    opened: tuple[Stream, ...]
    """Streams that the last `update` opened."""

    def __len__(self) -> int:
        """Live streams."""
        ...

    def room(self, batch: Batch) -> tuple[Batch, tuple[Refusal, ...]]:
        """Leave out samples for which there is no stream and no room for one; asked before the log."""
        ...

    def abandoned(self, now_ms: int) -> tuple[Stream, ...]:
        """Streams that were silent for too long, to be closed before the next entry is applied."""
        ...

    def update(self, batch: Batch, now_ms: int, offset: int) -> Scores:
        """Score a batch, opening the streams that are new."""
        ...

    def close(self, number: int, offset: int) -> Stream:
        """Forget a stream."""
        ...

    def contains(self, number: int, offset: int) -> bool:
        """Whether a stream's restored state has a log entry in it already."""
        ...

    def rebaseline(self, number: int, offset: int) -> None:
        """Accept a stream's present level as normal."""
        ...

    def undo_rebaseline(self, number: int, offset: int) -> None:
        """Take the last `rebaseline` back."""
        ...

    def exclude(self, number: int, start_ms: int, end_ms: int, offset: int) -> None:
        """Keep a span of time out of a stream's reference, reversibly."""
        ...

    def undo_exclude(self, number: int, offset: int) -> None:
        """Take the last `exclude` back."""
        ...

    def strike(self, number: int, start_ms: int, end_ms: int, offset: int) -> None:
        """Keep a span of time out of a stream's reference for good."""
        ...

    def set_feedback(self, number: int, factor: float, offset: int) -> None:
        """Move a stream's alarm line by a factor."""
        ...

    def reconfigure(self, profiles: Sequence[Profile], offset: int = 0) -> None:
        """Watch every stream as the new profiles say, keeping its history."""
        ...

    def find(self, stream_id: str) -> int | None:
        """The number of a stream."""
        ...

    def stream(self, number: int) -> Stream:
        """The stream of a number."""
        ...

    def select(self, selector: Selector) -> NDArray[np.int32]:
        """Numbers of the streams that a selector matches."""
        ...

    def categories(self, number: int) -> tuple[str, ...]:
        """Names of a stream's categories in the order of their codes, from 1."""
        ...

    def windows(self, number: int, window: int) -> Any:
        """Reference and one current window side by side."""
        ...

    def explain(self, number: int) -> Any:
        """Why a stream is anomalous, or why not."""
        ...

    def alarm_limits(self, number: int) -> tuple[float | None, float | None]:
        """Values below and above which a stream's next sample alone would raise an alarm."""
        ...

    def leader_text(self, number: int, leader: int) -> str:
        """The statistic and window that a leader of a stream's scores stands for."""
        ...

    def summary(self, numbers: NDArray[np.int32]) -> Any:
        """Columns for lists and metrics."""
        ...

    def slices(self, rows: int) -> Iterator[Slice]:
        """The whole state for a snapshot at the present offset, copied piece by piece."""
        ...

    def restore(self, slices: Iterable[Slice]) -> None:
        """Take up a snapshot, into an engine without streams."""
        ...
