"""The profile of a season: what a stream usually shows at this time of the day or week."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from kullback.core.kernel import kernel

SLOTS = 48
LEAST_WEIGHT = 0.1
"""Of a new period in the profile: the memory is about ten periods."""
ERROR_SAMPLES = 1024.0
WILD_ERRORS = 4.0
CENTRE_STEP = 0.0005
"""Of the running median, in its own errors: too slow to follow a season."""
GAIN_RATIO = 0.9
"""The profile serves while its error is below this share of the long mean's."""
MEAN_SAMPLES = 4096
"""Memory of the long mean, which stands in where there is no profile."""
AUTOMATIC_MS = 86_400_000


@kernel
def phase_of(
    stream: Any, timestamp_ms: int, zone_from_ms: NDArray[np.int64], zone_ms: NDArray[np.int64]
) -> float:
    """Place in the season's period by local time, in [0, 1); −1 when the stream has none.

    Parameters
    ----------
    stream : stream record
    timestamp_ms : int
    zone_from_ms, zone_ms : int64 arrays, shape (n,)
        Times at which an offset from UTC begins to hold, and the offsets, all zones one after another.
    """
    period = stream.season_ms
    if period <= 0:
        return -1.0
    first, last = stream.zone_first, stream.zone_last
    while last - first > 1:
        middle = (first + last) >> 1
        if zone_from_ms[middle] <= timestamp_ms:
            first = middle
        else:
            last = middle
    return float(((timestamp_ms + zone_ms[first]) % period) / period)


@kernel
def _neighbours(phase: float) -> tuple[int, int, float]:
    """The slot of a phase, the next nearest one, and how far towards that."""
    place = phase * SLOTS
    slot = min(int(place), SLOTS - 1)
    part = place - slot - 0.5
    other = (slot + 1) % SLOTS if part >= 0.0 else (slot - 1) % SLOTS
    return slot, other, abs(part)


@kernel
def knows(stream: Any, phase: float) -> bool:
    """Whether the profile has seen a phase.

    Parameters
    ----------
    stream : stream record
    phase : float
    """
    slot, other, _ = _neighbours(phase)
    return bool(stream.profile_periods[slot] > 0 and stream.profile_periods[other] > 0)


@kernel
def baseline_at(stream: Any, phase: float) -> float:
    """What the profile shows at a phase, linear between slot centres.

    Parameters
    ----------
    stream : stream record
    phase : float
    """
    slot, other, part = _neighbours(phase)
    return float((1.0 - part) * stream.profile[slot] + part * stream.profile[other])


@kernel
def residual_of(stream: Any, value: float, phase: float) -> float:
    """A value less the profile at its phase where that explains the stream, else less the long mean.

    Parameters
    ----------
    stream : stream record
    value : float
        Relative to the stream's origin.
    phase : float
    """
    plain = value - stream.long_mean
    if phase < 0.0:
        return float(plain)
    if not knows(stream, phase):
        return float(plain)
    seasonal = value - baseline_at(stream, phase)
    stream.season_error[0] += (abs(plain) - stream.season_error[0]) / ERROR_SAMPLES
    stream.season_error[1] += (abs(seasonal) - stream.season_error[1]) / ERROR_SAMPLES
    if stream.season_error[2] == 0.0:
        stream.centre = stream.long_mean
        stream.season_error[2], stream.season_error[3] = abs(plain), abs(seasonal)
    off = value - stream.centre
    most = WILD_ERRORS * stream.season_error[2]
    stream.season_error[2] += (min(abs(off), most) - stream.season_error[2]) / ERROR_SAMPLES
    stream.season_error[3] += (min(abs(seasonal), most) - stream.season_error[3]) / ERROR_SAMPLES
    stream.centre += CENTRE_STEP * stream.season_error[2] * np.sign(off)
    return float(seasonal if is_seasonal(stream) else plain)


@kernel
def is_seasonal(stream: Any) -> bool:
    """Whether the profile explains the stream better than its mean does.

    Parameters
    ----------
    stream : stream record
    """
    return bool(stream.season_error[1] < GAIN_RATIO * stream.season_error[0])


@kernel
def learn_mean(stream: Any, value: float, samples: int) -> None:
    """Let a value into the long mean; wild ones are drawn in by the caller.

    Parameters
    ----------
    stream : stream record
    value : float
    samples : int
        Before this one.
    """
    stream.long_mean += (value - stream.long_mean) / min(samples + 1, MEAN_SAMPLES)


@kernel
def learn_profile(stream: Any, value: float, phase: float) -> None:
    """Let a value into its slot; a slot that ends enters the profile.

    Parameters
    ----------
    stream : stream record
    value, phase : float
    """
    if phase < 0.0:
        return
    slot = min(int(phase * SLOTS), SLOTS - 1)
    last = stream.slot
    if slot != last:
        if stream.slot_samples > 0:
            periods = stream.profile_periods[last]
            weight = max(1.0 / (periods + 1.0), LEAST_WEIGHT)
            mean = stream.slot_sum / stream.slot_samples
            stream.profile[last] += weight * (mean - stream.profile[last])
            stream.profile_periods[last] = min(periods + 1, 255)
        stream.slot_sum, stream.slot_samples, stream.slot = 0.0, 0, slot
    stream.slot_sum += value
    stream.slot_samples += 1
