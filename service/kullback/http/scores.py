"""Looking back: the score history of a stream, what moved in an interval, who did what."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter, Depends, Query
from numpy.typing import NDArray
from pydantic import BaseModel, Field

from kullback.core.errors import ErrorId, RequestError
from kullback.core.selector import parse_selector
from kullback.engine.streams import Stream
from kullback.http.context import Context, context_of
from kullback.http.docs import answers
from kullback.http.paging import selected
from kullback.http.stream_shapes import STREAM_EXAMPLE, known, labels_of
from kullback.http.streams import StreamId, number_of
from kullback.http.times import parse_step_ms, parse_time_ms
from kullback.outputs.alert_json import rfc3339
from kullback.pipeline.tenancy import OwnFleet
from kullback.storage.point import QUANTILES, quantile

router = APIRouter(prefix="/api/v1", tags=["Looking back"])
In = Annotated[Context, Depends(context_of)]
Start = Annotated[str, Query(max_length=64, description="RFC 3339, or Unix seconds or milliseconds.")]
HOUR_MS = 3_600_000
MAX_POINTS = 11_000
"""As in Prometheus' range queries."""
STREAMS_PER_LOOK = 200
"""How many streams' histories are read between two groups of requests."""
PHASES = ("inactive", "pending", "firing", "shifted")


class ScorePoint(BaseModel):
    """One step of the history."""

    at_ms: int = Field(description="Begin of the step.")
    score: float | None = Field(description="Of the step's last sample; 1.0 is the alarm line.")
    max_score: float | None
    divergence_nats: float | None
    leader: str = Field(
        description="What led: a statistic and its window, the kind of change, value or level."
    )
    alert_state: str = Field(description=", ".join(PHASES))
    ready: bool
    samples: int
    mean: float | None = Field(description="Of the values in the metric's unit.")
    least: float | None
    most: float | None
    p10: float | None = Field(
        description="Quantiles of the values; null where only mean and range were kept."
    )
    p50: float | None
    p90: float | None


class ScoreHistory(BaseModel):
    """Steps without samples are left out."""

    stream: str
    step_ms: int
    threshold: float = Field(1.0, description="The alarm line of every stream.")
    points: list[ScorePoint]


POINT_EXAMPLE = {
    "at_ms": 1795328800000,
    "score": 0.31,
    "max_score": 0.4,
    "divergence_nats": 0.02,
    "leader": "upper tail grew",
    "alert_state": "inactive",
    "ready": True,
    "samples": 10,
    "mean": 0.12,
    "least": 0.1,
    "most": 0.2,
    "p10": 0.105,
    "p50": 0.118,
    "p90": 0.16,
}


@router.get(
    "/streams/{id}/scores",
    responses=answers(
        {"stream": STREAM_EXAMPLE["id"], "step_ms": 10000, "threshold": 1.0, "points": [POINT_EXAMPLE]},
        ErrorId.NOT_FOUND,
    ),
)
async def show_scores(
    context: In,
    stream_id: StreamId,
    start: Start = "",
    end: Start = "",
    step: Annotated[str, Query(max_length=40, description="A duration, or seconds; default: fits.")] = "",
) -> ScoreHistory:
    """History of score, divergence, value and alert state; the last hour unless start and end say more."""
    span = span_of(start, end, context.clock())
    least_ms = (span[1] - span[0]) // MAX_POINTS + 1
    step_ms = max(parse_step_ms(step) if step else 0, least_ms)

    def asked(fleet: OwnFleet) -> ScoreHistory:
        number = number_of(fleet, stream_id)
        points = fleet.history.scores(stream_id, *span, step_ms)
        shown_ms = max(step_ms, fleet.history.step_ms)
        return ScoreHistory(stream=stream_id, step_ms=shown_ms, points=_points(fleet, number, points))

    return await context.ask(asked)


def span_of(start: str, end: str, now_ms: int) -> tuple[int, int]:
    """The interval that a request asks about.

    Parameters
    ----------
    start, end : str
        "" means an hour before the end, and now.
    now_ms : int

    Raises
    ------
    RequestError
        BAD_REQUEST.
    """
    end_ms = parse_time_ms(end) if end else now_ms
    start_ms = parse_time_ms(start) if start else end_ms - HOUR_MS
    if end_ms < start_ms:
        raise RequestError(ErrorId.BAD_REQUEST, "end must not lie before start.")
    return start_ms, end_ms


def _points(fleet: OwnFleet, number: int, points: NDArray[Any]) -> list[ScorePoint]:
    quantiles = (quantile(points, name) for name in QUANTILES)
    return [
        ScorePoint(
            at_ms=int(point["at_ms"]),
            score=known(point["score"]),
            max_score=known(point["max_score"]),
            divergence_nats=known(point["divergence_nats"]),
            leader=fleet.engine.leader_text(number, int(point["leader"])),
            alert_state=PHASES[point["phase"]],
            ready=bool(point["ready"]),
            samples=int(point["samples"]),
            mean=known(point["mean"]),
            least=known(point["least"]),
            most=known(point["most"]),
            p10=known(p10),
            p50=known(p50),
            p90=known(p90),
        )
        for point, p10, p50, p90 in zip(points, *quantiles, strict=True)
    ]


class Moved(BaseModel):
    """How much one stream moved."""

    stream: str
    metric: str
    labels: dict[str, str]
    max_score: float
    peak_ms: int = Field(description="Step of the largest score.")
    first_anomalous_ms: int | None = Field(description="First step with a score above 1.0.")
    divergence_nats: float | None = Field(description="Largest in the interval.")


