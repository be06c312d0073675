"""Several threads score a batch as one would."""

from __future__ import annotations

import numpy as np
import pytest

from kullback.core.batch import Batch
from kullback.core.scores import blank_scores
from kullback.detector.layout import Shape
from kullback.detector.plan import Plan
from kullback.detector.scalar import ScalarDetector
from kullback.engine import lanes
from kullback.engine.lanes import in_lanes
from kullback.engine.readings import Readings
from kullback.engine.watches import NumberWatch

STREAMS, SAMPLES = 30, 9000


@pytest.fixture(autouse=True)
def three_lanes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lanes, "LANES", 3)


def scored(lane_samples: int, monkeypatch: pytest.MonkeyPatch) -> tuple[list[bytes], bytes]:
    monkeypatch.setattr(lanes, "LANE_SAMPLES", lane_samples)
    rng = np.random.default_rng(3)
    slots = rng.integers(0, STREAMS, SAMPLES).astype(np.int32)
    batch = Batch((), slots, np.arange(SAMPLES) * 1000, rng.lognormal(0, 0.5, SAMPLES))
    watch = NumberWatch(ScalarDetector(STREAMS, Shape()))
    every = np.arange(STREAMS, dtype=np.int32)
    watch.open(every, Plan())
    scores = blank_scores(batch.timestamp_ms)
    watch.feed(slots, np.arange(SAMPLES), Readings(batch), scores)
    told = (scores.score, scores.divergence_nats, scores.leader, scores.onset_ms, scores.outcome)
    return [column.tobytes() for column in told], watch.save(every)["stream"].tobytes()


def test_scores_and_states_are_those_of_one_thread_to_the_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    assert scored(1000, monkeypatch) == scored(SAMPLES, monkeypatch)


def test_lanes_take_every_row_once_and_keep_a_stream_together() -> None:
    slots = np.random.default_rng(1).integers(0, 100, 5000).astype(np.int32)
    taken: list[np.ndarray] = []
    in_lanes(slots, taken.append)
    assert sorted(np.concatenate(taken)) == list(range(5000))
    assert len(taken) == 3
    assert sum(len(set(slots[lane])) for lane in taken) == len(set(slots))
    assert all((np.diff(lane) > 0).all() for lane in taken)


def test_what_fails_in_another_thread_fails_the_call() -> None:
    def score(lane: np.ndarray) -> None:
        if lane[0] != 0:
            raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        in_lanes(np.arange(5000, dtype=np.int32), score)
