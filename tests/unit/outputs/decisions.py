"""Decisions as the alerting room makes them, for tests of what goes out."""

from __future__ import annotations

from kullback.alerting.alert import Alert, Phase, Reason
from kullback.alerting.decision import Decision, Wording, decide
from kullback.core.labels import sorted_labels, stream_id

NOW_MS = 1_795_000_000_000
MINUTE_MS = 60_000


def decision(
    phase: Phase = Phase.FIRING,
    server: str = "web-1",
    starts_at_ms: int = NOW_MS - MINUTE_MS,
    ends_at_ms: int = NOW_MS,
    fired: bool = True,
) -> Decision:
    """A decision on the response time of one server."""
    ended = phase is Phase.INACTIVE
    alert = Alert(
        number=0,
        phase=phase,
        started_ms=starts_at_ms + 1000,
        starts_at_ms=starts_at_ms,
        fired_at_ms=starts_at_ms + 2000 if fired else None,
        ends_at_ms=ends_at_ms if ended else None,
        last_anomalous_ms=starts_at_ms + 3000,
        max_score=1.75,
        divergence_nats=0.5,
        leader=2,
        episodes=1,
        reason=Reason.RECOVERED if ended else Reason.ANOMALOUS,
    )
    labels = sorted_labels([("__name__", "response_time_seconds"), ("server", server)])
    wording = Wording(
        "warning", {"description": "p99 +340 ms."}, "https://runbooks/anomalous", "http://kullback:9797"
    )
    return decide(alert, stream_id(labels), labels, wording)
