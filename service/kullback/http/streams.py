"""Reading streams: list, detail, windows, scores, explanation."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query
from pydantic import BaseModel, Field

from kullback.core.errors import ErrorId, RequestError
from kullback.core.units import unit_of
from kullback.http.context import Context, context_of
from kullback.http.docs import answers
from kullback.http.paging import MAX_LIMIT, page, query_of
from kullback.http.past import explain_past
from kullback.http.stream_shapes import STREAM_EXAMPLE, StreamDetail, StreamRow, detail_of, rows_of
from kullback.http.times import parse_time_ms
from kullback.http.why_shapes import (
    EXPLAIN_EXAMPLE,
    WINDOW_EXAMPLE,
    ExplainAnswer,
    WindowAnswer,
    explain_answer,
    window_answer,
)
from kullback.pipeline.markers import suspect
from kullback.pipeline.tenancy import OwnFleet

router = APIRouter(prefix="/api/v1/streams", tags=["Streams"])
In = Annotated[Context, Depends(context_of)]
StreamId = Annotated[str, Path(alias="id", max_length=64, description="The stream's id.")]


class StreamList(BaseModel):
    """One page."""

    streams: list[StreamRow]
    next_cursor: str | None = Field(description="`cursor` of the next page, null on the last.")


def number_of(fleet: OwnFleet, stream_id: str) -> int:
    """The number of a stream.

    Parameters
    ----------
    fleet : OwnFleet
    stream_id : str

    Raises
    ------
    RequestError
        NOT_FOUND.
    """
    number = fleet.engine.find(stream_id)
    if number is None:
        raise RequestError(ErrorId.NOT_FOUND, f"There is no stream {stream_id[:64]!r}.")
    return number


@router.get(
    "",
    responses=answers({"streams": [STREAM_EXAMPLE], "next_cursor": None}, ErrorId.BAD_SELECTOR),
)
async def list_streams(
    context: In,
    match: Annotated[
        list[str] | None,
        Query(
            alias="match[]", max_length=100, description="PromQL-style selectors; streams that any matches."
        ),
    ] = None,
    state: Annotated[str, Query(description="Only streams in this state.")] = "",
    sort: Annotated[str, Query(description="A column, with - for falling order.")] = "-score",
    limit: Annotated[int, Query(ge=1, le=MAX_LIMIT)] = 100,
    cursor: Annotated[str, Query(max_length=100, description="`next_cursor` of the page before.")] = "",
) -> StreamList:
    """Streams by selector and state, page by page; the highest scores first."""
    now_ms = context.clock()
    query = query_of(match or [], state, sort, limit, cursor)

    def asked(fleet: OwnFleet) -> StreamList:
        numbers, after = page(fleet, query, now_ms)
        return StreamList(streams=rows_of(fleet, numbers, now_ms), next_cursor=after)

    return await context.ask(asked)


@router.get(
    "/{id}",
    responses=answers(
        STREAM_EXAMPLE
        | {
            "unit": "s",
            "created_ms": 1795300000000,
            "threshold_factor": 1.0,
            "counter": False,
            "windows_samples": [4, 16, 64, 256, 1024],
            "reference": {"kind": "ago", "in_force": False, "state": "no reference yet: 3.0 of 7 days; …"},
            "configuration": {"match": "{}", "alarm_budget": "1 per 30d"},
        },
        ErrorId.NOT_FOUND,
    ),
)
async def show_stream(context: In, stream_id: StreamId) -> StreamDetail:
    """One stream, with its effective configuration and how far its warm-up is."""
    now_ms = context.clock()
    return await context.ask(lambda fleet: detail_of(fleet, number_of(fleet, stream_id), now_ms))


@router.get("/{id}/windows", responses=answers(WINDOW_EXAMPLE, ErrorId.NOT_FOUND))
async def show_windows(
    context: In,
    stream_id: StreamId,
    window: Annotated[int, Query(ge=1, description="Length of the current window, samples.")] = 64,
) -> WindowAnswer:
    """Reference and current histogram with contributions that sum to the divergence, and all measures."""

    def asked(fleet: OwnFleet) -> WindowAnswer:
        number = number_of(fleet, stream_id)
        unit = unit_of(fleet.engine.stream(number).series)
        return window_answer(fleet.engine.windows(number, window), window, unit)

    return await context.ask(asked)


@router.get("/{id}/explain", responses=answers(EXPLAIN_EXAMPLE, ErrorId.NOT_FOUND))
async def explain_stream(
    context: In,
    stream_id: StreamId,
    time: Annotated[str, Query(max_length=64, description="An instant of the past; left out: now.")] = "",
) -> ExplainAnswer:
    """Why it fired, or why it did not: every gate with its value and limit, and one sentence."""
    now_ms = context.clock()
    at_ms = parse_time_ms(time) if time else None

    def asked(fleet: OwnFleet) -> ExplainAnswer:
        number = number_of(fleet, stream_id)
        stream = detail_of(fleet, number, now_ms)
        if at_ms is not None and at_ms < (stream.last_sample_ms or 0) - fleet.history.step_ms:
            return explain_past(fleet, number, at_ms)
        why, series = fleet.engine.explain(number), fleet.engine.stream(number).series
        near = suspect(fleet.facts.markers, series.labels, why.onset_ms, stream.last_sample_ms or 0)
        return explain_answer(why, stream_id, stream.state, unit_of(series), near if why.anomalous else None)

    return await context.ask(asked)
