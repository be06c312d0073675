"""How the streams that a selector matches are watched."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum

from kullback.core.budget import Budget
from kullback.core.selector import Selector, parse_selector

DEFAULT_WINDOWS_SAMPLES = (4, 16, 64, 256, 1024)


class Direction(IntEnum):
    """Which moves of a stream count."""

    BOTH = 0
    ABOVE = 1
    BELOW = 2


@dataclass(frozen=True, slots=True)
class Reference:
    """What a stream is compared with; with its own newest past when neither of the last three says otherwise.

    Parameters
    ----------
    size_samples, gap_samples : int
        Length of the reference, and of the gap before a rolling one.
    pinned : str
        Name of a pinned reference; "" for none.
    ago_ms, span_ms : int
        Compare with the same stream so long ago, in a span of time around then; 0 for no such comparison.
    stream : tuple of (str, str)
        Compare with the stream that has these labels and else the same; empty for none.
    """

    size_samples: int = 1024
    gap_samples: int = 1024
    pinned: str = ""
    ago_ms: int = 0
    span_ms: int = 0
    stream: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Season:
    """Whether a daily or weekly profile is taken out first.

    Parameters
    ----------
    period_ms : int
        0: look for one in the stream's own history; -1: none.
    timezone : str
        IANA name whose local time the profile follows.
    """

    period_ms: int = 0
    timezone: str = "UTC"


@dataclass(frozen=True, slots=True)
class FixedThreshold:
    """The textbook mode: anomalous when the divergence of one window exceeds a number."""

    window_samples: int
    divergence_nats: float


@dataclass(frozen=True, slots=True)
class Profile:
    """Effective settings of the streams that `match` selects; the first profile that matches wins.

    Parameters
    ----------
    current_samples : tuple of int
        Lengths of the current windows; `current_ms` holds those given as durations.
    direction : Direction
        Of numbers and histograms; all moves of categories count.
    minimum_effect_absolute : float
        Smallest move of the median or mean that counts, in the metric's unit; of categories the smallest
        change of one's share, ignored from 1 on. 0 switches the gate off.
    minimum_effect_relative : float
        The same as a part of the reference's median, or of the category's share there.
    rebaseline_after_samples : int
        A level that fires this long becomes the new normal; 0 means never.
    for_ms, keep_firing_for_ms : int
        As in Prometheus' alerting rules.
    no_data_after_ms : int
        Silence after which a stream's state is `no_data`; 0 derives it from the stream's interval.
    ignore_labels : tuple of str
        Labels left out of a stream's identity, so that its history survives their change.
    """

    match: Selector = field(default_factory=lambda: parse_selector("{}"))
    current_samples: tuple[int, ...] = DEFAULT_WINDOWS_SAMPLES
    current_ms: tuple[int, ...] = ()
    reference: Reference = field(default_factory=Reference)
    budget: Budget = field(default_factory=Budget)
    direction: Direction = Direction.BOTH
    minimum_effect_absolute: float = 0.0
    minimum_effect_relative: float = 0.0
    rebaseline_after_samples: int = 1024
    season: Season = field(default_factory=Season)
    threshold: FixedThreshold | None = None
    for_ms: int = 0
    keep_firing_for_ms: int = 300_000
    severity: str = "warning"
    no_data_after_ms: int = 0
    identity_labels: tuple[str, ...] = ()
    ignore_labels: tuple[str, ...] = ()
    counter: bool | None = None
