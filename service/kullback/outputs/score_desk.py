"""Scores written to a Prometheus as they come, with the samples' own times (remote write 1.0).

For fleets too large to scrape, and for those who want every score instead of the newest at each scrape.
Format: https://prometheus.io/docs/specs/prw/remote_write_spec/.
"""

from __future__ import annotations

import struct
import threading
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import cramjam
import numpy as np
from numpy.typing import NDArray

from kullback.alerting.decision import Decision
from kullback.core.labels import Series
from kullback.core.scores import Outcome as Scored
from kullback.core.scores import Scores
from kullback.core.selector import Selector
from kullback.outputs.desk import Answer, Backoff, Letter, Outcome, Tally, origin
from kullback.outputs.label_texts import label_pairs

METRIC = "kullback_score"
SAMPLES_PER_REQUEST = 5000
MOST_WAITING_SAMPLES = 1_000_000
MOST_KNOWN_SERIES = 200_000
HEADERS = {
    "Content-Type": "application/x-protobuf",
    "Content-Encoding": "snappy",
    "X-Prometheus-Remote-Write-Version": "0.1.0",
}


@dataclass(frozen=True, slots=True)
class _Part:
    """Samples of one request; `series` holds the encoded labels of each row of `which`."""

    series: tuple[bytes, ...]
    which: NDArray[np.intp]
    timestamp_ms: NDArray[np.int64]
    score: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.which)


class ScoreDesk:
    """What one remote-write receiver is still owed.

    `take` runs on the owner's thread, the rest on the sender's.

    Parameters
    ----------
    url : str
    match : Selector
        Streams whose scores are written.
    tenants : bool
        Whether a label `tenant` says whose a stream is.
    token : str
        Bearer token; "" for none.
    """

    def __init__(self, url: str, match: Selector, tenants: bool = False, token: str = "") -> None:
        self.receiver = origin(url)
        self.address: tuple[object, ...] = ("remote_write", url, match.text, token)
        self.tally = Tally()
        self._url, self._match, self._tenants = url, match, tenants
        self._headers = HEADERS | ({"Authorization": f"Bearer {token}"} if token else {})
        self._known: dict[str, bytes] = {}
        self._lock = threading.Lock()
        self._parts: deque[_Part] = deque()
        self._waiting = 0
        self._backoff = Backoff()

    def take(self, scores: Scores, series_of: Callable[[int], Series]) -> None:
        """Queue the scores of a batch; the oldest that wait make room.

        Parameters
        ----------
        scores : Scores
        series_of : callable
            The series of a stream's number.
        """
        scored = (scores.stream >= 0) & (scores.outcome == Scored.SCORED) & ~np.isnan(scores.score)
        rows = np.flatnonzero(scored)
        numbers, which = np.unique(scores.stream[rows], return_inverse=True)
        series = [self._encoded(series_of(int(number))) for number in numbers]
        wanted = np.array([bool(one) for one in series], bool)[which] if len(rows) else which.astype(bool)
        rows, which = rows[wanted], which[wanted]
        for first in range(0, len(rows), SAMPLES_PER_REQUEST):
            some = slice(first, first + SAMPLES_PER_REQUEST)
            present, places = np.unique(which[some], return_inverse=True)
            self._put(
                _Part(
                    tuple(series[at] for at in present),
                    places,
                    scores.timestamp_ms[rows[some]],
                    scores.score[rows[some]].astype(np.float64),
                )
            )

    def note(self, _decisions: Iterable[Decision], _now_ms: int) -> None:
        """See `Desk.note`: alerts are not its business."""

    def adopt(self, _decisions: Iterable[Decision], _now_ms: int) -> None:
        """See `Desk.adopt`."""

    def due(self, now_ms: int) -> Letter | None:
        """See `Desk.due`: the oldest part."""
        if now_ms < self._backoff.not_before_ms:
            return None
        with self._lock:
            part = self._parts[0] if self._parts else None
        return Letter(self._url, _body(part), self._headers, len(part), part) if part else None

    def settle(self, letter: Letter, answer: Answer, now_ms: int) -> None:
        """See `Desk.settle`: what was refused for good is given up, what failed is tried again."""
        self.tally.add(answer.outcome, letter.notifications)
        self._backoff.note(answer, now_ms)
        if answer.outcome is Outcome.FAILED:
            return
        with self._lock:
            if self._parts and self._parts[0] is letter.covers:
                self._waiting -= len(self._parts.popleft())

    def close(self) -> None:
        """Give up what still waits, and count it: nobody will carry it any more."""
        with self._lock:
            self.tally.add(Outcome.DROPPED, self._waiting)
            self._parts.clear()
            self._waiting = 0

    def _put(self, part: _Part) -> None:
        with self._lock:
            self._parts.append(part)
            self._waiting += len(part)
            while self._waiting > MOST_WAITING_SAMPLES:
                dropped = len(self._parts.popleft())
                self._waiting -= dropped
                self.tally.add(Outcome.DROPPED, dropped)

    def _encoded(self, series: Series) -> bytes:
        """The encoded labels of a stream's score, b"" when it is not wanted."""
        if series.id not in self._known:
            if len(self._known) >= MOST_KNOWN_SERIES:
                self._known.clear()
            labels = series.labels
            wanted = self._match.matches(labels)
            pairs = sorted([("__name__", METRIC), *label_pairs(labels, self._tenants)]) if wanted else []
            self._known[series.id] = b"".join(_label(name, value) for name, value in pairs)
        return self._known[series.id]


def _body(part: _Part) -> bytes:
    """A WriteRequest: TimeSeries (1) of labels (1) and samples (2), each a double (1) and a varint (2)."""
    samples: list[list[bytes]] = [[] for _ in part.series]
    rows = zip(part.which.tolist(), part.timestamp_ms.tolist(), part.score.tolist(), strict=True)
    for series, at_ms, score in rows:
        sample = b"\x09" + struct.pack("<d", score) + b"\x10" + _varint(at_ms & 0xFFFF_FFFF_FFFF_FFFF)
        samples[series].append(_nested(2, sample))
    message = b"".join(
        _nested(1, labels + b"".join(mine)) for labels, mine in zip(part.series, samples, strict=True)
    )
    return bytes(cramjam.snappy.compress_raw(message))


def _label(name: str, value: str) -> bytes:
    return _nested(1, _nested(1, name.encode()) + _nested(2, value.encode("utf-8", "replace")))


def _nested(field: int, payload: bytes) -> bytes:
    return bytes((field << 3 | 2,)) + _varint(len(payload)) + payload


def _varint(number: int) -> bytes:
    encoded = bytearray()
    while number > 0x7F:
        encoded.append(number & 0x7F | 0x80)
        number >>= 7
    encoded.append(number)
    return bytes(encoded)
