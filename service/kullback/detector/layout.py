"""The state of the streams: arrays whose first axis is the slot, allocated once at full capacity."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kullback.core.errors import ErrorId, RequestError
from kullback.core.profile import DEFAULT_WINDOWS_SAMPLES
from kullback.detector.axis import CUTS, UNITS

CHANNELS = 1
RANK, VALUE, LEVEL = range(3)
KINDS = ("categorical", "ordered", "tails")
BLOCKS = 64
RECENT = 16
REFRESH_SAMPLES = 16
MAX_WINDOWS = 8
MAX_WINDOW_SAMPLES = 65_535 // UNITS
MAX_REFERENCE_SAMPLES = 32_768

STREAM = np.dtype(
    [
        ("last_ms", "i8"),
        ("first_ms", "i8"),
        ("offset", "i8"),
        ("onset_ms", "i8"),
        ("started_ms", "i8"),
        ("samples", "i8"),
        ("origin", "f8"),
        ("last_value", "f8"),
        ("last_raw", "f8"),
        ("interval_ms", "f8"),
        ("samples_per_alarm", "f8"),
        ("anomalies", "i8"),
        ("fill", "i4"),
        ("head", "i4"),
        ("queued", "i4"),
        ("reference_head", "i4"),
        ("reference_count", "i4"),
        ("block_fill", "i4"),
        ("blocks", "i4"),
        ("firing_samples", "i4"),
        ("calm_samples", "i4"),
        ("recent_head", "i4"),
        ("score", "f4"),
        ("divergence_nats", "f4"),
        ("leader", "i2"),
        ("open", "u1"),
        ("episode", "u1"),
        ("feedback", "f4"),
        ("budget_alarms", "f8"),
        ("budget_ms", "f8"),
        ("budget_samples", "f8"),
        ("effect_absolute", "f8"),
        ("effect_relative", "f8"),
        ("fixed_nats", "f8"),
        ("out_of_order_ms", "i8"),
        ("rebaseline_after", "i4"),
        ("reference_limit", "i4"),
        ("gap_limit", "i4"),
        ("fixed_window", "i2"),
        ("windows", "u1"),
        ("direction", "u1"),
        ("counter", "u1"),
        ("fleet", "u1"),
        ("any_order", "u1"),
        ("unused", "u1"),
    ]
)
"""What is one number per stream. From `feedback` on it is the stream's plan."""


@dataclass(frozen=True, slots=True)
class Shape:
    """Sizes that all streams of a detector share; a stream's plan may use less.

    Parameters
    ----------
    windows : tuple of int
        Lengths of the current windows in samples, rising.
    reference_samples, gap_samples : int
        Room for the reference and for the gap before it, which is at least the longest window.
    """

    windows: tuple[int, ...] = DEFAULT_WINDOWS_SAMPLES
    reference_samples: int = 1024
    gap_samples: int = 1024

    def __post_init__(self) -> None:
        windows = self.windows
        if not 1 <= len(windows) <= MAX_WINDOWS or list(windows) != sorted(set(windows)):
            raise _bad(f"windows must be 1 to {MAX_WINDOWS} different lengths in rising order, not {windows}")
        if windows[0] < 2 or windows[-1] > MAX_WINDOW_SAMPLES:
            raise _bad(f"a window holds 2 to {MAX_WINDOW_SAMPLES} samples, not {windows[0]} or {windows[-1]}")
        if not 64 <= self.reference_samples <= MAX_REFERENCE_SAMPLES:
            raise _bad(
                f"a reference holds 64 to {MAX_REFERENCE_SAMPLES} samples, not {self.reference_samples}"
            )
        if not windows[-1] <= self.gap_samples <= MAX_REFERENCE_SAMPLES:
            raise _bad(
                f"the gap holds at least the longest window ({windows[-1]}) and at most "
                f"{MAX_REFERENCE_SAMPLES} samples, not {self.gap_samples}"
            )

    @property
    def queue_samples(self) -> int:
        """Room for the samples between the newest one and the reference."""
        return self.gap_samples + REFRESH_SAMPLES


class State(NamedTuple):
    """The arrays; a snapshot holds a slice of each.

    Parameters
    ----------
    stream : STREAM record, shape (slots,)
    recent_ms : int64, shape (slots, RECENT)
        Newest timestamps, a ring.
    reference_high, reference_low : uint16 and uint8, shape (slots, reference_samples)
        Keys of the reference's samples in order of age, a ring.
    order : uint16, shape (slots, reference_samples)
        Ring positions of the reference's samples in order of value.
    queue_high, queue_low : uint16 and uint8, shape (slots, queue_samples)
        Keys of the samples between the newest one and the reference, a ring.
    struck : uint8, shape (slots, ceil(queue_samples / 8))
        One bit per queued sample: it will not enter the reference.
    codes : uint8, shape (slots, queue_samples)
        Block of bins per queued sample.
    mass : uint16, shape (slots, windows, cuts)
        Mass below each cut per current window, in units.
    sums : int32, shape (slots, windows, kinds)
        Statistics per current window, fixed point.
    maxima : float32, shape (slots, channels, BLOCKS)
        Block maxima of the surprise, nats.
    block : float32, shape (slots, channels)
        Maximum of the block under way.
    threshold : float32, shape (slots, channels)
        Surprise at which the channel's score is 1.
    """

    stream: NDArray[Any]
    recent_ms: NDArray[np.int64]
    reference_high: NDArray[np.uint16]
    reference_low: NDArray[np.uint8]
    order: NDArray[np.uint16]
    queue_high: NDArray[np.uint16]
    queue_low: NDArray[np.uint8]
    struck: NDArray[np.uint8]
    codes: NDArray[np.uint8]
    mass: NDArray[np.uint16]
    sums: NDArray[np.int32]
    maxima: NDArray[np.float32]
    block: NDArray[np.float32]
    threshold: NDArray[np.float32]


def allocate(capacity: int, shape: Shape) -> State:
    """Empty state for `capacity` streams; memory is touched only where a stream is opened.

    Parameters
    ----------
    capacity : int
    shape : Shape
    """
    reference, queue, windows = shape.reference_samples, shape.queue_samples, len(shape.windows)
    return State(
        stream=np.zeros(capacity, STREAM),
        recent_ms=np.zeros((capacity, RECENT), np.int64),
        reference_high=np.zeros((capacity, reference), np.uint16),
        reference_low=np.zeros((capacity, reference), np.uint8),
        order=np.zeros((capacity, reference), np.uint16),
        queue_high=np.zeros((capacity, queue), np.uint16),
        queue_low=np.zeros((capacity, queue), np.uint8),
        struck=np.zeros((capacity, (queue + 7) // 8), np.uint8),
        codes=np.zeros((capacity, queue), np.uint8),
        mass=np.zeros((capacity, windows, len(CUTS)), np.uint16),
        sums=np.zeros((capacity, windows, len(KINDS)), np.int32),
        maxima=np.zeros((capacity, CHANNELS, BLOCKS), np.float32),
        block=np.zeros((capacity, CHANNELS), np.float32),
        threshold=np.zeros((capacity, CHANNELS), np.float32),
    )


def bytes_per_stream(state: State) -> int:
    """Size of one stream's state.

    Parameters
    ----------
    state : State
    """
    return sum(array[0:1].nbytes for array in state)


def _bad(why: str) -> RequestError:
    return RequestError(ErrorId.BAD_REQUEST, f"Unusable windows or reference: {why}.")
