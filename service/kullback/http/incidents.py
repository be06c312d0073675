"""Alerts that began together, as one incident."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, Field

from kullback.alerting.alert import Phase
from kullback.alerting.decision import Decision
from kullback.alerting.incidents import Incident, incidents
from kullback.http.alerts import EXAMPLE
from kullback.http.context import Context, context_of
from kullback.http.docs import answers
from kullback.outputs.alert_json import rfc3339
from kullback.pipeline.tenancy import OwnFleet

router = APIRouter(prefix="/api/v1", tags=["Alerts"])
In = Annotated[Context, Depends(context_of)]
SECOND_MS = 1000
SHOWN_ALERTS = 100


class IncidentShape(BaseModel):
    """Live alerts that are likely to have one cause."""

    id: str = Field(description="Id of the alert that began first.")
    summary: str
    starts_at: str | None = Field(description="Onset of the first alert.")
    shared: dict[str, str] = Field(description="Labels that all of its streams have.")
    streams: int
    alerts: list[str] = Field(description=f"Ids, the first to move first; at most {SHOWN_ALERTS}.")


class IncidentList(BaseModel):
    """Incidents by onset, the newest first."""

    incidents: list[IncidentShape]


_EXAMPLE = {
    "id": EXAMPLE["id"],
    "summary": "12 streams of job=api moved within 2m12s; "
    'first: response_time_seconds{job="api",server="web-1"} is anomalous',
    "starts_at": EXAMPLE["starts_at"],
    "shared": {"job": "api"},
    "streams": 12,
    "alerts": [EXAMPLE["id"]],
}


@router.get("/incidents", responses=answers({"incidents": [_EXAMPLE]}))
async def list_incidents(
    context: In,
    within_s: Annotated[int, Query(ge=1, le=86_400, description="How far onsets may lie apart.")] = 180,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> IncidentList:
    """Live alerts grouped by time and shared labels, so that one cause is read once."""
    live = await context.ask(_live)
    fired = [decision for decision in live if decision.alert.phase is not Phase.PENDING]
    found = incidents(fired, within_s * SECOND_MS)
    return IncidentList(incidents=[_shape(incident) for incident in reversed(found[-limit:])])


def _live(fleet: OwnFleet) -> list[Decision]:
    return fleet.live_alerts()


def _shape(incident: Incident) -> IncidentShape:
    return IncidentShape(
        id=incident.id,
        summary=incident.sentence,
        starts_at=rfc3339(incident.starts_at_ms),
        shared=dict(incident.shared),
        streams=len(incident.decisions),
        alerts=[decision.id for decision in incident.decisions[:SHOWN_ALERTS]],
    )
