"""When an anomaly becomes an alert and when the alert is over."""

from __future__ import annotations

from dataclasses import dataclass

from kullback.core.profile import Profile


@dataclass(frozen=True, slots=True)
class Rule:
    """The alerting part of a profile.

    Parameters
    ----------
    for_ms : int
        How long an anomaly lasts before it fires; 0 fires with the first anomalous sample.
    keep_firing_for_ms : int
        How long an alert goes on after its anomaly ended; another anomaly meanwhile joins the same alert.
    no_data_after_ms : int
        Silence after which a stream is without data; 0 derives it from its intervals.
    """

    for_ms: int = 0
    keep_firing_for_ms: int = 300_000
    no_data_after_ms: int = 0


def rule_of(profile: Profile) -> Rule:
    """The rule that a profile holds.

    Parameters
    ----------
    profile : Profile
    """
    return Rule(profile.for_ms, profile.keep_firing_for_ms, profile.no_data_after_ms)
