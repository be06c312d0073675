"""Streams can be listed, looked into and explained."""

from __future__ import annotations

from math import isclose
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from tests.unit.http.conftest import feed, normal, serving


@pytest.fixture(scope="module")
def crowd(client: httpx.Client) -> list[str]:
    """Twelve streams of one metric with different scores, some still warming up."""
    values = [np.concatenate([normal(400 if n % 3 else 20, n), normal(4, n) * (1 + n)]) for n in range(12)]
    return [feed(client, "crowd_seconds", values[n], n=str(n)) for n in range(12)]


def listed(client: httpx.Client, **parameters: Any) -> dict[str, Any]:
    answer = client.get("/api/v1/streams", params={"match[]": "crowd_seconds", **parameters})
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_a_row_has_what_the_contract_names(client: httpx.Client, crowd: list[str]) -> None:
    page = listed(client)
    assert page["next_cursor"] is None
    assert {row["id"] for row in page["streams"]} == set(crowd)
    row = next(row for row in page["streams"] if row["labels"]["n"] == "1")
    assert (row["metric"], row["samples"], row["state"]) == ("crowd_seconds", 404, row["state"])
    assert isinstance(row["last_sample_ms"], int)
    assert row["budget"] == "1 per 30d"


def test_a_stream_without_a_trusted_score_has_none(client: httpx.Client, crowd: list[str]) -> None:
    row = next(row for row in listed(client)["streams"] if row["labels"]["n"] == "0")
    assert (row["score"], row["state"], row["ready"]) == (None, "warming_up", False)


def test_the_highest_scores_come_first_and_unscored_streams_last(
    client: httpx.Client, crowd: list[str]
) -> None:
    for sort, sign in (("-score", -1), ("score", 1)):
        scores = [row["score"] for row in listed(client, sort=sort)["streams"]]
        known = [score for score in scores if score is not None]
        assert scores == sorted(known, key=lambda score: sign * score) + [None] * (len(scores) - len(known))
        assert len(known) == 8


def test_an_alert_under_way_comes_before_higher_scores(client: httpx.Client) -> None:
    """A spike that is over leaves an alert that waits for calm."""
    nearly, spiked = normal(3000, 3), normal(3008)
    nearly[-1] = nearly.mean() + 5.5 * nearly.std()
    spiked[-8] = spiked.mean() + 40.0 * spiked.std()
    feed(client, "urgent_seconds", nearly, n="nearly")
    alarmed = feed(client, "urgent_seconds", spiked, n="spiked")
    found = {"match[]": "urgent_seconds", "limit": 1}
    assert listed(client, sort="-urgency", **found)["streams"][0]["id"] == alarmed
    assert listed(client, sort="-score", **found)["streams"][0]["id"] != alarmed


@pytest.mark.parametrize(
    "sort", ["-score", "-urgency", "samples", "-last_sample_ms", "realised_alarms_per_day"]
)
def test_pages_hold_every_stream_once(client: httpx.Client, crowd: list[str], sort: str) -> None:
    seen, cursor = [], ""
    while True:
        page = listed(client, limit=5, sort=sort, cursor=cursor)
        seen += [row["id"] for row in page["streams"]]
        if not (cursor := page["next_cursor"]):
            break
    assert sorted(seen) == sorted(crowd)


def test_states_and_selectors_choose_streams(client: httpx.Client, crowd: list[str]) -> None:
    warming = listed(client, state="warming_up")["streams"]
    assert {row["labels"]["n"] for row in warming} == {"0", "3", "6", "9"}
    some = client.get("/api/v1/streams", params=[("match[]", '{n="1"}'), ("match[]", '{n=~"2|3"}')]).json()
    assert {row["labels"]["n"] for row in some["streams"]} == {"1", "2", "3"}


def test_a_stream_tells_its_effective_configuration(client: httpx.Client, crowd: list[str]) -> None:
    stream = client.get(f"/api/v1/streams/{crowd[1]}").json()
    assert stream["configuration"]["alarm_budget"] == "1 per 30d"
    assert stream["configuration"]["reference"]["kind"] == "rolling"
    assert stream["unit"] == "s"
    assert stream["threshold_factor"] == 1
    assert 0 < stream["warm_up_ratio"] < 1


@pytest.mark.parametrize("window", [4, 16, 64, 256, 1024])
def test_contributions_sum_to_the_divergence(
    client: httpx.Client, firing: dict[str, Any], window: int
) -> None:
    view = client.get(f"/api/v1/streams/{firing['stream']}/windows?window={window}").json()
    total = sum(part["contribution_nats"] for part in view["bins"])
    assert isclose(total, view["divergence_nats"], abs_tol=1e-9)
    for side in ("reference_ratio", "current_ratio"):
        assert isclose(sum(part[side] for part in view["bins"]), 1, abs_tol=1e-9)
    assert view["bins"][0]["lower"] is None
    assert view["bins"][-1]["upper"] is None
    assert view["window_samples"] == window


