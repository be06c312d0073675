"""Profiles come back from the log as they were."""

from __future__ import annotations

import orjson
from hypothesis import given
from hypothesis import strategies as st

from kullback.core.budget import Budget
from kullback.core.profile import Direction, FixedThreshold, Profile, Reference, Season
from kullback.core.saved_profile import load_profiles, save_profiles
from kullback.core.selector import parse_selector

SELECTORS = st.sampled_from(["{}", "up", '{job=~"a.*",__tenant__="b"}', 'm{a!="x"}']).map(parse_selector)
NAMES = st.lists(st.sampled_from(["pod", "instance", "job"]), max_size=2).map(tuple)
PROFILES = st.builds(
    Profile,
    match=SELECTORS,
    current_samples=st.lists(st.integers(1, 4096), max_size=3).map(tuple),
    current_ms=st.lists(st.integers(1, 10**9), max_size=2).map(tuple),
    reference=st.builds(
        Reference,
        st.integers(1, 9999),
        st.integers(0, 9999),
        st.sampled_from(["", "r"]),
        st.integers(0, 10**9),
        st.integers(0, 10**9),
        st.sampled_from([(), (("version", "stable"),), (("a", "1"), ("b", ""))]),
    ),
    budget=st.builds(Budget, st.floats(0.1, 9), st.integers(1, 10**10), st.integers(0, 99), st.booleans()),
    direction=st.sampled_from(Direction),
    season=st.builds(Season, st.integers(-1, 10**9), st.sampled_from(["UTC", "Europe/Berlin"])),
    threshold=st.none() | st.builds(FixedThreshold, st.integers(1, 64), st.floats(0.1, 9)),
    severity=st.sampled_from(["warning", "critical"]),
    identity_labels=NAMES,
    ignore_labels=NAMES,
    counter=st.sampled_from([None, True, False]),
)


@given(st.lists(PROFILES, max_size=3).map(tuple))
def test_what_was_saved_as_json_is_what_comes_back(profiles: tuple[Profile, ...]) -> None:
    saved = orjson.loads(orjson.dumps(save_profiles(profiles)))
    assert load_profiles(saved) == profiles
    assert saved == save_profiles(profiles)


def test_what_an_earlier_version_did_not_know_has_its_default() -> None:
    (saved,) = save_profiles([Profile()])
    del saved["severity"], saved["counter"]
    assert load_profiles([saved]) == (Profile(),)
