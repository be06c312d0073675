"""Every query of the dashboards is PromQL that a real Prometheus reads."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.contract.servers import find, free_port, running

DASHBOARDS = sorted((Path(__file__).parents[2] / "deploy/grafana/dashboards").glob("*.json"))
FILLED_IN = {"$__rate_interval": "1m", "$__range": "5m", "$job": ".*", "$instance": ".*", "$metric": ".*"}

pytestmark = pytest.mark.contract


def queries() -> list[tuple[str, str]]:
    """Title and PromQL of each query, variables filled in."""
    boards: list[dict[str, Any]] = [json.loads(path.read_text(encoding="utf-8")) for path in DASHBOARDS]
    in_panels = [
        (f"{board['title']} / {panel['title']} / {target['refId']}", filled_in(target["expr"]))
        for board in boards
        for panel in board["panels"]
        for target in panel["targets"]
    ]
    in_annotations = [
        (f"{board['title']} / {annotation['name']}", filled_in(annotation["expr"]))
        for board in boards
        for annotation in board["annotations"]["list"]
    ]
    return in_panels + in_annotations


def filled_in(expression: str) -> str:
    """A query as Grafana would send it."""
    for name, value in FILLED_IN.items():
        expression = expression.replace(name, value)
    return expression


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("prometheus")
    (folder / "prometheus.yml").write_text("global: {}\n", encoding="utf-8")
    url = f"http://127.0.0.1:{free_port()}"
    command = [
        find("prometheus"),
        f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'tsdb'}",
        f"--web.listen-address={url.removeprefix('http://')}",
    ]
    with running(command, f"{url}/-/ready"):
        yield url


@pytest.mark.parametrize("query", [pytest.param(text, id=title) for title, text in queries()])
def test_query_is_valid(prometheus: str, query: str) -> None:
    answer = httpx.get(f"{prometheus}/api/v1/query", params={"query": query}).json()
    assert answer["status"] == "success", answer
