"""The state of the streams: one record per slot, allocated once at full capacity."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kullback.core.errors import ErrorId, RequestError
from kullback.core.profile import DEFAULT_WINDOWS_SAMPLES
from kullback.core.runs import NEWEST_RUN, OLDER_RUNS
from kullback.detector.axis import CUTS
from kullback.detector.density import GRID_BINS, GRID_FIELDS
from kullback.detector.season import SLOTS
from kullback.detector.value import RING, VIEWS

CHANNELS = 3
RANK, VALUE, LEVEL = range(CHANNELS)
KINDS = ("categorical", "ordered", "tails")
BLOCKS = 64
RECENT = 16
ZONE_BYTES = 32
REFRESH_SAMPLES = 16
USUAL_WINDOWS = 5
MAX_WINDOWS = 8
BANK_SIZE = 18
MAX_WINDOW_SAMPLES = 65_536
SMALL_REFERENCE_SAMPLES = 2048
MAX_REFERENCE_SAMPLES = 32_768
FOLLOWED = 0xFFFFFFFF
"""Instead of the digest of pinned samples: they are renewed, so the line may learn from what they give."""

_NUMBERS = [
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
    ("long_mean", "f8"),
    ("baseline", "f8"),
    ("centre", "f8"),
    ("slot_sum", "f8"),
    ("fill", "i4"),
    ("head", "i4"),
    ("queued", "i4"),
    ("newest_block", "i4"),
    ("oldest_block", "i4"),
    ("reference_count", "i4"),
    ("anomalies", "i4"),
    ("blocks", "i4"),
    ("value_blocks", "i4"),
    ("slot_samples", "i4"),
    ("firing_samples", "i4"),
    ("recent_head", "i4"),
    *NEWEST_RUN,
    ("rank_count", "i4"),
    ("rank_last", "f4"),
    ("rank_product", "f4"),
    ("rank_square", "f4"),
    ("peak", "f4"),
    ("told", "f4"),
    ("loudest", "f4"),
    ("news", "f4"),
    ("score", "f4"),
    ("divergence_nats", "f4"),
    ("leader", "i2"),
    ("slot", "i2"),
    ("block_fill", "i2"),
    ("value_block_fill", "i2"),
    ("calm_samples", "i2"),
    ("watched", "i1"),
    ("told_samples", "u1"),
    ("open", "u1"),
    ("deseasoned", "u1"),
    ("episode", "u1"),
    ("windows_given", "u1"),
    ("feedback", "f4"),
    ("budget_alarms", "f4"),
    ("fixed_nats", "f4"),
    ("pinned", "u4"),
    ("budget_span", "f8"),
    ("effect_absolute", "f8"),
    ("effect_relative", "f8"),
    ("out_of_order_ms", "i8"),
    ("season_ms", "i8"),
    ("zone_first", "i4"),
    ("zone_last", "i4"),
    ("rebaseline_after", "i4"),
    ("reference_limit", "i4"),
    ("gap_limit", "i4"),
    ("fixed_window", "i2"),
    ("windows", "u1"),
    ("direction", "u1"),
    ("counter", "u1"),
    ("fleet", "u1"),
    ("any_order", "u1"),
    ("season_declared", "u1"),
]
"""What is one number per stream. From `windows_given` on it is the stream's plan."""


_TAIL = [
    ("tail_place", "f4", (2,)),
    ("tail_excess", "f4", (2,)),
    ("tail_share", "f4", (2,)),
    ("tail_scale", "f4"),
    ("tail_usual", "f4"),
    ("tail_block", "f4"),
    ("tail_seen", "u1", (2,)),
    ("longest_calm", "u1"),
]


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

    @property
    def window_slots(self) -> int:
        """Room for windows; one layout serves every choice of up to five."""
        return USUAL_WINDOWS if len(self.windows) <= USUAL_WINDOWS else MAX_WINDOWS


