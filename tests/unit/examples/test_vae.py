from __future__ import annotations

import numpy as np
import pytest
from examples.vae import Vae, latent_kl_nats

STEP = 1e-6


def loss(vae: Vae, batch: np.ndarray, beta: float, noise: np.ndarray) -> float:
    """½ Σ(x̂ − x)² + β Σ KL, averaged over the batch, from the outputs of `gradients`."""
    _, kl_nats, error = vae.gradients(batch, beta, noise)
    return 0.5 * error * batch.shape[1] + beta * float(kl_nats.sum())


@pytest.mark.parametrize("name", ["encode", "posterior", "decode", "output"])
def test_gradients_are_those_of_finite_differences(name: str) -> None:
    rng = np.random.default_rng(0)
    vae = Vae(inputs=5, hidden=4, latents=2, seed=1)
    batch, noise = rng.standard_normal((7, 5)), rng.standard_normal((7, 2))
    gradient = vae.gradients(batch, 0.3, noise)[0][name]
    weights = vae.weights[name]
    for place in np.ndindex(weights.shape):
        kept = weights[place]
        weights[place] = kept + STEP
        above = loss(vae, batch, 0.3, noise)
        weights[place] = kept - STEP
        below = loss(vae, batch, 0.3, noise)
        weights[place] = kept
        assert gradient[place] == pytest.approx((above - below) / (2 * STEP), rel=1e-4, abs=1e-7)


def test_the_kl_of_latents_is_that_of_the_samples() -> None:
    """Against ∫ p ln(p/q) estimated from draws of p."""
    mean, deviation = 0.7, 0.4
    rng = np.random.default_rng(2)
    z = mean + deviation * rng.standard_normal(400_000)
    p = -0.5 * ((z - mean) / deviation) ** 2 - np.log(deviation)
    q = -0.5 * z**2
    closed = latent_kl_nats(np.array([[mean]]), np.array([[2 * np.log(deviation)]]))
    assert closed[0] == pytest.approx(float((p - q).mean()), rel=0.01)


def test_training_lowers_the_error() -> None:
    rng = np.random.default_rng(3)
    mixing = rng.standard_normal((2, 6))
    vae = Vae(inputs=6, hidden=12, latents=2, seed=3)
    errors = [vae.step(rng.standard_normal((64, 2)) @ mixing, beta=0.01)[1] for _ in range(400)]
    assert np.mean(errors[-20:]) < 0.5 * np.mean(errors[:20])
