"""When a stream counts as silent. There is one meaning of it, for its state and for the end of its alerts.

What counts is when samples arrived: a sender that delivers late, or an hour at a time, is not silent between
two deliveries. `no_data_after` of the profile says how long; without it, ten of the stream's intervals or
three of its pauses between deliveries, whichever is longer, and a minute at least.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kullback.alerting.layout import Record
from kullback.core.kernel import kernel

INTERVALS, PAUSES = 10, 3
LEAST_MS = 60_000
UNKNOWN_MS = 300_000
"""While there is one sample only; Prometheus takes a series for gone after as long."""
FADE = 8
"""A new distance of two samples moves the typical one by an eighth; a pause fades by as much."""
LONGEST_GAP_INTERVALS = 4
"""A gap counts as that many intervals at most: an outage is not the stream's step."""


@kernel
def note_arrival(arrival: Record, timestamp_ms: int, now_ms: int) -> None:
    """Note that a sample of a stream was taken.

    Parameters
    ----------
    arrival : ARRIVAL record
    timestamp_ms : int
    now_ms : int
        The request's arrival; samples of one request share it.
    """
    gap_ms = timestamp_ms - arrival.sample_ms
    if arrival.sample_ms > 0 and gap_ms > 0:
        if arrival.interval_ms == 0.0:
            arrival.interval_ms = gap_ms
        step_ms = min(float(gap_ms), LONGEST_GAP_INTERVALS * arrival.interval_ms) - arrival.interval_ms
        arrival.interval_ms += step_ms / FADE
    arrival.sample_ms = max(arrival.sample_ms, timestamp_ms)
    if arrival.newest_ms > 0 and arrival.newest_ms != now_ms:
        faded_ms = arrival.pause_ms - arrival.pause_ms // FADE
        arrival.pause_ms = max(now_ms - arrival.newest_ms, faded_ms)
    arrival.newest_ms = now_ms


@kernel
def silence_ms(rule: Record, arrival: Record) -> int:
    """How long nothing may arrive.

    Parameters
    ----------
    rule : RULE record
    arrival : ARRIVAL record
    """
    if rule.no_data_after_ms > 0:
        return int(rule.no_data_after_ms)
    if arrival.interval_ms == 0.0:
        return UNKNOWN_MS
    return max(LEAST_MS, int(INTERVALS * arrival.interval_ms), int(PAUSES * arrival.pause_ms))


@kernel
def find_silent(
    arrivals: NDArray[np.void],
    rules: NDArray[np.void],
    numbers: NDArray[np.int32],
    last_sample_ms: NDArray[np.int64],
    now_ms: int,
    silent: NDArray[np.bool_],
) -> None:
    """Which streams are silent.

    Parameters
    ----------
    arrivals : ARRIVAL array
    rules : RULE array
    numbers : int32 array, shape (n,)
    last_sample_ms : int64 array, shape (n,)
        Newest timestamps, for streams of which nothing was scored yet.
    now_ms : int
    silent : bool array, shape (n,)
        Written.
    """
    for at in range(len(numbers)):
        arrival, rule = arrivals[numbers[at]], rules[numbers[at]]
        heard_ms = max(arrival.newest_ms, last_sample_ms[at])
        silent[at] = now_ms - heard_ms > silence_ms(rule, arrival)
