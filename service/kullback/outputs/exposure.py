"""Which streams appear on /metrics, and their figures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kullback.core.labels import Series
from kullback.core.selector import Selector


@dataclass(frozen=True, slots=True)
class Exposure:
    """Which streams appear on /metrics.

    Parameters
    ----------
    expose : str
        `all`, `selector`, `score_above` or `top` (the highest scores).
    selector : Selector or None
    score_above : float
    top : int
    max_exposed_streams : int
        Hard limit, whatever the choice; what it leaves out is counted.
    """

    expose: str = "all"
    selector: Selector | None = None
    score_above: float = 0.5
    top: int = 1000
    max_exposed_streams: int = 20_000


@dataclass(frozen=True, slots=True)
class StreamColumns:
    """The figures of all live streams; row `i` of every column is one stream.

    Parameters
    ----------
    series : sequence of Series
    score, budget_per_day, realised_per_day : float array, shape (n,)
        NaN where there is none; such lines are left out.
    divergence_nats : float array, shape (n, windows)
    windows : sequence of str
        Label values of the windows, e.g. `64`.
    alert_state : int array, shape (n,)
        0 inactive, 1 pending, 2 firing, 3 shifted.
    ready : bool array, shape (n,)
    anomalies : int array, shape (n,)
        Episodes since the stream began.
    """

    series: Sequence[Series]
    score: NDArray[np.floating]
    divergence_nats: NDArray[np.floating]
    windows: Sequence[str]
    alert_state: NDArray[np.integer]
    ready: NDArray[np.bool_]
    budget_per_day: NDArray[np.floating]
    realised_per_day: NDArray[np.floating]
    anomalies: NDArray[np.integer]


def choose(columns: StreamColumns, exposure: Exposure) -> NDArray[np.int64]:
    """Rows of the streams to expose, in their order.

    Parameters
    ----------
    columns : StreamColumns
    exposure : Exposure

    Returns
    -------
    int64 array
        At most `max_exposed_streams` rows; where the limit cuts, the highest scores stay.
    """
    rows = _eligible(columns, exposure)
    most = exposure.max_exposed_streams
    if exposure.expose == "top":
        most = min(most, exposure.top)
    if len(rows) <= most:
        return rows
    score = np.nan_to_num(np.asarray(columns.score, np.float64)[rows], nan=-1.0)
    highest = np.argsort(-score, kind="stable")[:most]
    return np.sort(rows[highest])


def _eligible(columns: StreamColumns, exposure: Exposure) -> NDArray[np.int64]:
    if exposure.expose == "selector" and exposure.selector is not None:
        selects = exposure.selector.matches
        return np.array([row for row, one in enumerate(columns.series) if selects(one.labels)], np.int64)
    if exposure.expose == "score_above":
        return np.flatnonzero(columns.score > exposure.score_above)
    return np.arange(len(columns.series))
