"""One point of a score history: what it holds, how it is packed, how points join into longer steps."""

from __future__ import annotations

from typing import Any

import cramjam
import numpy as np
from numpy.typing import NDArray

LEVELS = (0.1, 0.5, 0.9)
QUANTILES = ("p10", "p50", "p90")
POINT = np.dtype(
    [
        ("at_ms", "i8"),
        ("mean", "f8"),
        ("least", "f8"),
        ("most", "f8"),
        ("score", "f4"),
        ("max_score", "f4"),
        ("divergence_nats", "f4"),
        ("samples", "i4"),
        ("leader", "i2"),
        ("phase", "u1"),
        ("ready", "u1"),
        ("p10", "f4"),
        ("p50", "f4"),
        ("p90", "f4"),
    ]
)
"""One step of one stream: its newest score, divergence, leading statistic and alert phase, the largest
score, and of what was scored mean, minimum and maximum, and quantiles as distances above the minimum (NaN
where they are not known), so that four bytes are enough."""
FIRST_POINT = np.dtype([(name, POINT[name]) for name in (POINT.names or ()) if name not in QUANTILES])
"""What a point was before it had quantiles."""
FORMAT = b"\x02"
"""Before packed points; without it they are `FIRST_POINT`, whose packing begins with another byte."""


def pack(points: NDArray[Any]) -> bytes:
    """Points as bytes: column by column, because columns resemble themselves and each other.

    Parameters
    ----------
    points : POINT array, shape (n,)
    """
    columns = b"".join(points[name].tobytes() for name in POINT.names or ())
    return FORMAT + bytes(cramjam.zstd.compress(columns))


def unpack(packed: bytes) -> NDArray[Any]:
    """The points that `pack` packed.

    Parameters
    ----------
    packed : bytes
    """
    written, packed = (POINT, packed[1:]) if packed.startswith(FORMAT) else (FIRST_POINT, packed)
    plain = bytes(cramjam.zstd.decompress(packed))
    points = np.empty(len(plain) // written.itemsize, written)
    at = 0
    for name in written.names or ():
        column = np.frombuffer(plain, written[name], len(points), at)
        points[name], at = column, at + column.nbytes
    return with_quantiles(points)


def with_quantiles(points: NDArray[Any]) -> NDArray[Any]:
    """Points of any version as they are today."""
    if points.dtype == POINT:
        return points
    today = np.zeros(points.shape, POINT)
    for name in POINT.names or ():
        today[name] = points[name] if name in (points.dtype.names or ()) else np.nan
    return today


def thin(points: NDArray[Any], step_ms: int) -> NDArray[Any]:
    """Join points into longer steps.

    Parameters
    ----------
    points : POINT array, shape (n,)
        Rising in time.
    step_ms : int
        Length of a step; at least that of the points.

    Returns
    -------
    POINT array, shape (m,)
        Steps without points are left out.
    """
    if not len(points):
        return points
    steps = points["at_ms"] // step_ms
    first = np.flatnonzero(np.diff(steps, prepend=steps[0] - 1))
    last = np.append(first[1:], len(points)) - 1
    joined: NDArray[Any] = points[last].copy()
    joined["at_ms"] = steps[first] * step_ms
    joined["samples"] = np.add.reduceat(points["samples"], first)
    total = np.add.reduceat(points["mean"] * points["samples"], first)
    joined["mean"] = total / np.maximum(joined["samples"], 1)
    joined["least"] = np.minimum.reduceat(points["least"], first)
    joined["most"] = np.maximum.reduceat(points["most"], first)
    joined["max_score"] = np.fmax.reduceat(points["max_score"], first)
    if len(joined) < len(points):
        for name, values in zip(QUANTILES, _joined_quantiles(points, steps), strict=True):
            joined[name] = values - joined["least"]
    return joined


def quantile(points: NDArray[Any], name: str) -> NDArray[np.float64]:
    """A quantile of the values of each point, NaN where it is not known.

    Parameters
    ----------
    points : POINT array, shape (n,)
    name : str
        One of `QUANTILES`.
    """
    values: NDArray[np.float64] = points["least"] + points[name].astype(np.float64)
    return values


def _joined_quantiles(points: NDArray[Any], steps: NDArray[np.int64]) -> list[NDArray[np.float64]]:
    """Quantiles of steps: each point stands for its samples by its own three quantiles.

    Exact where points hold one sample; else near the truth as long as points resemble each other.
    """
    values = np.stack([quantile(points, name) for name in QUANTILES], axis=1).reshape(-1)
    weight = np.outer(points["samples"], (0.3, 0.4, 0.3)).reshape(-1)
    step = np.repeat(steps, len(QUANTILES))
    order = np.lexsort((values, step))
    values, weight, step = values[order], weight[order], step[order]
    first = np.flatnonzero(np.diff(step, prepend=step[0] - 1))
    last = np.append(first[1:], len(step)) - 1
    reached = np.cumsum(weight)
    before = reached[first] - weight[first]
    known = ~np.isnan(np.add.reduceat(values, first))
    found = []
    for level in LEVELS:
        wanted = before + level * (reached[last] - before)
        at = np.clip(np.searchsorted(reached, wanted - 1e-9 * np.abs(wanted)), first, last)
        found.append(np.where(known, values[at], np.nan))
    return found
