"""Every query of the dashboards finds data in a real Prometheus that scraped a live Kullback."""

from __future__ import annotations

import time
from collections.abc import Iterator

import httpx
import numpy as np
import pytest
from tests.contract.servers import eventually, free_port, kullback
from tests.contract.test_prometheus import Way, node_exporter, prometheus
from tests.contract.test_queries import queries

SCRAPED_WITHIN_S = 120.0
pytestmark = [pytest.mark.contract, pytest.mark.timeout(600)]


def go_bad(url: str) -> None:
    """A stream that fires, a sample that is refused, one that is no number, and a deployment."""
    now_ms = time.time_ns() // 1_000_000
    values = np.random.default_rng(1).gamma(20, 0.005, 3000)
    values[-60:] += 0.4
    labels = {"job": "shop", "instance": "shop-1:80"}
    row = {
        "metric": "response_time_seconds",
        "labels": labels,
        "values": values.tolist(),
        "timestamps_ms": [now_ms - 1000 * (len(values) - at) for at in range(len(values))],
    }
    old = {"metric": "old", "value": 1.0, "timestamp_ms": 1_600_000_000_000}
    none = {"metric": "response_time_seconds", "labels": labels, "value": None}
    with httpx.Client(base_url=url, trust_env=False, timeout=60) as client:
        assert client.post("/api/v1/markers", json={"text": "deploy shop v1"}).status_code == 201
        assert client.post("/api/v1/ingest", json=[row, none]).status_code == 200
        assert client.post("/api/v1/ingest", json=old).status_code == 400
        assert client.get("/api/v1/alerts?state=firing").json()["alerts"]


@pytest.fixture(scope="module")
def scraped(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder, port = tmp_path_factory.mktemp("dashboards"), free_port()
    service = f"http://127.0.0.1:{port}"
    options = {"alerting": {"alertmanagers": ["http://127.0.0.1:9"]}}
    with (
        kullback(folder / "kullback", port, options),
        node_exporter() as exporter,
        prometheus(folder, exporter, Way(service)) as url,
    ):
        go_bad(service)
        yield url


@pytest.mark.parametrize("query", [pytest.param(text, id=title) for title, text in queries()])
def test_query_finds_data(scraped: str, query: str) -> None:
    def found() -> bool:
        answer = httpx.get(f"{scraped}/api/v1/query", params={"query": query}, trust_env=False).json()
        assert answer["status"] == "success", answer
        return bool(answer["data"]["result"])

    eventually(found, SCRAPED_WITHIN_S, query)


def test_deployments_are_annotations_at_their_own_time(scraped: str) -> None:
    query = {"query": "kullback_marker_timestamp_seconds * 1000"}
    answer = httpx.get(f"{scraped}/api/v1/query", params=query, trust_env=False).json()
    (marker,) = answer["data"]["result"]
    assert marker["metric"]["text"] == "deploy shop v1"
    assert float(marker["value"][1]) == pytest.approx(time.time() * 1000, abs=600_000)
