"""Maintenance windows: their streams raise no alert, and their samples stay out of the reference."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kullback.alerting.schedule import Schedule
from kullback.core.errors import ErrorId, RequestError
from kullback.core.labels import Labels
from kullback.core.selector import Selector

MAX_WINDOWS = 1000


@dataclass(frozen=True, slots=True)
class MaintenanceWindow:
    """Which streams, when, and why.

    Parameters
    ----------
    id : str
    match : Selector
    schedule : Schedule
    reason : str
        For the people who later wonder why nothing fired.
    """

    id: str
    match: Selector
    schedule: Schedule
    reason: str = ""


class Maintenance:
    """The windows, and which stream numbers each of them covers. Not thread-safe: the owner thread has it.

    Parameters
    ----------
    capacity : int
        Stream numbers are below it.
    """

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._windows: dict[str, MaintenanceWindow] = {}
        self._members: dict[str, NDArray[np.bool_]] = {}

    @property
    def windows(self) -> tuple[MaintenanceWindow, ...]:
        """All windows, oldest first."""
        return tuple(self._windows.values())

    def add(self, window: MaintenanceWindow, numbers: NDArray[np.int32]) -> None:
        """Put a window in force, or another in the place of the one with its id.

        Parameters
        ----------
        window : MaintenanceWindow
        numbers : int32 array
            The streams that it matches now; later ones come through `admit`.

        Raises
        ------
        RequestError
            CONFLICT when there are too many windows.
        """
        if window.id not in self._windows and len(self._windows) >= MAX_WINDOWS:
            raise RequestError(ErrorId.CONFLICT, f"There are {MAX_WINDOWS} maintenance windows already.")
        self._windows[window.id] = window
        self._members[window.id] = np.zeros(self._capacity, np.bool_)
        self._members[window.id][numbers] = True

    def remove(self, window_id: str) -> MaintenanceWindow:
        """Take a window out of force.

        Parameters
        ----------
        window_id : str

        Raises
        ------
        RequestError
            NOT_FOUND.
        """
        if window_id not in self._windows:
            raise RequestError(ErrorId.NOT_FOUND, f"There is no maintenance window {window_id!r}.")
        del self._members[window_id]
        return self._windows.pop(window_id)

    def forget_ended(self, before_ms: int) -> tuple[MaintenanceWindow, ...]:
        """Drop the windows that ended for good before an instant, and return them.

        Parameters
        ----------
        before_ms : int
            Late samples may still fall into a window that has just ended; leave it for a while.
        """
        ends = {window_id: window.schedule.end_ms for window_id, window in self._windows.items()}
        return tuple(
            self.remove(key) for key, end_ms in ends.items() if end_ms is not None and end_ms < before_ms
        )

    def admit(self, number: int, labels: Labels) -> None:
        """Let a new stream fall under the windows that match it.

        Parameters
        ----------
        number : int
        labels : Labels
        """
        for window_id, window in self._windows.items():
            self._members[window_id][number] = window.match.matches(labels)

    def muted(self, stream: NDArray[np.int32], timestamp_ms: NDArray[np.int64]) -> NDArray[np.bool_] | None:
        """Which samples fall into a window, by their own timestamps.

        Parameters
        ----------
        stream : int32 array, shape (n,)
            Stream numbers; -1 for rows of no stream.
        timestamp_ms : int64 array, shape (n,)

        Returns
        -------
        bool array, shape (n,), or None
            None when no sample does, the usual case.
        """
        inside = np.zeros(len(stream), np.bool_)
        for window_id, window in self._windows.items():
            rows = np.flatnonzero(self._members[window_id][stream] & (stream >= 0))
            if rows.size:
                inside[rows] |= window.schedule.covers(timestamp_ms[rows])
        return inside if inside.any() else None

    def now(self, numbers: NDArray[np.int32], now_ms: int) -> NDArray[np.bool_]:
        """Which streams are under maintenance at an instant.

        Parameters
        ----------
        numbers : int32 array, shape (m,)
        now_ms : int
        """
        covered = np.zeros(len(numbers), np.bool_)
        for window in self.open_windows(now_ms):
            covered |= self._members[window.id][numbers]
        return covered

    def open_windows(self, now_ms: int) -> Iterable[MaintenanceWindow]:
        """The windows that are open at an instant.

        Parameters
        ----------
        now_ms : int
        """
        instant = np.array([now_ms], np.int64)
        return [window for window in self._windows.values() if window.schedule.covers(instant)[0]]