class Correlation(BaseModel):
    """Streams by how much their distribution moved, the most first."""

    start: str | None
    end: str | None
    streams: list[Moved]
    considered: int = Field(description="Streams that were looked at.")


@router.get(
    "/correlate",
    responses=answers(
        {
            "start": "2026-11-22T09:00:00.000Z",
            "end": "2026-11-22T10:00:00.000Z",
            "streams": [
                {
                    "stream": STREAM_EXAMPLE["id"],
                    "metric": "response_time_seconds",
                    "labels": {"server": "web-1"},
                    "max_score": 1.7,
                    "peak_ms": 1795328800000,
                    "first_anomalous_ms": 1795328790000,
                    "divergence_nats": 0.45,
                }
            ],
            "considered": 120,
        },
        ErrorId.BAD_SELECTOR,
    ),
)
async def correlate(
    context: In,
    start: Start = "",
    end: Start = "",
    match: Annotated[list[str] | None, Query(alias="match[]", max_length=100)] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> Correlation:
    """Streams ranked by how much their distribution moved in an interval (the last hour by default)."""
    span = span_of(start, end, context.clock())
    selectors = tuple(parse_selector(text) for text in match or [] if text)
    numbers = (await context.ask(lambda fleet: selected(fleet, selectors))).tolist()
    bounds: list[tuple[float, int]] = []
    for first in range(0, len(numbers), STREAMS_PER_LOOK):
        some = numbers[first : first + STREAMS_PER_LOOK]
        bounds += await context.ask(partial(_bounds, numbers=some, span=span))
    bounds.sort(reverse=True)
    moved: list[Moved] = []
    for first in range(0, len(bounds), STREAMS_PER_LOOK):
        if len(moved) >= limit and moved[limit - 1].max_score > bounds[first][0]:
            break  # nobody who is left can be among the first
        some = [number for _, number in bounds[first : first + STREAMS_PER_LOOK]]
        moved += await context.ask(partial(_moved, numbers=some, span=span))
        moved.sort(key=lambda stream: (-stream.max_score, stream.stream))
    return Correlation(
        start=rfc3339(span[0]), end=rfc3339(span[1]), streams=moved[:limit], considered=len(numbers)
    )


def _bounds(fleet: OwnFleet, numbers: Sequence[int], span: tuple[int, int]) -> list[tuple[float, int]]:
    """How high the scores can have been of those streams that have any."""
    there = [(number, stream.id) for number in numbers if (stream := _stream(fleet, number)) is not None]
    highest = fleet.history.at_most([stream_id for _, stream_id in there], *span).tolist()
    known = zip(highest, there, strict=True)
    return [(high, number) for high, (number, _) in known if high > -np.inf]


def _stream(fleet: OwnFleet, number: int) -> Stream | None:
    """None for one that was closed since the numbers were read."""
    try:
        return fleet.engine.stream(number)
    except KeyError:
        return None


def _moved(fleet: OwnFleet, numbers: Sequence[int], span: tuple[int, int]) -> list[Moved]:
    found = []
    for number in numbers:
        if (stream := _stream(fleet, number)) is None:
            continue
        points = fleet.history.scores(stream.id, *span)
        points = points[np.isfinite(points["max_score"])]
        if len(points):
            found.append(_peak(stream.id, stream.series.metric, labels_of(stream.series), points))
    return found


def _peak(stream_id: str, metric: str, labels: dict[str, str], points: NDArray[Any]) -> Moved:
    peak = points[int(np.argmax(points["max_score"]))]
    anomalous = points["at_ms"][points["max_score"] > 1.0]
    divergence = points["divergence_nats"][np.isfinite(points["divergence_nats"])]
    return Moved(
        stream=stream_id,
        metric=metric,
        labels=labels,
        max_score=float(peak["max_score"]),
        peak_ms=int(peak["at_ms"]),
        first_anomalous_ms=int(anomalous[0]) if len(anomalous) else None,
        divergence_nats=float(divergence.max()) if len(divergence) else None,
    )


class Audit(BaseModel):
    """One action of a person."""

    offset: int = Field(description="Its entry in the log.")
    at: str | None
    author: str
    action: str
    details: dict[str, Any]


class AuditList(BaseModel):
    """Actions, the newest first."""

    actions: list[Audit]


@router.get(
    "/audit",
    responses=answers(
        {
            "actions": [
                {
                    "offset": 7201,
                    "at": "2026-11-22T09:06:41.679Z",
                    "author": "alice",
                    "action": "rebaseline",
                    "details": {"stream": STREAM_EXAMPLE["id"]},
                }
            ]
        }
    ),
)
async def list_actions(context: In, limit: Annotated[int, Query(ge=1, le=1000)] = 100) -> AuditList:
    """Who did what: rebaselines, exclusions, feedback, maintenance, deletions."""
    found = await context.ask(lambda fleet: fleet.history.audits(limit))
    return AuditList(actions=[_audit(*entry) for entry in found])


def _audit(offset: int, now_ms: int, action: dict[str, Any]) -> Audit:
    details = {key: value for key, value in action.items() if key not in ("do", "author", "tenant")}
    author = str(action.get("author", ""))
    return Audit(offset=offset, at=rfc3339(now_ms), author=author, action=action["do"], details=details)
