"""The current windows: what each holds and how far it diverges, kept up by look-ups."""

from __future__ import annotations

from typing import Any

import numpy as np

from kullback.core.kernel import kernel
from kullback.detector.axis import BLOCK, COARSE_BINS, COARSE_OF, CUTS, UNITS, UNITS_BELOW
from kullback.detector.bank import empty_bank, weigh
from kullback.detector.tables import FIXED, PART_BITS, STRIDE_BITS, surprise_nats

SHORT_WINDOW_SAMPLES = 64
ALARM_WINDOW_SAMPLES = 32
"""Longest window whose surprise can raise an alarm; what lasts longer is the bank's, which needs no length.
Of longer windows the divergence alone is kept up, for people to read and for a threshold of their own."""
EARLY_REFERENCE_RATIO = 4
PARTS = (1 << PART_BITS) - 1
HALF_STEP = 1 << (STRIDE_BITS - PART_BITS - 1)
_CUTS = len(CUTS)
_CUT_SHARES = CUTS
ABOVE, BELOW = 1, 2


@kernel
def flush(stream: Any, tables: Any) -> None:
    """Empty the current windows and the bank.

    Parameters
    ----------
    stream : stream record
    tables : tables record
    """
    stream.fill = 0
    empty_bank(stream)
    for window in range(len(tables.windows)):
        for cut in range(_CUTS):
            stream.mass[window, cut] = 0
        for kind in range(3):
            stream.sums[window, kind] = tables.empty[window, kind]


@kernel
def push(stream: Any, tables: Any, code: int, repeats: bool) -> None:
    """Let a sample into the bank and into every window, and the sample it displaces out.

    Parameters
    ----------
    stream : stream record
    tables : tables record
        Its `head` still points at the place of the new sample.
    code : int
        Block of bins of the new sample.
    repeats : bool
        Whether its value is that of the sample before.
    """
    room = len(stream.codes)
    weigh(stream, code, repeats)
    for window in range(len(tables.windows)):
        length = tables.windows[window]
        if length == 0:
            continue
        if stream.fill < length:
            _enter(stream, tables, window, code, stream.fill * UNITS)
            continue
        at = stream.head - length
        old = stream.codes[at if at >= 0 else at + room]
        if old != code:
            _exchange(stream, tables, window, code, old)
    stream.fill = min(stream.fill + 1, room)


@kernel
def _enter(stream: Any, tables: Any, window: int, code: int, total: int) -> None:
    low, high = BLOCK[code, 0], BLOCK[code, 1]
    stream.sums[window, 0] -= _inside(stream, tables, window, low, high, total)
    for cut in range(low, _CUTS):
        _move(stream, tables, window, cut, UNITS_BELOW[code, cut])
    stream.sums[window, 0] += _inside(stream, tables, window, low, high, total + UNITS)


@kernel
def _exchange(stream: Any, tables: Any, window: int, code: int, old: int) -> None:
    low = min(BLOCK[code, 0], BLOCK[old, 0])
    high = max(BLOCK[code, 1], BLOCK[old, 1])
    total = tables.windows[window] * UNITS
    single = BLOCK[code, 0] == BLOCK[code, 1] and BLOCK[old, 0] == BLOCK[old, 1]
    change = 0
    if single:
        change -= _inside(stream, tables, window, low, low, total)
        change -= _inside(stream, tables, window, high, high, total)
    else:
        change -= _inside(stream, tables, window, low, high, total)
    for cut in range(low, high):
        _move(stream, tables, window, cut, UNITS_BELOW[code, cut] - UNITS_BELOW[old, cut])
    if single:
        change += _inside(stream, tables, window, low, low, total)
        change += _inside(stream, tables, window, high, high, total)
        if COARSE_OF[low] == COARSE_OF[high]:
            change = 0
    else:
        change += _inside(stream, tables, window, low, high, total)
    stream.sums[window, 0] += change


@kernel
def _move(stream: Any, tables: Any, window: int, cut: int, units: int) -> None:
    mass = int(stream.mass[window, cut])
    stream.mass[window, cut] = mass + units
    if tables.windows[window] > ALARM_WINDOW_SAMPLES:
        return
    stride = tables.stride[window]
    before, after = position_of(mass, stride), position_of(mass + units, stride)
    for kind in range(2):
        step = _between(tables, cut, after, kind) - _between(tables, cut, before, kind)
        stream.sums[window, kind + 1] += step


