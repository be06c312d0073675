"""An alert as JSON: the one shape of the API, of webhooks and of event streams."""

from __future__ import annotations

from datetime import UTC, datetime
from math import isfinite
from typing import Any

from kullback.alerting.decision import Decision


def alert_json(decision: Decision) -> dict[str, Any]:
    """The alert with times as RFC 3339 in UTC with milliseconds; null where something is not so yet.

    Parameters
    ----------
    decision : Decision
    """
    alert = decision.alert
    return {
        "id": decision.id,
        "stream": decision.stream,
        "state": alert.state,
        "reason": alert.reason.name.lower(),
        "labels": dict(decision.labels),
        "annotations": dict(decision.annotations),
        "url": decision.page_url,
        "starts_at": rfc3339(alert.starts_at_ms),
        "fired_at": rfc3339(alert.fired_at_ms),
        "ends_at": rfc3339(alert.ends_at_ms),
        "max_score": alert.max_score if isfinite(alert.max_score) else None,
        "divergence_nats": alert.divergence_nats if isfinite(alert.divergence_nats) else None,
        "episodes": alert.episodes,
    }


def rfc3339(timestamp_ms: int | None) -> str | None:
    """A Unix time as text, e.g. `2026-11-22T09:15:00.000Z`; None stays None.

    Parameters
    ----------
    timestamp_ms : int or None
    """
    if timestamp_ms is None:
        return None
    seconds, millis = divmod(timestamp_ms, 1000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{millis:03}Z"
