"""What the page for those who come from another tool names of Kullback is there."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import yaml
from typer.main import get_command

from kullback.cli import app
from kullback.settings.profiles import ProfileSettings

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/coming-from.md").read_text(encoding="utf-8")
TOLD = re.findall(
    r"`([^`]+)`", " ".join(line.split("|")[-2] if "|" in line else line for line in PAGE.split("\n"))
)
PATHS = sorted({word.split("/", 1)[1].split("?")[0] for word in TOLD if re.match(r"(GET|POST) /", word)})
OPTIONS = ("match", "alarm_budget", "direction", "minimum_effect", "season")


@pytest.mark.parametrize("path", PATHS)
def test_endpoint_is_in_the_api(path: str) -> None:
    known = json.loads((ROOT / "docs/openapi.json").read_text(encoding="utf-8"))["paths"]
    assert f"/{path}" in known


@pytest.mark.parametrize("option", OPTIONS)
def test_option_is_told_and_is_one_of_a_profile(option: str) -> None:
    assert option in TOLD
    assert option in ProfileSettings.model_fields


@pytest.mark.parametrize("metric", sorted({word for word in TOLD if word.startswith("kullback:")}))
def test_recorded_series_is_in_the_rules(metric: str) -> None:
    groups = yaml.safe_load((ROOT / "deploy/prometheus/rules.yml").read_text(encoding="utf-8"))["groups"]
    assert metric in {rule.get("record") for group in groups for rule in group["rules"]}


@pytest.mark.parametrize("metric", sorted(set(re.findall(r"kullback_\w+", " ".join(TOLD)))))
def test_metric_is_in_the_contract(metric: str) -> None:
    assert f"`{metric}" in (ROOT / "docs/api.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("command", sorted(set(re.findall(r"\bkullback (\w+)", " ".join(TOLD)))))
def test_command_is_there(command: str) -> None:
    assert command in get_command(app).commands  # type: ignore[attr-defined]
