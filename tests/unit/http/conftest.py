"""The real application on a real port over a temporary directory, as `kullback serve` builds it."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import uvicorn

from kullback.app import Service
from kullback.settings import load_settings

STEP_MS = 1000
COMPILED_WITHIN_S = 600


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The first test waits until the service has compiled its kernels."""
    for item in items:
        if item.path.parent == Path(__file__).parent:
            item.add_marker(pytest.mark.timeout(COMPILED_WITHIN_S))


@contextmanager
def serving(path: Path, **sections: Any) -> Iterator[httpx.Client]:
    """A client of a service that has started."""
    overrides: dict[str, Any] = {
        "storage": {"path": str(path / "storage")},
        "limits": {"max_streams": 5000, "max_body_bytes": 1_000_000, "max_unpacked_bytes": 2_000_000},
        "server": {"enable_lifecycle": True, "enable_admin": True},
    }
    for name, values in sections.items():
        overrides[name] = {**overrides.get(name, {}), **values} if isinstance(values, dict) else values
    service = Service(load_settings(None, overrides), None, overrides)
    server = uvicorn.Server(uvicorn.Config(service.app, log_config=None, access_log=False))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield from _ready(f"http://127.0.0.1:{listener.getsockname()[1]}")
        finally:
            server.should_exit = True
            thread.join()


def _ready(url: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=url, trust_env=False, timeout=60) as client:
        while client.get("/-/ready").status_code != 200:
            time.sleep(0.02)
        yield client


@pytest.fixture(scope="session")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """One service for all tests that do not change what others see; each uses its own metric names."""
    with serving(tmp_path_factory.mktemp("service")) as client:
        yield client


def rows(
    metric: str, values: np.ndarray | list[float], end_ms: int | None = None, **labels: str
) -> dict[str, Any]:
    """A row of /api/v1/ingest whose samples end now, one a second."""
    end_ms = end_ms or time.time_ns() // 1_000_000
    first_ms = end_ms - (len(values) - 1) * STEP_MS
    return {
        "metric": metric,
        "labels": labels,
        "values": [float(value) for value in values],
        "timestamps_ms": [first_ms + index * STEP_MS for index in range(len(values))],
    }


def feed(
    client: httpx.Client,
    metric: str,
    values: np.ndarray | list[float],
    later_ms: int = 0,
    **labels: str,
) -> str:
    """Post samples of one stream that end now or later; its id."""
    end_ms = time.time_ns() // 1_000_000 + later_ms
    answer = client.post("/api/v1/ingest?scores=all", json=rows(metric, values, end_ms, **labels))
    assert answer.status_code == 200, answer.text
    return str(answer.json()["scores"][0]["stream"])


def normal(count: int, seed: int = 1) -> np.ndarray:
    """Response times around 100 ms."""
    return np.random.default_rng(seed).gamma(20, 0.005, count)


@pytest.fixture(scope="session")
def firing(client: httpx.Client) -> dict[str, Any]:
    """A stream that went bad a minute ago and its alert."""
    values = np.concatenate([normal(4000), normal(60, 2) + 0.4])
    stream = feed(client, "went_bad_seconds", values, server="web-1", env="prod")
    (alert,) = client.get(f"/api/v1/alerts?state=firing&stream={stream}").json()["alerts"]
    return {"stream": stream, "alert": alert}
