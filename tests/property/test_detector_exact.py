"""The incremental detector against a recomputation from scratch that shares none of its code."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kullback.core.budget import Budget
from kullback.core.scores import Scores, blank_scores
from kullback.detector.layout import Shape
from kullback.detector.plan import Plan
from kullback.detector.scalar import ScalarDetector
from kullback.detector.tables import FIXED

CUTS = [0.002, 0.01, *[i / 16 for i in range(1, 16)], 0.99, 0.998]
EDGES = [0.0, *CUTS, 1.0]
SMALL = Shape(windows=(4, 16, 64), reference_samples=128, gap_samples=64)
NEVER = Plan(budget=Budget(1.0, 0, 10**9), feedback=1e9)
OFTEN = Plan(budget=Budget(1.0, 0, 100), feedback=0.3, rebaseline_after_samples=64)
ONE = np.array([0], np.int32)


def run(
    values: np.ndarray, shape: Shape, plan: Plan = NEVER, pieces: int = 1
) -> tuple[ScalarDetector, Scores]:
    detector = ScalarDetector(1, shape)
    detector.open(np.array([0], np.int32), plan)
    timestamp_ms = (1 + np.arange(len(values), dtype=np.int64)) * 1000
    scores = blank_scores(timestamp_ms)
    for rows in np.array_split(np.arange(len(values)), pieces):
        slots = np.zeros(len(rows), np.int32)
        detector.update(slots, timestamp_ms[rows], values[rows], scores, rows, 0)
    return detector, scores


def rounded(value: float, origin: float) -> float:
    """To float32 with 16 significant bits, as the state keeps values."""
    distance = np.float32(value - origin)
    bits = int(distance.view(np.uint32))
    magnitude = bits & 0x7FFFFFFF
    sign = bits & 0x80000000
    step = (magnitude + (0x7F if sign else 0x80)) >> 8 << 8
    return float(np.uint32(sign | step).view(np.float32))


def block_of(below: int, through: int, size: int, draw: float) -> tuple[int, int]:
    left, right = below / (size + 1), (through + 1) / (size + 1)
    touched = [b for b in range(20) if EDGES[b] < right - 1e-9 and EDGES[b + 1] > left]
    whole = [b for b in touched if EDGES[b] >= left and EDGES[b + 1] <= right + 1e-9]
    if len(touched) == 1:
        return touched[0], touched[0]
    point = left + draw * (right - left)
    chosen = next((b for b in touched if EDGES[b] <= point < EDGES[b + 1]), touched[-1])
    return (whole[0], whole[-1]) if chosen in whole else (chosen, chosen)


def spread(block: tuple[int, int]) -> np.ndarray:
    """Mass of one sample per bin, in units rounded at the cuts."""
    left, right = EDGES[block[0]], EDGES[block[1] + 1]
    below = [0, *[np.rint(2000 * min(max((c - left) / (right - left), 0), 1)) for c in CUTS], 2000]
    return np.diff(below) / 2000


def brute_force(values: np.ndarray, shape: Shape) -> dict[int, np.ndarray]:
    """Statistics 2 w × (categorical, ordered, tails) of each full window after the last sample.

    Of windows that do not raise alarms the first one only.
    """
    keys = [rounded(v, values[0]) for v in values]
    reference: list[float] = []
    queue: list[float] = []
    masses: list[np.ndarray] = []
    for number, key in enumerate(keys):
        if reference:
            masses.append(_mass(reference, key, number))
        queue.append(key)
        if not reference and len(queue) == 64:
            reference, queue = queue[:48], queue[48:]
            masses = [_mass(reference, k, number + 1) for k in queue]
            continue
        share = (len(reference) + len(queue)) // 4
        gap = (
            shape.gap_samples
            if len(reference) >= shape.reference_samples
            else min(shape.gap_samples, max(16, share))
        )
        if reference and len(queue) >= gap + 16:
            reference = (reference + queue[:16])[-shape.reference_samples :]
            queue = queue[16:]
    found = {w: _statistics(np.array(masses[-w:])) for w in shape.windows if len(masses) >= w}
    return {w: statistics if w <= 32 else statistics[:1] for w, statistics in found.items()}


def _mass(reference: list[float], key: float, number: int) -> np.ndarray:
    ordered = np.array(reference)
    below, through = int((ordered < key).sum()), int((ordered <= key).sum())
    draw = ((number * 2654435769) & 0xFFFFFFFF) / 2**32
    return spread(block_of(below, through, len(reference), draw))


def _statistics(masses: np.ndarray) -> np.ndarray:
    length, counts = len(masses), masses.sum(axis=0)
    coarse = np.array([counts[:3].sum(), *counts[3:17], counts[17:].sum()])
    p = (coarse + 0.5) / (length + 8)
    categorical = (p * np.log(16 * p)).sum()
    share = np.clip(np.cumsum(counts)[:-1] / length, 0, 1)
    c = np.array(CUTS)
    with np.errstate(divide="ignore", invalid="ignore"):
        k = np.where(share > 0, share * np.log(share / c), 0) + np.where(
            share < 1, (1 - share) * np.log((1 - share) / (1 - c)), 0
        )
    is_coarse = np.isclose(c * 16, np.rint(c * 16))
    v = np.where(is_coarse, 1 / (c * (1 - c)), 0)
    width = np.diff(EDGES)
    u = (width[:-1] + width[1:]) / (c * (1 - c))
    return 2 * length * np.array([categorical, k @ v / v.sum(), k @ u / u.sum()])


FAMILIES = {
    "normal": lambda rng, n: rng.standard_normal(n),
    "heavy tails": lambda rng, n: rng.pareto(1.2, n),
    "counts": lambda rng, n: rng.poisson(3, n).astype(float),
    "mostly constant": lambda rng, n: np.where(rng.random(n) < 0.9, 5.0, rng.integers(4, 8, n)),
    "walk": lambda rng, n: np.cumsum(rng.standard_normal(n)) + 1e6,
    "two values": lambda rng, n: rng.integers(0, 2, n).astype(float),
    "constant": lambda rng, n: np.full(n, 7.5),
}


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("length", [64, 65, 79, 80, 200, 400, 777])
def test_incremental_statistics_equal_a_recomputation(family: str, length: int) -> None:
    values = FAMILIES[family](np.random.default_rng(length), length)
    detector, _ = run(values, SMALL)
    for window, expected in brute_force(values, SMALL).items():
        index = SMALL.windows.index(window)
        got = 2.0 * window * detector.streams["sums"][0, index, : len(expected)] / FIXED
        assert got == pytest.approx(
            expected, abs=2e-3 if family in ("normal", "heavy tails", "walk") else 0.05
        )


def same(kept: dict[str, np.ndarray], other: dict[str, np.ndarray]) -> bool:
    return all(kept[name].tobytes() == other[name].tobytes() for name in kept)


samples = st.lists(
    st.floats(-1e12, 1e12, allow_nan=False)
    | st.integers(-3, 3).map(float)
    | st.sampled_from([0.0, -0.0, 1e-300]),
    min_size=64,
    max_size=300,
).map(lambda values: np.array(values, np.float64))


@settings(max_examples=40, deadline=None)
@given(samples, st.integers(1, 20))
def test_splitting_a_batch_changes_nothing(values: np.ndarray, pieces: int) -> None:
    whole, scores = run(values, SMALL, OFTEN)
    parts, part_scores = run(values, SMALL, OFTEN, pieces=pieces)
    assert same(whole.save(ONE), parts.save(ONE))
    assert np.array_equal(scores.score, part_scores.score, equal_nan=True)


@settings(max_examples=40, deadline=None)
@given(samples)
def test_mass_is_conserved_and_the_divergence_finite_and_not_negative(values: np.ndarray) -> None:
    detector, scores = run(values, SMALL)
    assert np.isfinite(scores.score[63:]).all()
    for window in SMALL.windows:
        view = detector.windows(0, window)
        assert view.current_mass.sum() == pytest.approx(1.0, abs=1e-12)
        assert np.all(view.current_mass >= 0)
        assert view.divergence_nats >= 0
        assert view.contributions_nats.sum() == pytest.approx(view.divergence_nats, abs=1e-9)
        assert np.all(view.edges[1:] >= view.edges[:-1])


@settings(max_examples=20, deadline=None)
@given(samples, st.integers(1, 299))
def test_saving_and_loading_in_between_changes_nothing(values: np.ndarray, cut: int) -> None:
    whole, scores = run(values, SMALL, OFTEN)
    cut = min(cut, len(values) - 1)
    first, _ = run(values[:cut], SMALL, OFTEN)
    second = ScalarDetector(3, SMALL)
    second.load(np.array([2], np.int32), first.save(np.array([0], np.int32)))
    rest = np.arange(cut, len(values))
    again = blank_scores((1 + np.arange(len(values), dtype=np.int64)) * 1000)
    second.update(np.full(len(rest), 2, np.int32), again.timestamp_ms[rest], values[rest], again, rest, 0)
    assert np.array_equal(again.score[cut:], scores.score[cut:], equal_nan=True)
    assert same(whole.save(ONE), second.save(np.array([2], np.int32)))
