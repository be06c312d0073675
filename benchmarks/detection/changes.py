"""Changes at a known sample, each over the null it departs from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from benchmarks.detection.nulls import (
    MINUTE_MS,
    Values,
    autoregressive,
    counts,
    daily,
    lognormal,
    normal,
)


@dataclass(frozen=True, slots=True)
class Change:
    """What happens to a stream from sample `at` on.

    Parameters
    ----------
    name : str
    background : str
        Changes of one background share its null streams and its matched threshold.
    base : callable
        (generator, streams, samples) -> the undisturbed values.
    apply : callable
        (generator, the values after `at`, the values before) -> the changed values after `at`.
    target : float or None
        Median delay in samples to reach at one false alarm per 10 000 samples.
    peer : str
        The best figure of a peer before this benchmark existed.
    within : int
        Alarms later than this many samples after the change do not count as finding it.
    """

    name: str
    background: str
    base: Callable[[Generator, int, int], Values]
    apply: Callable[[Generator, Values, Values], Values]
    target: float | None = None
    peer: str = "–"
    within: int = 2_048
    interval_ms: int = MINUTE_MS


def shift(size: float) -> Callable[[Generator, Values, Values], Values]:
    return lambda _rng, after, _before: after + size


def scale(factor: float) -> Callable[[Generator, Values, Values], Values]:
    return lambda _rng, after, _before: after * factor


def spikes(count: int, size: float) -> Callable[[Generator, Values, Values], Values]:
    def apply(_rng: Generator, after: Values, _before: Values) -> Values:
        after[:, :count] += size
        return after

    return apply


def burst(count: int, size: float) -> Callable[[Generator, Values, Values], Values]:
    return spikes(count, size)


def latency(rng: Generator, streams: int, samples: int) -> Values:
    """Request latencies: lognormal, 1 % of them ten times slower."""
    values = rng.lognormal(0.0, 0.5, (streams, samples))
    return np.where(rng.random(values.shape) < 0.01, 10.0 * values, values)


def more_slow_requests(rng: Generator, after: Values, _before: Values) -> Values:
    """1 % -> 5 % slow requests (of the 99 % fast ones, the share that makes it 5 % in all)."""
    fresh = rng.lognormal(0.0, 0.5, after.shape)
    return np.where(rng.random(after.shape) < 0.05, 10.0 * fresh, fresh)


def two_modes(rng: Generator, after: Values, _before: Values) -> Values:
    """Same mean and variance, modes at ±0.9."""
    side = np.where(rng.random(after.shape) < 0.5, -0.9, 0.9)
    return np.asarray(side + np.sqrt(1.0 - 0.81) * rng.standard_normal(after.shape))


def skewed(rng: Generator, streams: int, samples: int) -> Values:
    return (rng.gamma(4.0, 1.0, (streams, samples)) - 4.0) / 2.0


def flip(_rng: Generator, after: Values, _before: Values) -> Values:
    return -after


def freeze(_rng: Generator, after: Values, before: Values) -> Values:
    return np.repeat(before[:, -1:], after.shape[1], axis=1)


def busier(rng: Generator, after: Values, _before: Values) -> Values:
    return rng.poisson(4.0, after.shape).astype(np.float64)


CHANGES = (
    Change("mean +0.25 sigma", "normal", normal, shift(0.25), 150, "ADWIN 144"),
    Change("mean +0.5 sigma", "normal", normal, shift(0.5), 50, "CUSUM, ADWIN 48"),
    Change("mean +1 sigma", "normal", normal, shift(1.0), 15, "ADWIN 16"),
    Change("mean +2 sigma", "normal", normal, shift(2.0), 5, "EWMA 7"),
    Change("variance x1.5", "normal", normal, scale(np.sqrt(1.5)), 350),
    Change("variance x2", "normal", normal, scale(np.sqrt(2.0)), 65),
    Change("tail 1 -> 5 % x10", "latency", latency, more_slow_requests, 200, "CUSUM 208 (86 %)"),
    Change("second mode", "normal", normal, two_modes, 80),
    Change("skew flip", "skewed", skewed, flip, 55),
    Change("one 8 sigma spike", "normal", normal, spikes(1, 8.0), 1, "MAD rule 1", 16),
    Change("two 8 sigma spikes", "normal", normal, spikes(2, 8.0), 1, within=16),
    Change("dead sensor", "normal", normal, freeze, 7, "KSWIN 20"),
    Change("AR(0.9) +1 sigma", "AR 0.9", autoregressive(0.9), shift(1.0), 170),
    Change("AR(0.9) +2 sigma", "AR 0.9", autoregressive(0.9), shift(2.0)),
    Change("+1 sigma for 100 samples", "normal", normal, burst(100, 1.0), within=132),
    Change("lognormal x1.5", "lognormal", lognormal, scale(1.5)),
    Change("counts 3 -> 4", "counts", counts, busier),
    Change("daily +1 sigma", "daily", daily, shift(1.0), 16),
)
