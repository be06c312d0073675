"""A stream's numeric parameters, resolved from its profile."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kullback.core.budget import Budget
from kullback.core.profile import Direction, Profile
from kullback.detector.intervals import code_of_duration, nearest_length
from kullback.detector.layout import MAX_WINDOWS, ZONE_BYTES, Shape
from kullback.detector.pinned import Pinned
from kullback.detector.season import AUTOMATIC_MS


@dataclass(frozen=True, slots=True)
class Plan:
    """How one stream is watched.

    Parameters
    ----------
    budget : Budget
    windows, windows_ms : tuple of int
        Which of the shape's windows count, by samples and by time; both empty for all.
    reference_samples, gap_samples : int
        At most the shape's; 0 for the shape's.
    fixed_window_samples, fixed_nats : int, float
        Textbook mode; off when the window is 0.
    season_ms : int
        Period of the season, 0 to look for a daily one, −1 for none.
    timezone : str
        IANA name whose local time the season follows.
    any_order : bool
        Whether samples count in the order of arrival, whatever their timestamps (back-test).
    out_of_order_ms : int
        How much older than the newest sample a late one may be.
    feedback : float
        Factor on the alarm line, from what users said of past alerts.
    pinned : Pinned or None
        What the stream is compared with instead of its own past; see `ScalarDetector.replan`.
    ago_ms, ago_span_ms : int
        Period after which the stream is compared with itself, and the span of time around then; 0 for no
        such comparison.
    follows : bool
        Whether the stream is compared with what `ScalarDetector.renew` gives from time to time.
    """

    budget: Budget = field(default_factory=Budget)
    windows: tuple[int, ...] = ()
    windows_ms: tuple[int, ...] = ()
    reference_samples: int = 0
    gap_samples: int = 0
    direction: Direction = Direction.BOTH
    minimum_effect_absolute: float = 0.0
    minimum_effect_relative: float = 0.0
    rebaseline_after_samples: int = 1024
    fixed_window_samples: int = 0
    fixed_nats: float = 0.0
    counter: bool = False
    season_ms: int = 0
    timezone: str = "UTC"
    any_order: bool = False
    out_of_order_ms: int = 0
    feedback: float = 1.0
    pinned: Pinned | None = None
    ago_ms: int = 0
    ago_span_ms: int = 0
    follows: bool = False

    def write(self, streams: NDArray[Any], slots: NDArray[np.int32], shape: Shape) -> None:
        """Put the parameters into the streams' records.

        Parameters
        ----------
        streams : STREAM array
        slots : int32 array, shape (n,)
        shape : Shape
        """
        reference = min(self.reference_samples or shape.reference_samples, shape.reference_samples)
        gap = min(self.gap_samples or shape.gap_samples, shape.gap_samples)
        self.write_rule(streams, slots)
        streams["reference_limit"][slots] = max(reference, 64)
        streams["gap_limit"][slots] = max(gap, 16)
        streams["windows"][slots] = streams["windows_given"][slots] = self._mask(shape)
        codes = [code_of_duration(duration_ms) for duration_ms in self.windows_ms[:MAX_WINDOWS]]
        streams["durations"][slots] = np.array(codes + [0] * (MAX_WINDOWS - len(codes)), np.uint8)
        streams["fixed_window"][slots] = self._fixed_window(shape)
        streams["counter"][slots] = self.counter
        streams["season_ms"][slots] = self.season_ms or AUTOMATIC_MS
        streams["season_declared"][slots] = self.season_ms > 0
        zone = self.timezone.encode()[:ZONE_BYTES].ljust(ZONE_BYTES, b"\0")
        streams["zone"][slots] = np.frombuffer(zone, np.uint8)

    def write_rule(self, streams: NDArray[Any], slots: NDArray[np.int32]) -> None:
        """Put those parameters into the records that streams of every form have.

        Parameters
        ----------
        streams : array of records
        slots : int32 array, shape (n,)
        """
        streams["budget_alarms"][slots] = self.budget.alarms
        streams["budget_span"][slots] = -self.budget.per_samples or self.budget.per_ms
        streams["fleet"][slots] = self.budget.fleet
        streams["direction"][slots] = int(self.direction)
        streams["effect_absolute"][slots] = self.minimum_effect_absolute
        streams["effect_relative"][slots] = self.minimum_effect_relative
        streams["rebaseline_after"][slots] = self.rebaseline_after_samples
        streams["fixed_nats"][slots] = self.fixed_nats
        streams["any_order"][slots] = self.any_order
        streams["out_of_order_ms"][slots] = self.out_of_order_ms
        streams["feedback"][slots] = self.feedback

    def _mask(self, shape: Shape) -> int:
        given = self.windows if self.windows or self.windows_ms else shape.windows
        return sum(1 << index for index in {nearest(shape, window) for window in given})

    def _fixed_window(self, shape: Shape) -> int:
        return nearest(shape, self.fixed_window_samples) if self.fixed_window_samples else -1


def nearest(shape: Shape, samples: int) -> int:
    """Index of the shape's window that is nearest to a length, by ratio.

    Parameters
    ----------
    shape : Shape
    samples : int
    """
    return nearest_length(np.array(shape.windows), float(max(samples, 1)))


def plan_of(
    profile: Profile, *, counter: bool = False, out_of_order_ms: int = 0, any_order: bool = False
) -> Plan:
    """The parameters that a profile gives a stream.

    Parameters
    ----------
    profile : Profile
    counter : bool
        Whether the stream's series is a counter; the profile may say otherwise.
    out_of_order_ms : int
    any_order : bool
    """
    fixed = profile.threshold
    return Plan(
        budget=profile.budget,
        windows=profile.current_samples,
        windows_ms=profile.current_ms,
        reference_samples=profile.reference.size_samples,
        gap_samples=profile.reference.gap_samples,
        direction=profile.direction,
        minimum_effect_absolute=profile.minimum_effect_absolute,
        minimum_effect_relative=profile.minimum_effect_relative,
        rebaseline_after_samples=profile.rebaseline_after_samples,
        season_ms=profile.season.period_ms,
        timezone=profile.season.timezone,
        fixed_window_samples=fixed.window_samples if fixed else 0,
        fixed_nats=fixed.divergence_nats if fixed else 0.0,
        counter=counter if profile.counter is None else profile.counter,
        out_of_order_ms=out_of_order_ms,
        any_order=any_order,
        ago_ms=profile.reference.ago_ms,
        ago_span_ms=profile.reference.span_ms,
        follows=bool(profile.reference.stream),
    )
