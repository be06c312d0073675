"""An alert as facts, and the transitions of its life."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum


class Phase(IntEnum):
    """State of a stream's alert; the number is the value of `kullback_alert_state`."""

    INACTIVE = 0
    PENDING = 1
    FIRING = 2
    SHIFTED = 3
    """Firing so long that the level is the new normal."""


class Reason(IntEnum):
    """Why a transition happened."""

    ANOMALOUS = 0
    """The score passed 1.0, and for `for` where that is set."""
    RECOVERED = 1
    """The anomaly is over, and was for `keep_firing_for`."""
    LEVEL_SHIFT = 2
    NO_DATA = 3
    """Samples stopped arriving: there is no evidence any more, for or against."""
    MAINTENANCE = 4
    ACCEPTED = 5
    """Somebody declared the level normal."""
    DELETED = 6
    """The stream is gone."""


@dataclass(frozen=True, slots=True)
class Alert:
    """One incident of one stream.

    Parameters
    ----------
    number : int
        The engine's number of the stream.
    phase : Phase
    started_ms : int
        Timestamp of the sample that began it; with the stream's id the alert's identity.
    starts_at_ms : int
        Onset: where the window that raised it begins.
    fired_at_ms, ends_at_ms : int or None
        None while it has not fired or not ended.
    last_anomalous_ms : int
    max_score : float
    divergence_nats : float
        D(current ‖ reference) at the highest score.
    leader : int
        Which statistic led at the highest score.
    episodes : int
        Anomaly episodes that this alert joins.
    reason : Reason
        Why it is in its phase.
    """

    number: int
    phase: Phase
    started_ms: int
    starts_at_ms: int
    fired_at_ms: int | None
    ends_at_ms: int | None
    last_anomalous_ms: int
    max_score: float
    divergence_nats: float
    leader: int
    episodes: int
    reason: Reason

    @property
    def state(self) -> str:
        """`pending`, `firing`, `shifted`, or `resolved` once it has ended."""
        return "resolved" if self.phase is Phase.INACTIVE else self.phase.name.lower()


@dataclass(frozen=True, slots=True)
class Transition:
    """A change of an alert's phase.

    Parameters
    ----------
    number : int
        The engine's number of the stream.
    at_ms : int
        Time of the data (not of its arrival), so that replay and back-test give the same transitions.
    before, after : Phase
    alert : Alert
        As it is after the change.
    """

    number: int
    at_ms: int
    before: Phase
    after: Phase
    alert: Alert

    @property
    def fires(self) -> bool:
        """Whether the alert begins to fire: the moment to notify."""
        return self.after is Phase.FIRING

    @property
    def resolves(self) -> bool:
        """Whether an alert that had fired is over; a pending one that fades was never told to anybody."""
        return self.after is Phase.INACTIVE and self.before is not Phase.PENDING
