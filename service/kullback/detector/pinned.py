"""A reference that does not roll: the samples that someone pinned, in place of the stream's own past.

Neither the reference nor the rank channel's line learn from such a stream, or what differs from the pinned
samples for good would soon be normal. The line is that of independent samples, raised by the dependence of
the stream's ranks. Value and level go on to be judged by the stream's own past.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from kullback.core.kernel import kernel
from kullback.detector.calibration import forget_blocks, set_rank_line
from kullback.detector.layout import FOLLOWED
from kullback.detector.lifecycle import rebaseline
from kullback.detector.reference import clear_reference, key_of, scratch_samples
from kullback.detector.windows import flush

Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Pinned:
    """The samples of a pinned reference; two are the same when their digests are.

    Parameters
    ----------
    digest : int
        Neither 0 nor FOLLOWED.
    values : float64 array, shape (n,)
        Rising.
    """

    digest: int
    values: Values = field(compare=False, repr=False)


def pinned_of(values: Values) -> Pinned:
    """A pinned reference of samples.

    Parameters
    ----------
    values : float64 array, shape (n,)
        Finite, in any order.
    """
    rising = np.sort(values)
    return Pinned(min(max(crc32(rising.tobytes()), 1), FOLLOWED - 1), rising)


def thinned(values: Values, most: int) -> Values:
    """At most so many samples of the same distribution: quantiles at equal distances.

    Parameters
    ----------
    values : float64 array, shape (n,)
        Rising.
    most : int
    """
    if len(values) <= most:
        return values
    at = (np.arange(most) + 0.5) * len(values) / most
    return np.asarray(values[at.astype(np.int64)])


@kernel
def pin(streams: NDArray[Any], tables: NDArray[Any], slot: int, values: Values, digest: int) -> None:
    """Compare a stream with pinned samples from now on.

    Parameters
    ----------
    streams : array of stream records
    tables : array of one tables record
    slot : int
    values : float64 array, shape (n,)
        Rising, at most `reference_limit` of them.
    digest : int
        FOLLOWED when others will take their place; the windows then go on.
    """
    stream: Any = streams[slot]
    if stream.samples == 0:
        stream.origin = values[len(values) // 2]
    _hold(stream, tables[0], values - stream.origin, digest)


@kernel
def renew(stream: Any, tables: Any, distances: Values) -> None:
    """Compare a stream with other samples than before, in the course of following something.

    Parameters
    ----------
    stream : stream record
    tables : tables record
    distances : float64 array, shape (n,)
        From the stream's origin, rising; of more than `reference_limit` quantiles at equal distances stand
        for all.
    """
    many, room = len(distances), stream.reference_limit
    if many > room:
        few = np.empty(room)
        for place in range(room):
            few[place] = distances[int((place + 0.5) * many / room)]
        distances = few
    _hold(stream, tables, distances, FOLLOWED)


@kernel
def _hold(stream: Any, tables: Any, distances: Values, digest: int) -> None:
    goes_on = digest == FOLLOWED and stream.pinned == FOLLOWED
    if stream.deseasoned:
        stream.queued = 0  # residuals have no place among values
        stream.deseasoned = 0
        stream.baseline = 0.0
    clear_reference(stream)
    for rank in range(len(distances)):
        key = key_of(distances[rank], 0.0)
        stream.reference_high[rank] = key >> 8
        stream.reference_low[rank] = key & 255
        stream.reference_block[rank] = 0
    stream.reference_count = len(distances)
    stream.newest_block = 1
    stream.pinned = digest
    if goes_on:
        return
    forget_blocks(stream)
    flush(stream, tables)
    set_rank_line(stream, tables)


@kernel
def unpin(streams: NDArray[Any], tables: NDArray[Any], slot: int) -> None:
    """Let a stream's reference roll again, beginning with its newest samples; nothing when it does.

    Parameters
    ----------
    streams : array of stream records
    tables : array of one tables record
    slot : int
    """
    stream: Any = streams[slot]
    if stream.pinned:
        let_go(stream, tables[0], np.empty(scratch_samples(stream), np.int64))


@kernel
def let_go(stream: Any, tables: Any, scratch: NDArray[np.int64]) -> None:
    """`unpin` of one stream.

    Parameters
    ----------
    stream : stream record
    tables : tables record
    scratch : int64 array
        As for `admit`.
    """
    stream.pinned = 0
    if stream.queued == 0:
        clear_reference(stream)
        flush(stream, tables)
        return
    rebaseline(stream, tables, stream.queued, scratch)
