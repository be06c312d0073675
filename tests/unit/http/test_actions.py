"""People accept, exclude, mute and judge; each action takes effect, can be taken back and is audited."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from tests.unit.http.conftest import feed, normal, rows, serving

from kullback.detector.layout import REFRESH_SAMPLES


def broken_stream(client: httpx.Client, metric: str, **labels: str) -> str:
    return feed(client, metric, np.concatenate([normal(1500), normal(60, 2) + 0.4]), **labels)


def alerts_of(client: httpx.Client, stream: str, state: str = "") -> list[dict[str, Any]]:
    answer = client.get("/api/v1/alerts", params={"stream": stream, "state": state})
    assert answer.status_code == 200, answer.text
    return answer.json()["alerts"]


def test_an_alert_has_what_the_contract_names(client: httpx.Client, firing: dict[str, Any]) -> None:
    alert = firing["alert"]
    assert alert["stream"] == firing["stream"]
    assert alert["labels"]["alertname"] == "KullbackStreamAnomalous"
    assert alert["labels"]["server"] == "web-1"
    assert "of the divergence comes from" in alert["annotations"]["description"]
    assert alert["ends_at"] is None
    assert alert["starts_at"].endswith("Z")
    assert alert["max_score"] > 1
    assert alert["starts_at"] <= alert["fired_at"]


def test_alerts_are_chosen_by_state_and_time(client: httpx.Client, firing: dict[str, Any]) -> None:
    alert = firing["alert"]
    assert alerts_of(client, firing["stream"], "resolved") == []
    early = client.get("/api/v1/alerts", params={"before": "2020-01-01T00:00:00Z"}).json()
    assert early["alerts"] == []
    assert client.get(f"/api/v1/alerts/{alert['id']}").json()["state"] == "firing"


def test_feedback_raises_the_threshold_and_is_taken_back(client: httpx.Client) -> None:
    stream = broken_stream(client, "judged_seconds")
    (alert,) = alerts_of(client, stream)
    path = f"/api/v1/alerts/{alert['id']}/feedback"
    raised = client.post(path, json={"verdict": "false_positive", "comment": "load test"}).json()
    assert raised["threshold_factor"] > 1
    detail = client.get(f"/api/v1/alerts/{alert['id']}").json()
    assert detail["feedback"]["verdict"] == "false_positive"
    assert detail["threshold_factor"] == raised["threshold_factor"]
    assert client.get(f"/api/v1/streams/{stream}").json()["threshold_factor"] == raised["threshold_factor"]
    assert client.post(path, json={"verdict": None}).json()["threshold_factor"] == 1
    assert client.get(f"/api/v1/alerts/{alert['id']}").json()["feedback"] is None


@pytest.mark.parametrize("body", [{"verdict": "maybe"}, {}, {"verdict": "true_positive", "more": 1}])
def test_feedback_must_be_a_verdict(
    client: httpx.Client, firing: dict[str, Any], body: dict[str, Any]
) -> None:
    answer = client.post(f"/api/v1/alerts/{firing['alert']['id']}/feedback", json=body)
    assert (answer.status_code, answer.json()["id"]) == (400, "kb-bad-request")


def test_a_rebaseline_ends_the_alert_and_can_be_undone(client: httpx.Client) -> None:
    stream = broken_stream(client, "rebased_seconds")
    path = f"/api/v1/streams/{stream}"
    before = client.get(f"{path}/windows?window=64").json()["quantiles"]
    assert client.post(f"{path}/rebaseline").status_code == 200
    (alert,) = alerts_of(client, stream)
    assert (alert["state"], alert["reason"]) == ("resolved", "accepted")
    assert client.get(f"{path}/windows?window=64").json()["quantiles"] != before
    assert client.post(f"{path}/rebaseline/undo").status_code == 200
    assert client.get(f"{path}/windows?window=64").json()["quantiles"] == before
    again = client.post(f"{path}/rebaseline/undo")
    assert (again.status_code, again.json()["id"]) == (409, "kb-conflict")


def test_an_incident_is_excluded(client: httpx.Client) -> None:
    stream = feed(client, "excluded_seconds", normal(1500))
    last_ms = client.get(f"/api/v1/streams/{stream}").json()["last_sample_ms"]
    path = f"/api/v1/streams/{stream}/exclude"
    body = {"start": last_ms - 60_000, "end": last_ms, "reason": "failover"}
    assert client.post(path, json=body).json() == {"stream": stream, "done": "exclude"}
    turned = client.post(path, json={**body, "end": last_ms - 70_000})
    assert (turned.status_code, turned.json()["id"]) == (400, "kb-bad-request")
    assert client.post(path, json={"start": "now", "end": last_ms}).status_code == 400


def test_an_exclusion_is_taken_back_once(client: httpx.Client) -> None:
    stream = feed(
        client, "spared_seconds", np.concatenate([normal(800), normal(100, 2) + 5, normal(1300, 3)])
    )
    path = f"/api/v1/streams/{stream}"
    last_ms = client.get(path).json()["last_sample_ms"]
    before = client.get(f"{path}/windows?window=64").json()["quantiles"]
    span = {"start": last_ms - 1_400_000, "end": last_ms - 1_300_000, "reason": "failover"}
    assert client.post(f"{path}/exclude", json=span).status_code == 200
    assert client.get(f"{path}/windows?window=64").json()["quantiles"] != before
    assert client.post(f"{path}/exclude/undo").json() == {"stream": stream, "done": "undo_exclude"}
    assert client.get(f"{path}/windows?window=64").json()["quantiles"] == before
    again = client.post(f"{path}/exclude/undo")
    assert (again.status_code, again.json()["id"]) == (409, "kb-conflict")


def test_actions_on_nobody_are_404(client: httpx.Client) -> None:
    for path in ("rebaseline", "rebaseline/undo", "exclude/undo"):
        assert client.post(f"/api/v1/streams/nobody/{path}").status_code == 404
    assert client.post("/api/v1/streams/nobody/exclude", json={"start": 1, "end": 2}).status_code == 404
    assert client.post("/api/v1/alerts/nobody/feedback", json={"verdict": None}).status_code == 404
    assert client.delete("/api/v1/maintenance/nobody").status_code == 404


def test_maintenance_keeps_alerts_away(client: httpx.Client) -> None:
    body = {
        "match": '{zone="muted"}',
        "start": "2020-01-01T00:00:00Z",
        "end": "2099-01-01T00:00:00Z",
        "reason": "moving house",
    }
    made = client.post("/api/v1/maintenance", json=body)
    assert made.status_code == 201
    window = made.json()
    assert (window["active"], window["reason"]) == (True, "moving house")
    stream = broken_stream(client, "muted_seconds", zone="muted")
    assert alerts_of(client, stream, "firing") == []
    assert client.get(f"/api/v1/streams/{stream}").json()["state"] == "maintenance"
    (listed,) = [
        found
        for found in client.get("/api/v1/maintenance").json()["maintenance"]
        if found["id"] == window["id"]
    ]
    assert listed["streams"] == 1
    assert client.delete(f"/api/v1/maintenance/{window['id']}").status_code == 204
    assert client.get(f"/api/v1/streams/{stream}").json()["state"] != "maintenance"


def test_maintenance_that_is_long_over_makes_room(client: httpx.Client) -> None:
    over = {"match": "{}", "start": "2020-01-01T00:00:00Z", "end": "2020-01-02T00:00:00Z"}
    first, second = (client.post("/api/v1/maintenance", json=over).json()["id"] for _ in range(2))
    known = [window["id"] for window in client.get("/api/v1/maintenance").json()["maintenance"]]
    assert first not in known
    assert client.delete(f"/api/v1/maintenance/{second}").status_code == 204


def test_maintenance_may_come_back_every_week(client: httpx.Client) -> None:
    schedule = {"days": ["sun"], "at": "02:00", "duration": "2h", "timezone": "Europe/Berlin"}
    made = client.post("/api/v1/maintenance", json={"match": "{}", "schedule": schedule})
    assert made.json()["text"] == "every sun at 02:00 for 2h (Europe/Berlin)"
    assert client.delete("/api/v1/maintenance", params={"id": made.json()["id"]}).status_code == 204


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({"match": "{}"}, "kb-bad-request"),
        ({"match": "{", "start": 1, "end": 2}, "kb-bad-selector"),
        ({"match": "{}", "start": 2, "end": 1}, "kb-bad-request"),
        (
            {"match": "{}", "start": 1, "end": 2, "schedule": {"at": "02:00", "duration": "2h"}},
            "kb-bad-request",
        ),
        ({"match": "{}", "schedule": {"at": "25:00", "duration": "2h"}}, "kb-bad-request"),
        ({"match": "{}", "schedule": {"at": "02:00", "duration": "9d"}}, "kb-bad-request"),
        (
            {"match": "{}", "schedule": {"at": "02:00", "duration": "2h", "timezone": "Mars"}},
            "kb-bad-request",
        ),
        ({"match": "{}", "schedule": {"at": "02:00", "duration": "2h", "days": ["noday"]}}, "kb-bad-request"),
    ],
)
def test_a_window_that_makes_no_sense_is_refused(
    client: httpx.Client, body: dict[str, Any], error: str
) -> None:
    answer = client.post("/api/v1/maintenance", json=body)
    assert (answer.status_code, answer.json()["id"]) == (400, error)


def test_maintenance_keeps_what_happens_out_of_the_reference(client: httpx.Client) -> None:
    last_ms = time.time_ns() // 1_000_000
    span = {"start": last_ms - 1_400_000, "end": last_ms - 1_300_000}
    made = client.post("/api/v1/maintenance", json={"match": '{zone="being_moved"}', **span}).json()
    learnt = {}
    for zone in ("being_moved", "left_alone"):
        row = rows("moving_seconds", normal(1600), last_ms, zone=zone)
        receipt = client.post("/api/v1/ingest?scores=all", json=row).json()
        stream = receipt["scores"][0]["stream"]
        windows = client.get(f"/api/v1/streams/{stream}/windows?window=64").json()
        learnt[zone] = windows["reference_samples"]
    seconds_of_maintenance = 101
    assert abs(learnt["left_alone"] - learnt["being_moved"] - seconds_of_maintenance) <= REFRESH_SAMPLES
    assert client.delete(f"/api/v1/maintenance/{made['id']}").status_code == 204


def test_every_action_is_audited(client: httpx.Client) -> None:
    stream = broken_stream(client, "audited_seconds")
    path, (alert,) = f"/api/v1/streams/{stream}", alerts_of(client, stream)
    window = {"match": '{audited="1"}', "start": 1, "end": 2}

    def done(method: str, url: str, **body: Any) -> Any:
        answer = client.request(method, url, json=body or None)
        assert answer.is_success, answer.text
        return answer.json() if answer.content else None

    done("POST", f"/api/v1/alerts/{alert['id']}/feedback", verdict="true_positive")
    done("POST", f"{path}/rebaseline")
    done("POST", f"{path}/rebaseline/undo")
    done("POST", f"{path}/exclude", start=1, end=2, reason="why not")
    done("POST", f"{path}/exclude/undo")
    done("DELETE", f"/api/v1/maintenance/{done('POST', '/api/v1/maintenance', **window)['id']}")
    done("DELETE", f"/api/v1/markers/{done('POST', '/api/v1/markers', text='audited')['id']}")
    done("PUT", "/api/v1/references/audited", stream=stream, side="reference")
    done("DELETE", "/api/v1/references/audited")
    done("DELETE", path)
    newest = client.get("/api/v1/audit?limit=12").json()["actions"]
    assert [one["action"] for one in reversed(newest)] == [
        "feedback",
        "rebaseline",
        "undo_rebaseline",
        "exclude",
        "undo_exclude",
        "add_maintenance",
        "remove_maintenance",
        "add_marker",
        "remove_marker",
        "pin_reference",
        "unpin_reference",
        "delete",
    ]
    assert {one["author"] for one in newest} == {""}
    assert newest[8]["details"]["reason"] == "why not"


def test_destructive_and_lifecycle_endpoints_are_off_unless_switched_on(tmp_path: Path) -> None:
    with serving(tmp_path, server={"enable_lifecycle": False, "enable_admin": False}) as client:
        stream = feed(client, "kept", [1.0])
        refused = client.delete(f"/api/v1/streams/{stream}")
        assert (refused.status_code, refused.json()["id"]) == (403, "kb-forbidden")
        assert "enable_admin" in refused.json()["detail"]
        reload = client.post("/-/reload")
        assert (reload.status_code, reload.json()["id"]) == (403, "kb-lifecycle-disabled")
        assert client.get(f"/api/v1/streams/{stream}").status_code == 200
