"""The newest points of every stream's score history, in memory until they fill a chunk."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kullback.core.chance import drawn
from kullback.core.kernel import kernel
from kullback.core.scores import Outcome, Scores, blank_scores
from kullback.storage.point import POINT, with_quantiles

CHUNK_POINTS = 16
KEPT_VALUES = 16
"""Values of a growing point from which its quantiles are taken; of more, an even sample."""

FULL_ROWS = 256
"""Full rows that the kernel puts aside before Python takes them: those of a fleet fill up together."""

SCORED = int(Outcome.SCORED)


@dataclass(frozen=True, slots=True)
class Chunk:
    """Points of one stream that will not change any more.

    Parameters
    ----------
    stream : str
        Its id.
    points : POINT array, shape (n,)
        Rising in time; n ≥ 1.
    span_ms : (int, int)
        Times of the first and of the last point.
    peak : float
        Largest score; -inf where none was trusted.
    """

    stream: str
    points: NDArray[Any]
    span_ms: tuple[int, int]
    peak: float


def chunks_of(streams: Sequence[str], points: NDArray[Any]) -> list[Chunk]:
    """The chunks of streams whose points are as many.

    Parameters
    ----------
    streams : sequence of str
    points : POINT array, shape (len(streams), n)
    """
    spans_ms = points["at_ms"][:, [0, -1]].tolist()
    peaks = np.fmax.reduce(points["max_score"], axis=1, initial=-np.inf).tolist()
    rows = zip(streams, points, spans_ms, peaks, strict=True)
    return [Chunk(stream, own, (first, last), peak) for stream, own, (first, last), peak in rows]


class FullRows(NamedTuple):
    """Rows of points that the kernel put aside.

    Parameters
    ----------
    used : int64 array, shape (1,)
    number : int64 array, shape (FULL_ROWS,)
        Stream of each.
    points : POINT array, shape (FULL_ROWS, CHUNK_POINTS)
    """

    used: NDArray[np.int64]
    number: NDArray[np.int64]
    points: NDArray[Any]


class Points:
    """Up to `CHUNK_POINTS` points per stream number, the last of them still growing.

    Parameters
    ----------
    capacity : int
        Stream numbers are below it.
    step_ms : int
        Length of a point.
    """

    def __init__(self, capacity: int, step_ms: int) -> None:
        self.step_ms = step_ms
        self.newest_ms = 0
        """Newest timestamp recorded so far."""
        self._points = np.zeros((capacity, CHUNK_POINTS), POINT)
        self._bytes = self._points.view(np.uint8)
        self._count = np.zeros(capacity, np.int64)
        self._values = np.zeros((capacity, KEPT_VALUES))
        self._ids: dict[int, str] = {}
        self._numbers: dict[str, int] = {}
        self._full_rows = FullRows(
            np.zeros(1, np.int64), np.zeros(FULL_ROWS, np.int64), np.zeros((FULL_ROWS, CHUNK_POINTS), POINT)
        )
        self._full: list[Chunk] = []

    def welcome(self, number: int, stream: str) -> None:
        """Learn which stream a number stands for.

        Parameters
        ----------
        number : int
        stream : str
            Its id.
        """
        self._ids[number], self._numbers[stream] = stream, number

    def record(self, scores: Scores, phases: NDArray[np.uint8]) -> None:
        """Take the scores of a batch.

        Parameters
        ----------
        scores : Scores
            Rows of stream -1 are passed over.
        phases : uint8 array, shape (n,)
            Alert phase of each row's stream after the batch.
        """
        self.newest_ms = max(self.newest_ms, int(scores.timestamp_ms.max(initial=0)))
        row = 0
        while row < len(scores):
            row = _absorb(
                self._points,
                self._count,
                self._values,
                self._full_rows,
                self.step_ms,
                row,
                scores.stream,
                scores.timestamp_ms,
                scores.value,
                scores.score,
                scores.divergence_nats,
                scores.leader,
                scores.outcome,
                scores.episode,
                phases,
            )
            self._take_out()

    def take_full(self) -> list[Chunk]:
        """The chunks that filled up since the last call."""
        full, self._full = self._full, []
        return full

    def newest(self, stream: str) -> NDArray[Any]:
        """Copy of the points of a stream that are in no chunk yet.

        Parameters
        ----------
        stream : str
        """
        number = self._numbers.get(stream)
        if number is None:
            return np.empty(0, POINT)
        return self._points[number, : self._count[number]].copy()

    def at_most(self, streams: Sequence[str], start_ms: int, end_ms: int) -> NDArray[np.float64]:
        """Largest score in an interval among the points that are in no chunk yet.

        Parameters
        ----------
        streams : sequence of str
        start_ms, end_ms : int
            Both included.

        Returns
        -------
        float64 array, shape (n,)
            -inf where there is none.
        """
        numbers = np.array([self._numbers.get(stream, -1) for stream in streams], np.int64)
        rows = self._points[np.maximum(numbers, 0)]
        asked = (rows["at_ms"] >= start_ms) & (rows["at_ms"] <= end_ms) & (numbers >= 0)[:, None]
        asked &= np.isfinite(rows["max_score"])
        asked &= np.arange(CHUNK_POINTS) < self._count[np.maximum(numbers, 0), None]
        highest: NDArray[np.float64] = np.where(asked, rows["max_score"], -np.inf).max(
            axis=1, initial=-np.inf
        )
        return highest.astype(np.float64)

    def close(self, numbers: NDArray[np.int32]) -> None:
        """Turn what streams have into chunks and clear their rows.

        Parameters
        ----------
        numbers : int32 array, shape (n,)
        """
        for number in numbers.tolist():
            stream, count = self._ids.pop(number, ""), self._count[number]
            self._numbers.pop(stream, None)
            if stream and count:
                self._full += chunks_of([stream], self._points[[number], :count])
        self._points[numbers] = np.zeros((), POINT)
        self._count[numbers] = 0

    def save(self, numbers: NDArray[np.int32]) -> dict[str, NDArray[Any]]:
        """Copies of rows, for snapshots.

        Parameters
        ----------
        numbers : int32 array, shape (n,)
        """
        return {
            "points": self._points[numbers],
            "count": self._count[numbers],
            "values": self._values[numbers],
        }

    def load(self, numbers: NDArray[np.int32], arrays: Mapping[str, NDArray[Any]]) -> None:
        """Put back what `save` gave.

        Parameters
        ----------
        numbers : int32 array, shape (n,)
        arrays : mapping of array, shape (n, …)
        """
        # As bytes: NumPy copies records field by field.
        self._bytes[numbers] = np.ascontiguousarray(with_quantiles(arrays["points"])).view(np.uint8)
        self._count[numbers] = arrays["count"]
        newest = np.maximum(self._count[numbers] - 1, 0)
        mean = self._points["mean"][numbers, newest]  # of points that grew in the first versions
        self._values[numbers] = arrays.get("values", np.repeat(mean[:, None], KEPT_VALUES, axis=1))

    def _take_out(self) -> None:
        """Make chunks of the rows that the kernel put aside."""
        used = int(self._full_rows.used[0])
        self._full_rows.used[0] = 0
        streams = [self._ids.get(number, "") for number in self._full_rows.number[:used].tolist()]
        chunks = chunks_of(streams, self._full_rows.points[:used].copy())
        self._full += [chunk for chunk in chunks if chunk.stream]


def warmup() -> None:
    """Compile the kernel, or load it from Numba's cache."""
    scores = blank_scores(np.zeros(1, np.int64))
    scores.stream[:] = 0
    Points(1, 1).record(scores, np.zeros(1, np.uint8))


