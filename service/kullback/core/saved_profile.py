"""Profiles as JSON values, for the log and for snapshots."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from kullback.core.budget import Budget
from kullback.core.profile import Direction, FixedThreshold, Profile, Reference, Season
from kullback.core.selector import parse_selector

Saved = dict[str, Any]


def save_profiles(profiles: Sequence[Profile]) -> list[Saved]:
    """Profiles in a form that `load_profiles` reads, also that of a later version.

    Parameters
    ----------
    profiles : sequence of Profile
    """
    return [_save(profile) for profile in profiles]


def load_profiles(saved: Sequence[Mapping[str, Any]]) -> tuple[Profile, ...]:
    """Put back what `save_profiles` gave; what an earlier version did not know has its default.

    Parameters
    ----------
    saved : sequence of mapping
    """
    return tuple(map(_load, saved))


def _save(profile: Profile) -> Saved:
    fields = asdict(profile) | {"match": profile.match.text, "direction": profile.direction.name}
    fields["reference"]["stream"] = dict(profile.reference.stream)
    return {name: list(value) if isinstance(value, tuple) else value for name, value in fields.items()}


def _load(saved: Mapping[str, Any]) -> Profile:
    threshold = saved["threshold"]
    nested: Saved = {
        "match": parse_selector(saved["match"]),
        "reference": _reference(saved["reference"]),
        "budget": Budget(**saved["budget"]),
        "direction": Direction[saved["direction"]],
        "season": Season(**saved["season"]),
        "threshold": FixedThreshold(**threshold) if threshold else None,
    }
    plain = {name: tuple(value) if isinstance(value, list) else value for name, value in saved.items()}
    return Profile(**{**plain, **nested})


def _reference(saved: Mapping[str, Any]) -> Reference:
    return Reference(**{**saved, "stream": tuple(saved.get("stream", {}).items())})
