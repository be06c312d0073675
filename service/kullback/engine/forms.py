"""The forms samples come in, and what scores each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from kullback.core.batch import Buckets
from kullback.core.labels import Kind
from kullback.core.scores import Scores
from kullback.detector.alarm_limits import AlarmLimits
from kullback.detector.past import Pasts
from kullback.detector.plan import Plan

Slots = NDArray[np.int32]
Columns = dict[str, NDArray[Any]]


def rows_of(columns: Columns, rows: NDArray[np.int64]) -> Columns:
    """Some rows of columns; the columns themselves when all are wanted, because rows are long.

    Parameters
    ----------
    columns : dict of str to array, shape (n, …)
    rows : int64 array, shape (m,)
        Rising.
    """
    if all(len(column) == len(rows) for column in columns.values()):
        return columns
    # `take` copies records as bytes; an index would leave what lies between their fields to chance.
    return {name: column.take(rows, axis=0) for name, column in columns.items()}


class Form(IntEnum):
    """What one sample of a stream is; a stream never changes it."""

    NUMBER = 0
    HISTOGRAM = 1
    CATEGORY = 2


_FORMS = {
    Kind.GAUGE: Form.NUMBER,
    Kind.COUNTER: Form.NUMBER,
    Kind.HISTOGRAM: Form.HISTOGRAM,
    Kind.CATEGORY: Form.CATEGORY,
}


def form_of(kind: Kind) -> Form:
    """The form of a series' samples.

    Parameters
    ----------
    kind : Kind
    """
    return _FORMS[kind]


class Rows(Protocol):
    """State with a row per number that lives, dies and is saved with the stream of that number."""

    def close(self, numbers: Slots, /) -> None:
        """Clear rows, so that the numbers can be given to other streams."""
        ...

    def save(self, numbers: Slots, /) -> Columns:
        """Copies of the rows."""
        ...

    def load(self, numbers: Slots, arrays: Columns, /) -> None:
        """Put back what `save` gave."""
        ...


class Detector(Rows, Protocol):
    """What the engine asks of every detector; slots are the numbers within one shard."""

    @property
    def bytes_per_stream(self) -> int:
        """Size of one row."""
        ...

    live_streams: int
    """Streams among which a fleet budget is divided."""

    def open(self, slots: Slots, plan: Plan, /) -> None:
        """Start streams."""
        ...

    def replan(self, slots: Slots, plan: Plan, /) -> None:
        """Give streams other parameters and keep their history."""
        ...

    def lengths(self, slot: int, /) -> tuple[int, ...]:
        """Lengths in samples of the current windows that count."""
        ...

    def windows(self, slot: int, window: int, /) -> Any:
        """Reference and current window side by side."""
        ...

    def explain(self, slot: int, /) -> Any:
        """Why the newest sample is anomalous, or why not."""
        ...

    def summary(self, slots: Slots, /) -> Any:
        """Columns for lists and metrics."""
        ...

    def rebaseline(self, slot: int, /) -> None:
        """Accept the present level as normal."""
        ...

    def strike(self, slot: int, start_ms: int, end_ms: int, /) -> int:
        """Keep a span of time out of the reference; how many samples that were."""
        ...

    def undo_strike(self, slot: int, before: Columns, start_ms: int, end_ms: int, /) -> None:
        """Take a strike back, given the row as `save` gave it before."""
        ...

    def alarm_limits(self, slot: int, /) -> AlarmLimits:
        """Values below and above which a single next sample would raise an alarm."""
        ...

    def leader_text(self, leader: int, /) -> str:
        """The statistic and window that `Scores.leader` stands for."""
        ...


class NumberDetector(Detector, Protocol):
    """A detector of streams of numbers."""

    @property
    def past(self) -> Pasts:
        """What streams that are compared with their own past keep of it."""
        ...

    def renew(self, slot: int, values: NDArray[np.float64], /) -> None:
        """Compare a stream that follows another one with that one's samples."""
        ...

    def newest(self, slot: int, count: int, /) -> NDArray[np.float64]:
        """The newest samples, rising."""
        ...

    def is_held(self, slot: int, /) -> bool:
        """Whether the stream has another reference than its own newest past."""
        ...

    def samples(self, slot: int, /) -> int:
        """How many samples of a stream were scored."""
        ...

    def update(
        self,
        slot: Slots,
        timestamp_ms: NDArray[np.int64],
        value: NDArray[np.float64],
        scores: Scores,
        rows: NDArray[np.int64],
        offset: int,
        /,
    ) -> None:
        """Score samples in their order into the given rows of `scores`."""
        ...


class HistogramDetector(Detector, Protocol):
    """A detector of streams of histograms; one sample is the counts of one interval."""

    def update(
        self,
        slot: Slots,
        timestamp_ms: NDArray[np.int64],
        buckets: Buckets,
        scores: Scores,
        rows: NDArray[np.int64],
        offset: int,
        /,
    ) -> None:
        """Score histograms in their order; those of `slot[i]` lie in `buckets.start[i]:start[i + 1]`."""
        ...


class CategoryDetector(Detector, Protocol):
    """A detector of streams of categories, which come as codes; code 0 is every name beyond `codes`."""

    codes: int
    """Codes that fit, 0 included."""

    def update(
        self,
        slot: Slots,
        timestamp_ms: NDArray[np.int64],
        code: NDArray[np.int32],
        scores: Scores,
        rows: NDArray[np.int64],
        offset: int,
        /,
    ) -> None:
        """Score categories in their order."""
        ...


@dataclass(frozen=True, slots=True)
class Makers:
    """How a shard gets its detectors; samples of a form without one are refused.

    Parameters
    ----------
    number, histogram, category : callable
        Take the capacity in slots.
    """

    number: Callable[[int], NumberDetector]
    histogram: Callable[[int], HistogramDetector] | None = None
    category: Callable[[int], CategoryDetector] | None = None

    @property
    def forms(self) -> frozenset[Form]:
        """Forms that are scored."""
        makers = {
            Form.NUMBER: self.number,
            Form.HISTOGRAM: self.histogram,
            Form.CATEGORY: self.category,
        }
        return frozenset(form for form, maker in makers.items() if maker is not None)
