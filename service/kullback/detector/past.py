"""What a stream keeps of its own past to be compared with it: a sample of the values of each slot of time.

The ring reaches back by one period and half the span around it. From slot to slot the values around the same
time one period ago become the reference. Every sample is judged against the reference of its own time, so
windows and bank go on over a renewal.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from kullback.core.chance import drawn
from kullback.core.kernel import kernel
from kullback.core.scores import Episode
from kullback.detector.layout import FOLLOWED
from kullback.detector.pinned import let_go, renew

PAST_SLOTS, SLOT_SAMPLES = 256, 64
FEWEST_SAMPLES = 64
"""Of fewer no reference is made."""
RENEWED_SHIFT = 4
"""It is renewed after a sixteenth of its span, or when the slot is over where that is longer."""
PAST = np.dtype(
    [
        ("by_ms", "i8"),
        ("span_ms", "i8"),
        ("slot_ms", "i8"),
        ("renewed", "i8"),
        ("number", "i8", (PAST_SLOTS,)),
        ("seen", "i4", (PAST_SLOTS,)),
        ("distance", "f4", (PAST_SLOTS, SLOT_SAMPLES)),
    ],
    align=True,
)
"""Ring of slots by their number, which is time / `slot_ms`: how many samples each saw, and distances from the
stream's origin of at most SLOT_SAMPLES of them, drawn by chance. `renewed` is the slot in which the reference
was renewed last, −1 for none. 0 in `by_ms`: a free row."""

ANOMALOUS, SHIFTED = int(Episode.ANOMALOUS), int(Episode.SHIFTED)


class Pasts:
    """The pasts of the streams that are compared with theirs; the others take no room.

    Parameters
    ----------
    capacity : int
        Slots of the detector.
    """

    def __init__(self, capacity: int) -> None:
        self.row_of = np.full(capacity, -1, np.int32)
        """Row in `rows` by detector slot; −1 for none."""
        self.rows: NDArray[Any] = np.zeros(1, PAST)
        self._free = [0]

    def keep(self, slot: int, by_ms: int, span_ms: int) -> bool:
        """Let a stream keep its past; whether it begins with this.

        Parameters
        ----------
        slot : int
        by_ms, span_ms : int
        """
        row = self._take(slot)
        past = self.rows[row]
        if (past["by_ms"], past["span_ms"]) == (by_ms, span_ms):
            return False
        past["by_ms"], past["span_ms"], past["renewed"] = by_ms, span_ms, -1
        past["slot_ms"] = max(-(-(by_ms + span_ms // 2) // (PAST_SLOTS - 2)), 1)
        past["number"], past["seen"] = -1, 0
        return True

    def drop(self, slots: NDArray[np.int32]) -> NDArray[np.int32]:
        """Forget pasts.

        Parameters
        ----------
        slots : int32 array, shape (n,)

        Returns
        -------
        int32 array
            The slots that had one.
        """
        had: NDArray[np.int32] = slots[self.row_of[slots] >= 0]
        self.rows["by_ms"][self.row_of[had]] = 0
        self._free += self.row_of[had].tolist()
        self.row_of[had] = -1
        return had

    def covered_ms(self, slot: int) -> int:
        """How far back a stream's past reaches; 0 for one that keeps none.

        Parameters
        ----------
        slot : int
        """
        if self.row_of[slot] < 0:
            return 0
        past = self.rows[self.row_of[slot]]
        held = past["number"][past["seen"] > 0]
        return int((held.max() + 1 - held.min()) * past["slot_ms"]) if len(held) else 0

    def strike(self, slot: int, start_ms: int, end_ms: int) -> None:
        """Forget the slots of time that a span touches.

        Parameters
        ----------
        slot, start_ms, end_ms : int
        """
        if self.row_of[slot] >= 0:
            past = self.rows[self.row_of[slot]]
            first, last = start_ms // past["slot_ms"], end_ms // past["slot_ms"]
            past["seen"][(past["number"] >= first) & (past["number"] <= last)] = 0

    def close(self, slots: NDArray[np.int32]) -> None:
        """Forget streams."""
        self.drop(slots)

    def save(self, slots: NDArray[np.int32]) -> dict[str, NDArray[Any]]:
        """Copies as bytes, none wide where no stream keeps its past.

        Parameters
        ----------
        slots : int32 array, shape (n,)
        """
        rows = self.row_of[slots]
        saved = np.zeros((len(slots), PAST.itemsize if (rows >= 0).any() else 0), np.uint8)
        if saved.shape[1]:
            saved[rows >= 0] = self.rows[rows[rows >= 0]].view(np.uint8).reshape(-1, PAST.itemsize)
        return {"past": saved}

    def fits(self, arrays: dict[str, NDArray[Any]]) -> bool:
        """Whether `load` can put them back; an earlier version knew no pasts.

        Parameters
        ----------
        arrays : dict of str to array
        """
        return "past" not in arrays or arrays["past"].shape[1] in (0, PAST.itemsize)

    def load(self, slots: NDArray[np.int32], arrays: dict[str, NDArray[Any]]) -> None:
        """Put back what `save` gave.

        Parameters
        ----------
        slots : int32 array, shape (n,)
        arrays : dict of str to array
        """
        self.drop(slots)
        if not arrays["past"].shape[1]:
            return
        pasts = np.ascontiguousarray(arrays["past"]).view(PAST).reshape(-1)
        for at in np.flatnonzero(pasts["by_ms"]):
            row = self._take(int(slots[at]))
            self.rows[row] = pasts[at]

    def _take(self, slot: int) -> int:
        """The row of a slot, a free one when it has none."""
        if self.row_of[slot] < 0:
            if not self._free:
                self._grow()
            self.row_of[slot] = self._free.pop()
        return int(self.row_of[slot])

    def _grow(self) -> None:
        """Twice the room; memory is touched only where it is used."""
        old, self.rows = self.rows, np.zeros(2 * len(self.rows), PAST)
        self.rows[: len(old)] = old
        self._free = list(range(len(self.rows) - 1, len(old) - 1, -1))


@kernel
def follow_past(stream: Any, tables: Any, past: Any, timestamp_ms: int, scratch: NDArray[np.int64]) -> None:
    """Renew the reference when a slot of time begins, but not for a small part of its span; where nothing is
    known of the time, the stream's newest past rolls on.

    Parameters
    ----------
    stream : stream record
    tables : tables record
    past : PAST record
    timestamp_ms : int
    scratch : int64 array
        As for `admit`.
    """
    number = timestamp_ms // past.slot_ms
    if past.renewed >= 0 and (number - past.renewed) * past.slot_ms < max(past.span_ms >> RENEWED_SHIFT, 1):
        return
    past.renewed = number
    distances = around(past, number * past.slot_ms + past.slot_ms // 2 - past.by_ms)
    if len(distances) >= FEWEST_SAMPLES:
        renew(stream, tables, distances)
    elif stream.pinned == FOLLOWED:
        let_go(stream, tables, scratch)


@kernel
def around(past: Any, centre_ms: int) -> NDArray[np.float64]:
    """What is kept of the slots around an instant, rising.

    Parameters
    ----------
    past : PAST record
    centre_ms : int
    """
    first = (centre_ms - past.span_ms // 2) // past.slot_ms
    last = (centre_ms + past.span_ms // 2) // past.slot_ms
    found = np.empty((last - first + 1) * SLOT_SAMPLES)
    count = 0
    for number in range(first, last + 1):
        at = number % PAST_SLOTS
        if past.number[at] == number:
            for kept in range(min(past.seen[at], SLOT_SAMPLES)):
                found[count] = past.distance[at, kept]
                count += 1
    return np.sort(found[:count])


@kernel
def note_past(stream: Any, past: Any, timestamp_ms: int) -> None:
    """Let the stream's newest sample into its past, but for incidents: what happened then is not normal now.

    What differs from the stream's newest past only, before it has an older one, may be a season.

    Parameters
    ----------
    stream : stream record
        The sample was scored.
    past : PAST record
    timestamp_ms : int
    """
    number = timestamp_ms // past.slot_ms
    at = number % PAST_SLOTS
    incident = stream.pinned and stream.episode & ANOMALOUS and not stream.episode & SHIFTED
    if incident or past.number[at] > number:
        return
    if past.number[at] < number:
        past.number[at], past.seen[at] = number, 0
    place = past.seen[at]
    if place >= SLOT_SAMPLES:  # Vitter's algorithm R, so that a replay draws the same
        place = int(drawn(place + (number << 16)) * (place + 1))
    past.seen[at] += 1
    if place < SLOT_SAMPLES:
        past.distance[at, place] = stream.last_value - stream.origin
