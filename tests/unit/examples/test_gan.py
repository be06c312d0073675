from __future__ import annotations

import numpy as np
import pytest
from examples.gan import Gan, Layers

STEP = 1e-6


def test_gradients_of_two_layers_are_those_of_finite_differences() -> None:
    rng = np.random.default_rng(0)
    layers = Layers(3, 4, 1, rng, 1e-3)
    rows, weight = rng.standard_normal((6, 3)), rng.standard_normal((6, 1))
    gradients, to_rows = layers.backward(rows, layers.forward(rows)[1], weight)
    for name, weights in layers.weights.items():
        for place in np.ndindex(weights.shape):
            numeric = difference(weights, place, layers, rows, weight)
            assert gradients[name][place] == pytest.approx(numeric, rel=1e-4, abs=1e-7)
    for place in np.ndindex(rows.shape):
        assert to_rows[place] == pytest.approx(difference(rows, place, layers, rows, weight), abs=1e-6)


def difference(
    array: np.ndarray, place: tuple[int, ...], layers: Layers, rows: np.ndarray, weight: np.ndarray
) -> float:
    kept, ends = array[place], []
    for step in (STEP, -STEP):
        array[place] = kept + step
        ends.append(float((layers.forward(rows)[0] * weight).sum()))
    array[place] = kept
    return (ends[0] - ends[1]) / (2 * STEP)


def test_a_generator_learns_where_the_real_points_are() -> None:
    rng = np.random.default_rng(1)
    gan = Gan(noise=2, hidden=16, seed=1)
    before = abs(gan.generate(500).mean() - 3.0)
    for _ in range(1500):
        gan.step(3.0 + 0.5 * rng.standard_normal((64, 1)))
    assert abs(gan.generate(500).mean() - 3.0) < min(1.0, before)
