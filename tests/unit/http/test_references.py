"""References can be pinned from a stream or uploaded, and compared with."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from tests.unit.http.conftest import feed, normal, serving

URL = "/api/v1/references"


def test_an_uploaded_reference_is_kept_and_forgotten(client: httpx.Client) -> None:
    body = {"samples": [float(value) for value in range(40, 0, -1)], "description": "countdown"}
    made = client.put(f"{URL}/uploaded-1", json=body)
    assert made.status_code == 200, made.text
    assert (made.json()["samples"], made.json()["median"], made.json()["source"]) == (40, 20.5, "uploaded")
    assert client.get(f"{URL}/uploaded-1").json()["values"] == sorted(body["samples"])
    assert "uploaded-1" in [row["name"] for row in client.get(URL).json()["references"]]
    assert client.delete(f"{URL}/uploaded-1").status_code == 204
    assert client.get(f"{URL}/uploaded-1").status_code == 404
    assert client.delete(f"{URL}/uploaded-1").status_code == 404


def test_a_streams_window_is_pinned_and_compared_with_later(client: httpx.Client) -> None:
    stream = feed(client, "pinned_seconds", normal(1500))
    pinned = client.put(f"{URL}/before", json={"stream": stream, "side": "reference"}).json()
    assert pinned["source"] == stream
    assert pinned["median"] == pytest.approx(0.1, abs=0.02)
    same = client.get(f"{URL}/before/compare", params={"stream": stream}).json()
    assert same["p_value"] > 0.001
    feed(client, "pinned_seconds", normal(300, 5) + 0.05, later_ms=300_000)
    moved = client.get(f"{URL}/before/compare", params={"stream": stream}).json()
    assert moved["measures"]["kl"] > 5 * same["measures"]["kl"]
    assert moved["p_value"] == pytest.approx(0.001)


def test_the_current_window_can_be_pinned(client: httpx.Client) -> None:
    stream = feed(client, "current_seconds", np.concatenate([normal(500), np.full(64, 7.0)]))
    body = {"stream": stream, "side": "current", "window": 16}
    assert client.put(f"{URL}/now", json=body).json()["median"] == pytest.approx(7)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 400),
        ({"samples": [1.0]}, 400),
        ({"samples": [1.0] * 20, "stream": "x"}, 400),
        ({"samples": [1.0] * 16_385}, 400),
        ({"stream": "nobody"}, 404),
    ],
)
def test_what_is_no_reference_is_refused(client: httpx.Client, body: dict[str, Any], status: int) -> None:
    assert client.put(f"{URL}/bad", json=body).status_code == status
    assert client.put(f"{URL}/-bad name-", json={"samples": [1.0] * 20}).status_code == 400


def test_streams_of_a_profile_are_scored_against_a_pinned_reference_also_after_a_restart(
    tmp_path: Path,
) -> None:
    watched: dict[str, Any] = {
        "match": "canary_seconds",
        "reference": {"kind": "pinned", "name": "release-42"},
    }
    slower = normal(400, 3) + 0.03
    with serving(tmp_path, profiles=[watched]) as client:
        client.put(f"{URL}/release-42", json={"samples": normal(2000, 7).tolist()})
        stream = feed(client, "canary_seconds", slower)
        other = feed(client, "other_seconds", slower)
        assert client.get(f"/api/v1/streams/{stream}").json()["state"] == "firing"
        assert client.get(f"/api/v1/streams/{other}").json()["state"] != "firing"
        seen = compared(client, stream)
        assert seen["reference_samples"] == 1024
        assert seen["quantiles"][3]["reference"] == pytest.approx(0.1, abs=0.005)
        refused = client.post(f"/api/v1/streams/{stream}/rebaseline")
        assert refused.status_code == 409
        assert "pinned" in refused.text
    with serving(tmp_path, profiles=[watched]) as client:
        assert compared(client, stream) == seen
        feed(client, "canary_seconds", normal(400, 4) + 0.03, later_ms=500_000)
        assert client.get(f"/api/v1/streams/{stream}").json()["state"] in ("firing", "shifted")
        assert compared(client, stream)["quantiles"][3]["reference"] == seen["quantiles"][3]["reference"]
        client.delete(f"{URL}/release-42")
        assert compared(client, stream)["quantiles"][3]["reference"] == pytest.approx(0.13, abs=0.01)


def compared(client: httpx.Client, stream: str) -> dict[str, Any]:
    answer = client.get(f"/api/v1/streams/{stream}/windows", params={"window": 64})
    return dict(answer.json())


def until(asked: Any, wanted: Any) -> Any:
    """What is asked for, as soon as it is as wanted; the service does some things once a second."""
    deadline = time.monotonic() + 60
    while not wanted(answer := asked()) and time.monotonic() < deadline:
        time.sleep(0.05)
    return answer


def test_a_canary_is_compared_with_the_stable_version_also_after_a_restart(tmp_path: Path) -> None:
    following = {"kind": "stream", "labels": {"version": "stable"}}
    watched: dict[str, Any] = {"match": '{version="canary"}', "reference": following}
    with serving(tmp_path, profiles=[watched]) as client:
        canary = feed(client, "served_seconds", normal(100, 2) + 0.05, version="canary")
        alone = reference_of(client, canary)
        assert not alone["in_force"]
        assert 'there is no stream served_seconds{version="stable"}' in alone["state"]
        feed(client, "served_seconds", normal(1500, 7), version="stable")
        told = until(lambda: reference_of(client, canary), lambda told: told["in_force"])
        assert told == {"kind": "stream", "in_force": True, "state": 'served_seconds{version="stable"}'}
        assert compared(client, canary)["quantiles"][3]["reference"] == pytest.approx(0.1, abs=0.01)
        feed(client, "served_seconds", normal(200, 3) + 0.05, later_ms=300_000, version="canary")
        stream = client.get(f"/api/v1/streams/{canary}").json()
        assert stream["state"] == "firing"
        assert stream["configuration"]["reference"] == {**following, "size": 1024, "gap": 1024}
        seen = compared(client, canary)
    with serving(tmp_path, profiles=[watched]) as client:
        assert compared(client, canary) == seen
        assert reference_of(client, canary)["in_force"]


def test_a_stream_is_compared_with_itself_a_while_ago_also_after_a_restart(tmp_path: Path) -> None:
    watched: dict[str, Any] = {"reference": {"kind": "ago", "by": "10m", "span": "5m"}}
    with serving(tmp_path, profiles=[watched]) as client:
        stream = feed(client, "hourly_seconds", normal(180, 1))
        young = reference_of(client, stream)
        assert (young["kind"], young["in_force"]) == ("ago", False)
        assert "no reference yet: 3m of 10m" in young["state"]
        feed(client, "hourly_seconds", normal(580, 2), later_ms=580_000)
        assert reference_of(client, stream)["state"] == "itself 10m ago, 5m around then"
        seen = compared(client, stream)
    with serving(tmp_path, profiles=[watched]) as client:
        assert compared(client, stream) == seen
        assert reference_of(client, stream)["in_force"]


def reference_of(client: httpx.Client, stream: str) -> dict[str, Any]:
    return dict(client.get(f"/api/v1/streams/{stream}").json()["reference"])
