"""Comparisons and back-tests over HTTP."""

from __future__ import annotations

from typing import Any

import httpx
import numpy as np
import pytest
from tests.unit.http.conftest import feed, normal, rows


def compared(client: httpx.Client, current: Any, reference: Any, **options: Any) -> httpx.Response:
    return client.post("/api/v1/compare", json={"current": current, "reference": reference, **options})


@pytest.mark.parametrize(
    ("current", "reference"),
    [
        ([1.0, 2.0, 3.0], [1.0, 5.0]),
        ({"samples": [1, 2, 3]}, [1, 5]),
        (["a", "b"], ["a", "a"]),
        ({"categories": {"a": 3}}, ["a", "b"]),
        ({"upper_bounds": [1, 2], "counts": [3, 4]}, {"upper_bounds": [1, 3], "counts": [1, 2, 0]}),
        ({"mean": 1, "variance": 4}, {"mean": 0, "variance": 1}),
        ({"mean": [1, 0], "variance": [4, 1]}, {"mean": [0, 0], "variance": [1, 1]}),
    ],
)
def test_every_form_can_be_compared(client: httpx.Client, current: Any, reference: Any) -> None:
    answer = compared(client, current, reference)
    found = answer.json()
    assert answer.status_code == 200, found
    assert found["measures"]["kl"] >= 0
    assert sum(part["nats"] for part in found["contributions"]) == pytest.approx(found["measures"]["kl"])
    missing = {name for name, value in found["measures"].items() if value is None}
    assert missing <= set(found["why_none"])
    assert (found["p_value"] is None) == ("p_value" in found["why_none"])


def test_an_infinite_divergence_is_null_with_a_reason(client: httpx.Client) -> None:
    found = compared(client, ["a", "b"], ["a"], smoothing=0).json()
    assert found["measures"]["kl"] is None
    assert "'b'" in found["why_none"]["kl"]
    infinite = next(part for part in found["contributions"] if part["name"] == "b")
    assert infinite["nats"] is None


def test_numbers_too_large_for_a_measure_are_explained(client: httpx.Client) -> None:
    found = compared(client, [1.7e308, -1.7e308], [1.7e308]).json()
    assert found["measures"]["wasserstein"] is None
    assert "too large" in found["why_none"]["wasserstein"]


@pytest.mark.parametrize(
    ("current", "reference"),
    [
        ([], [1.0]),
        ([1.0], ["a"]),
        ({"mean": 1, "variance": 0}, {"mean": 0, "variance": 1}),
        ({"mean": [1, 2], "variance": 1}, {"mean": 0, "variance": 1}),
        ({"upper_bounds": [2, 1], "counts": [1, 1]}, {"upper_bounds": [1], "counts": [1]}),
        ({"counts": [1]}, [1.0]),
        ("text", [1.0]),
        (None, [1.0]),
        ([1.0, None], [1.0]),
    ],
)
def test_what_cannot_be_compared_is_refused(client: httpx.Client, current: Any, reference: Any) -> None:
    answer = compared(client, current, reference)
    assert answer.status_code == 400, answer.text
    assert answer.json()["id"] in ("kb-bad-request", "kb-bad-histogram")


@pytest.mark.parametrize("option", [{"bins": 1}, {"permutations": 10**9}, {"smoothing": -1}, {"binz": 3}])
def test_options_have_bounds(client: httpx.Client, option: dict[str, Any]) -> None:
    answer = compared(client, [1.0], [2.0], **option)
    assert answer.status_code == 400
    assert next(iter(option)) in answer.json()["detail"]


@pytest.mark.parametrize(
    ("body", "error"), [(b"{", "kb-bad-json"), (b"", "kb-bad-request"), (b"[]", "kb-bad-request")]
)
def test_a_body_that_is_none_is_refused(client: httpx.Client, body: bytes, error: str) -> None:
    answer = client.post("/api/v1/compare", content=body)
    assert (answer.status_code, answer.json()["id"]) == (400, error)


def test_a_body_over_the_limit_is_refused(client: httpx.Client) -> None:
    answer = client.post("/api/v1/compare", content=b" " * 1_000_001)
    assert (answer.status_code, answer.json()["id"]) == (413, "kb-body-too-large")


def back_tested(client: httpx.Client, *series: dict[str, Any], **settings: Any) -> httpx.Response:
    return client.post(
        "/api/v1/backtest", json={"series": list(series), "settings": settings, "curve": False}
    )


def test_a_back_test_finds_what_the_service_finds(client: httpx.Client) -> None:
    values = np.concatenate([normal(1500), normal(60, 2) + 0.4, normal(200, 3)])
    series = rows("tested_seconds", values)
    (result,) = back_tested(client, series).json()["results"]
    assert len(result["scores"]) == len(values)
    assert result["scores"][0] is None
    (alarm,) = result["alarms"]
    assert series["timestamps_ms"][1500] <= alarm["start_ms"] <= series["timestamps_ms"][1520]
    assert "of the divergence comes from" in alarm["explanation"]
    stream = feed(client, "tested_seconds", values)
    live = client.get(f"/api/v1/streams/{stream}").json()
    assert live["score"] == pytest.approx(result["scores"][-1])
    assert live["anomalies"] == len(result["alarms"])


def test_the_curve_tells_what_budgets_cost(client: httpx.Client) -> None:
    body = {"series": [rows("curved", normal(800))]}
    (result,) = client.post("/api/v1/backtest", json=body).json()["results"]
    assert [point["budget"] for point in result["curve"]][:2] == ["4 per 1d", "1 per 1d"]
    assert all(point["alarms_per_week"] >= 0 for point in result["curve"])


def test_timestamps_may_be_left_out_and_values_missing(client: httpx.Client) -> None:
    series = {"metric": "sparse", "values": [*normal(200), None, *normal(20)], "interval_ms": 60_000}
    series["values"] = [value if value is None else float(value) for value in series["values"]]
    (result,) = back_tested(client, series).json()["results"]
    assert result["scores"][200] is None
    assert result["scores"][-1] is not None


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({"series": []}, "kb-bad-request"),
        ({"series": [{"metric": "", "values": [1]}]}, "kb-bad-request"),
        ({"series": [{"metric": "x", "values": [1], "timestamps_ms": []}]}, "kb-bad-request"),
        ({"series": [{"metric": "x", "values": ["one"]}]}, "kb-bad-request"),
        ({"series": [{"metric": "x", "values": [1]}], "settings": {"alarm_bugdet": "x"}}, "kb-bad-config"),
        ({"series": [{"metric": "x", "values": [1]}], "settings": {"alarm_budget": "x"}}, "kb-bad-config"),
    ],
)
def test_a_back_test_that_makes_no_sense_is_refused(
    client: httpx.Client, body: dict[str, Any], error: str
) -> None:
    answer = client.post("/api/v1/backtest", json=body)
    assert (answer.status_code, answer.json()["id"]) == (400, error), answer.text


def test_a_back_test_of_nothing_finds_nothing(client: httpx.Client) -> None:
    (result,) = back_tested(client, {"metric": "empty", "values": []}).json()["results"]
    assert (result["scores"], result["alarms"], result["realised_per_day"]) == ([], [], None)