def test_windows_show_all_measures_and_both_quantiles(client: httpx.Client, firing: dict[str, Any]) -> None:
    view = client.get(f"/api/v1/streams/{firing['stream']}/windows?window=16").json()
    assert {"kl_nats", "kl_reverse_nats", "jeffreys_nats", "psi", "jensen_shannon_nats", "hellinger"} <= set(
        view["measures"]
    )
    assert view["measures"]["wasserstein"] == pytest.approx(0.4, abs=0.05)
    median = next(quantile for quantile in view["quantiles"] if quantile["level"] == 0.5)
    assert median["current"] - median["reference"] == pytest.approx(0.4, abs=0.05)


def test_a_firing_stream_is_explained(client: httpx.Client, firing: dict[str, Any]) -> None:
    why = client.get(f"/api/v1/streams/{firing['stream']}/explain").json()
    assert (why["state"], why["anomalous"]) == ("firing", True)
    assert "of the divergence comes from" in why["sentence"]
    assert why["window"]["bins"]


def test_a_quiet_stream_tells_which_gates_it_did_not_pass(client: httpx.Client, crowd: list[str]) -> None:
    quiet = feed(client, "quiet_seconds", normal(500, 7))
    why = client.get(f"/api/v1/streams/{quiet}/explain").json()
    assert why["anomalous"] is False
    gate = next(gate for gate in why["gates"] if gate["name"] == "score")
    assert gate["passed"] is False
    assert gate["value"] < gate["limit"] == 1.0
    assert "Not anomalous" in why["sentence"]


def test_a_new_stream_says_what_it_waits_for(client: httpx.Client, crowd: list[str]) -> None:
    why = client.get(f"/api/v1/streams/{crowd[0]}/explain").json()
    assert why["score"] is None
    assert "24 of the first 64 samples" in why["sentence"]


def test_the_past_is_explained_by_what_was_written_down(client: httpx.Client, firing: dict[str, Any]) -> None:
    path = f"/api/v1/streams/{firing['stream']}/explain"
    alert = firing["alert"]
    then = client.get(path, params={"time": alert["fired_at"]}).json()
    assert then["sentence"] == alert["annotations"]["description"]
    assert then["anomalous"] is True
    before = client.get(path, params={"time": _minutes_before(alert["starts_at"], 10)}).json()
    assert before["anomalous"] is False
    assert before["score"] < 1
    assert client.get(path, params={"time": 1}).status_code == 404


def _minutes_before(instant: str, minutes: int) -> str:
    return (
        str((np.datetime64(instant.rstrip("Z")) - np.timedelta64(minutes, "m")).astype("datetime64[s]")) + "Z"
    )


def test_scores_are_kept_as_history(client: httpx.Client, firing: dict[str, Any]) -> None:
    path = f"/api/v1/streams/{firing['stream']}/scores"
    history = client.get(path).json()
    assert history["threshold"] == 1.0
    assert history["points"][-1]["alert_state"] == "firing"
    assert max(point["max_score"] or 0 for point in history["points"]) > 1
    assert history["points"][0]["mean"] == pytest.approx(0.1, abs=0.05)
    times = [point["at_ms"] for point in history["points"]]
    assert times == sorted(set(times))
    coarse = client.get(path, params={"step": "5m"}).json()
    assert coarse["step_ms"] == 300_000
    assert len(coarse["points"]) < len(history["points"])
    assert (
        client.get(path, params={"start": "2026-01-02T00:00:00Z", "end": "2026-01-01T00:00:00Z"}).status_code
        == 400
    )


def test_correlate_ranks_by_how_much_a_stream_moved(client: httpx.Client, firing: dict[str, Any]) -> None:
    calm = feed(client, "calm_seconds", normal(600, 9), env="prod")
    found = client.get("/api/v1/correlate", params={"match[]": '{env="prod"}'}).json()
    order = [moved["stream"] for moved in found["streams"]]
    assert found["considered"] == 2
    assert order[0] == firing["stream"]
    assert calm in order
    assert found["streams"][0]["first_anomalous_ms"] is not None


def test_the_first_of_a_ranking_are_those_of_the_whole(client: httpx.Client, crowd: list[str]) -> None:
    query = {"match[]": "crowd_seconds"}
    whole = client.get("/api/v1/correlate", params=query).json()["streams"]
    first = client.get("/api/v1/correlate", params={**query, "limit": 3}).json()["streams"]
    assert len(whole) > 3
    assert first == whole[:3]


def test_a_deleted_stream_is_gone(client: httpx.Client) -> None:
    stream = feed(client, "to_be_deleted", [1.0])
    assert client.delete(f"/api/v1/streams/{stream}").status_code == 204
    assert client.get(f"/api/v1/streams/{stream}").status_code == 404
    assert client.delete(f"/api/v1/streams/{stream}").status_code == 404


def test_windows_given_as_durations_are_shown_in_samples_of_the_stream(tmp_path: Path) -> None:
    watched = {"match": "timed_seconds", "current": ["5m", "1h"]}
    with serving(tmp_path, profiles=[watched]) as client:
        stream = client.get(f"/api/v1/streams/{feed(client, 'timed_seconds', normal(400))}").json()
    assert stream["configuration"]["current"] == ["5m", "1h"]
    assert stream["windows_samples"] == [256, 1024]
