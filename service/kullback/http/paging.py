"""Which streams a list shows: selection, state, order, cursor."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kullback.core.errors import ErrorId, RequestError
from kullback.core.selector import Selector, parse_selector
from kullback.pipeline.standing import FIRING, PENDING, SHIFTED, STATES
from kullback.pipeline.tenancy import OwnFleet

URGENCY = "urgency"
SORTABLE = (
    URGENCY,
    "score",
    "divergence_nats",
    "samples",
    "last_sample_ms",
    "anomalies",
    "budget_per_day",
    "realised_alarms_per_day",
)
COLUMNS = {"realised_alarms_per_day": "realised_per_day"}
ABOVE_ALL_SCORES = 1e6
MAX_LIMIT = 1000


@dataclass(frozen=True, slots=True)
class Query:
    """What a list was asked for.

    Parameters
    ----------
    selectors : tuple of Selector
        Streams that any of them matches; none means all.
    state : str
        "" means any.
    sort : str
        One of `SORTABLE`, with `-` in front for falling order.
    limit : int
    after : tuple of (float, int) or None
        Key and number of the last row of the page before.
    """

    selectors: tuple[Selector, ...]
    state: str
    sort: str
    limit: int
    after: tuple[float, int] | None


def query_of(match: list[str], state: str, sort: str, limit: int, cursor: str) -> Query:
    """Read the parameters of a list.

    Parameters
    ----------
    match : list of str
    state, sort : str
    limit : int
    cursor : str

    Raises
    ------
    RequestError
        BAD_SELECTOR or BAD_REQUEST, naming the parameter.
    """
    if state and state not in STATES:
        raise RequestError(
            ErrorId.BAD_REQUEST, f"state must be one of {', '.join(STATES)}, not {state[:40]!r}."
        )
    if sort.removeprefix("-") not in SORTABLE:
        raise RequestError(
            ErrorId.BAD_REQUEST, f"sort must be one of {', '.join(SORTABLE)}, with - for falling."
        )
    selectors = tuple(parse_selector(text) for text in match if text)
    return Query(selectors, state, sort, limit, _position(cursor) if cursor else None)


def _position(cursor: str) -> tuple[float, int]:
    key, _, number = cursor.partition("_")
    try:
        position = float(key), int(number)
    except ValueError as problem:
        raise RequestError(
            ErrorId.BAD_REQUEST, "cursor must be a next_cursor of the page before."
        ) from problem
    if not 0 <= position[1] < 2**31 or np.isnan(position[0]):
        raise RequestError(ErrorId.BAD_REQUEST, "cursor must be a next_cursor of the page before.")
    return position


def page(fleet: OwnFleet, query: Query, now_ms: int) -> tuple[NDArray[np.int32], str | None]:
    """The streams of one page.

    Rows follow each other by (key, number), so a page continues where the last one ended even when
    streams came and went in between.

    Parameters
    ----------
    fleet : OwnFleet
    query : Query
    now_ms : int

    Returns
    -------
    int32 array, str or None
        Stream numbers in order, and the cursor of the next page.
    """
    numbers = selected(fleet, query.selectors)
    if query.state:
        states = fleet.standing(numbers, fleet.engine.summary(numbers), now_ms)
        numbers = numbers[states == STATES.index(query.state)]
    key = _key(fleet, numbers, query.sort, now_ms)
    order = np.lexsort((numbers, key))
    if query.after is not None:
        last_key, last_number = query.after
        later = (key > last_key) | ((key == last_key) & (numbers > last_number))
        order = order[later[order]]
    shown = order[: query.limit]
    more = len(order) > len(shown)
    return numbers[shown], f"{float(key[shown[-1]])!r}_{numbers[shown[-1]]}" if more and len(shown) else None


def selected(fleet: OwnFleet, selectors: tuple[Selector, ...]) -> NDArray[np.int32]:
    """Numbers of the streams that any selector matches; all streams without a selector.

    Parameters
    ----------
    fleet : OwnFleet
    selectors : tuple of Selector
    """
    if not selectors:
        return fleet.engine.numbers()
    found = [fleet.engine.select(selector) for selector in selectors]
    return np.unique(np.concatenate(found)).astype(np.int32)


def _key(fleet: OwnFleet, numbers: NDArray[np.int32], sort: str, now_ms: int) -> NDArray[np.float64]:
    """Rising sort key; streams without a value come last either way."""
    name = sort.removeprefix("-")
    summary = fleet.engine.summary(numbers)
    if name == URGENCY:
        column = _urgency(summary.score, fleet.standing(numbers, summary, now_ms))
    else:
        column = np.asarray(getattr(summary, COLUMNS.get(name, name)), np.float64)
    key = -column if sort.startswith("-") else column
    return np.nan_to_num(key, nan=np.inf, posinf=np.inf, neginf=-np.inf)


def _urgency(score: NDArray[np.float64], states: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Alerts under way before everything else: an incident that lasts scores less than its beginning did."""
    return score + np.where(np.isin(states, (PENDING, FIRING, SHIFTED)), ABOVE_ALL_SCORES, 0.0)
