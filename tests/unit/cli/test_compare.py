from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from kullback.cli import app
from kullback.core.errors import RequestError
from kullback.detector.compare import Options, compare_categories, compare_samples

WIDE = {"COLUMNS": "160"}


@pytest.fixture
def runner() -> CliRunner:
    return CliRunner(env=WIDE)


def files(folder: Path, a: str, b: str) -> list[str]:
    (folder / "a").write_text(a)
    (folder / "b").write_text(b)
    return ["compare", str(folder / "a"), str(folder / "b")]


def words(values: np.ndarray) -> str:
    return " ".join(map(str, values.tolist()))


def test_samples_are_told_apart_with_all_measures_and_the_place_of_the_difference(
    runner: CliRunner, tmp_path: Path
) -> None:
    rng = np.random.default_rng(1)
    current, reference = rng.lognormal(0, 1, 200), rng.lognormal(0, 0.5, 400)
    said = runner.invoke(app, files(tmp_path, words(current), words(reference)), catch_exceptions=False)
    assert said.exit_code == 0
    found = compare_samples(current, reference, Options())
    for name in ("kl", "kl_reverse", "jeffreys", "psi", "hellinger", "wasserstein", "kolmogorov_smirnov"):
        assert f"{found.measures[name]:.4g}" in said.output
    assert "the two differ" in said.output
    assert "below" in said.output.split("where")[1]


def test_the_asymmetry_is_told_with_the_users_own_numbers(runner: CliRunner, tmp_path: Path) -> None:
    said = runner.invoke(app, files(tmp_path, "a " * 8 + "b " * 2, "a " * 5 + "b " * 5)).output
    found = compare_categories({"a": 8, "b": 2}, {"a": 5, "b": 5}, Options())
    told = " ".join(said.split())
    assert f"D(current ‖ reference) = {found.measures['kl']:.3g} nats" in told
    assert f"D(reference ‖ current) = {found.measures['kl_reverse']:.3g} nats" in told
    part = max(found.parts, key=lambda one: abs(one.nats))
    assert f"{100 * part.current_ratio:.3g} % of the current" in told


def test_equal_samples_give_no_evidence(runner: CliRunner, tmp_path: Path) -> None:
    said = runner.invoke(app, files(tmp_path, "1 2 3 4", "1, 2; 3\n4")).output
    assert "no evidence that they differ" in said


def test_an_infinite_divergence_is_explained_instead_of_printed(runner: CliRunner, tmp_path: Path) -> None:
    call = [*files(tmp_path, "card wallet", "card cash"), "--smoothing", "0"]
    told = " ".join(runner.invoke(app, call).output.split())
    assert "the reference has no mass in 'wallet'" in told
    assert "D(current ‖ reference) is not finite" in told


@pytest.mark.parametrize(
    "text",
    [
        '{"upper_bounds": [0.1, 1], "counts": [5, 3, 1]}',
        '{"categories": {"card": 5}}',
        '{"mean": [0, 1], "variance": [1, 2]}',
        "[1, 2, 3]",
    ],
)
def test_json_sides_are_read(runner: CliRunner, tmp_path: Path, text: str) -> None:
    answer = json.loads(runner.invoke(app, [*files(tmp_path, text, text), "--json"]).output)
    assert answer["measures"]["kl"] == pytest.approx(0, abs=1e-12)


def test_json_is_the_answer_of_the_endpoint(runner: CliRunner, tmp_path: Path) -> None:
    answer = json.loads(runner.invoke(app, [*files(tmp_path, "1 2 3", "2 3 4"), "--json"]).output)
    assert set(answer) == {"measures", "why_none", "p_value", "contributions"}
    assert sum(part["nats"] for part in answer["contributions"]) == pytest.approx(answer["measures"]["kl"])


def test_standard_input_is_a_side(runner: CliRunner, tmp_path: Path) -> None:
    (tmp_path / "b").write_text("1 2 3")
    said = runner.invoke(app, ["compare", "-", str(tmp_path / "b"), "--json"], input="1 2 3")
    assert json.loads(said.output)["measures"]["kl"] == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize(
    ("a", "b", "reason"),
    [("1 2", "card", "same form"), ("", "1", "no samples"), ("{1", "1", "not JSON")],
)
def test_what_cannot_be_compared_is_refused_with_the_reason(
    tmp_path: Path, runner: CliRunner, a: str, b: str, reason: str
) -> None:
    said = runner.invoke(app, files(tmp_path, a, b))
    assert isinstance(said.exception, RequestError)
    assert reason in str(said.exception)


def test_a_missing_file_is_named(runner: CliRunner) -> None:
    said = runner.invoke(app, ["compare", "nowhere.txt", "nowhere.txt"])
    assert said.exit_code == 2
    assert "nowhere.txt" in said.output


@pytest.mark.parametrize("command", ["serve", "demo", "backtest", "compare", "check-config", "warmup"])
def test_every_command_explains_itself(runner: CliRunner, command: str) -> None:
    said = runner.invoke(app, [command, "--help"])
    assert said.exit_code == 0
    assert len(said.output.split("Options")[0].split()) > 12, "more than its name"
