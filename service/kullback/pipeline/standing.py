"""How streams stand, in the words of the API."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kullback.alerting.alert import Phase
from kullback.pipeline.fleet import Fleet

STATES = ("warming_up", "ok", "pending", "firing", "shifted", "no_data", "maintenance")
WARMING_UP, OK, PENDING, FIRING, SHIFTED, NO_DATA, MAINTENANCE = range(len(STATES))
QUIET_INTERVALS = 10
QUIET_LEAST_MS = 60_000


def standing(fleet: Fleet, numbers: NDArray[np.int32], now_ms: int) -> NDArray[np.uint8]:
    """Index into `STATES` per stream.

    Maintenance hides everything else, then silence, then the alert, then the warm-up.

    Parameters
    ----------
    fleet : Fleet
    numbers : int32 array, shape (n,)
    now_ms : int

    Returns
    -------
    uint8 array, shape (n,)
    """
    summary = fleet.engine.summary(numbers)
    state = np.where(summary.ready, OK, WARMING_UP).astype(np.uint8)
    phase = fleet.alerts.phases(numbers)
    for alert, shown in ((Phase.PENDING, PENDING), (Phase.FIRING, FIRING), (Phase.SHIFTED, SHIFTED)):
        state[phase == alert] = shown
    state[_silent(fleet, numbers, summary.last_sample_ms, summary.interval_ms, now_ms)] = NO_DATA
    state[fleet.maintenance.now(numbers, now_ms)] = MAINTENANCE
    return state


def _silent(
    fleet: Fleet,
    numbers: NDArray[np.int32],
    last_sample_ms: NDArray[np.int64],
    interval_ms: NDArray[np.float64],
    now_ms: int,
) -> NDArray[np.bool_]:
    patience_ms = np.maximum(QUIET_INTERVALS * interval_ms, QUIET_LEAST_MS)
    own = fleet.alerts.patience_ms(numbers)
    patience_ms = np.where(own > 0, own, patience_ms)
    silent: NDArray[np.bool_] = now_ms - last_sample_ms > patience_ms
    return silent
