"""Samples on their way in the background: bounded, never in the way of the program they describe."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Mapping
from typing import Any

import httpx

from kullback.client import calls
from kullback.client.calls import ApiError, Labels
from kullback.client.client import Client

DEFAULT_BUFFER_SAMPLES = 100_000
DEFAULT_INTERVAL_S = 1.0
MAX_BACKOFF_S = 60.0

StreamKey = tuple[str, tuple[tuple[str, str], ...]]
Sample = tuple[StreamKey, float, int]


class Sender:
    """Collects samples and posts them once per interval from a thread of its own.

    Parameters
    ----------
    client : Client
    interval_s : float
    buffer_samples : int
        Kept while the service cannot be reached; then the oldest go, counted in `dropped`.
    """

    def __init__(
        self,
        client: Client,
        interval_s: float = DEFAULT_INTERVAL_S,
        buffer_samples: int = DEFAULT_BUFFER_SAMPLES,
    ) -> None:
        self._client = client
        self._interval_s = interval_s
        self._samples: deque[Sample] = deque(maxlen=buffer_samples)
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None
        self._starting = threading.Lock()
        self.dropped = 0
        self.sent = 0

    def add(self, metric: str, value: float, labels: Labels | None = None) -> None:
        """Remember one sample; takes microseconds and never blocks on the network.

        Parameters
        ----------
        metric : str
        value : float
        labels : mapping of str to str
        """
        key = (metric, tuple(sorted((labels or {}).items())))
        if len(self._samples) == self._samples.maxlen:
            self.dropped += 1
        self._samples.append((key, float(value), time.time_ns() // 1_000_000))
        if self._thread is None:
            self._start()

    def close(self) -> None:
        """Send what is left, once, and stop."""
        self._closing.set()
        if self._thread is not None:
            self._thread.join()

    def _start(self) -> None:
        with self._starting:  # started late, so that a forking server starts one in each worker
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="kullback-sender", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        wait_s = self._interval_s
        while not self._closing.wait(wait_s):
            wait_s = self._interval_s if self._flush() else min(2 * wait_s, MAX_BACKOFF_S)
        self._flush()

    def _flush(self) -> bool:
        batch = [self._samples.popleft() for _ in range(len(self._samples))]
        try:
            if batch:
                self._client.ingest_rows(_rows(batch), scores="none")
        except httpx.TransportError:
            self._keep(batch)
            return False
        except ApiError as problem:
            if problem.status in (429, 502, 503, 504):
                self._keep(batch)
                return False
            self.dropped += len(batch)  # refused for good: sending it again cannot help
            return True
        self.sent += len(batch)
        return True

    def _keep(self, batch: list[Sample]) -> None:
        room = (self._samples.maxlen or 0) - len(self._samples)
        self.dropped += max(len(batch) - room, 0)
        self._samples.extendleft(reversed(batch[max(len(batch) - room, 0) :]))


def _rows(batch: list[Sample]) -> list[Mapping[str, Any]]:
    by_stream: dict[StreamKey, tuple[list[float], list[int]]] = {}
    for key, value, timestamp_ms in batch:
        values, timestamps_ms = by_stream.setdefault(key, ([], []))
        values.append(value)
        timestamps_ms.append(timestamp_ms)
    return [
        calls.row(metric, values, dict(labels), _strictly_rising(timestamps_ms))
        for (metric, labels), (values, timestamps_ms) in by_stream.items()
    ]


def _strictly_rising(timestamps_ms: list[int]) -> list[int]:
    """Samples of the same millisecond are told apart, or they would count as duplicates."""
    risen: list[int] = []
    for timestamp_ms in timestamps_ms:
        risen.append(max(timestamp_ms, risen[-1] + 1) if risen else timestamp_ms)
    return risen
