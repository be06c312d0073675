"""How streams stand, in the words of the API."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from kullback.alerting.alert import Phase
from kullback.pipeline.fleet import Fleet

STATES = ("warming_up", "ok", "pending", "firing", "shifted", "no_data", "maintenance")
WARMING_UP, OK, PENDING, FIRING, SHIFTED, NO_DATA, MAINTENANCE = range(len(STATES))


def standing(fleet: Fleet, numbers: NDArray[np.int32], summary: Any, now_ms: int) -> NDArray[np.uint8]:
    """Index into `STATES` per stream.

    Maintenance hides everything else, then silence, then the alert, then the warm-up.

    Parameters
    ----------
    fleet : Fleet
    numbers : int32 array, shape (n,)
    summary : columns
        Theirs, see `LocalEngine.summary`.
    now_ms : int

    Returns
    -------
    uint8 array, shape (n,)
    """
    state = np.where(summary.ready, OK, WARMING_UP).astype(np.uint8)
    phase = fleet.alerts.phases(numbers)
    for alert, shown in ((Phase.PENDING, PENDING), (Phase.FIRING, FIRING), (Phase.SHIFTED, SHIFTED)):
        state[phase == alert] = shown
    state[fleet.alerts.silent(numbers, summary.last_sample_ms, now_ms)] = NO_DATA
    state[fleet.maintenance.now(numbers, now_ms)] = MAINTENANCE
    return state


def by_state(states: NDArray[np.uint8]) -> dict[str, int]:
    """How many streams stand how.

    Parameters
    ----------
    states : uint8 array, shape (n,)
        As `standing` gives them.
    """
    return dict(zip(STATES, np.bincount(states, minlength=len(STATES)).tolist(), strict=True))
