"""Each example at a small size, against a real service."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.e2e.conftest import Fleet

pytest.importorskip("matplotlib")
pytestmark = [pytest.mark.e2e, pytest.mark.timeout(400)]


def run(name: str, fleet: Fleet, folder: Path, *options: str) -> str:
    """What it said; it must have drawn its picture."""
    picture = folder / f"{name}.png"
    call = [sys.executable, "-m", f"examples.{name}", "--url", fleet.url, "--picture", str(picture), *options]
    plain = {**os.environ, "COLUMNS": "200"}
    done = subprocess.run(call, capture_output=True, text=True, env=plain, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    assert picture.read_bytes().startswith(b"\x89PNG")
    return done.stdout


def test_response_times_find_the_attack_and_the_malfunction(fleet: Fleet, tmp_path: Path) -> None:
    said = run("response_times", fleet, tmp_path, "--steps", "3600")
    assert said.count("seen after") == 2, said
    assert said.count("alarm before it: False") == 2, said


def test_data_drift_advises_retraining_for_the_features_that_moved(fleet: Fleet, tmp_path: Path) -> None:
    said = run("data_drift", fleet, tmp_path)
    assert "an ordinary day: No need to retrain." in said
    drifted = said.split("the drifted day: ")[1]
    assert drifted.startswith("Retrain:")
    assert "payment channel" in drifted
    assert "hour" not in drifted.splitlines()[0]


def test_vae_training_sees_collapse_and_blow_up(fleet: Fleet, tmp_path: Path) -> None:
    said = run("vae_training", fleet, tmp_path, "--steps", "900")
    assert said.count("steps later") == 2, said


def test_gan_training_sees_mode_collapse(fleet: Fleet, tmp_path: Path) -> None:
    said = run("gan_training", fleet, tmp_path)
    assert "checks later" in said, said
