"""The demo's world: web servers, their response times and their incidents."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

TYPICAL_SECONDS = 0.12
SPREAD = 0.35
STUCK_RATIO = 0.2
STUCK_SECONDS = 0.31


class Scene:
    """Response times of `servers` web servers, one sample per server and interval.

    Parameters
    ----------
    servers : int
    interval_ms : int
    bad_after_s, bad_for_s, every_s : float
        Start of the first incident, length of each, time between their starts.
    seed : int
    """

    def __init__(
        self, servers: int, interval_ms: int, bad_after_s: float, bad_for_s: float, every_s: float, seed: int
    ) -> None:
        self.servers = servers
        self.interval_ms = interval_ms
        self._bad_after_s, self._bad_for_s, self._every_s = bad_after_s, bad_for_s, every_s
        self._rng = np.random.default_rng(seed)
        self._typical_seconds = TYPICAL_SECONDS * self._rng.uniform(0.7, 1.4, servers)

    def between(self, start_ms: int, from_s: float, until_s: float) -> list[dict[str, Any]]:
        """One ingest row per server with the samples of a span of time.

        Parameters
        ----------
        start_ms : int
            Unix time of second 0.
        from_s, until_s : float
            The span, seconds relative to `start_ms`; negative is the past.
        """
        step_s = self.interval_ms / 1000
        steps = np.arange(np.ceil(from_s / step_s), np.ceil(until_s / step_s), dtype=np.float64)
        times_s = steps * step_s
        if not len(times_s):
            return []
        timestamps_ms = (start_ms + np.round(times_s * 1000)).astype(np.int64).tolist()
        return [self._row(server, times_s, timestamps_ms) for server in range(self.servers)]

    def _row(self, server: int, times_s: NDArray[np.float64], timestamps_ms: list[int]) -> dict[str, Any]:
        seconds = self._typical_seconds[server] * self._rng.lognormal(0.0, SPREAD, len(times_s))
        stuck = self._is_bad(server, times_s) & (self._rng.random(len(times_s)) < STUCK_RATIO)
        seconds[stuck] += STUCK_SECONDS * self._rng.lognormal(0.0, 0.1, int(stuck.sum()))
        return {
            "metric": "http_response_time_seconds",
            "labels": {"server": f"web-{server + 1}", "job": "demo"},
            "values": [round(value, 6) for value in seconds.tolist()],
            "timestamps_ms": timestamps_ms,
        }

    def _is_bad(self, server: int, times_s: NDArray[np.float64]) -> NDArray[np.bool_]:
        since_s = times_s - self._bad_after_s
        incident = np.floor(since_s / self._every_s).astype(np.int64)
        mine = incident % self.servers == (server - 2) % self.servers
        bad: NDArray[np.bool_] = (since_s >= 0) & (since_s % self._every_s < self._bad_for_s) & mine
        return bad
