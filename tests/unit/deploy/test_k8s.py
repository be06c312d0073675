"""The Kubernetes manifests: one owner of the state, least privilege, the same rules as everywhere."""

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from deploy.k8s.generate import FOLDER, PRODUCED, prometheus_rule

from kullback.settings import load_settings

KUSTOMIZATION = yaml.safe_load((FOLDER / "kustomization.yaml").read_text(encoding="utf-8"))


def resource(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((FOLDER / name).read_text(encoding="utf-8"))
    return loaded


def container() -> dict[str, Any]:
    (only,) = resource("statefulset.yaml")["spec"]["template"]["spec"]["containers"]
    loaded: dict[str, Any] = only
    return loaded


def test_prometheus_rule_holds_the_rules_of_prometheus() -> None:
    assert PRODUCED.read_text(encoding="utf-8") == prometheus_rule(), "run `make rules`"


def test_every_resource_is_listed_and_exists() -> None:
    manifests = {path.name for path in FOLDER.glob("*.yaml")} - {"kustomization.yaml"}
    assert manifests == set(KUSTOMIZATION["resources"])


def test_service_accepts_the_configuration_of_the_config_map(tmp_path: Path) -> None:
    settings = load_settings(FOLDER / "kullback.yml")
    mounts = {mount["mountPath"] for mount in container()["volumeMounts"]}
    assert str(settings.storage.path) in mounts


@pytest.mark.parametrize("path", [None, FOLDER / "kullback.yml"], ids=["default", "kubernetes"])
def test_what_prometheus_tells_by_rules_is_not_pushed_as_well(path: Path | None) -> None:
    alerting = load_settings(path).alerting
    assert alerting.alertmanagers == alerting.webhooks == []


def test_state_has_one_owner() -> None:
    assert resource("statefulset.yaml")["spec"]["replicas"] == 1


def test_container_runs_with_least_privilege() -> None:
    pod = resource("statefulset.yaml")["spec"]["template"]["spec"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["automountServiceAccountToken"] is False
    assert container()["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }


def test_memory_is_enough_for_as_many_streams_as_are_allowed() -> None:
    """By the figures that `benchmarks.steady` measured."""
    limit = container()["resources"]["limits"]["memory"]
    assert limit.endswith("Gi")
    streams = load_settings(FOLDER / "kullback.yml").limits.max_streams
    assert 1024 * int(limit.removesuffix("Gi")) >= max(870, 260 + 18 * streams / 1024)


def test_alive_while_replaying_but_not_ready() -> None:
    assert container()["livenessProbe"]["httpGet"]["path"] == "/-/healthy"
    assert container()["readinessProbe"]["httpGet"]["path"] == "/-/ready"


def test_numba_may_write_its_cache() -> None:
    assert {"name": "temporary", "mountPath": "/tmp"} in container()["volumeMounts"]


@pytest.fixture
def rendered() -> dict[str, dict[str, Any]]:
    command = next(
        (
            [program, *arguments]
            for program, arguments in (("kubectl", ["kustomize"]), ("kustomize", ["build"]))
            if shutil.which(program)
        ),
        None,
    )
    if command is None:
        pytest.skip("neither kubectl nor kustomize is installed")
    done = subprocess.run([*command, str(FOLDER)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return {found["kind"]: found for found in yaml.safe_load_all(done.stdout)}


KINDS = {
    "Namespace",
    "ConfigMap",
    "Service",
    "StatefulSet",
    "PodDisruptionBudget",
    "NetworkPolicy",
    "ServiceMonitor",
    "PrometheusRule",
}


def test_kustomize_renders_everything_into_the_namespace(rendered: dict[str, dict[str, Any]]) -> None:
    assert set(rendered) == KINDS
    inside = [found for kind, found in rendered.items() if kind != "Namespace"]
    assert {found["metadata"].get("namespace") for found in inside} == {"kullback"}


def test_kullback_may_reach_alertmanager(rendered: dict[str, dict[str, Any]]) -> None:
    egress = rendered["NetworkPolicy"]["spec"]["egress"]
    reached = [end["podSelector"]["matchLabels"] for rule in egress for end in rule["to"]]
    assert {"app.kubernetes.io/name": "alertmanager"} in reached


def test_selectors_meet_the_pod(rendered: dict[str, dict[str, Any]]) -> None:
    labels = rendered["StatefulSet"]["spec"]["template"]["metadata"]["labels"].items()
    selectors = [
        rendered["Service"]["spec"]["selector"],
        rendered["StatefulSet"]["spec"]["selector"]["matchLabels"],
        rendered["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"],
        rendered["NetworkPolicy"]["spec"]["podSelector"]["matchLabels"],
    ]
    assert all(selector.items() <= labels for selector in selectors)


def test_service_monitor_names_the_job_of_the_rules(
    rendered: dict[str, dict[str, Any]],
) -> None:
    monitor, labels = rendered["ServiceMonitor"]["spec"], rendered["Service"]["metadata"]["labels"]
    assert monitor["selector"]["matchLabels"].items() <= labels.items()
    assert labels[monitor["jobLabel"]] == "kullback"


def test_config_map_of_the_pod_is_the_generated_one(rendered: dict[str, dict[str, Any]]) -> None:
    volumes = rendered["StatefulSet"]["spec"]["template"]["spec"]["volumes"]
    named = next(volume["configMap"]["name"] for volume in volumes if "configMap" in volume)
    assert named == rendered["ConfigMap"]["metadata"]["name"]
