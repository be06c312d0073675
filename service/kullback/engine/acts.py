"""What is done to a stream besides scoring it: people accept a level, exclude a time, give feedback."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from kullback.engine.forms import Detector
from kullback.engine.plans import Plans
from kullback.engine.streams import StreamTable
from kullback.engine.undo import Act, Did, Undo, packed, unpacked

Do = Callable[[int, int, Callable[[Detector, int], object]], None]


class Acts:
    """Acts on single streams, each an entry of the log.

    Parameters
    ----------
    table : StreamTable
    plans : Plans
    undo : Undo
    do : callable
        (number, offset, action): lets an action have a stream's detector and slot, unless the stream's
        restored state has the log entry in it already.
    """

    def __init__(self, table: StreamTable, plans: Plans, undo: Undo, do: Do) -> None:
        self._table, self._plans, self._undo = table, plans, undo
        self._do = do

    def rebaseline(self, number: int, offset: int) -> None:
        """Accept a stream's present level as normal.

        Parameters
        ----------
        number : int
        offset : int
        """

        def accept(detector: Detector, slot: int) -> None:
            before = _row(detector, slot)
            detector.rebaseline(slot)
            self._undo.note(number, Act(Did.REBASELINE, offset, before))

        self._do(number, offset, accept)

    def undo_rebaseline(self, number: int, offset: int) -> None:
        """Take the last `rebaseline` back: the stream is as it was before.

        Parameters
        ----------
        number : int
        offset : int

        Raises
        ------
        RequestError
            CONFLICT when that was not what was last done to the stream's reference.
        """
        plan = self._plans.of(self._table.at(number))

        def put_back(detector: Detector, slot: int) -> None:
            slots = np.array([slot], np.int32)
            row = self._undo.take(number, Did.REBASELINE).row
            detector.load(slots, unpacked(row, detector.save(slots[:0])))
            detector.replan(slots, plan)

        self._do(number, offset, put_back)

    def exclude(self, number: int, start_ms: int, end_ms: int, offset: int) -> None:
        """Keep a span of time out of a stream's reference, until `undo_exclude` takes it back.

        Parameters
        ----------
        number : int
        start_ms, end_ms : int
        offset : int
        """

        def keep_out(detector: Detector, slot: int) -> None:
            before = _row(detector, slot)
            detector.strike(slot, start_ms, end_ms)
            self._undo.note(number, Act(Did.EXCLUDE, offset, before, start_ms, end_ms))

        self._do(number, offset, keep_out)

    def undo_exclude(self, number: int, offset: int) -> None:
        """Take the last `exclude` back, as far as its samples are still to be had; what came since stays.

        Parameters
        ----------
        number : int
        offset : int

        Raises
        ------
        RequestError
            CONFLICT when that was not what was last done to the stream's reference.
        """

        def let_in(detector: Detector, slot: int) -> None:
            act = self._undo.take(number, Did.EXCLUDE)
            before = unpacked(act.row, detector.save(np.empty(0, np.int32)))
            detector.undo_strike(slot, before, act.start_ms, act.end_ms)

        self._do(number, offset, let_in)

    def strike(self, number: int, start_ms: int, end_ms: int, offset: int) -> None:
        """Keep a span of time out of a stream's reference for good, as maintenance does.

        Parameters
        ----------
        number : int
        start_ms, end_ms : int
        offset : int
        """
        self._do(number, offset, lambda detector, slot: detector.strike(slot, start_ms, end_ms))

    def set_feedback(self, number: int, factor: float, offset: int) -> None:
        """Move a stream's alarm line by a factor.

        Parameters
        ----------
        number : int
        factor : float
        offset : int
        """
        stream = replace(self._table.at(number), feedback=factor)
        self._table.add(stream)
        plan = self._plans.of(stream)
        self._do(number, offset, lambda detector, slot: detector.replan(np.array([slot], np.int32), plan))


def _row(detector: Detector, slot: int) -> bytes:
    return packed(detector.save(np.array([slot], np.int32)))
