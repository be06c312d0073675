"""The rules and the Alertmanager configuration, judged by the real promtool and amtool."""

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from tests.contract.servers import eventually, find, free_port, running

ROOT = Path(__file__).parents[2]
RULES = ROOT / "deploy/prometheus/rules.yml"
RULES_TEST = ROOT / "deploy/prometheus/rules_test.yml"
ALERTMANAGER = ROOT / "deploy/alertmanager/alertmanager.yml"

pytestmark = pytest.mark.contract


def run(program: str, *arguments: str | Path) -> str:
    if shutil.which(program) is None:
        assert os.environ.get("CI") != "true", f"{program} is missing: run `make servers`"
        pytest.skip(f"{program} is not installed: run `make servers`")
    done = subprocess.run([program, *map(str, arguments)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def alerts() -> list[dict[str, Any]]:
    groups = yaml.safe_load(RULES.read_text(encoding="utf-8"))["groups"]
    return [rule for group in groups for rule in group["rules"] if "alert" in rule]


def anchors() -> set[str]:
    text = (ROOT / "docs/runbooks/index.md").read_text(encoding="utf-8")
    return {heading.lower() for heading in re.findall(r"^### (\w+)$", text, re.MULTILINE)}


def test_rules_pass_every_lint() -> None:
    run("promtool", "check", "rules", "--lint=all", "--lint-fatal", RULES)


def test_every_alert_fires_stays_silent_and_resolves_as_its_test_says() -> None:
    run("promtool", "test", "rules", RULES_TEST)


def test_prometheus_accepts_its_configuration() -> None:
    run("promtool", "check", "config", "--syntax-only", ROOT / "deploy/prometheus/prometheus.yml")


def test_alertmanager_accepts_its_configuration() -> None:
    run("amtool", "check-config", ALERTMANAGER)


@pytest.mark.parametrize("alert", alerts(), ids=lambda alert: alert["alert"])
def test_every_alert_is_tested_firing_and_silent(alert: dict[str, Any]) -> None:
    tests = yaml.safe_load(RULES_TEST.read_text(encoding="utf-8"))["tests"]
    cases = [
        case for test in tests for case in test["alert_rule_test"] if case["alertname"] == alert["alert"]
    ]
    firing = [bool(case.get("exp_alerts")) for case in cases]
    assert any(firing)
    assert not all(firing)


@pytest.mark.parametrize("alert", alerts(), ids=lambda alert: alert["alert"])
def test_every_alert_has_its_runbook(alert: dict[str, Any]) -> None:
    page, _, anchor = alert["annotations"]["runbook_url"].partition("#")
    assert (ROOT / page).is_file()
    assert anchor == alert["alert"].lower()
    assert anchor in anchors()


def test_every_runbook_heading_is_an_alert() -> None:
    assert anchors() == {alert["alert"].lower() for alert in alerts()}


@pytest.mark.parametrize(
    ("labels", "receiver"),
    [
        (["alertname=KullbackStreamAnomalous", "severity=warning", "job=api"], "people"),
        (["alertname=KullbackFleetAlarmBurst", "severity=critical"], "people"),
        (["alertname=KullbackLevelShifted", "severity=info"], "nobody"),
        (["alertname=KullbackDown", "severity=critical"], "operators"),
        (["alertname=KullbackAlarmBudgetExceeded", "severity=info"], "nobody"),
        (["alertname=AnythingElse"], "people"),
    ],
)
def test_alert_is_routed_to_its_receiver(labels: list[str], receiver: str) -> None:
    said = run("amtool", "config", "routes", "test", f"--config.file={ALERTMANAGER}", *labels)
    assert said.split() == [receiver]


def test_every_alert_that_inhibition_names_exists() -> None:
    rules = yaml.safe_load(ALERTMANAGER.read_text(encoding="utf-8"))["inhibit_rules"]
    named = {
        name
        for rule in rules
        for side in ("source_matchers", "target_matchers")
        for text in rule[side]
        for name in re.findall(r"Kullback\w+", text)
    }
    assert named <= {alert["alert"] for alert in alerts()}


@pytest.mark.parametrize(
    ("cause", "effect", "others"),
    [
        ("KullbackFleetAlarmBurst", "KullbackStreamAnomalous", "KullbackNoData"),
        ("KullbackDown", "KullbackNoData", "KullbackStreamAnomalous"),
    ],
)
def test_a_cause_holds_its_effects_back(tmp_path: Path, cause: str, effect: str, others: str) -> None:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    command = [find("prometheus-alertmanager", "alertmanager"), f"--config.file={ALERTMANAGER}"]
    command += [f"--storage.path={tmp_path}", f"--web.listen-address=127.0.0.1:{port}"]
    with running([*command, "--cluster.listen-address="], f"{url}/-/ready"):
        sent = [{"labels": {"alertname": name, "job": "api"}} for name in (cause, effect, others)]
        httpx.post(f"{url}/api/v2/alerts", json=sent, trust_env=False).raise_for_status()

        def states() -> dict[str, str]:
            held = httpx.get(f"{url}/api/v2/alerts", trust_env=False).raise_for_status().json()
            return {one["labels"]["alertname"]: one["status"]["state"] for one in held}

        wanted = {cause: "active", effect: "suppressed", others: "active"}
        eventually(lambda: states() == wanted, what=f"{effect} is held back")
