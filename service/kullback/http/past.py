"""Why a stream was anomalous at a time in the past, from what was written down."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from kullback.core.errors import ErrorId, RequestError
from kullback.http.stream_shapes import known
from kullback.http.why_shapes import ExplainAnswer, GateAnswer
from kullback.outputs.alert_json import rfc3339
from kullback.pipeline.tenancy import OwnFleet

PHASE_STATES = ("ok", "pending", "firing", "shifted")


def explain_past(fleet: OwnFleet, number: int, at_ms: int) -> ExplainAnswer:
    """The explanation at an instant; the windows of that time are gone.

    Parameters
    ----------
    fleet : OwnFleet
    number : int
        Of the stream.
    at_ms : int

    Raises
    ------
    RequestError
        NOT_FOUND when no score of that time is kept.
    """
    step_ms, stream_id = fleet.history.step_ms, fleet.engine.stream(number).id
    points = fleet.history.scores(stream_id, at_ms - step_ms + 1, at_ms)
    if not len(points):
        raise RequestError(
            ErrorId.NOT_FOUND, f"No score of this stream is kept for {rfc3339(at_ms)}; see its scores."
        )
    point = points[-1]
    score, alert = known(point["max_score"]), _alert_at(fleet, stream_id, at_ms)
    said = alert["annotations"] if alert else {}
    return ExplainAnswer(
        stream=stream_id,
        state=PHASE_STATES[point["phase"]] if point["ready"] else "warming_up",
        sentence=said.get("description", "") if alert else _quiet(score),
        top_bins=said.get("top_bins", ""),
        quantiles=said.get("quantiles", ""),
        marker=said.get("marker"),
        anomalous=score is not None and (score > 1 or alert is not None),
        score=score,
        leader=fleet.engine.leader_text(number, int(point["leader"])),
        onset_ms=None,
        gates=[GateAnswer(name="score", value=score, limit=1.0, passed=score is not None and score > 1)],
        move=None,
        median_change=None,
        p99_change=None,
        window=None,
    )


def _quiet(score: float | None) -> str:
    if score is None:
        return "No score yet at that time: the stream was warming up."
    return f"Not anomalous at that time: the score was {score:.2f}, the alarm line is at 1."


def _alert_at(fleet: OwnFleet, stream_id: str, at_ms: int) -> dict[str, Any] | None:
    """The alert of the stream that had begun and not ended."""
    for alert in fleet.history.alerts(stream=stream_id, before_ms=at_ms + 1):
        if alert["ends_at"] is None or _ms(alert["ends_at"]) >= at_ms:
            return alert
    return None


def _ms(instant: str) -> int:
    return round(datetime.fromisoformat(instant).timestamp() * 1000)
