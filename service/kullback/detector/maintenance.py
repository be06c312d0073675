"""What people do to a reference: accept, resize, strike out."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from kullback.core.kernel import kernel
from kullback.detector.layout import REFRESH_SAMPLES
from kullback.detector.lifecycle import ANOMALOUS, ENDED, READY, REBASELINED, rebaseline
from kullback.detector.reference import drop_blocks, mark_struck, scratch_samples

FEWEST_SAMPLES = 64
"""A reference is not struck down to fewer."""


@kernel
def accept_as_normal(streams: NDArray[Any], tables: NDArray[Any], slot: int, newest: int) -> None:
    """Make the `newest` samples the reference and end the episode.

    Parameters
    ----------
    streams : array of stream records
    tables : array of one tables record
    slot, newest : int
    """
    stream: Any = streams[slot]
    rebaseline(stream, tables[0], newest, np.empty(scratch_samples(stream), np.int64))
    ended = ENDED if stream.episode & ANOMALOUS else 0
    stream.episode = READY | ended | REBASELINED


@kernel
def strike_span(streams: NDArray[Any], slot: int, newest: int, oldest: int) -> int:
    """Keep samples out of the reference by their age, counted back from the newest (0).

    Parameters
    ----------
    streams : array of stream records
    slot : int
    newest, oldest : int
        First age struck, and the age after the last.

    Returns
    -------
    int
        How many were struck.
    """
    stream: Any = streams[slot]
    room = len(stream.codes)
    queued = int(stream.queued)
    struck = 0
    for age in range(newest, min(oldest, queued)):
        mark_struck(stream, (stream.head - 1 - age) % room, True)
        struck += 1
    if oldest <= queued or stream.reference_count < 2 * FEWEST_SAMPLES:
        return struck
    first = stream.newest_block - 1 - (oldest - queued - 1) // REFRESH_SAMPLES
    last = stream.newest_block - 1 - max(newest - queued, 0) // REFRESH_SAMPLES
    room = stream.reference_count - FEWEST_SAMPLES
    first = max(first, last - room // REFRESH_SAMPLES + 1)
    return struck + drop_blocks(stream, first, last)


def strike_times(streams: NDArray[Any], slot: int, start_ms: int, end_ms: int) -> int:
    """`strike_span` of a span of time: samples are found by the stream's interval.

    Parameters
    ----------
    streams : array of stream records
    slot : int
    start_ms, end_ms : int
    """
    stream = streams[slot]
    interval_ms = max(float(stream["interval_ms"]), 1.0)
    oldest = int((int(stream["last_ms"]) - start_ms) / interval_ms) + 1
    newest = max(int(np.ceil((int(stream["last_ms"]) - end_ms) / interval_ms)), 0)
    return int(strike_span(streams, slot, newest, max(oldest, newest)))
