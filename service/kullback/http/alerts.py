"""The alert book: what fired, why, and what people said of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Path, Query, Request
from pydantic import BaseModel, Field

from kullback.core.errors import ErrorId, RequestError
from kullback.http.context import Context, author_of, context_of
from kullback.http.docs import answers
from kullback.http.json_body import Shape, body_docs, read_json
from kullback.http.times import parse_time_ms
from kullback.pipeline.tenancy import OwnFleet

router = APIRouter(prefix="/api/v1", tags=["Alerts"])
In = Annotated[Context, Depends(context_of)]
By = Annotated[str, Depends(author_of)]
AlertId = Annotated[str, Path(alias="id", max_length=100)]
STATES = ("pending", "firing", "shifted", "resolved")
MAX_LIMIT = 1000

EXAMPLE: dict[str, Any] = {
    "id": "0f3a5c7e9b1d2f4a6c8e-1795328801679",
    "stream": "0f3a5c7e9b1d2f4a6c8e",
    "state": "firing",
    "reason": "anomalous",
    "labels": {
        "alertname": "KullbackStreamAnomalous",
        "metric": "response_time_seconds",
        "server": "web-1",
        "severity": "warning",
    },
    "annotations": {
        "summary": 'response_time_seconds{server="web-1"} is anomalous',
        "description": "78 % of the divergence comes from 250-500 ms going from 3 % to 19 % of samples; "
        "median unchanged, p99 +340 ms",
    },
    "url": "",
    "starts_at": "2026-11-22T09:06:41.679Z",
    "fired_at": "2026-11-22T09:06:45.679Z",
    "ends_at": None,
    "max_score": 1.7,
    "divergence_nats": 0.45,
    "episodes": 1,
}


class Alert(BaseModel):
    """One incident of one stream; times are RFC 3339 in UTC."""

    id: str
    stream: str
    state: str = Field(description=", ".join(STATES))
    reason: str = Field(description="Why it is in this state.")
    labels: dict[str, str]
    annotations: dict[str, str] = Field(description="`description` is the explanation.")
    url: str = Field(description="The stream's page, when the service knows its own address.")
    starts_at: str | None = Field(description="Onset: where the evidence begins.")
    fired_at: str | None
    ends_at: str | None
    max_score: float | None
    divergence_nats: float | None
    episodes: int = Field(description="Anomaly episodes that this alert joins.")


class AlertList(BaseModel):
    """Alerts, the newest first."""

    alerts: list[Alert]


class Verdict(BaseModel):
    """What somebody said of an alert."""

    verdict: Literal["true_positive", "false_positive"]
    author: str


class AlertDetail(Alert):
    """One alert with what people said of it."""

    feedback: Verdict | None
    threshold_factor: float | None = Field(description="Of its stream, null when the stream is gone.")


class FeedbackBody(Shape):
    """A verdict, or null to take an earlier one back."""

    verdict: Literal["true_positive", "false_positive"] | None
    comment: str = Field("", max_length=1000, description="For the audit.")


class FeedbackAnswer(BaseModel):
    """What the verdict did."""

    alert: str
    verdict: str | None
    threshold_factor: float = Field(description="By how much the stream's threshold is raised now.")


@router.get("/alerts", responses=answers({"alerts": [EXAMPLE]}))
async def list_alerts(
    context: In,
    state: Annotated[str, Query(description="pending, firing, shifted or resolved.")] = "",
    stream: Annotated[str, Query(max_length=64, description="Only those of one stream.")] = "",
    before: Annotated[
        str, Query(max_length=64, description="Only those that began before; for paging.")
    ] = "",
    limit: Annotated[int, Query(ge=1, le=MAX_LIMIT)] = 100,
) -> AlertList:
    """The alert book and its history, the newest first."""
    if state and state not in STATES:
        raise RequestError(ErrorId.BAD_REQUEST, f"state must be one of {', '.join(STATES)}.")
    before_ms = parse_time_ms(before) if before else None

    def asked(fleet: OwnFleet) -> list[Mapping[str, Any]]:
        documents = fleet.history.alerts(state or None, stream or None, before_ms, limit)
        return [fleet.current_alert(known) for known in documents]

    return AlertList(alerts=[Alert.model_validate(document) for document in await context.ask(asked)])


@router.get(
    "/alerts/{id}",
    responses=answers(EXAMPLE | {"feedback": None, "threshold_factor": 1.0}, ErrorId.NOT_FOUND),
)
async def show_alert(context: In, alert_id: AlertId) -> AlertDetail:
    """One alert with its explanation and what people said of it."""

    def asked(fleet: OwnFleet) -> AlertDetail:
        document = known_alert(fleet, alert_id)
        number = fleet.engine.find(document["stream"])
        factor = fleet.engine.stream(number).feedback if number is not None else None
        said = _verdict(fleet, document["stream"], alert_id)
        return AlertDetail.model_validate({**document, "feedback": said, "threshold_factor": factor})

    return await context.ask(asked)


@router.post(
    "/alerts/{id}/feedback",
    responses=answers(
        {"alert": EXAMPLE["id"], "verdict": "false_positive", "threshold_factor": 1.5},
        ErrorId.NOT_FOUND,
    ),
    openapi_extra=body_docs(FeedbackBody, {"verdict": "false_positive", "comment": "planned load test"}),
)
async def give_feedback(request: Request, context: In, author: By, alert_id: AlertId) -> FeedbackAnswer:
    """Say whether an alert was worth it: a false one raises its stream's threshold; null takes it back."""
    body = await read_json(request, FeedbackBody)
    document = await context.ask(lambda fleet: known_alert(fleet, alert_id))
    factor = await context.act(
        author,
        "feedback",
        stream=document["stream"],
        alert=alert_id,
        verdict=body.verdict,
        max_score=document["max_score"] or 1.0,
        comment=body.comment,
    )
    return FeedbackAnswer(alert=alert_id, verdict=body.verdict, threshold_factor=factor)


def known_alert(fleet: OwnFleet, alert_id: str) -> Mapping[str, Any]:
    """An alert of the book, as it stands now.

    Parameters
    ----------
    fleet : OwnFleet
    alert_id : str

    Raises
    ------
    RequestError
        NOT_FOUND.
    """
    document = fleet.history.alert(alert_id)
    if document is None:
        raise RequestError(ErrorId.NOT_FOUND, f"There is no alert {alert_id[:100]!r}.")
    return fleet.current_alert(document)


def _verdict(fleet: OwnFleet, stream_id: str, alert_id: str) -> dict[str, str] | None:
    for said in fleet.facts.feedback.get(stream_id, []):
        if said["alert"] == alert_id:
            return {"verdict": said["verdict"], "author": said.get("author", "")}
    return None
