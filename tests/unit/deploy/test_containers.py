"""Dockerfile and Compose file: what runs, as whom, in which order, and that every mount exists."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

import kullback

ROOT = Path(__file__).parents[3]
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
SERVICES = COMPOSE["services"]
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")


def test_hadolint_finds_nothing() -> None:
    linter = Path(sys.executable).with_name("hadolint")
    done = subprocess.run([linter, ROOT / "Dockerfile"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_image_runs_as_nobody_in_particular() -> None:
    assert re.findall(r"^USER (\S+)$", DOCKERFILE, re.MULTILINE) == ["65532:65532"]


def test_image_installs_only_what_the_lock_hashes() -> None:
    installs = re.findall(r"pip install ([^\n\\&]+)", DOCKERFILE)
    assert all("--require-hashes" in install or "--no-deps" in install for install in installs)


def test_everything_that_is_copied_is_let_through() -> None:
    copied = {
        source
        for line in re.findall(r"^COPY (?!--from)(.+)$", DOCKERFILE, re.MULTILINE)
        for source in line.split()[:-1]
    }
    allowed = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert all(any(Path(source).is_relative_to(entry) for entry in allowed) for source in copied)
    assert all((ROOT / source).exists() for source in copied)


def test_kullback_container_is_read_only_and_without_privileges() -> None:
    for name in ("kullback", "demo"):
        assert SERVICES[name]["read_only"] is True
        assert SERVICES[name]["cap_drop"] == ["ALL"]
        assert "/tmp" in SERVICES[name]["tmpfs"]


@pytest.mark.parametrize("name", SERVICES)
def test_service_waits_only_for_services_that_tell_their_health(name: str) -> None:
    for needed, how in SERVICES[name].get("depends_on", {}).items():
        assert how == {"condition": "service_healthy"}
        own_image = SERVICES[needed]["image"] == SERVICES["kullback"]["image"]
        assert "HEALTHCHECK" in DOCKERFILE if own_image else "healthcheck" in SERVICES[needed]


@pytest.mark.parametrize("name", SERVICES)
def test_mounts_exist(name: str) -> None:
    for mount in SERVICES[name].get("volumes", []):
        source = mount.split(":")[0]
        assert (ROOT / source).exists() if source.startswith(".") else source in COMPOSE["volumes"]


@pytest.mark.parametrize("name", SERVICES)
def test_ports_are_open_to_this_machine_only(name: str) -> None:
    assert all(port.startswith("127.0.0.1:") for port in SERVICES[name].get("ports", []))


@pytest.mark.parametrize("name", SERVICES)
def test_image_has_a_version(name: str) -> None:
    assert re.search(r":v?\d+\.\d+", SERVICES[name]["image"])


def test_versions_are_those_of_the_package() -> None:
    kustomization = yaml.safe_load((ROOT / "deploy/k8s/kustomization.yaml").read_text(encoding="utf-8"))
    assert SERVICES["kullback"]["image"] == f"kullback:{kullback.__version__}"
    assert [image["newTag"] for image in kustomization["images"]] == [kullback.__version__]


def scrape_targets() -> list[Any]:
    prometheus = yaml.safe_load((ROOT / "deploy/prometheus/prometheus.yml").read_text(encoding="utf-8"))
    return [
        target
        for job in prometheus["scrape_configs"]
        for static in job["static_configs"]
        for target in static["targets"]
    ]


@pytest.mark.parametrize("target", scrape_targets())
def test_scrape_target_is_a_service(target: str) -> None:
    host = target.split(":", maxsplit=1)[0]
    assert host == "localhost" or host in SERVICES
