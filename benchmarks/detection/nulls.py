"""Streams on which nothing happens: whatever alarms here is false.

Each family draws `streams` independent streams of `samples` samples at its own sampling interval. NaN is a
missing sample. Periods: a day and a week in samples follow from the interval.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.random import Generator
from numpy.typing import NDArray

Values = NDArray[np.float64]
MINUTE_MS = 60_000
FIVE_MINUTES_MS = 300_000
DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True)
class Family:
    """A kind of stream on which nothing happens.

    Parameters
    ----------
    name : str
    draw : callable
        (generator, streams, samples) -> values, shape (streams, samples).
    interval_ms : int
    counter : bool
        The values are a running total (with resets); what is watched is its rate per second.
    note : str
    """

    name: str
    draw: Callable[[Generator, int, int], Values]
    note: str
    interval_ms: int = MINUTE_MS
    counter: bool = False


def normal(rng: Generator, streams: int, samples: int) -> Values:
    return rng.standard_normal((streams, samples))


def uniform(rng: Generator, streams: int, samples: int) -> Values:
    return rng.random((streams, samples))


def lognormal(rng: Generator, streams: int, samples: int) -> Values:
    return rng.lognormal(0.0, 1.0, (streams, samples))


def gamma(rng: Generator, streams: int, samples: int) -> Values:
    return rng.gamma(2.0, 1.0, (streams, samples))


def bimodal(rng: Generator, streams: int, samples: int) -> Values:
    side = np.where(rng.random((streams, samples)) < 0.5, -2.0, 2.0)
    return side + 0.6 * rng.standard_normal((streams, samples))


def pareto(rng: Generator, streams: int, samples: int) -> Values:
    return rng.pareto(1.2, (streams, samples)) + 1.0


def student(rng: Generator, streams: int, samples: int) -> Values:
    return rng.standard_t(3.0, (streams, samples))


def counts(rng: Generator, streams: int, samples: int) -> Values:
    return rng.poisson(3.0, (streams, samples)).astype(np.float64)


def rare_counts(rng: Generator, streams: int, samples: int) -> Values:
    return rng.poisson(0.02, (streams, samples)).astype(np.float64)


def ties(rng: Generator, streams: int, samples: int) -> Values:
    """Mostly one value, a few neighbours."""
    return rng.choice([5.0, 4.0, 6.0, 7.0], (streams, samples), p=[0.9, 0.05, 0.04, 0.01])


def zero_inflated(rng: Generator, streams: int, samples: int) -> Values:
    idle = rng.random((streams, samples)) < 0.7
    return np.where(idle, 0.0, rng.lognormal(0.0, 1.0, (streams, samples)))


def rounded(rng: Generator, streams: int, samples: int) -> Values:
    return np.round(rng.standard_normal((streams, samples)) * 2.0) / 2.0


@njit(cache=True)
def _autoregress(noise: Values, rho: float) -> Values:
    x = np.empty_like(noise)
    scale = np.sqrt(1.0 - rho * rho)
    for s in range(noise.shape[0]):
        x[s, 0] = noise[s, 0]
        for t in range(1, noise.shape[1]):
            x[s, t] = rho * x[s, t - 1] + scale * noise[s, t]
    return x


def autoregressive(rho: float) -> Callable[[Generator, int, int], Values]:
    """AR(1) of unit variance."""

    def draw(rng: Generator, streams: int, samples: int) -> Values:
        return _autoregress(rng.standard_normal((streams, samples)), rho)

    return draw


def wave(rng: Generator, streams: int, samples: int, period: int) -> Values:
    """Unit sine of the given period, random phase for each stream."""
    phase = rng.random((streams, 1))
    turns: Values = np.arange(samples) / period + phase
    return np.asarray(np.sin(2.0 * np.pi * turns))


def daily(rng: Generator, streams: int, samples: int) -> Values:
    return 2.0 * wave(rng, streams, samples, DAY_MS // MINUTE_MS) + normal(rng, streams, samples)


def daily_autoregressive(rng: Generator, streams: int, samples: int) -> Values:
    return 2.0 * wave(rng, streams, samples, DAY_MS // MINUTE_MS) + autoregressive(0.7)(rng, streams, samples)


def weekly(rng: Generator, streams: int, samples: int) -> Values:
    """Office hours: a daily hump on five days, a flat weekend."""
    day = DAY_MS // FIVE_MINUTES_MS
    offset = rng.integers(0, 7 * day, (streams, 1))
    clock = np.arange(samples) + offset
    working = (clock // day) % 7 < 5
    hump = np.maximum(0.0, np.sin(2.0 * np.pi * (clock % day) / day - 0.5 * np.pi) + 0.3)
    return 4.0 * hump * working + normal(rng, streams, samples)


def drift(rng: Generator, streams: int, samples: int) -> Values:
    return normal(rng, streams, samples) + np.arange(samples) / 10_000.0


def trend_and_season(rng: Generator, streams: int, samples: int) -> Values:
    return daily(rng, streams, samples) + np.arange(samples) / 10_000.0


@njit(cache=True)
def _reflected_walk(steps: Values, bound: float) -> Values:
    x = np.empty_like(steps)
    for s in range(steps.shape[0]):
        level = 0.0
        for t in range(steps.shape[1]):
            level += steps[s, t]
            if level > bound:
                level = 2.0 * bound - level
            elif level < -bound:
                level = -2.0 * bound - level
            x[s, t] = level
    return x


def bounded_walk(rng: Generator, streams: int, samples: int) -> Values:
    """Random walk between reflecting walls 10 standard steps apart each way: a disk's or pool's fill
    level."""
    return _reflected_walk(normal(rng, streams, samples), 10.0)


def day_and_night(rng: Generator, streams: int, samples: int) -> Values:
    """Variance of the day four times that of the night, same mean."""
    swing = wave(rng, streams, samples, DAY_MS // MINUTE_MS)
    return np.exp(np.log(2.0) * 0.5 * swing) * normal(rng, streams, samples)


def counter(rng: Generator, streams: int, samples: int) -> Values:
    """Requests counted in total, 3 per second on average, process restarted every few thousand samples."""
    total = np.cumsum(rng.poisson(3.0 * MINUTE_MS / 1000.0, (streams, samples)), axis=1).astype(np.float64)
    for stream in total:
        for start in np.flatnonzero(rng.random(samples) < 1 / 5000):
            if start:
                stream[start:] -= stream[start - 1]
    return total


def missing(draw: Callable[[Generator, int, int], Values]) -> Callable[[Generator, int, int], Values]:
    """30 % of the samples never arrive."""

    def holed(rng: Generator, streams: int, samples: int) -> Values:
        values = draw(rng, streams, samples)
        values[rng.random(values.shape) < 0.3] = np.nan
        return values

    return holed


def stuck(rng: Generator, streams: int, samples: int) -> Values:
    """A sensor read faster than it measures: bursts of 2-30 equal values, one burst in 50 samples."""
    values = normal(rng, streams, samples)
    starts = rng.random(values.shape) < 0.02
    length = rng.integers(2, 31, values.shape)
    for stream, begin, count in zip(values, starts, length, strict=True):
        for t in np.flatnonzero(begin):
            stream[t : t + count[t]] = stream[t]
    return values


def held(rng: Generator, streams: int, samples: int) -> Values:
    """Every value repeated 5 times."""
    return np.repeat(normal(rng, streams, samples // 5 + 1), 5, axis=1)[:, :samples]


def bursty(rng: Generator, streams: int, samples: int) -> Values:
    """Quiet noise with jobs: bursts of 5-20 samples, 2-6 sigma high, every 150 samples or so."""
    values = normal(rng, streams, samples)
    starts = rng.random(values.shape) < 1 / 150
    length = rng.integers(5, 21, values.shape)
    height = rng.uniform(2.0, 6.0, values.shape)
    for stream, begin, count, rise in zip(values, starts, length, height, strict=True):
        for t in np.flatnonzero(begin):
            stream[t : t + count[t]] += rise[t]
    return values


@njit(cache=True)
def _clustered(noise: Values) -> Values:
    x = np.empty_like(noise)
    for s in range(noise.shape[0]):
        variance = 1.0
        for t in range(noise.shape[1]):
            x[s, t] = np.sqrt(variance) * noise[s, t]
            variance = 0.05 + 0.1 * x[s, t] ** 2 + 0.85 * variance
    return x


def volatile(rng: Generator, streams: int, samples: int) -> Values:
    """GARCH(1,1): quiet and agitated spells."""
    return _clustered(normal(rng, streams, samples))


def constant(rng: Generator, streams: int, samples: int) -> Values:
    return np.repeat(rng.integers(0, 10, (streams, 1)).astype(np.float64), samples, axis=1)


NULLS = (
    Family("normal", normal, "N(0, 1)"),
    Family("uniform", uniform, "U(0, 1)"),
    Family("lognormal", lognormal, "sigma 1"),
    Family("gamma", gamma, "shape 2"),
    Family("bimodal", bimodal, "two modes 4 apart, each 0.6 wide"),
    Family("student t(3)", student, "heavy tails, both sides"),
    Family("pareto 1.2", pareto, "infinite variance"),
    Family("counts", counts, "Poisson 3"),
    Family("rare counts", rare_counts, "Poisson 0.02"),
    Family("ties", ties, "90 % one value, four values in all"),
    Family("zero-inflated", zero_inflated, "70 % zeros, else lognormal"),
    Family("rounded", rounded, "normal in steps of half a sigma"),
    Family("AR 0.5", autoregressive(0.5), "unit variance"),
    Family("AR 0.9", autoregressive(0.9), "unit variance"),
    Family("AR 0.99", autoregressive(0.99), "unit variance"),
    Family("bounded walk", bounded_walk, "random walk, reflecting bounds ±10 steps"),
    Family("drift", drift, "normal + 1 sigma per 10 000 samples"),
    Family("daily", daily, "2 sin(day) + normal, one sample a minute"),
    Family("daily + AR 0.7", daily_autoregressive, "2 sin(day) + AR(0.7)"),
    Family("weekly", weekly, "office hours on 5 of 7 days, 5 minutes", FIVE_MINUTES_MS),
    Family("trend + daily", trend_and_season, "daily + drift"),
    Family("day/night variance", day_and_night, "variance x4 between night and day"),
    Family("volatile", volatile, "GARCH(1,1) 0.1/0.85"),
    Family("bursty", bursty, "jobs of 5-20 samples, 2-6 sigma, every 150"),
    Family("counter rate", counter, "Poisson increments, resets", counter=True),
    Family("30 % missing", missing(normal), "normal"),
    Family("AR 0.9, 30 % missing", missing(autoregressive(0.9)), "unit variance"),
    Family("stuck bursts", stuck, "runs of 2-30 equal values"),
    Family("held x5", held, "every value five times"),
    Family("constant", constant, "one value"),
)


def rates(totals: Values, interval_ms: int) -> Values:
    """Rate per second of a running total; a fall means that counting began anew at 0.

    Parameters
    ----------
    totals : float64 array, shape (streams, samples)
    interval_ms : int
    """
    step = np.diff(totals, axis=1, prepend=np.nan)
    step = np.where(step < 0, totals, step)
    return step / (interval_ms / 1000.0)
