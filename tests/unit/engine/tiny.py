"""A detector so small that its scores can be worked out by hand: |value − mean of all values before|."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kullback.core.batch import Batch, Buckets
from kullback.core.labels import Kind, Series, sorted_labels
from kullback.core.limits import Limits
from kullback.core.profile import Profile
from kullback.core.scores import Outcome, Scores
from kullback.detector.past import Pasts
from kullback.detector.plan import Plan
from kullback.engine.forms import Makers
from kullback.engine.local import LocalEngine

STATE = ("open", "count", "total", "last_ms", "factor", "struck")


@dataclass(frozen=True)
class TinySummary:
    samples: NDArray[np.float64]


class TinyDetector:
    def __init__(self, capacity: int) -> None:
        self.rows = {name: np.zeros(capacity) for name in STATE}
        self.bytes_per_stream = 8 * len(STATE)
        self.live_streams = 0
        self.past = Pasts(capacity)

    def open(self, slots: NDArray[np.int32], plan: Plan) -> None:
        self.close(slots)
        self.rows["open"][slots] = 1
        self.rows["factor"][slots] = plan.feedback

    def replan(self, slots: NDArray[np.int32], plan: Plan) -> None:
        self.rows["factor"][slots] = plan.feedback

    def close(self, slots: NDArray[np.int32]) -> None:
        for column in self.rows.values():
            column[slots] = 0

    def update(
        self,
        slot: NDArray[np.int32],
        timestamp_ms: NDArray[np.int64],
        value: NDArray[np.float64],
        scores: Scores,
        rows: NDArray[np.int64],
        offset: int,
    ) -> None:
        state = self.rows
        for one, at_ms, x, row in zip(slot, timestamp_ms, value, rows, strict=True):
            assert state["open"][one], "a sample came to a slot that is not open"
            if state["count"][one] and at_ms <= state["last_ms"][one]:
                scores.outcome[row] = Outcome.DUPLICATE
                continue
            if state["count"][one]:
                scores.score[row] = abs(x - state["total"][one] / state["count"][one]) * state["factor"][one]
            scores.value[row] = x
            state["count"][one] += 1
            state["total"][one] += x
            state["last_ms"][one] = at_ms

    def lengths(self, slot: int) -> tuple[int, ...]:
        return (4, 16)

    def windows(self, slot: int, window: int) -> Any:
        return ("windows", slot, window)

    def explain(self, slot: int) -> Any:
        return ("explain", slot)

    def summary(self, slots: NDArray[np.int32]) -> TinySummary:
        return TinySummary(self.rows["count"][slots])

    def rebaseline(self, slot: int) -> None:
        self.rows["total"][slot] = 0

    def strike(self, slot: int, start_ms: int, end_ms: int) -> int:
        self.rows["struck"][slot] += end_ms - start_ms
        return 1

    def undo_strike(self, slot: int, before: Mapping[str, NDArray[Any]], start_ms: int, end_ms: int) -> None:
        self.rows["struck"][slot] -= end_ms - start_ms

    def renew(self, slot: int, values: NDArray[np.float64]) -> None:
        self.rows["total"][slot] = values.mean() * self.rows["count"][slot]

    def newest(self, slot: int, count: int) -> NDArray[np.float64]:
        return np.array([self.rows["total"][slot] / self.rows["count"][slot]])

    def samples(self, slot: int) -> int:
        return int(self.rows["count"][slot])

    def is_held(self, slot: int) -> bool:
        return False

    def alarm_limits(self, slot: int) -> tuple[float | None, float | None]:
        return None, None

    def leader_text(self, leader: int) -> str:
        return f"leader {leader}"

    def save(self, slots: NDArray[np.int32]) -> dict[str, NDArray[Any]]:
        return {name: column[slots] for name, column in self.rows.items()}

    def load(self, slots: NDArray[np.int32], arrays: Mapping[str, NDArray[Any]]) -> None:
        for name, column in self.rows.items():
            column[slots] = arrays[name]


class TinyHistogramDetector(TinyDetector):
    """Scores the total of an interval; `seen` keeps what it was given."""

    def __init__(self, capacity: int) -> None:
        super().__init__(capacity)
        self.seen: list[tuple[int, int, list[float], list[float]]] = []

    def update(  # type: ignore[override]
        self,
        slot: NDArray[np.int32],
        timestamp_ms: NDArray[np.int64],
        buckets: Buckets,
        scores: Scores,
        rows: NDArray[np.int64],
        offset: int,
    ) -> None:
        for i, one in enumerate(slot):
            here = slice(buckets.start[i], buckets.start[i + 1])
            counts = buckets.count[here]
            weight = float((counts * np.arange(1, len(counts) + 1)).sum())
            self.seen.append(
                (int(one), int(timestamp_ms[i]), buckets.upper_bound[here].tolist(), counts.tolist())
            )
            self.rows["count"][one] += 1
            self.rows["total"][one] += weight
            scores.value[rows[i]] = scores.score[rows[i]] = weight


class TinyCategoryDetector(TinyDetector):
    codes = 4

    def update(  # type: ignore[override]
        self,
        slot: NDArray[np.int32],
        timestamp_ms: NDArray[np.int64],
        code: NDArray[np.int32],
        scores: Scores,
        rows: NDArray[np.int64],
        offset: int,
    ) -> None:
        super().update(slot, timestamp_ms, code.astype(float), scores, rows, offset)


ALL_FORMS = Makers(TinyDetector, TinyHistogramDetector, TinyCategoryDetector)


def engine(**options: Any) -> LocalEngine:
    limits = Limits(**{"max_streams": 100} | options.pop("limits", {}))
    profiles = options.pop("profiles", (Profile(),))
    makers = options.pop("makers", Makers(number=TinyDetector))
    return LocalEngine(limits, profiles, makers, **options)


def series(name: str, kind: Kind = Kind.GAUGE, **labels: str) -> Series:
    return Series(sorted_labels([("__name__", name), *labels.items()]), kind)


def batch(*samples: tuple[Series, int, float]) -> Batch:
    """A batch of (series, timestamp_ms, value)."""
    known = list(dict.fromkeys(one for one, _, _ in samples))
    return Batch(
        tuple(known),
        np.array([known.index(one) for one, _, _ in samples], np.int32),
        np.array([at_ms for _, at_ms, _ in samples], np.int64),
        np.array([value for _, _, value in samples], np.float64),
    )


def state_of(one: LocalEngine) -> dict[str, Any]:
    """All that is known of every stream, by id; equal for engines in the same state."""
    return {stream.id: _stream_state(one, stream.number) for stream in one}


def _stream_state(one: LocalEngine, number: int) -> dict[str, Any]:
    stream = one.stream(number)
    shard, slot = one._shards._at(number)
    row = shard.save(slot, slot + 1)[stream.form].columns
    facts = (stream.created_ms, stream.opened_offset, stream.feedback, stream.form, stream.series.labels)
    heard_ms = int(one._patience.heard_ms[number])
    names = one.views.categories(number)
    return {
        "facts": facts,
        "names": names,
        "heard_ms": heard_ms,
        **{name: row[name].tobytes() for name in row},
    }
