"""How long the service holds requests up while it snapshots a large fleet.

    python -m benchmarks.pauses --streams 100000

Between two groups of requests the owner's thread does one step of background work: a slice of a snapshot is
copied, some history is written. Requests wait for a step that has begun, so the longest step is the longest
pause. The fleet is filled until the history of every stream wants to be written at the same time, which is
the worst case. Prints a Markdown row; processor time is the thread's own, so that it can be told how much of
a pause others had the machine.
"""

from __future__ import annotations

import gc
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import numpy as np
import typer

from benchmarks.start_up import fleet, options, post
from kullback.app import compile_kernels
from kullback.app.build import build_pipeline
from kullback.outputs.meters import Meters
from kullback.pipeline.pipeline import Pipeline
from kullback.settings import load_settings
from kullback.storage.points import CHUNK_POINTS

INTERVAL_MS = 1000
STEP_MS = 20
WRITER_S = 0.001


def filled(storage: Path, streams: int) -> Pipeline:
    """A pipeline whose streams all have one point more than fits in memory."""
    settings = options(storage, streams)
    settings["storage"]["snapshot_interval"] = f"{INTERVAL_MS}ms"
    pipeline = build_pipeline(load_settings(None, settings), Meters(), lambda _: None)
    list(pipeline.recover())
    post(pipeline, fleet(streams), 0, CHUNK_POINTS + 1)
    gc.collect()
    gc.freeze()  # as the owner does after a start
    return pipeline


def steps(pipeline: Pipeline, now_ms: int) -> list[tuple[float, float]]:
    """Seconds and processor seconds of each step until a snapshot is written."""
    found, written_ms = [], pipeline.checkpoint.written_ms
    while pipeline.checkpoint.written_ms == written_ms:
        begin_s, processor_s = time.perf_counter(), time.thread_time()
        wait_s = pipeline.breathe(now_ms)
        found.append((time.perf_counter() - begin_s, time.thread_time() - processor_s))
        now_ms += STEP_MS
        if wait_s:
            time.sleep(WRITER_S)
    return found


def main(streams: Annotated[int, typer.Option(help="Streams in the snapshot.")] = 100_000) -> None:
    """Measure the steps of one snapshot and print a Markdown row."""
    compile_kernels()
    with TemporaryDirectory() as folder:
        found = np.array(steps(filled(Path(folder), streams), time.time_ns() // 1_000_000)) * 1000
    print("| streams | steps | longest, ms | longest, ms of processor time | mean, ms of processor time |")
    print("|---|---|---|---|---|")
    (wall, processor), mean = found.max(axis=0), found[:, 1].mean()
    print(f"| {streams:,} | {len(found):,} | {wall:.0f} | {processor:.0f} | {mean:.1f} |")


if __name__ == "__main__":
    typer.run(main)
