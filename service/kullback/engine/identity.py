"""Which stream a series belongs to, and how that stream is watched."""

from __future__ import annotations

from collections.abc import Sequence

from kullback.core.labels import NAME, TENANT, Labels, Series
from kullback.core.profile import Profile

_DEFAULT = Profile()


def profile_for(labels: Labels, profiles: Sequence[Profile]) -> Profile:
    """The first profile that matches.

    Parameters
    ----------
    labels : Labels
        As they came in, before any label is left out.
    profiles : sequence of Profile
        The default profile applies when none matches.
    """
    return next((profile for profile in profiles if profile.match.matches(labels)), _DEFAULT)


def identity_of(series: Series, profile: Profile) -> Series:
    """The series that stands for the stream: without the labels that its profile leaves out.

    Parameters
    ----------
    series : Series
    profile : Profile
        `identity_labels`, when given, are the only labels kept beside name and tenant; `ignore_labels` are
        dropped.
    """
    if not profile.identity_labels and not profile.ignore_labels:
        return series
    kept = tuple(
        (name, value)
        for name, value in series.labels
        if name in (NAME, TENANT)
        or (
            name not in profile.ignore_labels
            and (not profile.identity_labels or name in profile.identity_labels)
        )
    )
    return series if kept == series.labels else Series(kept, series.kind, series.unit)
