"""A replay watches each sample as it was watched when it came, whatever the configuration says today."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.crash_image import leave_behind

from kullback.app.build import build_pipeline
from kullback.core.batch import Batch
from kullback.core.errors import ErrorId, KullbackError, Overloaded
from kullback.core.labels import NAME, Series, sorted_labels
from kullback.outputs.meters import Meters
from kullback.pipeline.pipeline import Pipeline
from kullback.pipeline.request import Request
from kullback.settings import Settings, load_settings

NOW_MS = 1_795_328_801_679
STRICT = {"alarm_budget": "1 per 100d", "severity": "critical"}
LOOSE = {"alarm_budget": "1 per 10m", "severity": "info", "ignore_labels": ["pod"], "for": "3s"}
SERIES = [Series(sorted_labels([(NAME, "m_seconds"), ("i", str(i // 2)), ("pod", str(i))])) for i in range(8)]


def settings(folder: Path, profile: dict[str, Any]) -> Settings:
    limits = {"max_streams": 50, "max_sample_age_ms": 10**12, "future_tolerance_ms": 10**12}
    return load_settings(None, {"storage": {"path": str(folder)}, "limits": limits, "profiles": [profile]})


def opened(folder: Path, profile: dict[str, Any]) -> Pipeline:
    folder.mkdir(exist_ok=True)
    pipeline = build_pipeline(settings(folder, profile), Meters(), lambda _: None)
    assert list(pipeline.recover())[-1].ratio == 1.0
    return pipeline


def let_go(pipeline: Pipeline) -> None:
    with suppress(KullbackError):
        pipeline.history.close()
    pipeline.log.close()


def reload(pipeline: Pipeline, folder: Path, profile: dict[str, Any]) -> None:
    changed = settings(folder, profile)
    pipeline.reconfigure(changed.build_profiles(), changed.build_limits(), NOW_MS)


def send(pipeline: Pipeline, first: int, count: int) -> None:
    rng = np.random.default_rng(first)
    for turn in range(first, first + count):
        times = np.full(len(SERIES), NOW_MS + turn * 1000)
        value = rng.lognormal(0.0, 0.4, len(SERIES)) * (8.0 if turn % 400 > 370 else 1.0)
        batch = Batch(tuple(SERIES), np.arange(len(SERIES), dtype=np.int32), times, value)
        pipeline.receive([Request(batch, "json", int(times[0]))])


def state_of(pipeline: Pipeline) -> dict[str, Any]:
    numbers = np.array([stream.number for stream in pipeline.engine], np.int32)
    summary = pipeline.engine.summary(numbers)
    return {
        "streams": {(stream.id, stream.number, stream.profile.severity) for stream in pipeline.engine},
        "score": summary.score.tobytes(),
        "threshold": summary.threshold_nats.tobytes(),
        "alerts": pipeline.history.alerts(limit=1000),
        "profiles": pipeline.facts.profiles,
    }


def snapshot(pipeline: Pipeline) -> None:
    pipeline.checkpoint.finish(pipeline)


@pytest.mark.parametrize("snapshot_at", [None, "before", "after"])
def test_a_replay_reloads_where_the_service_did(tmp_path: Path, snapshot_at: str | None) -> None:
    live = opened(tmp_path / "live", STRICT)
    send(live, 0, 500)
    if snapshot_at == "before":
        snapshot(live)
    send(live, 500, 200)
    reload(live, tmp_path / "live", LOOSE)
    send(live, 700, 200)
    if snapshot_at == "after":
        snapshot(live)
    send(live, 900, 300)
    live.history.flush(NOW_MS)
    leave_behind(tmp_path / "live", tmp_path / "left")
    again = opened(tmp_path / "left", LOOSE)
    assert state_of(again) == state_of(live)
    assert len(again.engine) == len(SERIES) + len(SERIES) // 2  # `pod` counted before, and not after
    send(live, 1200, 200)
    send(again, 1200, 200)
    assert state_of(again) == state_of(live)
    let_go(live)
    let_go(again)


def test_what_came_before_a_changed_configuration_is_replayed_as_it_was(tmp_path: Path) -> None:
    live = opened(tmp_path / "live", STRICT)
    send(live, 0, 700)
    wanted = state_of(live)
    live.history.flush(NOW_MS)
    leave_behind(tmp_path / "live", tmp_path / "left")
    let_go(live)
    again = opened(tmp_path / "left", LOOSE)
    assert state_of(again)["alerts"] == wanted["alerts"]
    assert {stream.id for stream in again.engine} == {stream_id for stream_id, _, _ in wanted["streams"]}
    assert {stream.profile.severity for stream in again.engine} == {"info"}
    let_go(again)


def test_a_reload_that_changes_no_profile_writes_nothing(tmp_path: Path) -> None:
    live = opened(tmp_path / "live", STRICT)
    before = live.log.last_offset
    reload(live, tmp_path / "live", STRICT)
    assert live.log.last_offset == before
    let_go(live)


def test_a_full_disk_refuses_a_reload_and_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    live = opened(tmp_path / "live", STRICT)

    def full(_: object) -> range:
        raise Overloaded(ErrorId.STORAGE_UNAVAILABLE, "full")

    monkeypatch.setattr(live.log, "append", full)
    before = live.facts.profiles
    with pytest.raises(Overloaded):
        reload(live, tmp_path / "live", LOOSE)
    assert live.facts.profiles == before
    let_go(live)
