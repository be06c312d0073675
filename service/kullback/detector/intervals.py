"""What is given in time becomes samples, by the stream's own interval: its budget and its windows."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from kullback.core.kernel import kernel

STEPS_PER_OCTAVE = 8
SHORTEST_MS = 100.0
LARGEST_CODE = 255


def code_of_duration(duration_ms: int) -> int:
    """A duration in one byte, 4 % exact: windows lie much further apart. 0 is none.

    Parameters
    ----------
    duration_ms : int
    """
    steps = round(STEPS_PER_OCTAVE * np.log2(max(duration_ms, 1) / SHORTEST_MS))
    return int(np.clip(1 + steps, 1, LARGEST_CODE))


@kernel
def set_budget(stream: Any, live_streams: int) -> None:
    """Recompute how many samples pass per alarm that is accepted.

    Parameters
    ----------
    stream : record with `budget_alarms`, `budget_span`, `interval_ms`, `fleet`
    live_streams : int
        Streams that share a fleet budget.
    """
    samples = -stream.budget_span
    if samples <= 0.0:
        samples = stream.budget_span / max(stream.interval_ms, 1.0)
    share = max(live_streams, 1) if stream.fleet else 1
    stream.samples_per_alarm = samples / stream.budget_alarms * share


@kernel
def set_windows(stream: Any, lengths: NDArray[np.int64]) -> None:
    """Recompute which windows count: those given, and the nearest to each duration; before the interval is
    known all of them where there are durations.

    Parameters
    ----------
    stream : stream record
    lengths : int64 array, shape (w,)
        In samples, 0 where unused.
    """
    chosen = int(stream.windows_given)
    for code in stream.durations:
        if code == 0:
            continue
        if stream.interval_ms <= 0.0:
            chosen = LARGEST_CODE
        else:
            length = SHORTEST_MS * 2.0 ** ((code - 1) / STEPS_PER_OCTAVE) / stream.interval_ms
            chosen |= 1 << nearest_length(lengths, length)
    stream.windows = chosen


@kernel
def nearest_length(lengths: NDArray[np.int64], samples: float) -> int:
    """Index of the length that is nearest to a number of samples, by ratio.

    Parameters
    ----------
    lengths : int64 array, shape (w,)
        0 where unused.
    samples : float
        Above 0.
    """
    nearest, least = 0, np.inf
    for index in range(len(lengths)):
        if lengths[index] > 0:
            distance = abs(np.log(lengths[index] / samples))
            if distance < least:
                nearest, least = index, distance
    return nearest


@kernel
def convert_windows(streams: NDArray[Any], tables: NDArray[Any], slot: int) -> None:
    """`set_windows` of one stream.

    Parameters
    ----------
    streams : array of stream records
    tables : array of one tables record
    slot : int
    """
    set_windows(streams[slot], tables[0].windows)
