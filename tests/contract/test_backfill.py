"""A week of a real Prometheus, and files, become the past of streams."""

from __future__ import annotations

import json
import math
import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pyarrow
import pytest
from pyarrow import parquet
from tests.contract.servers import find, free_port, kullback, running

STEP_S = 60
WEEK_S = 7 * 86_400
SAMPLES = WEEK_S // STEP_S
HOSTS = ("a", "b")
LATENCY, TOTAL, FAMILY = "backfill_latency_seconds", "backfill_requests_total", "backfill_duration_seconds"
BOUNDS = ("0.1", "1", "+Inf")
HOUR_SAMPLES = 3600 // STEP_S

pytestmark = [pytest.mark.contract, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def kept_until_s() -> int:
    """Time of the newest sample; in whole steps."""
    return (int(time.time()) - 600) // STEP_S * STEP_S


def open_metrics(until_s: int) -> Iterator[str]:
    """A week of two gauges and a counter, an hour of a classic histogram."""
    generator = random.Random(1)
    times = range(until_s - WEEK_S + STEP_S, until_s + 1, STEP_S)
    yield f"# TYPE {LATENCY} gauge"
    for host in HOSTS:
        for at_s in times:
            daily = 1 + 0.3 * math.sin(2 * math.pi * at_s / 86_400)
            yield f'{LATENCY}{{host="{host}"}} {generator.gammavariate(20, 0.005) * daily:.6f} {at_s}'
    total = 0
    yield f"# TYPE {TOTAL.removesuffix('_total')} counter"
    for at_s in times:
        total += generator.randrange(100)
        yield f"{TOTAL} {total} {at_s}"
    counts = [0, 0, 0]
    yield f"# TYPE {FAMILY} histogram"
    for at_s in times[-HOUR_SAMPLES:]:
        fast = generator.randrange(1, 50)
        counts = [counts[0] + fast, counts[1] + fast + 2, counts[2] + fast + 3]
        for bound, count in zip(BOUNDS, counts, strict=True):
            yield f'{FAMILY}_bucket{{le="{bound}"}} {count} {at_s}'
    yield "# EOF"


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory, kept_until_s: int) -> Iterator[str]:
    """A Prometheus that remembers a week."""
    folder, address = tmp_path_factory.mktemp("prometheus"), f"127.0.0.1:{free_port()}"
    (folder / "week.om").write_text("\n".join(open_metrics(kept_until_s)) + "\n")
    blocks = [find("promtool"), "tsdb", "create-blocks-from", "openmetrics", "--max-block-duration=168h"]
    subprocess.run([*blocks, folder / "week.om", folder / "tsdb"], check=True, capture_output=True)
    settings = {"global": {"external_labels": {"cluster": "test"}}}
    (folder / "prometheus.yml").write_text(json.dumps(settings))
    command = [
        find("prometheus"),
        f"--config.file={folder}/prometheus.yml",
        "--storage.tsdb.retention.time=1y",
    ]
    command += [f"--storage.tsdb.path={folder}/tsdb", f"--web.listen-address={address}"]
    with running(command, f"http://{address}/-/ready"):
        yield f"http://{address}"


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    port = free_port()
    with (
        kullback(tmp_path_factory.mktemp("kullback"), port),
        httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=60) as client,
    ):
        yield client


def backfill(service: httpx.Client, *options: str | Path) -> subprocess.CompletedProcess[str]:
    """Run the command as a person would."""
    command = [
        sys.executable,
        "-m",
        "kullback",
        "backfill",
        *map(str, options),
        "--url",
        str(service.base_url),
    ]
    environment = {**os.environ, "COLUMNS": "200", "NO_COLOR": "1"}
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)


