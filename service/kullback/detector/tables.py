"""What the kernels look up instead of computing: terms of the statistics, surprises, thresholds."""

from __future__ import annotations

from functools import lru_cache
from importlib.resources import files
from io import BytesIO
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kullback.core.kernel import kernel
from kullback.detector.axis import COARSE_BINS, CUTS, ORDERED_WEIGHTS, TAIL_WEIGHTS, UNITS
from kullback.detector.layout import KINDS, Shape

GRID = 1024
PART_BITS = 10
STRIDE_BITS = 40
FIXED = 1 << 24
"""Fixed point of the statistics: integers neither drift nor depend on the order of additions."""
STATISTIC_STEP = 0.25
STATISTIC_KNOTS = 513
FILE = "null.npz"


class Null(NamedTuple):
    """Distributions under the null (independent samples, nothing changes), simulated by `tabulate`.

    Parameters
    ----------
    windows : int64, shape (w,)
    nats : float32, shape (w, kinds, STATISTIC_KNOTS)
        Surprise −ln p of a statistic at multiples of STATISTIC_STEP.
    sizes : int64, shape (m,)
        Reference sizes, rising.
    log_samples : float64, shape (n,)
        ln N of the budgets, rising.
    threshold : float64, shape (m, n)
        Surprise exceeded by one episode per N samples with such a reference.
    location, scale : float64, shape (1,)
        Gumbel parameters of the block maxima with a full reference.
    """

    windows: NDArray[np.int64]
    nats: NDArray[np.float32]
    sizes: NDArray[np.int64]
    log_samples: NDArray[np.float64]
    threshold: NDArray[np.float64]
    location: NDArray[np.float64]
    scale: NDArray[np.float64]


def tables_dtype(windows: int, null: Null) -> np.dtype[np.void]:
    """Look-ups for one Shape as one record.

    - `windows` lengths, 0 where unused
    - `stride` turns mass in units into a position on the grid, STRIDE_BITS of fraction
    - `below` weighted binary divergence k(F, c) of the mass F below a cut (ordered, tails)
    - `inside` term p ln 16p of a coarse bin by its mass
    - `empty` sums of an empty window
    - `nats`, `sizes`, `log_samples`, `threshold`, `location`, `scale` as in `Null`

    Parameters
    ----------
    windows : int
        Room for windows.
    null : Null
    """
    return np.dtype(
        [
            ("windows", "i8", (windows,)),
            ("stride", "i8", (windows,)),
            ("below", "i4", (len(CUTS), GRID + 2, 2)),
            ("inside", "i4", (windows, GRID + 2)),
            ("empty", "i4", (windows, len(KINDS))),
            ("nats", "f4", (windows, len(KINDS), STATISTIC_KNOTS)),
            ("sizes", "i8", null.sizes.shape),
            ("log_samples", "f8", null.log_samples.shape),
            ("threshold", "f8", null.threshold.shape),
            ("location", "f8"),
            ("scale", "f8"),
        ],
        align=True,
    )


