"""One shard: the detectors' rows of its streams."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kullback.core.scores import Outcome, Scores
from kullback.detector.plan import Plan
from kullback.engine.forms import Columns, Detector, Form, Makers, NumberDetector
from kullback.engine.readings import Readings
from kullback.engine.slots import Slots
from kullback.engine.watches import CategoryWatch, NumberWatch, make_watches

FREE = 255


@dataclass(frozen=True, slots=True)
class SavedRows:
    """The rows of one form in a range of slots, as a snapshot keeps them.

    Parameters
    ----------
    slots : int32 array, shape (n,)
    opened_offset : int64 array, shape (n,)
        Which of the streams that had the slot one after the other the row belongs to.
    columns : mapping of str to array, shape (n, …)
    """

    slots: NDArray[np.int32]
    opened_offset: NDArray[np.int64]
    columns: Columns


class Shard:
    """Detector rows by slot.

    Parameters
    ----------
    capacity : int
        Slots.
    makers : Makers
    """

    def __init__(self, capacity: int, makers: Makers) -> None:
        self.slots = Slots(capacity)
        self._watches = make_watches(capacity, makers)
        self._form = np.full(capacity, FREE, np.uint8)
        self._opened_offset = np.zeros(capacity, np.int64)
        self._covered = np.zeros(capacity, np.int64)
        self._covered_most = 0

    @property
    def category_codes(self) -> int:
        """Codes that fit the category detector, 1 when there is none."""
        watch = self._watches.get(Form.CATEGORY)
        return watch.detector.codes if isinstance(watch, CategoryWatch) else 1

    @property
    def of_numbers(self) -> NumberDetector:
        """What scores streams of numbers."""
        watch = self._watches[Form.NUMBER]
        assert isinstance(watch, NumberWatch)
        return watch.detector

    def detector(self, slot: int) -> Detector:
        """What scores the stream in a slot.

        Parameters
        ----------
        slot : int
        """
        return self._watches[Form(self._form[slot])].detector

    def forms(self, slots: NDArray[np.int32]) -> NDArray[np.uint8]:
        """`Form` of the streams in slots.

        Parameters
        ----------
        slots : int32 array, shape (n,)
        """
        return self._form[slots]

    def seat(self, slot: int, form: Form, offset: int) -> None:
        """Note what kind of stream has a slot that was taken for it.

        Parameters
        ----------
        slot : int
        form : Form
        offset : int
            Log entry that opened it.
        """
        self._form[slot], self._opened_offset[slot], self._covered[slot] = form, offset, 0

    def open(self, slots: NDArray[np.int32], form: Form, plan: Plan) -> None:
        """Start the rows of seated streams.

        Parameters
        ----------
        slots : int32 array, shape (n,)
        form : Form
        plan : Plan
        """
        self._watches[form].open(slots, plan)

    def close(self, slot: int) -> None:
        """End the stream in a slot.

        Parameters
        ----------
        slot : int
        """
        self._watches[Form(self._form[slot])].close(np.array([slot], np.int32))
        self._form[slot], self._opened_offset[slot], self._covered[slot] = FREE, 0, 0
        self.slots.give_back(slot)

    def update(
        self,
        slots: NDArray[np.int32],
        rows: NDArray[np.int64],
        readings: Readings,
        scores: Scores,
        offset: int,
    ) -> None:
        """Score samples in their order.

        Parameters
        ----------
        slots : int32 array, shape (m,)
        rows : int64 array, shape (m,)
            Row of the batch and of `scores` per slot, rising.
        readings : Readings
        scores : Scores
        offset : int
            The batch's log entry; rows of streams whose restored state contains it are left alone.
        """
        if offset <= self._covered_most:
            slots, rows = self._leave_covered(slots, rows, scores, offset)
        forms = self._form[slots]
        for form, watch in self._watches.items():
            mine = forms == form
            if mine.all():
                watch.feed(slots, rows, readings, scores)
                return
            if mine.any():
                watch.feed(slots[mine], rows[mine], readings, scores)

    def share_fleet(self, streams: int) -> None:
        """Tell the detectors among how many streams a fleet budget is divided.

        Parameters
        ----------
        streams : int
        """
        for watch in self._watches.values():
            watch.detector.live_streams = streams

    def contains(self, slot: int, offset: int) -> bool:
        """Whether the restored state of a slot has a log entry in it already.

        Parameters
        ----------
        slot : int
        offset : int
        """
        return bool(self._covered[slot] >= offset)

    def summaries(self, slots: NDArray[np.int32]) -> list[tuple[NDArray[np.int64], Any]]:
        """Summaries by form: positions within `slots`, and the detector's columns for them.

        Parameters
        ----------
        slots : int32 array, shape (n,)
        """
        found = []
        for form, watch in self._watches.items():
            rows = np.flatnonzero(self._form[slots] == form)
            if len(rows):
                found.append((rows, watch.detector.summary(slots[rows])))
        return found

    def empty_summary(self) -> Any:
        """The summary of no stream."""
        return self._watches[Form.NUMBER].detector.summary(np.empty(0, np.int32))

    @property
    def bytes_per_stream(self) -> int:
        """Size of one row over all detectors; only that of its own form is touched."""
        return max(watch.detector.bytes_per_stream for watch in self._watches.values())

    def save(self, first: int, stop: int) -> dict[Form, SavedRows]:
        """Copies of the rows in a range of slots.

        Parameters
        ----------
        first, stop : int
        """
        saved = {}
        for form, watch in self._watches.items():
            slots = (first + np.flatnonzero(self._form[first:stop] == form)).astype(np.int32)
            if len(slots):
                saved[form] = SavedRows(slots, self._opened_offset[slots], watch.save(slots))
        return saved

    def load(self, form: Form, slots: NDArray[np.int32], columns: Columns) -> bool:
        """Put rows back that `save` gave.

        Parameters
        ----------
        form : Form
        slots : int32 array, shape (n,)
        columns : mapping of str to array, shape (n, …)

        Returns
        -------
        bool
            False when they are of another layout, and nothing was done.
        """
        watch = self._watches.get(form)
        if watch is None or not watch.fits(columns):
            return False
        watch.load(slots, columns)
        return True

    def cover(self, slots: NDArray[np.int32], offset: int) -> None:
        """Note that the state of slots contains the log up to an offset.

        Parameters
        ----------
        slots : int32 array, shape (n,)
        offset : int
        """
        self._covered[slots] = offset
        self._covered_most = max(self._covered_most, offset)

    def replan(self, slots: NDArray[np.int32], form: Form, plan: Plan) -> None:
        """Give streams other parameters.

        Parameters
        ----------
        slots : int32 array, shape (n,)
        form : Form
        plan : Plan
        """
        self._watches[form].detector.replan(slots, plan)

    def _leave_covered(
        self, slots: NDArray[np.int32], rows: NDArray[np.int64], scores: Scores, offset: int
    ) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        new = self._covered[slots] < offset
        left = rows[~new]
        scores.stream[left], scores.outcome[left] = -1, Outcome.ABSORBED
        return slots[new], rows[new]