@kernel
def position_of(mass: int, stride: int) -> int:
    """Place on the grid of a mass in units, with PART_BITS of fraction.

    Parameters
    ----------
    mass, stride : int
    """
    return (mass * stride + HALF_STEP) >> (STRIDE_BITS - PART_BITS)


@kernel
def _between(tables: Any, cut: int, position: int, kind: int) -> int:
    at, part = position >> PART_BITS, position & PARTS
    low = np.int64(tables.below[cut, at, kind])
    return int(low + (((tables.below[cut, at + 1, kind] - low) * part) >> PART_BITS))


@kernel
def coarse_mass(stream: Any, window: int, coarse: int, total: int) -> int:
    """Mass in a coarse bin, in units.

    Parameters
    ----------
    stream : stream record
    window, coarse : int
    total : int
        Mass of the window.
    """
    upper = np.int64(stream.mass[window, coarse + 2]) if coarse < COARSE_BINS - 1 else np.int64(total)
    lower = np.int64(stream.mass[window, coarse + 1]) if coarse > 0 else np.int64(0)
    return int(upper - lower)


@kernel
def _inside(stream: Any, tables: Any, window: int, low: int, high: int, total: int) -> int:
    term = np.int64(0)
    for coarse in range(COARSE_OF[low], COARSE_OF[high] + 1):
        position = position_of(coarse_mass(stream, window, coarse, total), tables.stride[window])
        at, part = position >> PART_BITS, position & PARTS
        start = np.int64(tables.inside[window, at])
        term += start + (((tables.inside[window, at + 1] - start) * part) >> PART_BITS)
    return int(term)


@kernel
def is_active(tables: Any, stream: Any, window: int) -> bool:
    """Whether a window is asked for, full, and clear of the reference.

    Before the stream has shown a block of its own, a window also needs a reference several times as long:
    what wanders or has a season makes a long window and a short reference differ at once.

    Parameters
    ----------
    tables : tables record
    stream : stream record
    window : int
    """
    length = tables.windows[window]
    if stream.blocks == 0 and EARLY_REFERENCE_RATIO * length > stream.reference_count:
        return False
    return bool((stream.windows >> window) & 1 and stream.fill >= length and stream.queued >= length)


@kernel
def rises(stream: Any, tables: Any, window: int) -> bool:
    """Whether the window's mass has moved towards larger values.

    Parameters
    ----------
    stream : stream record
    tables : tables record
    window : int
    """
    total = tables.windows[window] * UNITS
    balance = 0.0
    for cut in range(2, _CUTS - 2):
        balance += _CUT_SHARES[cut] * total - stream.mass[window, cut]
    return balance > 0.0


@kernel
def divergence_of(stream: Any, window: int) -> float:
    """D(current ‖ reference) over the coarse bins, smoothed (Krichevsky & Trofimov 1981).

    Parameters
    ----------
    stream : stream record
    window : int
    """
    return float(stream.sums[window, 0]) / FIXED


@kernel
def window_surprise(stream: Any, tables: Any) -> tuple[float, int]:
    """Largest surprise over the windows that can raise an alarm, and their statistics.

    Parameters
    ----------
    stream : stream record
    tables : tables record

    Returns
    -------
    float, int
        Surprise in nats and the leader (window × kinds + kind; −1 when no window is active).
    """
    largest, leader = 0.0, -1
    for window in range(len(tables.windows)):
        if tables.windows[window] > ALARM_WINDOW_SAMPLES or not is_active(tables, stream, window):
            continue
        if stream.direction != 0 and rises(stream, tables, window) != (stream.direction == ABOVE):
            leader = max(leader, 0)
            continue
        nats, kind = _most_surprising(stream, tables, window)
        if nats > largest or leader < 0:
            largest, leader = nats, window * 3 + kind
    return largest, leader


@kernel
def _most_surprising(stream: Any, tables: Any, window: int) -> tuple[float, int]:
    largest, leading = 0.0, 0
    for kind in range(3):
        statistic = 2.0 * tables.windows[window] * stream.sums[window, kind] / FIXED
        nats = surprise_nats(tables, window, kind, statistic)
        if nats > largest:
            largest, leading = nats, kind
    return largest, leading
