"""A variational autoencoder small enough to be written out (Kingma & Welling, 2014), in NumPy.

One hidden layer each way, Gaussian posterior with diagonal covariance, Gaussian likelihood, Adam. The
gradients are the textbook ones; `tests/unit/examples` compares them with finite differences.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def latent_kl_nats(mean: Array, log_variance: Array) -> Array:
    """KL(N(μ, σ²) ‖ N(0, 1)) per latent dimension, averaged over the batch, nats.

    Parameters
    ----------
    mean, log_variance : float64 array, shape (batch, latents)

    Returns
    -------
    float64 array, shape (latents,)
        ½ (μ² + σ² − ln σ² − 1), Kingma & Welling (2014), appendix B.
    """
    nats: Array = 0.5 * (mean**2 + np.exp(log_variance) - log_variance - 1.0).mean(axis=0)
    return nats


@dataclass(slots=True)
class Adam:
    """Kingma & Ba (2015)."""

    rate: float = 2e-3
    steps: int = 0
    first: dict[str, Array] = field(default_factory=dict)
    second: dict[str, Array] = field(default_factory=dict)

    def move(self, weights: dict[str, Array], gradients: dict[str, Array]) -> None:
        """One step down the gradients."""
        self.steps += 1
        for name, gradient in gradients.items():
            self.first[name] = 0.9 * self.first.get(name, 0.0) + 0.1 * gradient
            self.second[name] = 0.999 * self.second.get(name, 0.0) + 0.001 * gradient**2
            mean = self.first[name] / (1 - 0.9**self.steps)
            scale = np.sqrt(self.second[name] / (1 - 0.999**self.steps)) + 1e-8
            weights[name] -= self.rate * mean / scale


class Vae:
    """Encoder and decoder with one tanh layer each.

    Parameters
    ----------
    inputs, hidden, latents : int
    seed : int
    """

    def __init__(self, inputs: int, hidden: int, latents: int, seed: int) -> None:
        self.latents = latents
        self._rng = np.random.default_rng(seed)
        self.weights = {
            "encode": self._weights(inputs, hidden),
            "posterior": self._weights(hidden, 2 * latents),
            "decode": self._weights(latents, hidden),
            "output": self._weights(hidden, inputs),
        }
        self.adam = Adam()

    def _weights(self, rows: int, columns: int) -> Array:
        return self._rng.standard_normal((rows + 1, columns)) / np.sqrt(rows + 1)  # last row: the bias

    def step(self, batch: Array, beta: float) -> tuple[Array, float]:
        """Train on one batch.

        Parameters
        ----------
        batch : float64 array, shape (batch, inputs)
        beta : float
            Weight of the KL term.

        Returns
        -------
        float64 array, shape (latents,)
            KL of each latent, nats.
        float
            Mean squared reconstruction error.
        """
        noise = self._rng.standard_normal((len(batch), self.latents))
        gradients, kl_nats, error = self.gradients(batch, beta, noise)
        self.adam.move(self.weights, gradients)
        return kl_nats, error

    def gradients(self, batch: Array, beta: float, noise: Array) -> tuple[dict[str, Array], Array, float]:
        """Gradients of ½ Σ(x̂ − x)² + β Σ KL, averaged over the batch, with the KL and the error."""
        n, weights = len(batch), self.weights
        hidden = np.tanh(_with_bias(batch) @ weights["encode"])
        posterior = _with_bias(hidden) @ weights["posterior"]
        mean, log_variance = posterior[:, : self.latents], posterior[:, self.latents :]
        deviation = np.exp(0.5 * log_variance)
        latent = mean + deviation * noise
        unfolded = np.tanh(_with_bias(latent) @ weights["decode"])
        residual = _with_bias(unfolded) @ weights["output"] - batch

        to_output = residual / n
        to_unfolded = (to_output @ weights["output"][:-1].T) * (1 - unfolded**2)
        to_latent = to_unfolded @ weights["decode"][:-1].T
        to_mean = to_latent + beta * mean / n
        to_log_variance = 0.5 * to_latent * noise * deviation + 0.5 * beta * (deviation**2 - 1) / n
        to_posterior = np.concatenate([to_mean, to_log_variance], axis=1)
        to_hidden = (to_posterior @ weights["posterior"][:-1].T) * (1 - hidden**2)
        gradients = {
            "output": _with_bias(unfolded).T @ to_output,
            "decode": _with_bias(latent).T @ to_unfolded,
            "posterior": _with_bias(hidden).T @ to_posterior,
            "encode": _with_bias(batch).T @ to_hidden,
        }
        return gradients, latent_kl_nats(mean, log_variance), float((residual**2).mean())


def _with_bias(rows: Array) -> Array:
    return np.concatenate([rows, np.ones((len(rows), 1))], axis=1)
