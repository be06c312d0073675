"""The whole path with its real parts on a temporary directory: log, engine, alerts, history."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kullback.alerting.decision import Decision
from kullback.app.build import build_pipeline
from kullback.core.batch import Batch
from kullback.core.errors import ErrorId, Overloaded, RequestError
from kullback.core.labels import NAME, Series, sorted_labels
from kullback.outputs.meters import Meters
from kullback.pipeline.pipeline import Pipeline
from kullback.pipeline.receipt import Receipt
from kullback.pipeline.request import Request
from kullback.settings import Settings, load_settings
from kullback.storage.directory import Directory

NOW_MS = 1_795_328_801_679
STEP_MS = 1000
Open = Callable[[], Pipeline]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    limits = {"max_streams": 50, "max_sample_age_ms": 10**12, "future_tolerance_ms": 10**12}
    return load_settings(None, {"storage": {"path": str(tmp_path / "storage")}, "limits": limits})


@pytest.fixture
def delivered() -> list[Decision]:
    return []


@pytest.fixture
def start(settings: Settings, delivered: list[Decision]) -> Iterator[Open]:
    """Opens the pipeline anew each time it is called, as after a crash."""
    opened: list[Pipeline] = []

    def open_pipeline() -> Pipeline:
        if opened:
            _drop(opened[-1])
        pipeline = build_pipeline(settings, Meters(), delivered.extend)
        assert list(pipeline.recover())[-1].ratio == 1.0
        opened.append(pipeline)
        return pipeline

    with Directory(settings.storage.path):
        yield open_pipeline
    _drop(opened[-1])


def _drop(pipeline: Pipeline) -> None:
    """Let go of the files without saving anything."""
    pipeline.history.close()
    pipeline.log.close()


def samples(server: str, first: int, values: np.ndarray, want_streams: int = 10) -> Request:
    series = Series(sorted_labels([(NAME, "response_seconds"), ("server", server)]))
    times = NOW_MS + STEP_MS * np.arange(first, first + len(values))
    batch = Batch((series,), np.zeros(len(values), np.int32), times, values.astype(np.float64))
    return Request(batch, "json", int(times[-1]), want_streams=want_streams)


def quiet(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).lognormal(-2.0, 0.3, count)


def receive(pipeline: Pipeline, request: Request) -> Receipt:
    (receipt,) = pipeline.receive([request])
    assert isinstance(receipt, Receipt)
    return receipt


def stream_id(pipeline: Pipeline, server: str) -> str:
    return next(stream.id for stream in pipeline.engine if ("server", server) in stream.series.labels)


def state_of(pipeline: Pipeline) -> dict[str, Any]:
    """Everything that a restart must bring back, comparable."""
    numbers = np.array(sorted(stream.number for stream in pipeline.engine), np.int32)
    slices = [part for part in pipeline.engine.slices() if part.columns]
    columns = {
        (part.kind, name): column.tobytes() for part in slices for name, column in part.columns.items()
    }
    return {"columns": columns, "phases": pipeline.alerts.phases(numbers).tolist()}


def test_receipt_tells_score_and_state_of_each_touched_stream(start: Open) -> None:
    receipt = receive(start(), samples("web-1", 0, quiet(100)))
    (touched,) = receipt.streams
    assert receipt.accepted == 100
    assert touched.score is not None
    assert touched.max_score is not None
    assert 0 <= touched.score <= touched.max_score < 1
    assert touched.state == "ok"


def test_stream_is_warming_up_before_its_first_score(start: Open) -> None:
    (touched,) = receive(start(), samples("web-1", 0, quiet(20))).streams
    assert (touched.score, touched.state) == (None, "warming_up")


def test_repeated_request_is_a_success_that_changes_nothing(start: Open) -> None:
    pipeline = start()
    request = samples("web-1", 0, quiet(10))
    receive(pipeline, request)
    again = receive(pipeline, request)
    assert (again.accepted, again.duplicates, again.rejected) == (0, 10, 0)


def test_late_sample_is_refused_with_its_option(start: Open) -> None:
    pipeline = start()
    receive(pipeline, samples("web-1", 1000, quiet(10)))
    late = receive(pipeline, samples("web-1", 0, quiet(1)))
    assert [(refusal.error, refusal.count) for refusal in late.refusals] == [(ErrorId.SAMPLE_OUT_OF_ORDER, 1)]


def test_streams_beyond_the_limit_are_refused_and_the_others_kept(start: Open) -> None:
    pipeline = start()
    requests = [samples(f"web-{index}", 0, quiet(1)) for index in range(60)]
    receipts = pipeline.receive(requests)
    refused = [receipt for receipt in receipts if isinstance(receipt, Receipt) and receipt.rejected]
    assert len(pipeline.engine) == 50
    assert [receipt.refusals[0].error for receipt in refused] == [ErrorId.TOO_MANY_STREAMS] * 10


def test_silent_streams_make_room_although_nothing_else_was_taken(settings: Settings, start: Open) -> None:
    settings.limits.expire_streams_after = 5 * 60_000
    pipeline = start()
    pipeline.receive([samples(f"old-{index}", 0, quiet(1)) for index in range(50)])
    minutes = [receive(pipeline, samples("new", 60 * minute, quiet(1))).accepted for minute in range(1, 9)]
    assert minutes[:5] == [0] * 5
    assert minutes[-1] == 1
    assert stream_id(pipeline, "new")
    before = state_of(pipeline)
    assert state_of(start()) == before


def test_nothing_is_applied_when_the_log_cannot_be_written(
    start: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    pipeline = start()
    receive(pipeline, samples("web-1", 0, quiet(100)))
    before = state_of(pipeline)

    def full(_: object) -> range:
        raise Overloaded(ErrorId.STORAGE_UNAVAILABLE, "no space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(pipeline.log, "append", full)
        (failed,) = pipeline.receive([samples("web-1", 100, quiet(10))])
    assert isinstance(failed, Overloaded)
    assert state_of(pipeline) == before
    assert receive(pipeline, samples("web-1", 100, quiet(10))).accepted == 10


def test_replay_brings_back_the_very_state(start: Open) -> None:
    pipeline = start()
    for first in range(0, 600, 50):
        pipeline.receive([samples(f"web-{server}", first, quiet(50, first + server)) for server in range(3)])
    receive(pipeline, samples("web-1", 600, 10 * quiet(30)))
    before = state_of(pipeline)
    assert state_of(start()) == before


def test_snapshot_and_the_log_behind_it_bring_back_the_very_state(start: Open) -> None:
    pipeline = start()
    receive(pipeline, samples("web-1", 0, quiet(300)))
    pipeline.checkpoint.finish(pipeline)
    receive(pipeline, samples("web-1", 300, quiet(300, 1)))
    before = state_of(pipeline)
    restarted = start()
    assert restarted.replayed_samples == 300
    assert state_of(restarted) == before


def test_incident_is_one_alert_with_its_explanation(start: Open, delivered: list[Decision]) -> None:
    pipeline = start()
    receive(pipeline, samples("web-1", 0, quiet(400)))
    for first in range(400, 440, 10):
        receive(pipeline, samples("web-1", first, 20 * quiet(10)))
    (alert,) = pipeline.history.alerts()
    assert alert["state"] == "firing"
    assert "of the divergence comes from" in alert["annotations"]["description"]
    assert [decision.alert.state for decision in delivered] == ["firing"]


def test_replay_tells_receivers_nothing_and_keeps_the_explanation(
    start: Open, delivered: list[Decision]
) -> None:
    pipeline = start()
    receive(pipeline, samples("web-1", 0, quiet(400)))
    receive(pipeline, samples("web-1", 400, 20 * quiet(40)))
    (before,) = pipeline.history.alerts()
    delivered.clear()
    restarted = start()
    (live,) = restarted.book.live(restarted.alerts, restarted.engine)
    assert delivered == []
    assert live.annotations["description"] == before["annotations"]["description"]
    assert live.id == before["id"]


def test_maintenance_silences_its_streams_and_survives_a_restart(start: Open) -> None:
    pipeline = start()
    receive(pipeline, samples("web-1", 0, quiet(400)))
    window = {"start_ms": NOW_MS, "end_ms": NOW_MS + 10**9}
    action = {"do": "add_maintenance", "id": "w", "match": '{server="web-1"}', "once": window}
    pipeline.act(action, NOW_MS)
    pipeline.checkpoint.finish(pipeline)
    restarted = start()
    (touched,) = receive(restarted, samples("web-1", 400, 20 * quiet(40))).streams
    assert touched.state == "maintenance"
    assert restarted.history.alerts() == []


@pytest.mark.parametrize("act", ["rebaseline", "exclude"])
def test_what_was_done_before_a_snapshot_is_taken_back_after_it_as_in_an_uninterrupted_run(
    start: Open, act: str
) -> None:
    pipeline = start()
    receive(pipeline, samples("web-1", 0, quiet(2200)))
    stream = stream_id(pipeline, "web-1")
    span = {"start_ms": NOW_MS + 200_000, "end_ms": NOW_MS + 400_000}
    pipeline.act({"do": act, "stream": stream, **span}, NOW_MS)
    pipeline.checkpoint.finish(pipeline)
    receive(pipeline, samples("web-1", 2200, quiet(50, 1)))
    pipeline.act({"do": f"undo_{act}", "stream": stream}, NOW_MS)
    before = state_of(pipeline)
    restarted = start()
    assert restarted.replayed_samples == 50
    assert state_of(restarted) == before
    with pytest.raises(RequestError, match="take back"):
        restarted.act({"do": f"undo_{act}", "stream": stream}, NOW_MS)


def test_deleted_stream_is_gone_after_a_restart_too(start: Open) -> None:
    pipeline = start()
    receive(pipeline, samples("web-1", 0, quiet(10)))
    receive(pipeline, samples("web-2", 0, quiet(10)))
    pipeline.act({"do": "delete", "stream": stream_id(pipeline, "web-1")}, NOW_MS)
    assert [dict(stream.series.labels)["server"] for stream in start().engine] == ["web-2"]


def test_refused_action_changes_nothing_and_does_not_stop_a_replay(start: Open) -> None:
    pipeline = start()
    receive(pipeline, samples("web-1", 0, quiet(10)))
    with pytest.raises(RequestError):
        pipeline.act({"do": "rebaseline", "stream": "nobody"}, NOW_MS)
    assert len(start().engine) == 1


def test_false_positive_raises_the_line_and_taking_it_back_restores_it(start: Open) -> None:
    pipeline = start()
    receive(pipeline, samples("web-1", 0, quiet(400)))
    said = {"do": "feedback", "stream": stream_id(pipeline, "web-1"), "alert": "a", "max_score": 1.2}
    raised = pipeline.act({**said, "verdict": "false_positive"}, NOW_MS)
    taken_back = pipeline.act({**said, "verdict": None}, NOW_MS)
    assert raised == pytest.approx(1.26)
    assert taken_back == 1.0


def test_actions_are_in_the_audit_trail(start: Open) -> None:
    pipeline = start()
    receive(pipeline, samples("web-1", 0, quiet(400)))
    pipeline.act({"do": "rebaseline", "stream": stream_id(pipeline, "web-1"), "author": "alice"}, NOW_MS)
    ((_, at_ms, action),) = pipeline.history.audits()
    assert (at_ms, action["do"], action["author"]) == (NOW_MS, "rebaseline", "alice")
