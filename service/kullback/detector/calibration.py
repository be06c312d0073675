"""The line that a channel's surprise must cross, learnt from the stream's own block maxima."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from kullback.core.kernel import kernel
from kullback.detector.dependence import dependence_factor
from kullback.detector.layout import BLOCKS
from kullback.detector.tables import quiet_threshold

BLOCK_SAMPLES = 128
TRUSTED_BLOCKS = 8
PRIOR_BLOCKS = 16
EARLY_MARGIN_NATS = 1.0
EARLY_DEVIATIONS = 1.0
EULER = 0.5772156649015329


@kernel
def fit_gumbel(maxima: NDArray[np.float64], location: float, scale: float) -> tuple[float, float]:
    """Gumbel location and scale of block maxima by L-moments (Hosking 1990), robust and pooled.

    Maxima beyond five scales of a quartile fit are drawn in to there, so one incident does not lift the
    line. Where the fit agrees with the prior (independent samples), both are averaged.

    Parameters
    ----------
    maxima : float64 array, shape (n,)
        Rising, n ≥ 2.
    location, scale : float
        The prior's.
    """
    n = len(maxima)
    first, middle, third = maxima[(n - 1) // 4], maxima[(n - 1) // 2], maxima[(3 * (n - 1)) // 4]
    rough = (third - first) / 1.5725 + 1e-6
    cap = middle - 0.3665 * rough + 5.0 * rough
    mean = 0.0
    weighted = 0.0
    for index in range(n):
        value = min(maxima[index], cap)
        mean += value
        weighted += index * value
    mean /= n
    spread = max((2.0 * weighted / (n * (n - 1.0)) - mean) / np.log(2.0), 0.05)
    centre = mean - EULER * spread
    near = abs(centre - location) < 3.15 * scale / np.sqrt(n) + 0.15
    alike = abs(np.log(spread / scale)) < 2.55 / np.sqrt(n)
    if near and alike:
        spread = (PRIOR_BLOCKS * scale + n * spread) / (PRIOR_BLOCKS + n)
        centre = (PRIOR_BLOCKS * location + n * (mean - EULER * spread)) / (PRIOR_BLOCKS + n)
    return centre, spread


@kernel
def own_threshold(
    maxima: NDArray[np.float64], samples_per_alarm: float, location: float, scale: float
) -> float:
    """Surprise exceeded in one block of `samples_per_alarm / BLOCK_SAMPLES`, from the stream's own maxima.

    The last term widens the quantile for the error of a fit to n blocks, so that the expected alarm rate,
    not the median one, meets the budget.

    Parameters
    ----------
    maxima : float64 array, shape (n,)
        Rising.
    samples_per_alarm : float
    location, scale : float
        The prior's.
    """
    centre, spread = fit_gumbel(maxima, location, scale)
    rare = min(BLOCK_SAMPLES / samples_per_alarm, 0.5)
    level = -np.log(-np.log1p(-rare))
    widening = (1.1 + 0.5 * level + 0.6 * level * level) / (2.0 * len(maxima))
    return float(centre + spread * (level + widening))


@kernel
def set_thresholds(stream: Any, tables: Any, channels: int) -> None:
    """Recompute the line of every channel.

    Parameters
    ----------
    stream : stream record
    tables : tables record
    channels : int
        How many channels share the budget.
    """
    share = stream.samples_per_alarm * channels
    blocks = min(stream.blocks, BLOCKS)
    quiet = quiet_threshold(tables, stream.reference_count, share)
    for channel in range(channels):
        line = quiet
        if blocks >= TRUSTED_BLOCKS:
            maxima = np.sort(stream.maxima[channel, :blocks].astype(np.float64))
            line = max(line, own_threshold(maxima, share, tables.location, tables.scale))
        else:
            line = EARLY_MARGIN_NATS + quiet * dependence_factor(stream, EARLY_DEVIATIONS)
        stream.threshold[channel] = line * stream.feedback


@kernel
def observe(stream: Any, channel: int, nats: float) -> None:
    """Let a surprise count in the block under way.

    Parameters
    ----------
    stream : stream record
    channel : int
    nats : float
    """
    stream.block[channel] = max(stream.block[channel], nats)


@kernel
def close_block(stream: Any) -> None:
    """Keep the maxima of the block that is full.

    Parameters
    ----------
    stream : stream record
    """
    at = stream.blocks % BLOCKS
    for channel in range(len(stream.block)):
        stream.maxima[channel, at] = stream.block[channel]
        stream.block[channel] = 0.0
    stream.blocks += 1
    if stream.blocks >= 1 << 30:
        stream.blocks -= 1 << 24
    stream.block_fill = 0