@kernel
def _absorb(
    points: NDArray[Any],
    count: NDArray[np.int64],
    values: NDArray[np.float64],
    full: FullRows,
    step_ms: int,
    row: int,
    stream: NDArray[np.int32],
    timestamp_ms: NDArray[np.int64],
    value: NDArray[np.float64],
    score: NDArray[np.float64],
    divergence_nats: NDArray[np.float64],
    leader: NDArray[np.int16],
    outcome: NDArray[np.uint8],
    episode: NDArray[np.uint8],
    phases: NDArray[np.uint8],
) -> int:
    """Put rows into points until one does not fit because no more full rows of points can be put aside."""
    while row < len(stream):
        number = stream[row]
        if number >= 0 and outcome[row] == SCORED:
            at_ms = timestamp_ms[row] // step_ms * step_ms
            have = count[number]
            # A late sample joins the growing point: what lies before may be written already.
            if have == 0 or at_ms > points[number, have - 1]["at_ms"]:
                if have == CHUNK_POINTS:
                    if full.used[0] == len(full.number):
                        return row
                    _put_aside(points[number], number, full)
                    have = 0
                points[number, have]["at_ms"] = at_ms
                points[number, have]["samples"] = 0
                points[number, have]["max_score"] = np.nan
                count[number] = have = have + 1
            point = points[number, have - 1]
            _keep(values[number], point["samples"], at_ms // step_ms, value[row])
            _join(point, value[row], score[row])
            _set_quantiles(point, values[number])
            point["divergence_nats"] = divergence_nats[row]
            point["leader"] = leader[row]
            point["phase"] = phases[row]
            point["ready"] = episode[row] & 1
        row += 1
    return row


@kernel
def _put_aside(points: NDArray[Any], number: int, full: FullRows) -> None:
    at = full.used[0]
    for place in range(CHUNK_POINTS):
        full.points[at, place] = points[place]
    full.number[at] = number
    full.used[0] = at + 1


@kernel
def _join(point: Any, value: float, score: float) -> None:
    samples = point["samples"]
    if samples == 0:
        point["mean"] = point["least"] = point["most"] = value
    else:
        point["mean"] += (value - point["mean"]) / (samples + 1)
        point["least"] = min(point["least"], value)
        point["most"] = max(point["most"], value)
    point["samples"] = samples + 1
    point["score"] = score
    if score > point["max_score"] or np.isnan(point["max_score"]):
        point["max_score"] = score


@kernel
def _keep(values: NDArray[np.float64], samples: int, step: int, value: float) -> None:
    """Let a value into the rising sample of a point's values, at the place of another once it is full.

    Which one leaves is drawn by step and count (Vitter's algorithm R), so that a replay draws the same.
    """
    have = min(samples, KEPT_VALUES)
    if samples >= KEPT_VALUES:
        leaves = int(drawn(samples + (step << 16)) * (samples + 1))
        if leaves >= KEPT_VALUES:
            return
        have = KEPT_VALUES - 1
        for place in range(leaves, have):
            values[place] = values[place + 1]
    at = have
    while at > 0 and values[at - 1] > value:
        values[at] = values[at - 1]
        at -= 1
    values[at] = value


@kernel
def _set_quantiles(point: Any, values: NDArray[np.float64]) -> None:
    have = min(point["samples"], KEPT_VALUES)
    least = point["least"]
    point["p10"] = _between(values, 0.1 * (have - 1)) - least
    point["p50"] = _between(values, 0.5 * (have - 1)) - least
    point["p90"] = _between(values, 0.9 * (have - 1)) - least


@kernel
def _between(values: NDArray[np.float64], at: float) -> float:
    low = int(at)
    high = min(low + 1, len(values) - 1)
    share = at - low
    return float(values[low] if share == 0.0 else (1.0 - share) * values[low] + share * values[high])
