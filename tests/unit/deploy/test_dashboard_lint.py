"""The rules of Grafana's dashboard-linter that concern Prometheus, with the exceptions of `.lint`.

https://github.com/grafana/dashboard-linter/tree/main/docs
"""

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import yaml
from tests.unit.deploy.test_dashboards import BOARDS, FOLDER

Board = dict[str, Any]
LINT = yaml.safe_load((FOLDER / ".lint").read_text(encoding="utf-8"))["exclusions"]
DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}
COUNTER = re.compile(r"\w+_total\b|\w+_(?:count|sum|bucket)\b")
AGGREGATED = re.compile(r"(?:rate|irate|increase)\(\w+")
UNITLESS = "none"


def variable(board: Board, name: str) -> dict[str, Any]:
    found = (one for one in board["templating"]["list"] if one["name"] == name)
    return next(found, {})


def template_is(name: str, label: str) -> Callable[[Board], Iterator[str]]:
    def rule(board: Board) -> Iterator[str]:
        one = variable(board, name)
        wanted = {"label": label, "type": "query", "datasource": DATASOURCE, "multi": True, "allValue": ".+"}
        yield from (f"{name}.{key}" for key, value in wanted.items() if one.get(key) != value)

    return rule


def template_datasource(board: Board) -> Iterator[str]:
    one = variable(board, "datasource")
    wanted = {"label": "Data source", "type": "datasource", "query": "prometheus"}
    yield from (f"datasource.{key}" for key, value in wanted.items() if one.get(key) != value)


def template_reload(board: Board) -> Iterator[str]:
    queries = (one for one in board["templating"]["list"] if one["type"] == "query")
    yield from (one["name"] for one in queries if one["refresh"] != 2)


def panel_datasource(board: Board) -> Iterator[str]:
    yield from (panel["title"] for panel in board["panels"] if panel["datasource"] != DATASOURCE)


def panel_words(board: Board) -> Iterator[str]:
    for panel in board["panels"]:
        if not (panel.get("title") and panel.get("description")):
            yield str(panel.get("title"))


def panel_units(board: Board) -> Iterator[str]:
    for panel in board["panels"]:
        if panel["fieldConfig"]["defaults"].get("unit", UNITLESS) == UNITLESS:
            yield panel["title"]


def targets(board: Board) -> Iterator[tuple[str, str]]:
    yield from ((panel["title"], target["expr"]) for panel in board["panels"] for target in panel["targets"])


def panel_targets(board: Board) -> Iterator[str]:
    yield from (panel["title"] for panel in board["panels"] if not panel.get("targets"))


def target_matchers(board: Board) -> Iterator[str]:
    for title, expression in targets(board):
        for matchers in re.findall(r"\{([^}]*)\}", expression):
            if not {'job=~"$job"', 'instance=~"$instance"'} <= set(matchers.split(", ")):
                yield title


def target_rate_interval(board: Board) -> Iterator[str]:
    for title, expression in targets(board):
        if re.search(r"(?:rate|irate)\([^\[]*\[(?!\$__rate_interval)", expression):
            yield title


def target_counters(board: Board) -> Iterator[str]:
    for title, expression in targets(board):
        aggregated = {found.split("(")[1] for found in AGGREGATED.findall(expression)}
        if set(COUNTER.findall(expression)) - aggregated:
            yield title
        if any(not COUNTER.fullmatch(name) for name in aggregated):
            yield title


def uneditable(board: Board) -> Iterator[str]:
    if board["editable"]:
        yield board["title"]


RULES: dict[str, Callable[[Board], Iterator[str]]] = {
    "template-datasource-rule": template_datasource,
    "template-job-rule": template_is("job", "Job"),
    "template-instance-rule": template_is("instance", "Instance"),
    "template-on-time-change-reload-rule": template_reload,
    "panel-datasource-rule": panel_datasource,
    "panel-title-description-rule": panel_words,
    "panel-units-rule": panel_units,
    "panel-no-targets-rule": panel_targets,
    "target-job-rule": target_matchers,
    "target-rate-interval-rule": target_rate_interval,
    "target-counter-agg-rule": target_counters,
    "uneditable-dashboard": uneditable,
}


def excused(rule: str, board: Board, what: str) -> bool:
    if rule not in LINT:
        return False
    entries = LINT[rule].get("entries")
    return not entries or any(
        entry["dashboard"] == board["title"] and entry.get("panel", what) == what for entry in entries
    )


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("name", BOARDS)
def test_dashboard_keeps_the_rule(name: str, rule: str) -> None:
    board = BOARDS[name]
    assert [what for what in RULES[rule](board) if not excused(rule, board, what)] == []


@pytest.mark.parametrize("rule", LINT)
def test_every_exclusion_is_needed_and_has_a_reason(rule: str) -> None:
    found = [(board["title"], what) for board in BOARDS.values() for what in RULES[rule](board)]
    assert LINT[rule]["reason"]
    assert found
    for entry in LINT[rule].get("entries", ()):
        assert (entry["dashboard"], entry["panel"]) in found
