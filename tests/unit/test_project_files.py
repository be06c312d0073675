"""What the project promises about its own files: locks, licence, links, Makefile, documentation."""

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import kullback

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
LOCKS = ["requirements.lock", "requirements-dev.lock"]
PINNED = re.compile(r"^([a-z0-9][a-z0-9._-]*)==(\S+)", re.MULTILINE)
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md"]


def text(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def name_of(requirement: str) -> str:
    found = re.match(r"[A-Za-z0-9._-]+", requirement)
    assert found
    return found.group().lower().replace("_", "-").replace(".", "-")


def pins(lock: str) -> set[tuple[str, str]]:
    return set(PINNED.findall(text(lock)))


@pytest.mark.parametrize("lock", LOCKS)
def test_every_pin_of_a_lock_has_hashes(lock: str) -> None:
    entries = re.split(r"^(?=[a-z0-9])", text(lock), flags=re.MULTILINE)[1:]
    assert entries
    assert all("--hash=sha256:" in entry for entry in entries)


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_names_no_index(lock: str) -> None:
    assert not re.search(r"https?://|--index|--extra-index|--find-links|file:", text(lock))


def test_every_dependency_is_locked() -> None:
    locked = {name for name, _ in pins("requirements.lock")}
    assert {name_of(requirement) for requirement in PROJECT["dependencies"]} <= locked


def test_every_development_dependency_is_locked() -> None:
    extras = [requirement for extra in PROJECT["optional-dependencies"].values() for requirement in extra]
    locked = {name for name, _ in pins("requirements-dev.lock")}
    assert {name_of(requirement) for requirement in extras} <= locked


def test_tests_run_on_the_versions_that_are_shipped() -> None:
    assert pins("requirements.lock") <= pins("requirements-dev.lock")


@pytest.mark.parametrize(
    "requirement",
    [*PROJECT["dependencies"], *(r for extra in PROJECT["optional-dependencies"].values() for r in extra)],
)
def test_every_dependency_has_its_reason(requirement: str) -> None:
    reasons = "".join(page.read_text(encoding="utf-8") for page in (ROOT / "docs/decisions").glob("*.md"))
    name = name_of(requirement)
    assert name.startswith("types-") or re.search(rf"[`*]{name}", reasons.lower())


def test_changelog_has_the_version_or_says_unreleased() -> None:
    assert f"## [{kullback.__version__}]" in text("CHANGELOG.md") or "## [Unreleased]" in text("CHANGELOG.md")


def test_licence_is_the_one_that_is_declared() -> None:
    assert PROJECT["license"] == "Apache-2.0"
    assert "Version 2.0, January 2004" in text("LICENSE")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_local_links_lead_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\((?!https?:|#)([^)#\s]+)", page.read_text(encoding="utf-8"))
    missing = [target for target in targets if not (page.parent / target).exists()]
    assert not missing


def test_make_explains_every_target_a_user_needs() -> None:
    said = subprocess.run(["make", "-s", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for target in (
        "run",
        "test",
        "check",
        "bench",
        "bench-detection",
        "fuzz",
        "soak",
        "crash",
        "docs",
        "lock",
    ):
        assert re.search(rf"make {target} +[A-Z]", said), target


def test_documentation_builds_without_a_warning(tmp_path: Path) -> None:
    built = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", tmp_path],
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert built.returncode == 0, built.stdout + built.stderr
    loaded = re.findall(
        r'(?:src|href)="(https?://[^"]+\.(?:js|css|woff2?))"', (tmp_path / "index.html").read_text()
    )
    assert not loaded
