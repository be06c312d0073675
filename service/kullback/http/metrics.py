"""`GET /metrics`: asked for on the owner's thread, rendered and packed in a worker thread."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Annotated

import cramjam
import numpy as np
from fastapi import APIRouter, Depends, Request
from prometheus_client import CollectorRegistry
from starlette.responses import Response

from kullback.http.context import Context, context_of
from kullback.outputs.exposition import OPENMETRICS, TEXT, Standing, render
from kullback.outputs.exposure import StreamColumns
from kullback.pipeline.pipeline import Pipeline
from kullback.pipeline.standing import by_state
from kullback.pipeline.tenancy import OwnFleet

GZIP_LEVEL = 1
NOTHING = CollectorRegistry()
"""Instead of the service's own metrics, which are no tenant's business."""

MARKERS = 100
"""On /metrics; all are at `/api/v1/markers`."""
router = APIRouter(tags=["Operation"])
EXAMPLE = '# TYPE kullback_score gauge\nkullback_score{metric="response_time_seconds",server="web-1"} 0.31\n'


@router.get(
    "/metrics",
    response_class=Response,
    responses={200: {"content": {kind: {"example": EXAMPLE} for kind in (TEXT, OPENMETRICS)}}},
)
async def metrics(request: Request, context: Annotated[Context, Depends(context_of)]) -> Response:
    """Scores of the exposed streams and the service's own metrics, for Prometheus.

    With tenants: all streams, with a label `tenant`; for one tenant (`X-Scope-OrgID`) its streams alone.
    """
    now_ms = context.clock()
    if context.owner.ready:
        columns, standing = await context.inspect(lambda pipeline: _asked(context, pipeline, now_ms))
    else:
        columns, standing = _no_streams(), Standing({} if context.tenant else _gauges(context))
    packed = "gzip" in request.headers.get("accept-encoding", "")
    accept = request.headers.get("accept", "")
    return await asyncio.to_thread(_rendered, context, columns, standing, accept, packed)


def _rendered(
    context: Context, columns: StreamColumns, standing: Standing, accept: str, packed: bool
) -> Response:
    registry = NOTHING if context.tenant else context.meters.registry
    body, kind = render(registry, standing, columns, context.exposure, context.label_texts, accept)
    headers = {"Content-Type": kind, "Vary": "Accept, Accept-Encoding"}
    if not packed:
        return Response(memoryview(body), headers=headers)
    headers["Content-Encoding"] = "gzip"
    return Response(memoryview(cramjam.gzip.compress(body, level=GZIP_LEVEL)), headers=headers)


def _asked(context: Context, pipeline: Pipeline, now_ms: int) -> tuple[StreamColumns, Standing]:
    fleet = OwnFleet(pipeline, context.tenant)
    numbers = fleet.engine.numbers()
    summary = fleet.engine.summary(numbers)
    states = by_state(fleet.standing(numbers, summary, now_ms))
    columns = StreamColumns(
        series=[stream.series for stream in fleet.engine],
        score=summary.score,
        divergence_nats=summary.window_divergence_nats,
        windows=[str(window) for window in context.shape.windows],
        alert_state=fleet.phases(numbers),
        ready=summary.ready,
        budget_per_day=summary.budget_per_day,
        realised_per_day=summary.realised_per_day,
        anomalies=summary.anomalies,
    )
    if context.tenant:
        return columns, Standing({}, streams=states, markers=_newest_markers(fleet))
    return columns, _standing(context, pipeline, states, now_ms)


def _standing(context: Context, pipeline: Pipeline, states: Mapping[str, int], now_ms: int) -> Standing:
    written_ms = pipeline.checkpoint.written_ms or context.started_ms
    gauges = {
        ("kullback_log_last_offset", "Newest entry of the log."): float(pipeline.log.last_offset),
        (
            "kullback_snapshot_age_seconds",
            "Time since the newest snapshot was complete (since the start while there is none).",
        ): (now_ms - written_ms) / 1000,
        ("kullback_max_streams", "Limit on live streams."): float(context.limits.max_streams),
    }
    replayed = {("kullback_replay_samples", "Samples replayed at the start."): pipeline.replayed_samples}
    tenants = dict(pipeline.engine.count_of_tenant) if context.label_texts.tenants else {}
    standing = {**_gauges(context), **gauges}
    markers = _newest_markers(OwnFleet(pipeline))
    sent, written = context.notifications(), context.written()
    return Standing(standing, replayed, states, sent, tenants, markers, written)


def _newest_markers(fleet: OwnFleet) -> dict[tuple[str, str, str], float]:
    """The newest markers by text, streams and tenant; of several that are alike the last."""
    by_time = sorted(fleet.facts.markers.values(), key=lambda marker: marker["at_ms"])
    newest = {(one["text"], one["match"], one.get("tenant", "")): one["at_ms"] / 1000 for one in by_time}
    return dict(list(newest.items())[-MARKERS:])


def _gauges(context: Context) -> dict[tuple[str, str], float]:
    return {
        ("kullback_ingest_queue_samples", "Samples that wait for the engine."): context.owner.queued_samples,
        ("kullback_ingest_queue_limit_samples", "How many may wait."): context.owner.max_queue_samples,
        ("kullback_ready", "Whether requests are served."): float(context.owner.ready),
    }


def _no_streams() -> StreamColumns:
    none = np.empty(0)
    return StreamColumns(
        [],
        none,
        none.reshape(0, 0),
        [],
        none.astype(int),
        none.astype(bool),
        none,
        none,
        none.astype(int),
    )
