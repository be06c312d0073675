"""How streams stand, in the words of the API."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from kullback.alerting.alert import Phase

if TYPE_CHECKING:
    from kullback.pipeline.pipeline import Pipeline

STATES = ("warming_up", "ok", "pending", "firing", "shifted", "no_data", "maintenance")
WARMING_UP, OK, PENDING, FIRING, SHIFTED, NO_DATA, MAINTENANCE = range(len(STATES))
QUIET_INTERVALS = 10
QUIET_LEAST_MS = 60_000


def standing(pipeline: Pipeline, numbers: NDArray[np.int32], now_ms: int) -> NDArray[np.uint8]:
    """Index into `STATES` per stream.

    Maintenance hides everything else, then silence, then the alert, then the warm-up.

    Parameters
    ----------
    pipeline : Pipeline
    numbers : int32 array, shape (n,)
    now_ms : int

    Returns
    -------
    uint8 array, shape (n,)
    """
    summary = pipeline.engine.summary(numbers)
    state = np.where(summary.ready, OK, WARMING_UP).astype(np.uint8)
    phase = pipeline.alerts.phases(numbers)
    for alert, shown in ((Phase.PENDING, PENDING), (Phase.FIRING, FIRING), (Phase.SHIFTED, SHIFTED)):
        state[phase == alert] = shown
    state[_silent(pipeline, numbers, summary.last_sample_ms, summary.interval_ms, now_ms)] = NO_DATA
    state[pipeline.maintenance.now(numbers, now_ms)] = MAINTENANCE
    return state


def _silent(
    pipeline: Pipeline,
    numbers: NDArray[np.int32],
    last_sample_ms: NDArray[np.int64],
    interval_ms: NDArray[np.float64],
    now_ms: int,
) -> NDArray[np.bool_]:
    patience_ms = np.maximum(QUIET_INTERVALS * interval_ms, QUIET_LEAST_MS)
    own = pipeline.alerts.patience_ms(numbers)
    patience_ms = np.where(own > 0, own, patience_ms)
    silent: NDArray[np.bool_] = now_ms - last_sample_ms > patience_ms
    return silent
