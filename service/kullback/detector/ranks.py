"""The rank channel: short windows and the bank judge together where the newest samples stand."""

from __future__ import annotations

from typing import Any

import numpy as np

from kullback.core.kernel import kernel
from kullback.detector.bank import bank_surprise, lasting_nats, likely_samples, samples_since_onset
from kullback.detector.windows import divergence_of, window_surprise

BANK_LEADERS = 3
"""Leaders after those of the windows: value, level, one that is free, then the alternatives of the bank."""


@kernel
def rank_surprise(stream: Any, tables: Any) -> tuple[float, float, int]:
    """Largest surprise of windows and bank.

    Parameters
    ----------
    stream : stream record
    tables : tables record

    Returns
    -------
    float, float, int
        Surprise in nats, the part of it that keeps an episode going, and the leader (−1 when there is no
        evidence at all).
    """
    nats, leader = window_surprise(stream, tables)
    by_bank, kind = bank_surprise(stream)
    lasting = max(nats, lasting_nats(stream))
    if kind >= 0 and by_bank > nats:
        nats, leader = by_bank, 3 * len(tables.windows) + BANK_LEADERS + kind
    return nats, lasting, leader


@kernel
def alternative_of(tables: Any, leader: int) -> int:
    """Which alternative of the bank leads; negative when none does.

    Parameters
    ----------
    tables : tables record
    leader : int
    """
    return int(leader - 3 * len(tables.windows) - BANK_LEADERS)


@kernel
def span_of(stream: Any, tables: Any, leader: int, exact: bool) -> int:
    """Samples since the change began, by the evidence that leads the rank channel.

    Parameters
    ----------
    stream : stream record
    tables : tables record
    leader : int
    exact : bool
        Whether to look for the very sample; else the evidence's size tells about how many there are.
    """
    kind = alternative_of(tables, leader)
    if kind < 0:
        return int(tables.windows[max(leader, 0) // 3])
    return samples_since_onset(stream, kind) if exact else likely_samples(stream, kind)


@kernel
def shown_divergence(stream: Any, tables: Any, span: int) -> float:
    """Divergence of the window that shows a change of so many samples best; NaN when none is full.

    Parameters
    ----------
    stream : stream record
    tables : tables record
    span : int
    """
    shown = -1
    for window in range(len(tables.windows)):
        length = tables.windows[window]
        if 0 < length <= stream.fill and (shown < 0 or length <= span + span // 2):
            shown = window
    return divergence_of(stream, shown) if shown >= 0 else np.nan