def binary_divergence(share: NDArray[np.float64], cut: NDArray[np.float64]) -> NDArray[np.float64]:
    """k(f, c) = f ln(f/c) + (1 − f) ln((1 − f)/(1 − c)), 0 ln 0 = 0 (Zhang 2002).

    Parameters
    ----------
    share, cut : float64 arrays that broadcast
        In [0, 1] and (0, 1).
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        inside = np.where(share > 0, share * np.log(share / cut), 0.0)
        outside = np.where(share < 1, (1 - share) * np.log((1 - share) / (1 - cut)), 0.0)
    return inside + outside


def _fixed(values: NDArray[np.float64]) -> NDArray[np.int32]:
    return np.rint(FIXED * np.concatenate((values, values[..., -1:]), axis=-1)).astype(np.int32)


def build_tables(shape: Shape, null: Null) -> NDArray[Any]:
    """Look-ups for the windows of a shape.

    Parameters
    ----------
    shape : Shape
    null : Null

    Returns
    -------
    array of one tables record
    """
    tables = np.zeros(1, tables_dtype(shape.window_slots, null))
    used = len(shape.windows)
    windows = np.array(shape.windows, np.int64)
    share = np.arange(GRID + 1) / GRID
    divergence = binary_divergence(share[None, :], CUTS[:, None])
    smoothed = (share[None, :] * windows[:, None] + 0.5) / (windows[:, None] + COARSE_BINS / 2)
    tables["windows"][0, :used] = windows
    tables["stride"][0, :used] = (GRID << STRIDE_BITS) // (UNITS * windows)
    for kind, weights in enumerate((ORDERED_WEIGHTS, TAIL_WEIGHTS)):
        tables["below"][0, :, :, kind] = _fixed(divergence * weights[:, None])
    tables["inside"][0, :used] = _fixed(smoothed * np.log(COARSE_BINS * smoothed))
    tables["empty"][0, :, 0] = COARSE_BINS * tables["inside"][0, :, 0]
    tables["empty"][0, :, 1:] = tables["below"][0, :, 0].sum(axis=0)
    tables["nats"][0, :used] = _nats_of(windows, null)
    for name in ("sizes", "log_samples", "threshold"):
        tables[name][0] = getattr(null, name)
    tables["location"][0], tables["scale"][0] = null.location[0], null.scale[0]
    return tables


def _nats_of(windows: NDArray[np.int64], null: Null) -> NDArray[np.float32]:
    """Surprises of windows that were not simulated, between those that were (linear in ln w)."""
    at = np.interp(np.log(windows), np.log(null.windows), np.arange(len(null.windows)))
    low = np.minimum(at.astype(np.int64), max(len(null.windows) - 2, 0))
    high = np.minimum(low + 1, len(null.windows) - 1)
    part = (at - low)[:, None, None]
    return np.ascontiguousarray((1 - part) * null.nats[low] + part * null.nats[high], np.float32)


@lru_cache(maxsize=1)
def load_null() -> Null:
    """The distributions that ship with the package."""
    with np.load(BytesIO(files("kullback.detector").joinpath(FILE).read_bytes())) as arrays:
        return Null(**{name: arrays[name] for name in Null._fields})


@kernel
def surprise_nats(tables: Any, window: int, kind: int, statistic: float) -> float:
    """−ln p of a statistic; beyond the last knot the tail goes on exponentially.

    Parameters
    ----------
    tables : Tables
    window, kind : int
    statistic : float
        2 w × divergence, ≥ 0.
    """
    position = max(statistic, 0.0) / STATISTIC_STEP
    last = STATISTIC_KNOTS - 2
    knot = min(int(position), last)
    low = tables.nats[window, kind, knot]
    return float(low + (position - knot) * (tables.nats[window, kind, knot + 1] - low))


@kernel
def quiet_threshold(tables: Any, size: int, samples_per_alarm: float) -> float:
    """Surprise that independent samples exceed once per `samples_per_alarm`, given the reference's size.

    Parameters
    ----------
    tables : Tables
    size : int
    samples_per_alarm : float
    """
    wanted = np.log(max(samples_per_alarm, 100.0))
    column = int(np.searchsorted(tables.log_samples, wanted)) - 1
    column = min(max(column, 0), len(tables.log_samples) - 2)
    start = tables.log_samples[column]
    right = (wanted - start) / (tables.log_samples[column + 1] - start)
    row = int(np.searchsorted(tables.sizes, size)) - 1
    row = min(max(row, 0), len(tables.sizes) - 2)
    down = np.log(max(size, 1) / tables.sizes[row]) / np.log(tables.sizes[row + 1] / tables.sizes[row])
    down = min(max(down, 0.0), 1.0)
    upper = tables.threshold[row, column] * (1 - right) + tables.threshold[row, column + 1] * right
    lower = tables.threshold[row + 1, column] * (1 - right) + tables.threshold[row + 1, column + 1] * right
    return float(upper * (1 - down) + lower * down)
