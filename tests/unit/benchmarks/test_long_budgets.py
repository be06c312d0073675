from dataclasses import dataclass, replace

import numpy as np
import pytest
from benchmarks.detection.nulls import NULLS, missing, normal
from benchmarks.detection.watch import Watched
from benchmarks.long_budgets import (
    EXPOSURE,
    FAMILIES,
    GROUP_STREAMS,
    STEADY_FROM,
    STEADY_SAMPLES,
    groups_of,
    measure,
    ratio,
    section,
)
from benchmarks.peers import Feed, Values

MILLION = 1_000_000


@dataclass
class Clockwork:
    """Alarms at the same samples of every stream, whatever they hold."""

    at: tuple[int, ...]
    name: str = "clockwork"
    dummy: bool = True
    cost_us: float = 0.01

    def watch(
        self, values: Values, feed: Feed, *, timestamp_ms: object = None, counter: bool = False
    ) -> Watched:
        started = np.zeros(values.shape, bool)
        started[:, list(self.at)] = True
        return Watched(started.astype(float), started, started, np.isfinite(values))


def test_every_family_is_a_null_family_and_there_are_enough_streams_to_count_alarms() -> None:
    assert set(FAMILIES) <= {family.name for family in NULLS}
    for budget, samples in STEADY_SAMPLES.items():
        assert groups_of(budget, 1.0) * GROUP_STREAMS * samples >= EXPOSURE * budget
        assert groups_of(budget, 0.2) * GROUP_STREAMS * samples >= 3 * budget


def test_alarms_are_counted_by_phase_over_all_groups() -> None:
    told: list[float] = []
    detector = Clockwork((100, 5_000, STEADY_FROM, STEADY_FROM + 9))
    counted = measure(detector, NULLS[:1], (MILLION,), 0.1, 1, told.append)["normal", MILLION]
    streams = groups_of(MILLION, 0.1) * GROUP_STREAMS
    assert streams > GROUP_STREAMS
    assert {phase: alarms.sum() / streams for phase, (alarms, _) in counted.items()} == {
        "warm-up": 1,
        "learning": 1,
        "steady": 2,
    }
    assert ratio(counted, "steady", MILLION).value == pytest.approx(2 * MILLION / STEADY_SAMPLES[MILLION])
    assert told == sorted(told)
    assert told[-1] == pytest.approx(1.0)


def test_budget_is_spent_on_samples_that_arrived() -> None:
    holed = replace(NULLS[0], name="holed", draw=missing(normal))
    counted = measure(Clockwork(()), [holed], (MILLION,), 0.01, 1, lambda _: None)["holed", MILLION]
    _, arrived = counted["steady"]
    assert arrived.mean() == pytest.approx(0.7 * STEADY_SAMPLES[MILLION], rel=0.01)


def test_page_tells_alarms_what_was_accepted_and_the_sampling_error() -> None:
    measured = measure(Clockwork((STEADY_FROM,)), NULLS[:1], (MILLION,), 0.01, 1, lambda _: None)
    table = section(measured).tables[0]
    assert table.title == "One alarm per 1 000 000 samples"
    assert table.rows[0][2] == "20.35 ± 3.60 ▲ (32 / 1.6)"
    assert "accepts 1.6 alarms of them, so chance alone moves a ratio of 1 by 0.80" in table.note