def stream_dtype(shape: Shape) -> np.dtype[np.void]:
    """All that is kept of one stream, as one record: one block of memory, one type for the kernels.

    What every sample needs comes first, so that it can be fetched ahead (see `prefetch`).

    Beside the numbers:

    - `recent_ms` the newest timestamps, a ring; `run_…` and `past_…` all that were seen (see `core.runs`)
    - `reference_high`, `reference_low` keys of the reference's samples in rising order
    - `reference_block` the number, modulo 2⁸ or 2¹², of the block each of them came in with
    - `queue_high`, `queue_low` keys of the samples between the newest one and the reference, a ring
    - `codes` block of bins per queued sample
    - `struck` one bit per queued sample: it will not enter the reference
    - `mass` mass below each cut per current window, in units
    - `sums` statistics per current window, fixed point
    - `pinned` digest of the pinned samples that the reference holds, FOLLOWED of renewed ones; 0 for one
      that rolls
    - `bank` evidence per alternative (see `bank`), nats; `watched` the one that must ease for the episode
      to end, 1 + its number, 0 for none; `peak` its largest evidence since then
    - `maxima` block maxima of the surprise per channel, nats; `block` that of the block under way
    - `threshold` where a channel's score is 1: surprise of ranks, root of surprise of value and level;
      `shared_line` the same of value and level, drawn towards that of all streams
    - `news` the newest sample's own score: what it adds to what is known already
    - `told` score that was news last, `told_samples` ago; `loudest` score by the stream's own line that began
      the episode, or made news in it
    - `longest_calm` the longest pause after which the episode went on
    - `usual_nats` fading mean surprise of the value and level channels
    - `tail_…` both tails of the distance from the short past (see `tail`): where they begin on an axis of
      scale `tail_scale`, mean excess and share beyond, samples seen there; usual maximum of a block, that
      of the block under way
    - `view_ring` newest values and residuals; `view_counts`, `view_table`,
      `view_grid`, `view_due` the reference of each view (see `density`)
    - `season_error` fading absolute error of the long mean and of the profile; of the running median and
      of the profile with wild ones drawn in
    - `profile`, `profile_periods` the season's profile and how many periods are behind each slot
    - `budget_span` time per alarm in ms, or samples per alarm as a negative number
    - `windows` bits of the windows that count; `windows_given` of those given in samples, `durations` those
      given as times (see `durations`)
    - `zone` name of the time zone that the season follows

    Parameters
    ----------
    shape : Shape
    """
    reference, queue, windows = shape.reference_samples, shape.queue_samples, shape.window_slots
    return np.dtype(
        [
            *_NUMBERS,
            *_TAIL,
            ("mass", "u4", (windows, len(CUTS))),
            ("sums", "i4", (windows, len(KINDS))),
            ("bank", "f4", (BANK_SIZE,)),
            ("threshold", "f4", (CHANNELS,)),
            ("block", "f4", (CHANNELS,)),
            ("shared_line", "f4", (CHANNELS - 1,)),
            ("usual_nats", "f4", (CHANNELS - 1,)),
            ("season_error", "f4", (4,)),
            ("view_ring", "f4", (2, RING)),
            ("view_grid", "f4", (VIEWS, GRID_FIELDS)),
            ("view_due", "i2", (VIEWS,)),
            ("view_counts", "u2", (VIEWS, GRID_BINS)),
            ("view_table", "u2", (VIEWS, GRID_BINS)),
            ("recent_ms", "i8", (RECENT,)),
            *OLDER_RUNS,
            ("profile", "f4", (SLOTS,)),
            ("maxima", "f4", (CHANNELS, BLOCKS)),
            ("queue_high", "u2", (queue,)),
            ("reference_high", "u2", (reference,)),
            ("reference_block", "u1" if reference <= SMALL_REFERENCE_SAMPLES else "u2", (reference,)),
            ("reference_low", "u1", (reference,)),
            ("queue_low", "u1", (queue,)),
            ("codes", "u1", (queue,)),
            ("struck", "u1", ((queue + 7) // 8,)),
            ("profile_periods", "u1", (SLOTS,)),
            ("zone", "u1", (ZONE_BYTES,)),
            ("durations", "u1", (MAX_WINDOWS,)),
        ],
        align=True,
    )


def allocate(capacity: int, shape: Shape) -> NDArray[Any]:
    """Empty state for `capacity` streams; memory is touched only where a stream is opened.

    Parameters
    ----------
    capacity : int
    shape : Shape

    Returns
    -------
    array of stream records, shape (capacity,)
    """
    return np.zeros(capacity, stream_dtype(shape))


def _bad(why: str) -> RequestError:
    return RequestError(ErrorId.BAD_REQUEST, f"Unusable windows or reference: {why}.")
