"""The Grafana dashboards: generated, complete, and bound to no installation."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from deploy.grafana.generate import FOLDER, dashboards

BOARDS = {name: json.loads(text) for name, text in dashboards().items()}
PANELS = [panel for board in BOARDS.values() for panel in board["panels"]]
PROVISIONING = FOLDER.parent / "provisioning"


def references(node: Any) -> Iterator[dict[str, Any]]:
    """Every data source that a dashboard names."""
    if isinstance(node, dict):
        if isinstance(node.get("datasource"), dict):
            yield node["datasource"]
        for child in node.values():
            yield from references(child)
    elif isinstance(node, list):
        for child in node:
            yield from references(child)


def provisioned(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((PROVISIONING / name).read_text(encoding="utf-8"))
    return loaded


def test_committed_dashboards_equal_the_generated_ones() -> None:
    committed = {path.name: path.read_text(encoding="utf-8") for path in FOLDER.glob("*.json")}
    assert committed == dashboards(), "run `make dashboards`"


def test_uids_are_fixed_and_differ() -> None:
    uids = sorted(board["uid"] for board in BOARDS.values())
    assert uids == ["kullback-fleet", "kullback-service", "kullback-stream"]


@pytest.mark.parametrize("name", BOARDS)
def test_no_data_source_is_hard_coded(name: str) -> None:
    found = list(references(BOARDS[name]))
    assert found
    assert all(reference["uid"] == "${datasource}" for reference in found)


@pytest.mark.parametrize("name", BOARDS)
def test_reader_chooses_data_source_job_and_instance(name: str) -> None:
    assert {"datasource", "job", "instance"} <= {
        variable["name"] for variable in BOARDS[name]["templating"]["list"]
    }


@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel["title"])
def test_every_panel_has_unit_description_and_queries(panel: dict[str, Any]) -> None:
    assert panel["description"]
    assert panel["fieldConfig"]["defaults"]["unit"]
    assert panel["targets"]


@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel["title"])
def test_rates_follow_the_scrape_interval(panel: dict[str, Any]) -> None:
    ranges = {found for target in panel["targets"] for found in re.findall(r"\[([^\]]+)\]", target["expr"])}
    assert ranges <= {"$__rate_interval", "$__range"}


def test_panels_do_not_overlap() -> None:
    for board in BOARDS.values():
        cells = [
            (x, y)
            for panel in board["panels"]
            for place in [panel["gridPos"]]
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        ]
        assert len(cells) == len(set(cells))
        assert all(x < 24 for x, _ in cells)


def test_provisioning_offers_one_default_prometheus_and_the_dashboards_folder() -> None:
    sources = provisioned("datasources/prometheus.yml")["datasources"]
    assert [source["type"] for source in sources if source.get("isDefault")] == ["prometheus"]
    (provider,) = provisioned("dashboards/kullback.yml")["providers"]
    assert provider["options"]["path"] == "/etc/grafana/dashboards"
