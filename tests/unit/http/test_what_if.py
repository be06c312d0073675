from __future__ import annotations

from collections.abc import Iterator

import httpx
import numpy as np
import pytest
from tests.unit.http.conftest import feed, normal, rows, serving

from kullback.core.budget import parse_budget
from kullback.http.what_if import Record, alarms_above, weighed


def record(evidence: list[float], days: float = 7.0, fixed: bool = False) -> Record:
    return Record(
        evidence=np.array(evidence),
        lasting=np.zeros(len(evidence), bool),
        span_ms=int(days * 86_400_000),
        step_ms=10_000,
        interval_ms=1000.0,
        streams=1,
        budget=parse_budget("1 per 30d"),
        fixed=fixed,
    )


def test_the_budget_in_force_has_the_line_at_one_and_is_among_the_points() -> None:
    points = list(weighed(record([0.2]), (parse_budget("4 per 1d"),)))
    assert [(point.budget, point.line == 1.0) for point in points] == [
        ("4 per 1d", False),
        ("1 per 30d", True),
    ]


def test_looser_budgets_never_give_fewer_alarms() -> None:
    rng = np.random.default_rng(1)
    evidence = (rng.gumbel(0.4, 0.15, 2000)).tolist()
    budgets = tuple(parse_budget(text) for text in ("4 per 1d", "1 per 1d", "1 per 7d", "1 per 90d"))
    alarms = [point.alarms for point in weighed(record(evidence), budgets)]
    assert alarms == sorted(alarms, reverse=True)
    assert alarms[0] > alarms[-1]


def test_an_episode_counts_once_until_it_is_calm() -> None:
    assert alarms_above(np.array([0.1, 1.2, 0.9, 1.5, 0.8, 1.1, 0.1, 0.2]), np.zeros(8, bool), 1.0) == 1
    assert alarms_above(np.array([1.2, 0.1, 1.2]), np.zeros(3, bool), 1.0) == 2
    assert alarms_above(np.array([]), np.zeros(0, bool), 1.0) == 0


def test_what_is_new_in_an_alert_under_way_is_no_second_alarm() -> None:
    lasting = np.array([False, True, True, True, False])
    assert alarms_above(np.array([0.1, 1.2, 0.1, 1.2, 0.2]), lasting, 1.0) == 1


def test_less_than_a_day_of_scores_tells_nothing_of_a_week() -> None:
    (point,) = weighed(record([1.5], days=0.5), ())
    assert (point.alarms, point.alarms_per_week) == (1, None)


def test_a_fixed_threshold_is_not_moved_by_a_budget() -> None:
    assert {point.line for point in weighed(record([0.2], fixed=True), (parse_budget("9 per 1h"),))} == {1.0}


def test_the_endpoint_counts_the_alarm_that_fired(client: httpx.Client) -> None:
    stream = feed(client, "what_if_seconds", np.concatenate([normal(3000), normal(60, 2) + 0.4]))
    answer = client.get(f"/api/v1/streams/{stream}/what-if").json()
    (present,) = [point for point in answer["points"] if point["budget"] == answer["budget"]]
    assert present["alarms"] == 1
    assert 3000 <= answer["span_ms"] / 1000 <= 3100
    asked = client.get(f"/api/v1/streams/{stream}/what-if", params={"budget": "2 per 1h"}).json()
    assert [point["budget"] for point in asked["points"]] == ["2 per 1h", "1 per 30d"]


@pytest.mark.parametrize(("path", "status"), [("nothing/what-if", 404), ("{id}/what-if?budget=often", 400)])
def test_what_cannot_be_answered_is_refused(client: httpx.Client, path: str, status: int) -> None:
    stream = feed(client, "what_if_seconds", normal(10))
    assert client.get(f"/api/v1/streams/{path.format(id=stream)}").status_code == status


def sampled(client: httpx.Client, metric: str, values: np.ndarray, interval_ms: int) -> str:
    """A stream whose samples are further apart than the history's step."""
    row = rows(metric, values)
    last_ms = row["timestamps_ms"][-1]
    row["timestamps_ms"] = [last_ms - (len(values) - 1 - at) * interval_ms for at in range(len(values))]
    answer = client.post("/api/v1/ingest?scores=all", json=row)
    return str(answer.json()["scores"][0]["stream"])


@pytest.fixture(scope="module")
def slow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[httpx.Client, str]]:
    """A service that takes old samples, with a stream of one sample per 15 s and two bursts of 12."""
    values = normal(6000)
    for at in (3000, 5000):
        values[at : at + 12] += 0.06
    limits = {"max_sample_age_ms": 10**12}
    with serving(tmp_path_factory.mktemp("slow"), limits=limits) as client:
        yield client, sampled(client, "slow_seconds", values, 15_000)


def test_other_windows_rerun_the_stored_values(slow: tuple[httpx.Client, str]) -> None:
    client, stream = slow
    path = f"/api/v1/streams/{stream}/what-if"
    answer = client.get(path, params={"current": "16, 64", "reference": 512, "budget": "1 per 30d"}).json()
    assert (answer["current"], answer["reference"]) == ([16, 64], 512)
    (point,) = answer["points"]
    assert point["alarms"] >= 1
    assert point["alarms_in_force"] >= 1
    assert "6000 stored values" in answer["basis"]


def test_a_rerun_with_what_is_in_force_gives_the_alarms_that_there_were(
    slow: tuple[httpx.Client, str],
) -> None:
    client, stream = slow
    path = f"/api/v1/streams/{stream}"
    windows = ",".join(map(str, client.get(path).json()["windows_samples"]))
    answer = client.get(f"{path}/what-if", params={"current": windows}).json()
    assert [point["alarms"] for point in answer["points"]] == [
        point["alarms_in_force"] for point in answer["points"]
    ]
    (present,) = [point for point in answer["points"] if point["budget"] == answer["budget"]]
    assert present["alarms"] == client.get(path).json()["anomalies"] >= 1


def test_means_of_many_samples_are_no_values_and_it_says_what_to_do(client: httpx.Client) -> None:
    stream = feed(client, "fast_seconds", normal(500))
    answer = client.get(f"/api/v1/streams/{stream}/what-if", params={"current": "16"})
    assert (answer.status_code, answer.json()["id"]) == (409, "kb-conflict")
    assert "storage.history_step" in answer.json()["detail"]


def test_categories_have_no_values_to_rerun(client: httpx.Client) -> None:
    body = [{"metric": "channel", "category": name} for name in ("card", "cash")]
    stream = client.post("/api/v1/ingest?scores=all", json=body).json()["scores"][0]["stream"]
    answer = client.get(f"/api/v1/streams/{stream}/what-if", params={"current": "16"})
    assert answer.status_code == 409
    assert "categories" in answer.json()["detail"]


@pytest.mark.parametrize(
    "params",
    [{"current": "1"}, {"current": "16,x"}, {"current": "16,16"}, {"current": "9999"}, {"reference": 3},
     {"current": "2,3,4,5,6,7"}, {"reference": 10**9}],
)  # fmt: skip
def test_windows_that_do_not_fit_are_refused(client: httpx.Client, params: dict[str, object]) -> None:
    stream = feed(client, "fast_seconds", normal(10))
    answer = client.get(f"/api/v1/streams/{stream}/what-if", params=params)
    assert (answer.status_code, answer.json()["id"]) == (400, "kb-bad-request")
