"""Streams whose reference follows something, through the log, snapshots and a crash."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.crash_image import leave_behind
from tests.unit.pipeline.test_reload import let_go, opened, snapshot

from kullback.core.batch import Batch
from kullback.core.labels import NAME, Series, sorted_labels
from kullback.pipeline.following import Following, renewed_after
from kullback.pipeline.pipeline import ADVANCE_MS, Pipeline
from kullback.pipeline.request import Request

NOW_MS = 1_795_328_801_679
CANARY = {"match": '{version="canary"}', "reference": {"kind": "stream", "labels": {"version": "stable"}}}
AN_HOUR_AGO = {"reference": {"kind": "ago", "by": "1h", "span": "20m"}}


def send(pipeline: Pipeline, version: str, values: np.ndarray, first: int = 0) -> None:
    """A sample a second, and what the service does between two requests."""
    series = Series(sorted_labels([(NAME, "m"), ("version", version)]))
    times = NOW_MS + 1000 * np.arange(first, first + len(values))
    batch = Batch((series,), np.zeros(len(values), np.int32), times, values.astype(np.float64))
    pipeline.receive([Request(batch, "json", int(times[-1]))])
    pipeline.breathe(int(times[-1]) + ADVANCE_MS)


def normal(count: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(count)


def number_of(pipeline: Pipeline, version: str) -> int:
    labels = sorted_labels([(NAME, "m"), ("version", version)])
    return next(stream.number for stream in pipeline.engine if stream.series.labels == labels)


def seen(pipeline: Pipeline, version: str = "canary") -> np.ndarray:
    reference: np.ndarray = pipeline.engine.views.windows(number_of(pipeline, version), 64).reference_values
    return reference


def compared(pipeline: Pipeline, version: str = "canary") -> Any:
    return pipeline.engine.references.comparison(number_of(pipeline, version))


def scores(pipeline: Pipeline) -> dict[str, Any]:
    numbers = np.array(sorted(stream.number for stream in pipeline.engine), np.int32)
    summary = pipeline.engine.summary(numbers)
    columns = ("score", "divergence_nats", "threshold_nats", "samples")
    rows = {name: getattr(summary, name).tobytes() for name in columns}
    return rows | {"reference": [seen(pipeline, one).tobytes() for one in ("canary", "stable")]}


def test_canary_is_compared_with_its_sibling_and_moves_with_it(tmp_path: Path) -> None:
    pipeline = opened(tmp_path / "live", CANARY)
    send(pipeline, "stable", 5.0 + normal(1200, 1))
    send(pipeline, "canary", 5.0 + normal(10, 2), 1300)
    assert compared(pipeline).in_force
    assert seen(pipeline).mean() == pytest.approx(5.0, abs=0.1)
    send(pipeline, "canary", 7.0 + normal(200, 3), 1310)
    number = number_of(pipeline, "canary")
    assert pipeline.engine.views.explain(number).anomalous
    send(pipeline, "stable", 7.0 + normal(1100, 4), 1400)
    assert seen(pipeline).mean() == pytest.approx(7.0, abs=0.1)
    send(pipeline, "canary", 7.0 + normal(400, 5), 2500)
    assert not pipeline.engine.views.explain(number).anomalous
    let_go(pipeline)


def test_missing_sibling_is_told_and_disturbs_nothing(tmp_path: Path) -> None:
    pipeline = opened(tmp_path / "live", CANARY)
    send(pipeline, "canary", normal(500, 1))
    offset = pipeline.log.last_offset
    for later in range(5):
        pipeline.breathe(NOW_MS + 600_000 + later * ADVANCE_MS)
    assert pipeline.log.last_offset == offset
    assert not compared(pipeline).in_force
    assert 'no reference yet: there is no stream m{version="stable"}' in compared(pipeline).state
    assert np.isfinite(pipeline.engine.summary(np.array([0], np.int32)).score[0])
    send(pipeline, "stable", normal(20, 2), 2000)
    assert 'm{version="stable"} has 20 samples' in compared(pipeline).state
    send(pipeline, "stable", normal(50, 3), 2020)
    assert compared(pipeline).in_force
    pipeline.act({"do": "delete", "stream": pipeline.engine.stream(number_of(pipeline, "stable")).id}, NOW_MS)
    pipeline.breathe(NOW_MS + 2_200_000)
    assert "is gone; compared with its last samples" in compared(pipeline).state
    let_go(pipeline)


@pytest.mark.parametrize("snapshot_at", [None, 400, 900])
@pytest.mark.parametrize("profile", [CANARY, AN_HOUR_AGO], ids=["stream", "ago"])
def test_scores_after_a_crash_are_those_of_a_service_that_went_on(
    tmp_path: Path, profile: dict[str, Any], snapshot_at: int | None
) -> None:
    live = opened(tmp_path / "live", profile)
    for first in range(0, 6000, 100):
        send(live, "stable", 5.0 + normal(100, first), first)
        send(live, "canary", 5.0 + normal(100, first + 1), first)
        if first == snapshot_at:
            snapshot(live)
    assert compared(live).in_force
    before = scores(live)
    leave_behind(tmp_path / "live", tmp_path / "crashed")
    again = opened(tmp_path / "crashed", profile)
    assert scores(again) == before
    for pipeline in (live, again):
        send(pipeline, "canary", 5.5 + normal(300, 9), 6000)
    assert scores(again) == scores(live)
    let_go(live)
    let_go(again)


def test_other_profiles_let_go_of_what_was_followed(tmp_path: Path) -> None:
    folder = tmp_path / "live"
    pipeline = opened(folder, CANARY)
    send(pipeline, "stable", 5.0 + normal(1200, 1))
    send(pipeline, "canary", 9.0 + normal(500, 2), 1300)
    let_go(pipeline)
    pipeline = opened(folder, {"match": "{}"})
    assert compared(pipeline).state == "its own newest past"
    assert seen(pipeline).mean() == pytest.approx(9.0, abs=0.2)
    assert not pipeline.engine.references.followers
    let_go(pipeline)


def test_a_stream_does_not_follow_itself(tmp_path: Path) -> None:
    pipeline = opened(tmp_path / "live", {"reference": CANARY["reference"]})
    send(pipeline, "stable", normal(300, 1))
    assert not compared(pipeline, "stable").in_force
    let_go(pipeline)


def test_young_siblings_are_looked_at_more_often() -> None:
    assert [renewed_after(samples, 1024) for samples in (64, 512, 10_000)] == [16, 32, 64]


def test_state_tells_how_much_of_the_period_is_there(tmp_path: Path) -> None:
    pipeline = opened(tmp_path / "live", AN_HOUR_AGO)
    send(pipeline, "stable", normal(1800, 1))
    assert "no reference yet: 30m of 1h" in compared(pipeline, "stable").state
    send(pipeline, "stable", normal(2000, 2), 1800)
    assert compared(pipeline, "stable").state == "itself 1h ago, 20m around then"
    let_go(pipeline)


def test_of_many_that_are_due_none_waits_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three canaries of three pods, one renewed at a time, and always new samples for all of them."""
    monkeypatch.setattr("kullback.pipeline.following.MOST_AT_ONCE", 1)
    pipeline = opened(
        tmp_path, {"match": '{m="canary"}', "reference": {"kind": "stream", "labels": {"m": "stable"}}}
    )
    served = set()
    following = Following()
    for turn in range(3):
        series = [
            Series(sorted_labels([(NAME, "x"), ("m", kind), ("pod", str(pod))]))
            for kind in ("canary", "stable")
            for pod in range(3)
        ]
        index = np.repeat(np.arange(6, dtype=np.int32), 100)
        times = NOW_MS + 1000 * (100 * turn + np.tile(np.arange(100), 6))
        batch = Batch(tuple(series), index, times, normal(600, turn))
        pipeline.receive([Request(batch, "json", int(times.max()))])
        served |= set(following.due(pipeline.engine))
    assert len(served) == 3
