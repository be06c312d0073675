"""What every detector of the comparison offers: one score per sample, 1.0 on its own line."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]
Kernel = Callable[[Values], Values]


@dataclass(frozen=True, slots=True)
class Feed:
    """What a user would tell a detector about the streams.

    Parameters
    ----------
    interval_ms : int
        Time between two samples.
    samples_per_alarm : float
        The alarm budget: one false alarm per so many samples of a stream.
    """

    interval_ms: int
    samples_per_alarm: float

    @property
    def day_samples(self) -> int:
        """Samples in one day, at least 2."""
        return max(2, round(86_400_000 / self.interval_ms))


@dataclass(frozen=True, slots=True)
class Peer:
    """A detector of the comparison.

    Parameters
    ----------
    name : str
    line : str
        How its own line (score 1.0) is set.
    source : str
        Where the method is published.
    score : callable
        (values, shape (streams, samples), NaN = missing; feed) -> scores of the same shape.
    cost_us : float
        Rough cost of a sample; the slow ones get fewer streams, and the tables say so.
    dummy : bool
        A detector that knows nothing, shown to tell what a figure is worth.
    """

    name: str
    line: str
    source: str
    score: Callable[[Values, Feed], Values]
    cost_us: float = 0.5
    dummy: bool = False


def each_stream(values: Values, kernel: Kernel) -> Values:
    """Run a kernel over the present samples of each stream; missing samples score 0.

    Parameters
    ----------
    values : float64 array, shape (streams, samples)
    kernel : callable
        From one stream's values to its scores.
    """
    scores = np.zeros(values.shape)
    for row, stream in enumerate(values):
        present = np.isfinite(stream)
        scores[row, present] = kernel(np.ascontiguousarray(stream[present]))
    return scores
