"""How rare a value is in one view of a stream: decayed counts on a grid, and a table of surprise over them.

The grid is equidistant in asinh((y − centre)/scale): linear near the centre, logarithmic far out. The
surprise of y is −ln of the reference's mass near y, D(δ_y ‖ Q) of a coarse histogram centred on y. Near means
within a share of the observed range, measured linearly and on the asinh axis; the smaller mass counts, so
that light tails are judged linearly and heavy ones by ratio. Beyond the observed range the surprise goes on
with the distance, in units of the tail's own mean excess (Hill 1975).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kullback.core.kernel import kernel

GRID_BINS = 64
MIDDLE = GRID_BINS // 2
COUNT_UNITS = 4
"""Counts per sample, so that a lone extreme survives two halvings."""
FULL_SAMPLES = 12_000
"""Samples at which counts are halved: the memory is 6 000 to 12 000."""
SMOOTHING = 0.5
NEAR_SHARE = 0.08
"""Half width of what is near, as a share of the range: eleven neighbourhoods and a half fill it."""
KNEE_NATS = 4.0
"""Surprise beyond the range counts in full up to here, logarithmically after."""
TAIL_SHARE = 0.02
TAIL_SAMPLES = 8.0
PRIOR_TAIL_SCALE = 0.25
PRIOR_TAIL_SAMPLES = 4.0
TABLE_STEP_NATS = 1.0 / 1024.0
LARGEST_TABLE_NATS = 63.0
FIRST_WIDTH = 0.125
WIDEST = 4.0
SOONEST_REBUILD_SAMPLES = 20.0

CENTRE, SCALE, WIDTH, LEAST, LARGEST, AXIS_LEAST, AXIS_LARGEST, TAIL_BELOW, TAIL_ABOVE, COUNTED = range(10)
GRID_FIELDS = 10


@kernel
def asinh(value: float) -> float:
    """Inverse hyperbolic sine; faster than the library's.

    Parameters
    ----------
    value : float
    """
    size = abs(value)
    axis = math.log(size + math.sqrt(size * size + 1.0))
    return axis if value >= 0.0 else -axis


@kernel
def _width_for(reach: float) -> float:
    width = FIRST_WIDTH
    while width < WIDEST and reach > width * (MIDDLE - 2):
        width *= 2.0
    return width


@kernel
def _place(grid: Any, view: int, value: float) -> float:
    """Position on the grid in bins; bin b is centred at b."""
    return float(asinh((value - grid[view, CENTRE]) / grid[view, SCALE]) / grid[view, WIDTH] + MIDDLE)


@kernel
def _bin_at(place: float) -> int:
    return min(max(math.floor(place + 0.5), 0), GRID_BINS - 1)


@kernel
def _value_at(grid: Any, view: int, place: float) -> float:
    return float(grid[view, CENTRE] + grid[view, SCALE] * math.sinh((place - MIDDLE) * grid[view, WIDTH]))


@kernel
def start_view(stream: Any, view: int, values: NDArray[np.float64]) -> None:
    """Make the first samples the reference of a view.

    Parameters
    ----------
    stream : stream record
    view : int
    values : float64 array, shape (n,)
    """
    grid = stream.view_grid
    ordered = np.sort(values)
    n = len(ordered)
    scale = (ordered[3 * n // 4] - ordered[n // 4]) / 1.349
    if scale <= 0.0:
        scale = (ordered[n - 1 - n // 50] - ordered[n // 50]) / 4.1
    if scale <= 0.0:
        scale = max(1e-4 * abs(ordered[n // 2]), 1e-9)
    centre = ordered[n // 2]
    reach = max(asinh((ordered[n - 1] - centre) / scale), asinh((centre - ordered[0]) / scale))
    grid[view, CENTRE], grid[view, SCALE], grid[view, WIDTH] = centre, scale, _width_for(reach)
    grid[view, LEAST], grid[view, LARGEST], grid[view, COUNTED] = ordered[0], ordered[n - 1], n
    for index in range(GRID_BINS):
        stream.view_counts[view, index] = 0
    for value in values:
        stream.view_counts[view, _bin_at(_place(grid, view, value))] += COUNT_UNITS
    _rebuild(stream, view)
    stream.view_due[view] = int(SOONEST_REBUILD_SAMPLES)


@kernel
def view_surprise(stream: Any, view: int, value: float) -> float:
    """Surprise of a value in nats.

    Parameters
    ----------
    stream : stream record
    view : int
    value : float
    """
    grid = stream.view_grid
    axis = asinh((value - grid[view, CENTRE]) / grid[view, SCALE])
    place = axis / grid[view, WIDTH] + MIDDLE
    inside = min(max(place, 0.0), GRID_BINS - 1.001)
    low = int(inside)
    part = inside - low
    steps = stream.view_table[view, low] * (1.0 - part) + stream.view_table[view, low + 1] * part
    beyond = 0.0
    if axis > grid[view, AXIS_LARGEST]:
        beyond = (axis - grid[view, AXIS_LARGEST]) / grid[view, TAIL_ABOVE]
    elif axis < grid[view, AXIS_LEAST]:
        beyond = (grid[view, AXIS_LEAST] - axis) / grid[view, TAIL_BELOW]
    nats = steps * TABLE_STEP_NATS
    if beyond > 0.0:
        nats += KNEE_NATS * math.log1p(beyond / KNEE_NATS)
    return float(nats)


@kernel
def learn_value(stream: Any, view: int, value: float) -> None:
    """Let a value into the reference of a view.

    Parameters
    ----------
    stream : stream record
    view : int
    value : float
    """
    grid = stream.view_grid
    stream.view_counts[view, _bin_at(_place(grid, view, value))] += COUNT_UNITS
    grid[view, COUNTED] += 1.0
    grid[view, LEAST] = min(grid[view, LEAST], value)
    grid[view, LARGEST] = max(grid[view, LARGEST], value)
    if grid[view, COUNTED] >= FULL_SAMPLES:
        _halve(stream, view)
    stream.view_due[view] -= 1
    if stream.view_due[view] <= 0:
        _rebuild(stream, view)
        stream.view_due[view] = int(max(SOONEST_REBUILD_SAMPLES, grid[view, COUNTED] / 30.0))


@kernel
def _halve(stream: Any, view: int) -> None:
    grid = stream.view_grid
    first, last, total = GRID_BINS, 0, 0
    for index in range(GRID_BINS):
        count = stream.view_counts[view, index] >> 1
        stream.view_counts[view, index] = count
        total += count
        if count > 0:
            first, last = min(first, index), max(last, index)
    grid[view, COUNTED] = total / COUNT_UNITS
    grid[view, LEAST] = max(grid[view, LEAST], _value_at(grid, view, first - 0.5))
    grid[view, LARGEST] = min(grid[view, LARGEST], _value_at(grid, view, last + 0.5))


@kernel
def _accumulate(stream: Any, view: int, below: NDArray[np.float64]) -> None:
    below[0] = 0.0
    for index in range(GRID_BINS):
        below[index + 1] = below[index] + stream.view_counts[view, index]


@kernel
def _regrid(stream: Any, view: int, centre: float, scale: float, width: float) -> None:
    """Move the counts to another grid, each bin spread over four points."""
    grid = stream.view_grid
    moved = np.zeros(GRID_BINS)
    old_centre, old_scale, old_width = grid[view, CENTRE], grid[view, SCALE], grid[view, WIDTH]
    grid[view, CENTRE], grid[view, SCALE], grid[view, WIDTH] = centre, scale, width
    for index in range(GRID_BINS):
        count = stream.view_counts[view, index]
        if count > 0:
            for quarter in range(4):
                place = index - MIDDLE - 0.375 + quarter / 4.0
                value = old_centre + old_scale * math.sinh(place * old_width)
                value = min(max(value, grid[view, LEAST]), grid[view, LARGEST])
                moved[_bin_at(_place(grid, view, value))] += count / 4.0
    for index in range(GRID_BINS):
        stream.view_counts[view, index] = int(moved[index] + 0.5)


@kernel
def _quantile(grid: Any, view: int, below: NDArray[np.float64], level: float) -> float:
    target = level * below[GRID_BINS]
    for index in range(GRID_BINS):
        if below[index + 1] >= target and below[index + 1] > below[index]:
            part = (target - below[index]) / (below[index + 1] - below[index])
            value = _value_at(grid, view, index - 0.5 + part)
            return float(min(max(value, grid[view, LEAST]), grid[view, LARGEST]))
    return float(grid[view, LARGEST])


@kernel
def _follow(stream: Any, view: int, below: NDArray[np.float64]) -> None:
    """Follow a distribution that moved, spread or shrank by more than two, or left the grid."""
    grid = stream.view_grid
    least, largest = grid[view, LEAST], grid[view, LARGEST]
    centre, scale, width = grid[view, CENTRE], grid[view, SCALE], grid[view, WIDTH]
    resolution = 0.9 * scale * width
    median = _quantile(grid, view, below, 0.5)
    spread = (_quantile(grid, view, below, 0.75) - _quantile(grid, view, below, 0.25)) / 1.349
    if spread <= resolution:
        spread = (_quantile(grid, view, below, 0.98) - _quantile(grid, view, below, 0.02)) / 4.1
    if spread <= resolution:
        spread = max((largest - least) / 6.0, 1e-9)
    if abs(median - centre) > max(scale, spread) or spread > 2.0 * scale or spread < 0.5 * scale:
        reach = max(abs(asinh((largest - median) / spread)), abs(asinh((least - median) / spread)))
        _regrid(stream, view, median, spread, _width_for(reach))
        _accumulate(stream, view, below)
        return
    reach = max(abs(asinh((largest - centre) / scale)), abs(asinh((least - centre) / scale)))
    if reach > width * (MIDDLE - 2) and width < WIDEST:
        _regrid(stream, view, centre, scale, _width_for(reach))
        _accumulate(stream, view, below)


@kernel
def _mass_below(below: NDArray[np.float64], place: float) -> float:
    """Counts below a position, linear inside a bin."""
    edge = place + 0.5
    if edge <= 0.0:
        return 0.0
    if edge >= GRID_BINS:
        return float(below[GRID_BINS])
    index = int(edge)
    return float(below[index] + (below[index + 1] - below[index]) * (edge - index))


@kernel
def _tail_scale(below: NDArray[np.float64], upper: bool, width: float) -> float:
    """Mean excess on the asinh axis over the edge of the tail's innermost bin (Hill 1975)."""
    needed = max(TAIL_SHARE * below[GRID_BINS], TAIL_SAMPLES * COUNT_UNITS)
    mass, moment, depth = 0.0, 0.0, 0
    while depth < GRID_BINS - 1 and mass < needed:
        if upper:
            count = below[GRID_BINS - depth] - below[GRID_BINS - depth - 1]
        else:
            count = below[depth + 1] - below[depth]
        mass += count
        moment += count * depth
        depth += 1
    excess = (depth * mass - moment - 0.5 * mass) * width / COUNT_UNITS
    return (excess + PRIOR_TAIL_SCALE * PRIOR_TAIL_SAMPLES) / (mass / COUNT_UNITS + PRIOR_TAIL_SAMPLES)


