from __future__ import annotations

from pathlib import Path

import httpx
import numpy as np
from tests.unit.http.conftest import feed, normal, serving


def test_alerts_that_begin_together_are_one_incident(tmp_path: Path) -> None:
    with_step = np.concatenate([normal(4000), normal(60, 2) + 0.4])
    with serving(tmp_path) as client:
        for server in ("web-1", "web-2", "web-3"):
            feed(client, "slow_seconds", with_step, job="api", server=server)
        feed(client, "calm_seconds", normal(4060), job="api", server="web-1")
        alerts = client.get("/api/v1/alerts").json()["alerts"]
        ids = [alert["id"] for alert in alerts]
        (incident,) = client.get("/api/v1/incidents").json()["incidents"]
    assert incident["shared"] == {"job": "api", "metric": "slow_seconds"}
    assert incident["streams"] == 3
    assert sorted(incident["alerts"]) == sorted(ids)
    assert incident["id"] == incident["alerts"][0]
    assert incident["summary"].startswith(
        "3 streams of job=api, metric=slow_seconds moved within 1s; first: "
    )
    told = {alert["labels"]["server"]: alert["annotations"].get("incident", "") for alert in alerts}
    assert told["web-1"] == ""
    assert told["web-3"].startswith("3 streams of job=api, metric=slow_seconds moved within ")


def test_span_of_an_incident_is_bounded(client: httpx.Client) -> None:
    assert client.get("/api/v1/incidents?within_s=0").status_code in (400, 422)
    assert client.get("/api/v1/incidents?limit=0").status_code in (400, 422)
