"""A generative adversarial network small enough to be written out (Goodfellow et al., 2014), in NumPy.

Generator and discriminator have one hidden layer each; the generator maximises ln D(G(z)) (the
non-saturating loss of the paper's section 3).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from examples.vae import Adam

Array = NDArray[np.float64]


class Layers:
    """Two layers, leaky rectifier between them.

    Parameters
    ----------
    inputs, hidden, outputs : int
    rng : numpy Generator
    rate : float
        Learning rate.
    """

    SLOPE = 0.2

    def __init__(self, inputs: int, hidden: int, outputs: int, rng: np.random.Generator, rate: float) -> None:
        self.weights = {
            "in": rng.standard_normal((inputs, hidden)) * np.sqrt(2.0 / inputs),
            "in_bias": rng.standard_normal(hidden) * 0.5,
            "out": rng.standard_normal((hidden, outputs)) * np.sqrt(1.0 / hidden),
            "out_bias": np.zeros(outputs),
        }
        self.adam = Adam(rate)

    def forward(self, rows: Array) -> tuple[Array, Array]:
        """Outputs and the hidden layer's values before the rectifier."""
        before = rows @ self.weights["in"] + self.weights["in_bias"]
        return self._rectify(before) @ self.weights["out"] + self.weights["out_bias"], before

    def backward(self, rows: Array, before: Array, to_output: Array) -> tuple[dict[str, Array], Array]:
        """Gradients of the weights, and the gradient that goes on to the inputs."""
        to_hidden = (to_output @ self.weights["out"].T) * np.where(before > 0, 1.0, self.SLOPE)
        gradients = {
            "in": rows.T @ to_hidden,
            "in_bias": to_hidden.sum(axis=0),
            "out": self._rectify(before).T @ to_output,
            "out_bias": to_output.sum(axis=0),
        }
        return gradients, to_hidden @ self.weights["in"].T

    def _rectify(self, before: Array) -> Array:
        rectified: Array = np.where(before > 0, before, self.SLOPE * before)
        return rectified


class Gan:
    """A generator and a discriminator of points on a line.

    Parameters
    ----------
    noise : int
        Dimensions of the generator's input.
    hidden : int
    seed : int
    """

    def __init__(self, noise: int, hidden: int, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.noise = noise
        self.generator = Layers(noise, hidden, 1, self.rng, 1e-3)
        self.discriminator = Layers(1, hidden, 1, self.rng, 1e-3)

    def generate(self, count: int) -> Array:
        """Points the generator makes, shape (count, 1)."""
        return self.generator.forward(self.rng.standard_normal((count, self.noise)))[0]

    def step(self, real: Array) -> None:
        """One step of the discriminator and one of the generator.

        Parameters
        ----------
        real : float64 array, shape (batch, 1)
        """
        self._teach_discriminator(real, self.generate(len(real)))
        self._teach_generator(len(real))

    def _teach_discriminator(self, real: Array, made: Array) -> None:
        rows = np.concatenate([real, made])
        truth = np.concatenate([np.ones_like(real), np.zeros_like(made)])
        logits, before = self.discriminator.forward(rows)
        gradients, _ = self.discriminator.backward(rows, before, (_sigmoid(logits) - truth) / len(rows))
        self.discriminator.adam.move(self.discriminator.weights, gradients)

    def _teach_generator(self, count: int) -> None:
        noise = self.rng.standard_normal((count, self.noise))
        made, before = self.generator.forward(noise)
        logits, inside = self.discriminator.forward(made)
        _, to_made = self.discriminator.backward(made, inside, (_sigmoid(logits) - 1.0) / count)
        gradients, _ = self.generator.backward(noise, before, to_made)
        self.generator.adam.move(self.generator.weights, gradients)


def _sigmoid(logits: Array) -> Array:
    squashed: Array = 1.0 / (1.0 + np.exp(-np.clip(logits, -30, 30)))
    return squashed
