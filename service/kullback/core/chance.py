"""Numbers that look drawn by chance and are the same in every replay."""

from __future__ import annotations

from kullback.core.kernel import kernel

GOLDEN, SILVER = 2654435769, 73244475


@kernel
def drawn(turn: int) -> float:
    """The number from 0 to 1 of a turn.

    Parameters
    ----------
    turn : int
    """
    mixed = (turn * GOLDEN) & 0xFFFFFFFF
    mixed = ((mixed ^ (mixed >> 16)) * SILVER) & 0xFFFFFFFF
    return float((mixed ^ (mixed >> 16)) / 4294967296.0)
