"""Times for samples that come without one."""

from __future__ import annotations

from threading import Lock

from kullback.core.limits import Limits

FEWEST_SERIES = 10_000
FIRST_STEP_MS = 1_000
"""Distance between the values of a first request, when nothing is known of the interval."""


def remembered_series(limits: Limits) -> int:
    """How many label sets a decoder remembers: those of all streams, and as many that come and go.

    Parameters
    ----------
    limits : Limits
    """
    return max(FEWEST_SERIES, 2 * limits.max_streams)


class Arrivals:
    """Remembers when each series last arrived, so that its next values fill the interval since then.

    Times given to one series always rise, by at least 1 ms, so that no value is taken for a duplicate.

    Parameters
    ----------
    limits : Limits
        Values are never spread over more than half of `max_sample_age_ms`.
    """

    def __init__(self, limits: Limits) -> None:
        self._longest_ms = limits.max_sample_age_ms // 2
        self._capacity = remembered_series(limits)
        self._last_ms: dict[str, int] = {}
        self._lock = Lock()

    def spread(self, key: str, count: int, now_ms: int, interval_ms: float | None = None) -> list[int]:
        """Times for `count` values of one series, the last of them now.

        Parameters
        ----------
        key : str
            `Series.key`.
        count : int
        now_ms : int
        interval_ms : float, optional
            Time between two values, when the sender says so.

        Returns
        -------
        list of int
            Rising, ms.
        """
        if count == 0:
            return []
        with self._lock:
            last_ms = self._last_ms.get(key)
            newest_ms = now_ms if last_ms is None else max(now_ms, last_ms + count)
            if len(self._last_ms) >= self._capacity:
                self._last_ms.clear()
            self._last_ms[key] = newest_ms
        room_ms = float(self._longest_ms) if last_ms is None else min(newest_ms - last_ms, self._longest_ms)
        wanted_ms = interval_ms or (FIRST_STEP_MS if last_ms is None else room_ms)
        step_ms = max(1.0, min(wanted_ms, room_ms / count))
        return [newest_ms - int(step_ms * back) for back in range(count - 1, -1, -1)]
