"""Which slots of a shard are taken."""

from __future__ import annotations

from heapq import heappop, heappush


class Slots:
    """Gives out the lowest free slot, so that which slot a stream gets follows from which are taken alone.

    Parameters
    ----------
    capacity : int

    Attributes
    ----------
    high : int
        Every taken slot is below it.
    """

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.high = 0
        self._gaps: list[int] = []

    @property
    def free(self) -> int:
        """How many are left."""
        return self.capacity - self.high + len(self._gaps)

    def take(self) -> int:
        """The lowest free slot, now taken; the caller looked at `free`."""
        if self._gaps:
            return heappop(self._gaps)
        self.high += 1
        return self.high - 1

    def take_from(self, slot: int) -> int:
        """A given slot if it is above all taken ones and within the capacity, else the lowest free one.

        Parameters
        ----------
        slot : int
        """
        if not self.high <= slot < self.capacity:
            return self.take()
        self._gaps.extend(range(self.high, slot))  # rising and above all others: still a heap
        self.high = slot + 1
        return slot

    def give_back(self, slot: int) -> None:
        """Free a slot.

        Parameters
        ----------
        slot : int
        """
        heappush(self._gaps, slot)
