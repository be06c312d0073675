from __future__ import annotations

import httpx
import numpy as np
import pytest
from tests.unit.http.conftest import feed, normal

from kullback.core.budget import parse_budget
from kullback.http.what_if import Record, alarms_above, weighed


def record(evidence: list[float], days: float = 7.0, fixed: bool = False) -> Record:
    return Record(
        evidence=np.array(evidence),
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
    assert alarms_above(np.array([0.1, 1.2, 0.9, 1.5, 0.8, 1.1, 0.1, 0.2]), 1.0) == 1
    assert alarms_above(np.array([1.2, 0.1, 1.2]), 1.0) == 2
    assert alarms_above(np.array([]), 1.0) == 0


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
