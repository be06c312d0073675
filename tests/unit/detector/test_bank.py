"""The bank of CUSUMs: its sums are those of a plain program, and they name what happened and since when."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from kullback.core.budget import Budget
from kullback.core.profile import Direction
from kullback.core.scores import Episode, Scores, blank_scores
from kullback.detector.axis import BLOCK, PAIR, WIDTHS
from kullback.detector.bank import (
    ALTERNATIVES,
    GAINS,
    HANDICAP_NATS,
    INFORMATION_NATS,
    MASSES,
    MEMORY_SAMPLES,
    samples_since_onset,
)
from kullback.detector.layout import Shape
from kullback.detector.plan import Plan
from kullback.detector.scalar import ScalarDetector

ZERO = np.array([0], np.int32)
LEAD = 4000
NEVER = Plan(feedback=1e9, season_ms=-1)
USUAL = Plan(budget=Budget(1.0, 0, 10_000))


def fed(plan: Plan, values: NDArray[np.float64]) -> tuple[ScalarDetector, Scores]:
    detector = ScalarDetector(1, Shape())
    detector.open(ZERO, plan)
    return detector, feed(detector, values)


def feed(detector: ScalarDetector, values: NDArray[np.float64]) -> Scores:
    first = 1 + int(detector.streams["samples"][0])
    scores = blank_scores(1000 * np.arange(first, first + len(values), dtype=np.int64))
    rows = np.arange(len(values))
    detector.update(np.zeros(len(values), np.int32), scores.timestamp_ms, values, scores, rows, 0)
    return scores


def normal(count: int, seed: int = 3) -> NDArray[np.float64]:
    return np.random.default_rng(seed).standard_normal(count)


def test_sums_are_those_of_a_plain_program() -> None:
    detector, _ = fed(NEVER, normal(LEAD))
    sums = detector.streams["bank"][0].astype(np.float64)
    feed(detector, 0.4 + 1.2 * normal(700, 4))
    stream = detector.streams[0]
    room = len(stream["codes"])
    codes = stream["codes"][(int(stream["head"]) - 700 + np.arange(700)) % room]
    for code in codes:
        low, high = BLOCK[code]
        ratio = MASSES[:, low : high + 1].sum(axis=1) / WIDTHS[low : high + 1].sum()
        sums = np.maximum((1 - 1 / MEMORY_SAMPLES) * sums + np.log(ratio), 0)
    assert np.allclose(stream["bank"], sums, rtol=1e-4, atol=1e-3)
    assert sums.max() > 20


def test_gains_are_log_likelihood_ratios_whose_mean_after_the_change_is_the_divergence() -> None:
    single = np.diagonal(PAIR)
    assert np.allclose((MASSES * GAINS[single].T).sum(axis=1), INFORMATION_NATS, atol=1e-6)
    assert np.allclose((WIDTHS * np.exp(GAINS[single].T)).sum(axis=1), 1.0, atol=1e-6)
    assert np.allclose(GAINS[PAIR[0, -1]], 0.0, atol=1e-6)


@pytest.mark.parametrize(
    ("change", "name"),
    [
        (lambda z: z + 0.5, "level rose"),
        (lambda z: z - 0.5, "level fell"),
        (lambda z: 1.5 * z, "spread grew"),
        (lambda z: 0.6 * z, "spread shrank"),
        (lambda z: np.sign(z) * (0.9 + 0.2 * np.abs(z)), "two modes"),
        (lambda z: np.where(z > 1.6, 5.0 + z, z), "upper tail grew"),
        (lambda z: np.where(z < -1.6, -5.0 + z, z), "lower tail grew"),
    ],
)
def test_the_alternative_that_leads_says_what_happened(change: object, name: str) -> None:
    detector, _ = fed(NEVER, np.concatenate((normal(LEAD), change(normal(400, 5)))))  # type: ignore[operator]
    led = detector.streams["bank"][0] - HANDICAP_NATS
    assert ALTERNATIVES[int(np.argmax(led))].name == name


def test_onset_is_the_sample_where_the_evidence_was_nought_last() -> None:
    values = np.concatenate((normal(LEAD), 0.7 + normal(300, 6)))
    kind = next(
        i for i, a in enumerate(ALTERNATIVES) if a.name == "level rose" and 0.1 < INFORMATION_NATS[i] < 0.2
    )
    since = []
    for count in (LEAD + 60, LEAD + 150, LEAD + 300):
        detector, _ = fed(NEVER, values[:count])
        since.append(count - samples_since_onset(detector.streams[0], kind))
    assert len(set(since)) == 1
    assert abs(since[0] - LEAD) < 64


def test_small_shift_is_one_alert_from_its_beginning() -> None:
    detector, scores = fed(USUAL, np.concatenate((normal(LEAD, 11), 0.6 + normal(500, 12))))
    starts = np.flatnonzero(scores.episode & Episode.STARTED)
    starts = starts[starts >= LEAD]
    assert len(starts) == 1
    assert abs(scores.onset_ms[starts[0]] - 1000 * (LEAD + 1)) < 60_000
    explanation = detector.explain(0)
    assert explanation.leader == "level rose"
    assert explanation.anomalous


def test_wanted_direction_leaves_the_other_alternatives_out() -> None:
    fell = np.concatenate((normal(LEAD, 11), -0.6 + normal(500, 12)))
    above = Plan(budget=Budget(1.0, 0, 10_000), direction=Direction.ABOVE)
    _, scores = fed(above, fell)
    assert not (scores.episode[LEAD:] & Episode.STARTED).any()
    _, scores = fed(Plan(budget=Budget(1.0, 0, 10_000), direction=Direction.BELOW), fell)
    assert (scores.episode[LEAD:] & Episode.STARTED).any()


def test_constant_stream_gives_no_evidence() -> None:
    detector, _ = fed(USUAL, np.full(LEAD, 7.0))
    assert detector.streams["bank"][0].max() == pytest.approx(0.0, abs=1e-4)