def streams(service: httpx.Client, selector: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = service.get("/api/v1/streams", params={"match[]": selector}).json()[
        "streams"
    ]
    return found


def test_a_week_is_read_in_parts_and_goes_on_where_it_ended(
    service: httpx.Client, prometheus: str, kept_until_s: int
) -> None:
    options = ("--prometheus", prometheus, "--match", LATENCY, "--since", "8d")
    half_s = kept_until_s - WEEK_S // 2 // STEP_S * STEP_S
    first = backfill(service, *options, "--until", f"{int(time.time()) - half_s}s")
    assert first.returncode == 0, first.stderr
    found = streams(service, LATENCY)
    assert {stream["labels"]["host"] for stream in found} == set(HOSTS)
    assert {stream["labels"]["cluster"] for stream in found} == {"test"}
    assert all(SAMPLES / 2 - 2 <= stream["samples"] <= SAMPLES / 2 + 2 for stream in found)

    rest = backfill(service, *options)
    assert rest.returncode == 0, rest.stderr
    found = streams(service, LATENCY)
    assert [stream["samples"] for stream in found] == [SAMPLES, SAMPLES]
    assert {stream["last_sample_ms"] for stream in found} == {kept_until_s * 1000}
    assert all(stream["ready"] and stream["interval_ms"] == STEP_S * 1000 for stream in found)
    assert "refused" not in rest.stderr

    again = backfill(service, *options)
    assert again.returncode == 0
    assert "0 samples taken" in again.stderr, again.stderr


def test_counters_become_rates(service: httpx.Client, prometheus: str) -> None:
    done = backfill(service, "--prometheus", prometheus, "--match", TOTAL, "--since", "2d")
    assert done.returncode == 0, done.stderr
    (stream,) = streams(service, TOTAL)
    assert stream["samples"] > 86_400 / STEP_S
    windows = service.get(f"/api/v1/streams/{stream['id']}/windows", params={"window": 64}).json()
    assert all(0 < quantile["reference"] < 100 / STEP_S for quantile in windows["quantiles"])


def test_buckets_become_one_histogram(service: httpx.Client, prometheus: str) -> None:
    options = ("--prometheus", prometheus, "--match", f"{FAMILY}_bucket", "--since", "1d")
    done = backfill(service, *options, "--no-external-labels", "--label", "source=past")
    assert done.returncode == 0, done.stderr
    (stream,) = streams(service, FAMILY)
    assert stream["form"] == "histogram"
    assert stream["labels"] == {"source": "past"}
    assert HOUR_SAMPLES - 5 <= stream["samples"] <= HOUR_SAMPLES


def test_an_expression_is_sampled_by_steps(service: httpx.Client, prometheus: str) -> None:
    options = ("--prometheus", prometheus, "--match", f"max({LATENCY})", "--step", "5m", "--since", "1d")
    nameless = backfill(service, *options)
    assert nameless.returncode != 0
    assert "--metric" in nameless.stderr
    done = backfill(service, *options, "--metric", "backfill_worst_seconds")
    assert done.returncode == 0, done.stderr
    (stream,) = streams(service, "backfill_worst_seconds")
    assert stream["interval_ms"] == 300_000
    assert 280 <= stream["samples"] <= 290


def test_a_file_goes_on_where_it_ended(service: httpx.Client, tmp_path: Path) -> None:
    lines = [f"{1_700_000_000 + 60 * n},{n % 7}" for n in range(3000)]
    half, whole = tmp_path / "half.csv", tmp_path / "whole.csv"
    half.write_text("\n".join(["time,value", *lines[:1000]]))
    whole.write_text("\n".join(["time,value", *reversed(lines)]))
    options = ("--metric", "backfill_file", "--label", "site=one")
    assert backfill(service, half, *options).returncode == 0
    done = backfill(service, whole, *options)
    assert "2000 samples taken" in done.stderr, done.stderr
    (stream,) = streams(service, "backfill_file")
    assert (stream["labels"], stream["samples"]) == ({"site": "one"}, 3000)


def test_parquet_is_sent_like_csv(service: httpx.Client, tmp_path: Path) -> None:
    times = [datetime.fromtimestamp(1_700_000_000 + 60 * n, UTC) for n in range(3000)]
    table = pyarrow.table({"time": times, "p99": [0.1 + n % 7 for n in range(3000)], "rps": [5.0] * 3000})
    parquet.write_table(table, tmp_path / "latency.parquet")
    options = ("--metric", "backfill_parquet_seconds", "--label", "site=two")
    unsure = backfill(service, tmp_path / "latency.parquet", *options)
    assert unsure.returncode == 2
    assert "time, p99, rps" in unsure.stderr
    done = backfill(service, tmp_path / "latency.parquet", *options, "--value-column", "p99")
    assert done.returncode == 0, done.stderr
    assert "3000 samples taken" in done.stderr
    (stream,) = streams(service, "backfill_parquet_seconds")
    assert (stream["labels"], stream["samples"], stream["ready"]) == ({"site": "two"}, 3000, True)
    assert (stream["interval_ms"], stream["last_sample_ms"]) == (60_000, 1_700_179_940_000)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--prometheus", "http://127.0.0.1:1", "--match", "up"], "Cannot read from http://127.0.0.1:1"),
        (["--prometheus", "PROMETHEUS", "--match", "up{"], "parse error"),
        (["--prometheus", "PROMETHEUS", "--match", "nothing_of_this_name"], "No series match"),
        (["--prometheus", "PROMETHEUS"], "--match"),
        (["--prometheus", "PROMETHEUS", "--match", "up", "--since", "yesterday"], "--since"),
        (["--prometheus", "PROMETHEUS", "--match", "up", "--since", "1d", "--until", "2d"], "--until"),
        (["no-such-file.csv"], "no-such-file.csv"),
        ([], "--prometheus"),
    ],
)
def test_a_mistake_is_told_in_a_sentence(
    service: httpx.Client, prometheus: str, options: list[str], told: str
) -> None:
    done = backfill(service, *(prometheus if option == "PROMETHEUS" else option for option in options))
    assert done.returncode == 2
    assert told in done.stderr
    assert "Traceback" not in done.stderr


def test_a_kullback_that_is_not_there_is_told(prometheus: str) -> None:
    with httpx.Client(base_url="http://127.0.0.1:1") as nobody:
        done = backfill(nobody, "--prometheus", prometheus, "--match", LATENCY)
    assert done.returncode == 2
    assert "127.0.0.1:1 cannot be reached" in done.stderr
