"""How long a stream may be silent, measured in time during which samples arrived at all."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

LONGEST_STEP_MS = 60_000
SWEEP_MS = 60_000
NEVER = -1


class Patience:
    """When each stream was last heard of.

    Time passes only while requests arrive: it advances by what lies between two of them, but by a minute
    at most and never backwards. So neither a stopped service nor a clock that jumps makes all streams
    look abandoned.

    Parameters
    ----------
    capacity : int
        Stream numbers are below it.
    expire_after_ms : int
        Silence after which a stream is closed; 0 means never.
    """

    def __init__(self, capacity: int, expire_after_ms: int) -> None:
        self.expire_after_ms = expire_after_ms
        self.observed_ms = 0
        self.heard_ms = np.full(capacity, NEVER, np.int64)
        self._newest_ms: int | None = None
        self._swept_ms = 0

    def pass_to(self, now_ms: int) -> None:
        """Let time pass up to a request's arrival.

        Parameters
        ----------
        now_ms : int
        """
        if self._newest_ms is not None:
            self.observed_ms += min(max(now_ms - self._newest_ms, 0), LONGEST_STEP_MS)
        self._newest_ms = now_ms

    def hear(self, numbers: NDArray[np.int32]) -> None:
        """Note that streams got samples.

        Parameters
        ----------
        numbers : int32 array
        """
        self.heard_ms[numbers] = self.observed_ms

    def forget(self, number: int) -> None:
        """Stop waiting for a stream.

        Parameters
        ----------
        number : int
        """
        self.heard_ms[number] = NEVER

    def abandoned(self) -> NDArray[np.int64]:
        """Numbers of the streams that were silent for too long, rising; looked for once a minute."""
        if not self.expire_after_ms or self.observed_ms < self._swept_ms + SWEEP_MS:
            return np.empty(0, np.int64)
        self._swept_ms = self.observed_ms
        bound_ms = self.observed_ms - self.expire_after_ms
        return np.flatnonzero((self.heard_ms != NEVER) & (self.heard_ms < bound_ms))

    def save(self) -> list[int | None]:
        """The clock, for a snapshot."""
        return [self.observed_ms, self._newest_ms, self._swept_ms]

    def load(self, saved: list[int]) -> None:
        """Put back what `save` gave.

        Parameters
        ----------
        saved : list
        """
        self.observed_ms, self._newest_ms, self._swept_ms = saved