@kernel
def _rebuild(stream: Any, view: int) -> None:
    """Compute the table of surprise from the counts."""
    grid = stream.view_grid
    below, edges = np.empty(GRID_BINS + 1), np.empty(GRID_BINS + 1)
    _accumulate(stream, view, below)
    if grid[view, LARGEST] > grid[view, LEAST]:
        _follow(stream, view, below)
    least, largest = grid[view, LEAST], grid[view, LARGEST]
    centre, scale, width = grid[view, CENTRE], grid[view, SCALE], grid[view, WIDTH]
    for index in range(GRID_BINS + 1):
        edges[index] = _value_at(grid, view, index - 0.5)
    samples = below[GRID_BINS] / COUNT_UNITS
    grid[view, COUNTED] = samples
    grid[view, AXIS_LEAST] = asinh((least - centre) / scale)
    grid[view, AXIS_LARGEST] = asinh((largest - centre) / scale)
    near = max(NEAR_SHARE * (largest - least), 0.75 * scale * width)
    near_bins = max(NEAR_SHARE * (grid[view, AXIS_LARGEST] - grid[view, AXIS_LEAST]) / width, 0.75)
    top = samples + 11.0 * SMOOTHING
    low, high = 0, 0
    for index in range(GRID_BINS):
        value = _value_at(grid, view, index)
        while low < GRID_BINS - 1 and edges[low + 1] <= value - near:
            low += 1
        while high < GRID_BINS - 1 and edges[high + 1] <= value + near:
            high += 1
        linear = _mass_under(below, edges, high, value + near) - _mass_under(below, edges, low, value - near)
        mass = min(linear, _mass_below(below, index + near_bins) - _mass_below(below, index - near_bins))
        nats = math.log(top / (max(mass, 0.0) / COUNT_UNITS + SMOOTHING))
        stream.view_table[view, index] = int(min(max(nats, 0.0), LARGEST_TABLE_NATS) / TABLE_STEP_NATS)
    grid[view, TAIL_BELOW] = _tail_scale(below, False, width)
    grid[view, TAIL_ABOVE] = _tail_scale(below, True, width)


@kernel
def _mass_under(below: NDArray[np.float64], edges: NDArray[np.float64], index: int, value: float) -> float:
    part = min(max((value - edges[index]) / (edges[index + 1] - edges[index]), 0.0), 1.0)
    return float(below[index] + (below[index + 1] - below[index]) * part)
