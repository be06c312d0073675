"""`GET …/what-if`: try out other budgets, windows and references on what is stored of a stream."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query

from kullback.backtest import CURVE
from kullback.core.budget import Budget, parse_budget
from kullback.core.errors import ErrorId
from kullback.http.context import Context, context_of
from kullback.http.docs import answers
from kullback.http.rerun import read_trial, rerun
from kullback.http.stream_shapes import STREAM_EXAMPLE
from kullback.http.streams import StreamId
from kullback.http.what_if import BASIS, WhatIf, what_if

router = APIRouter(prefix="/api/v1/streams", tags=["Looking back"])
In = Annotated[Context, Depends(context_of)]
Current = Annotated[
    str,
    Query(max_length=100, description="Windows in samples, such as `16,64,256`; reruns the stored values."),
]
Reference = Annotated[int | None, Query(description="Samples of the reference; reruns the stored values.")]
EXAMPLE = {
    "stream": STREAM_EXAMPLE["id"],
    "match": 'response_time_seconds{server="web-1"}',
    "budget": "1 per 30d",
    "span_ms": 604_800_000,
    "basis": BASIS.format(points=60_480, step=10),
    "current": None,
    "reference": None,
    "points": [
        {
            "budget": "1 per 30d",
            "line": 1.0,
            "alarms": 1,
            "alarms_in_force": None,
            "alarms_per_week": 1.0,
            "allowed_per_week": 0.233,
        }
    ],
}


@router.get(
    "/{id}/what-if",
    responses=answers(EXAMPLE, ErrorId.NOT_FOUND, ErrorId.BAD_REQUEST, ErrorId.CONFLICT),
)
async def show_what_if(
    context: In,
    stream_id: StreamId,
    budget: Annotated[
        list[str] | None, Query(max_length=20, description="Budgets, such as `1 per 7d`; default: a range.")
    ] = None,
    current: Current = "",
    reference: Reference = None,
) -> WhatIf:
    """Alarms that other budgets, windows or references would have given over what is stored of this stream.

    Budgets alone are weighed on the stored scores. Windows and references run the stored values again, where
    nearly each is one sample; 409 says where they are not.
    """
    budgets = tuple(parse_budget(text) for text in budget or ())
    return await tried_out(context, stream_id, budgets or CURVE, current, reference)


async def tried_out(
    context: Context, stream_id: str, budgets: tuple[Budget, ...], current: str, reference: int | None
) -> WhatIf:
    """The answer.

    Parameters
    ----------
    context : Context
    stream_id : str
    budgets : tuple of Budget
    current : str
        "" for the windows in force.
    reference : int or None

    Raises
    ------
    RequestError
        NOT_FOUND, BAD_REQUEST, CONFLICT.
    """
    trial = read_trial(current, reference, context.shape)
    if trial is None:
        return await what_if(context, stream_id, budgets)
    return await rerun(context, stream_id, trial, budgets)
