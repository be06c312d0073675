"""Whatever is on disk at any moment brings back the state of the service that wrote it, bit by bit."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from tests.crash_image import leave_behind

from kullback.app.build import build_pipeline
from kullback.core.batch import Batch
from kullback.core.labels import NAME, Series, sorted_labels
from kullback.outputs.meters import Meters
from kullback.pipeline.pipeline import Pipeline
from kullback.pipeline.request import Request
from kullback.settings import load_settings

NOW_MS = 1_795_328_801_679
STREAMS = [Series(sorted_labels([(NAME, "m_seconds"), ("i", str(i))])) for i in range(600)]
ROUNDS = 40
SAMPLES = 6


@contextmanager
def service(path: Path, shards: int) -> Iterator[Pipeline]:
    limits = {"max_streams": 1000, "max_sample_age_ms": 10**12, "future_tolerance_ms": 10**12}
    storage = {"path": str(path), "shards": shards, "snapshot_interval": "1s", "sync": "off"}
    options = load_settings(None, {"storage": storage, "limits": limits})
    path.mkdir(exist_ok=True)
    pipeline = build_pipeline(options, Meters(), lambda _: None)
    assert list(pipeline.recover())[-1].ratio == 1.0
    try:
        yield pipeline
    finally:
        pipeline.history.close()
        pipeline.log.close()


def request(rng: np.random.Generator, clock: np.ndarray, now_ms: int) -> Request:
    """A few samples of some streams; some streams go bad after a while."""
    chosen = rng.choice(len(STREAMS), 60, replace=False)
    index = np.repeat(np.arange(len(chosen), dtype=np.int32), SAMPLES)
    times = clock[chosen][:, None] + np.arange(SAMPLES) * 1000
    clock[chosen] += SAMPLES * 1000
    scale = np.where((chosen % 5 == 0) & (clock[chosen] > NOW_MS + 70_000), 30.0, 1.0)
    values = rng.lognormal(0, 0.3, times.shape) * scale[:, None]
    batch = Batch(tuple(STREAMS[i] for i in chosen), index, times.ravel(), values.ravel())
    return Request(batch, "json", now_ms)


def state_of(pipeline: Pipeline) -> dict[str, dict[str, Any]]:
    return {stream.id: _stream_state(pipeline, stream.number) for stream in pipeline.engine}


def _stream_state(pipeline: Pipeline, number: int) -> dict[str, Any]:
    stream, numbers = pipeline.engine.stream(number), np.array([number], np.int32)
    shard, slot = pipeline.engine._shards._at(number)
    rows = [
        shard.save(slot, slot + 1)[stream.form].columns,
        pipeline.alerts.save(numbers),
        pipeline.history.points.save(numbers),
    ]
    kept = pipeline.history.scores(stream.id, 0, 2 * NOW_MS) if int(stream.id, 16) % 20 == 0 else np.empty(0)
    columns = [{name: column.tobytes() for name, column in row.items()} for row in rows]
    return {"columns": columns, "created_ms": stream.created_ms, "history": kept.tobytes()}


# No shrinking: a smaller seed is not a simpler case.
@settings(
    max_examples=6,
    deadline=None,
    phases=(Phase.generate,),
    suppress_health_check=[HealthCheck.too_slow],
)
@given(st.integers(0, 2**32 - 1), st.integers(0, ROUNDS - 1), st.sampled_from([(1, 1), (3, 3), (1, 2)]))
def test_what_is_on_disk_brings_back_the_state(seed: int, crash: int, shards: tuple[int, int]) -> None:
    rng = np.random.default_rng(seed)
    clock = np.full(len(STREAMS), NOW_MS)
    before, after = shards
    with TemporaryDirectory() as folder, service(Path(folder) / "live", before) as live:
        for round_ in range(ROUNDS):
            now_ms = NOW_MS + round_ * 400
            live.receive([request(rng, clock, now_ms) for _ in range(rng.integers(1, 4))])
            for _ in range(rng.integers(0, 5)):
                live.breathe(now_ms)
            if round_ == crash:
                leave_behind(Path(folder) / "live", Path(folder) / "left")
                wanted, alerts = state_of(live), live.history.alerts(limit=1000)
        with service(Path(folder) / "left", after) as again:
            assert state_of(again) == wanted
            assert again.history.alerts(limit=1000) == alerts
