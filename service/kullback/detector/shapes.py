"""One shape that has room for several profiles."""

from __future__ import annotations

from collections.abc import Sequence

from kullback.core.profile import DEFAULT_WINDOWS_SAMPLES, Profile
from kullback.detector.layout import MAX_REFERENCE_SAMPLES, MAX_WINDOWS, Shape


def shape_for(profiles: Sequence[Profile]) -> Shape:
    """Room that is enough for every profile's windows, reference and gap.

    Parameters
    ----------
    profiles : sequence of Profile
        One with windows given as durations has the default lengths, too: which is nearest to them depends on
        each stream's interval.

    Raises
    ------
    RequestError
        When the profiles together ask for more windows than a stream can hold.
    """
    windows = {window for profile in profiles for window in profile.current_samples}
    if any(profile.current_ms or not profile.current_samples for profile in profiles):
        windows |= set(DEFAULT_WINDOWS_SAMPLES)
    rising = tuple(sorted(windows | set(DEFAULT_WINDOWS_SAMPLES)))
    if len(rising) > MAX_WINDOWS:
        rising = tuple(sorted(windows))
    gap = max(profile.reference.gap_samples for profile in profiles)
    size = max(profile.reference.size_samples for profile in profiles)
    return Shape(rising, min(size, MAX_REFERENCE_SAMPLES), max(gap, rising[-1]))
