"""Ranks of what a season leaves: the rank reference on residuals, once the profile explains the stream.

A declared season is taken out as soon as one period is known. One that was found must have held for some
periods and explain more; and on real server metrics a daily profile often explains much and then fails, so
that the ranks' share of the budget is smaller there (see `shares`).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from kullback.core.kernel import kernel
from kullback.detector.calibration import forget_blocks, set_rank_line
from kullback.detector.dependence import note_oldest
from kullback.detector.reference import admit, clear_reference, key_at, key_of, value_of
from kullback.detector.season import baseline_at, knows
from kullback.detector.windows import flush

DECLARED_RATIO, FOUND_RATIO, PUT_BACK_RATIO = 0.7, 0.6, 1.0
"""Of the profile's error to the running median's: below the first (second) a declared (found) season is taken
out, above the third put back. No constant has a smaller absolute error than the median: a heavy tail alone
shows no season."""
FEWEST_SAMPLES = 128
DECLARED_PERIODS, FOUND_PERIODS = 1, 7


@kernel
def follow_season(stream: Any, tables: Any, phase: float, scratch: NDArray[np.int64]) -> None:
    """Change between ranks of values and ranks of residuals where the profile's worth asks for it.

    Parameters
    ----------
    stream : stream record
    tables : tables record
    phase : float
        Of the sample that comes next.
    scratch : int64 array
        As for `admit`.
    """
    if stream.season_ms <= 0 or stream.queued < FEWEST_SAMPLES:
        return
    plain, seasonal = stream.season_error[2], stream.season_error[3]
    most = DECLARED_RATIO if stream.season_declared else FOUND_RATIO
    if not stream.deseasoned and seasonal < most * plain and _knows_all(stream):
        _restart(stream, tables, phase, 1.0, scratch)
        stream.deseasoned = 1
    elif stream.deseasoned and seasonal > PUT_BACK_RATIO * plain:
        _restart(stream, tables, phase, -1.0, scratch)
        stream.deseasoned = 0


@kernel
def _knows_all(stream: Any) -> bool:
    fewest = DECLARED_PERIODS if stream.season_declared else FOUND_PERIODS
    for periods in stream.profile_periods:  # noqa: SIM110 — kernels know no generators
        if periods < fewest:
            return False
    return True


@kernel
def _restart(stream: Any, tables: Any, phase: float, sign: float, scratch: NDArray[np.int64]) -> None:
    """Begin the rank reference anew from the queue, the profile taken from (or given back to) its samples.

    The block maxima are forgotten: those of a season taken for chance would keep the line far too high.
    """
    room = len(stream.codes)
    step = stream.interval_ms / stream.season_ms
    for age in range(1, stream.queued + 1):
        at = (stream.head - age) % room
        then = (phase - age * step) % 1.0
        baseline = sign * baseline_at(stream, then) if knows(stream, then) else 0.0
        key = key_of(value_of(key_at(stream, at), 0.0) - baseline, 0.0)
        stream.queue_high[at] = key >> 8
        stream.queue_low[at] = key & 255
    stream.rank_count = 0
    stream.rank_product, stream.rank_square = 0.0, 0.0
    note_oldest(stream, FEWEST_SAMPLES)
    clear_reference(stream)
    admit(stream, stream.queued - stream.queued // 4, scratch)
    flush(stream, tables)
    forget_blocks(stream)
    set_rank_line(stream, tables)
