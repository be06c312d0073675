"""How long a start takes: a snapshot of a large fleet, and five minutes of log behind it.

    python -m benchmarks.start_up --streams 100000 --minutes 5

A first process fills the storage through the service's own pipeline, as a process that was killed leaves it:
a snapshot, and behind it one sample per stream every 15 s. Then the real service is started on it, several
times, and killed once it is ready. Prints a Markdown row; processor time is the service's own, from /proc,
so that it can be told how much of the time others had the machine.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Annotated

import httpx
import numpy as np
import typer
from rich.console import Console

from benchmarks.end_to_end import INTERVAL_MS
from benchmarks.steady import disk_of, memory_of, seconds_of
from kullback.app import compile_kernels
from kullback.app.build import build_pipeline
from kullback.core.batch import Batch
from kullback.core.labels import NAME, Series
from kullback.outputs.meters import Meters
from kullback.pipeline.pipeline import Pipeline
from kullback.pipeline.request import Request
from kullback.settings import load_settings

STREAMS_PER_REQUEST = 10_000
FILL_SAMPLES = 300
"""Scores are trusted."""
LOOK_S = 0.05
"""Seldom enough that looking takes nothing from the start."""
GIVE_UP_S = 300.0
console = Console(stderr=True)
app = typer.Typer()


def options(storage: Path, streams: int) -> dict[str, dict[str, object]]:
    """The service's settings; ages are as old as the filling took."""
    return {
        "storage": {"path": str(storage), "snapshot_interval": "1d", "sync": "off"},
        "limits": {"max_streams": streams, "max_sample_age_ms": 10**12},
    }


def fleet(streams: int) -> list[tuple[Series, ...]]:
    """The series by request, with labels about as long as a node exporter's."""
    series = [
        Series(
            (
                (NAME, f"bench_metric_{stream % 200}_seconds"),
                ("instance", f"host-{stream // 200}.example:9100"),
                ("job", "bench"),
                ("mode", ("user", "system", "idle", "iowait")[stream % 4]),
            )
        )
        for stream in range(streams)
    ]
    firsts = range(0, streams, STREAMS_PER_REQUEST)
    return [tuple(series[first : first + STREAMS_PER_REQUEST]) for first in firsts]


def post(pipeline: Pipeline, parts: list[tuple[Series, ...]], first: int, rounds: int) -> None:
    """One sample per stream and round, in several requests."""
    rng = np.random.default_rng(first)
    now_ms = time.time_ns() // 1_000_000
    for turn in range(first, first + rounds):
        for part in parts:
            n = len(part)
            times = np.full(n, now_ms - (10_000 - turn) * INTERVAL_MS, np.int64)
            batch = Batch(part, np.arange(n, dtype=np.int32), times, rng.lognormal(0.0, 0.5, n))
            pipeline.receive([Request(batch, "remote_write", now_ms)])


@app.command(hidden=True)
def prepare(storage: Path, streams: int, fill: int, rounds: int) -> None:
    """Fill the storage and die."""
    compile_kernels()
    storage.mkdir(parents=True)
    parts = fleet(streams)
    for begin, count in ((0, fill), (fill, rounds)):
        settings = load_settings(None, options(storage, streams))
        pipeline = build_pipeline(settings, Meters(), lambda _: None)
        list(pipeline.recover())
        post(pipeline, parts, begin, count)
        if begin == 0:
            pipeline.close()  # with a snapshot
    os._exit(0)  # as if it had been killed


def start(storage: Path, streams: int, log: Path) -> tuple[float, float, float, int]:
    """Start the service once: seconds until it answers and until it is ready, processor seconds, memory."""
    config = storage.parent / "kullback.yml"
    config.write_text(json.dumps(options(storage, streams)))
    port = 20_000 + os.getpid() % 20_000
    command = [sys.executable, "-m", "kullback", "serve", "--config", str(config)]
    begin, answered_s = time.monotonic(), 0.0
    with log.open("ab") as file:
        process = subprocess.Popen([*command, "--listen", f"127.0.0.1:{port}"], stderr=file, stdout=file)
    look = httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False)
    try:
        while time.monotonic() - begin < GIVE_UP_S and process.poll() is None:
            try:
                answer = look.get("/-/ready")
            except httpx.TransportError:
                time.sleep(LOOK_S)
                continue
            answered_s = answered_s or time.monotonic() - begin
            if answer.is_success:
                ready_s = time.monotonic() - begin
                return answered_s, ready_s, seconds_of(process.pid), memory_of(process.pid, "VmRSS")
            time.sleep(LOOK_S)
        raise SystemExit(f"The service did not become ready; see {log}.")
    finally:
        look.close()
        process.kill()
        process.wait()


@app.command()
def bench(
    streams: Annotated[int, typer.Option(help="Streams in the snapshot.")] = 100_000,
    minutes: Annotated[float, typer.Option(help="How much log lies behind it.")] = 5.0,
    fill: Annotated[int, typer.Option(help="Samples per stream before that.")] = FILL_SAMPLES,
    starts: Annotated[int, typer.Option(help="How often it is started.")] = 3,
    keep: Annotated[Path | None, typer.Option(help="Folder to keep and use again.")] = None,
) -> None:
    """Measure starts and print one Markdown row."""
    rounds = round(minutes * 60_000 / INTERVAL_MS)
    with tempfile.TemporaryDirectory() as temporary:
        folder = keep or Path(temporary)
        storage = folder / "var"
        if not storage.exists():
            console.print(f"Filling {storage}")
            arguments = [str(storage), str(streams), str(fill), str(rounds)]
            subprocess.run([sys.executable, "-m", "benchmarks.start_up", "prepare", *arguments], check=True)
        found = [start(storage, streams, folder / "log") for _ in range(starts)]
        disk = disk_of(storage)
    answered_s, ready_s, processor_s, resident = (np.median(column) for column in zip(*found, strict=True))
    print(
        "| streams | samples in the log | answers after, s | ready after, s | processor, s | resident MiB |"
    )
    print("|---|---|---|---|---|---|")
    print(
        f"| {streams:,} | {streams * rounds:,} | {answered_s:.1f} | {ready_s:.1f} | {processor_s:.1f} "
        f"| {resident / 2**20:,.0f} |"
    )
    each = ", ".join(f"{ready:.1f} ({processor:.1f})" for _, ready, processor, _ in found)
    console.print(f"each: {each}; storage {disk / 2**20:,.0f} MiB")


if __name__ == "__main__":
    app()
