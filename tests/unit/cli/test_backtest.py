from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from kullback.backtest import backtest, scored_rows
from kullback.cli import app
from kullback.core.errors import KullbackError
from kullback.core.labels import NAME, Series, sorted_labels
from kullback.core.profile import Profile

START_S = 1_790_000_000
ROWS, BAD_ROWS = 2500, 80


@pytest.fixture
def runner() -> CliRunner:
    return CliRunner(env={"COLUMNS": "160"})


@pytest.fixture(scope="module")
def values() -> np.ndarray:
    rng = np.random.default_rng(3)
    return np.concatenate([rng.gamma(20, 0.005, ROWS), rng.gamma(20, 0.005, BAD_ROWS) + 0.3])


@pytest.fixture
def recording(tmp_path: Path, values: np.ndarray) -> Path:
    path = tmp_path / "checkout_seconds.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["time", "value"])
        writer.writerows((START_S + index, repr(float(value))) for index, value in enumerate(values))
    return path


def run(runner: CliRunner, *arguments: str | Path) -> str:
    said = runner.invoke(app, ["backtest", *map(str, arguments)], catch_exceptions=False)
    assert said.exit_code == 0, said.output
    return said.output


def test_a_csv_is_scored_as_the_detector_scores_it(
    runner: CliRunner, recording: Path, values: np.ndarray, tmp_path: Path
) -> None:
    said = run(runner, recording, "--no-curve", "--scores", tmp_path / "scores.csv")
    times = (START_S + np.arange(len(values), dtype=np.int64)) * 1000
    report = backtest(Series(sorted_labels([(NAME, "checkout_seconds")])), times, values, Profile())
    assert f"{len(values)} rows, {scored_rows(report.scores)} scored, {len(report.alarms)} alarms" in said
    rows = list(csv.DictReader((tmp_path / "scores.csv").read_text().splitlines()))
    assert len(rows) == len(values)
    assert rows[-1]["score"] == f"{report.scores.score[-1]:.6g}"
    assert [index for index, row in enumerate(rows) if row["alarm"] == "1"] == [a.row for a in report.alarms]
    assert any(row >= ROWS for row in [alarm.row for alarm in report.alarms]), "the fault is found"


def test_parquet_gives_the_same_as_csv(
    runner: CliRunner, recording: Path, values: np.ndarray, tmp_path: Path
) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    times = START_S + np.arange(len(values))
    path = tmp_path / "checkout_seconds.parquet"
    parquet.write_table(pyarrow.table({"time": times, "value": values}), path)
    assert run(runner, path, "--no-curve") == run(runner, recording, "--no-curve")


def test_more_alarms_than_accepted_end_with_a_status_of_their_own(runner: CliRunner, recording: Path) -> None:
    call = ["backtest", str(recording), "--no-curve", "--max-alerts"]
    assert runner.invoke(app, [*call, "0"]).exit_code == 3
    assert runner.invoke(app, [*call, "100"]).exit_code == 0


def test_the_curve_shows_what_each_budget_would_have_cost(runner: CliRunner, recording: Path) -> None:
    said = run(runner, recording, "--budget", "1 per 7d")
    assert "alarms per week" in said
    assert "1 per 90d" in said


def test_columns_are_chosen_by_name(runner: CliRunner, tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("a,b,c\n" + "".join(f"{START_S + n},{n},{n % 7}\n" for n in range(200)))
    said = run(runner, tmp_path / "x.csv", "--time-column", "a", "--value-column", "c", "--no-curve")
    assert "200 rows" in said


@pytest.mark.parametrize(
    ("text", "reason"), [("colour\nred\n", "column"), ("time,value\nnever,1\n", "never"), ("", "no column")]
)
def test_a_file_that_cannot_be_read_is_refused_with_the_reason(
    runner: CliRunner, tmp_path: Path, text: str, reason: str
) -> None:
    (tmp_path / "bad.csv").write_text(text)
    said = runner.invoke(app, ["backtest", str(tmp_path / "bad.csv")])
    assert isinstance(said.exception, KullbackError)
    assert reason in str(said.exception)


def test_json_from_standard_input_answers_as_the_endpoint(runner: CliRunner, values: np.ndarray) -> None:
    body = {"series": [{"metric": "m", "values": values.tolist()}], "curve": False}
    said = runner.invoke(app, ["backtest", "--json", "-"], input=json.dumps(body), catch_exceptions=False)
    (result,) = json.loads(said.output)["results"]
    assert len(result["scores"]) == len(values)
    assert result["alarms"]


def test_json_that_is_no_request_is_refused(runner: CliRunner) -> None:
    said = runner.invoke(app, ["backtest", "--json", "-"], input='{"series": []}')
    assert isinstance(said.exception, KullbackError)


def test_the_report_is_one_file_that_asks_for_nothing(
    runner: CliRunner, recording: Path, tmp_path: Path
) -> None:
    run(runner, recording, "--html", tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text()
    assert "checkout_seconds" in page
    assert "<link" not in page
    assert 'src="http' not in page
