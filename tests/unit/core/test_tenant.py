"""A tenant's samples carry its name whatever they carried before, and its questions reach no other's."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from kullback.core.batch import Batch
from kullback.core.labels import NAME, TENANT, Kind, Series, render, sorted_labels
from kullback.core.selector import parse_selector
from kullback.core.tenant import ANONYMOUS, EVERYONE, Deeds, Quotas, name_problem, tenant_of, within

TENANTS = st.sampled_from([ANONYMOUS, "team-a", "team-b", "a.b*'()!_"])
FORGED = st.dictionaries(st.sampled_from([NAME, TENANT, "job", "Z"]), st.sampled_from(["a", "team-a", "x"]))
SELECTORS = st.sampled_from(
    [
        "{}",
        '{__tenant__="team-b"}',
        '{__tenant__=~".*"}',
        '{__tenant__!="team-a"}',
        'a{job!~"q"}',
        '{__tenant__=""}',
    ]
).map(parse_selector)


def one(labels: dict[str, str], kind: Kind = Kind.GAUGE) -> Batch:
    series = Series(sorted_labels(labels.items()), kind, "s")
    return Batch((series,), np.zeros(1, np.int32), np.zeros(1, np.int64), np.zeros(1))


@given(FORGED, TENANTS)
def test_samples_are_put_down_to_who_sent_them(labels: dict[str, str], tenant: str) -> None:
    deeds = Deeds()
    (series,) = deeds.put(one(labels), tenant).series
    assert tenant_of(series.labels) == tenant
    assert series.labels == sorted_labels(series.labels)
    rest = {name: value for name, value in labels.items() if name != TENANT}
    assert {name: value for name, value in series.labels if name != TENANT} == rest
    assert series.label_count == len(rest)
    assert TENANT not in render(series.labels)
    assert deeds.put(one(labels), tenant).series[0] is series


@given(FORGED, TENANTS, TENANTS, SELECTORS)
def test_no_selector_reaches_another_tenant(
    labels: dict[str, str], owner: str, asking: str, selector: object
) -> None:
    (series,) = Deeds().put(one(labels), owner).series
    narrowed = within(selector, asking)  # type: ignore[arg-type]
    assert not narrowed.matches(series.labels) or owner == asking
    everyone = within(parse_selector("{}"), EVERYONE)
    assert everyone.matches(series.labels)
    assert within(parse_selector("{}"), owner).matches(series.labels)


@given(FORGED, TENANTS, TENANTS)
def test_ids_differ_exactly_when_tenants_do(labels: dict[str, str], first: str, second: str) -> None:
    ids = [Deeds().put(one(labels), tenant).series[0].id for tenant in (first, second)]
    assert (ids[0] == ids[1]) == (first == second)


def test_what_is_remembered_is_bounded() -> None:
    deeds = Deeds(most_bytes=20_000)
    for index in range(1000):
        deeds.put(one({"i": str(index)}), "team-a")
    assert len(deeds._owned) <= 20


def test_the_unit_of_a_series_is_kept() -> None:
    assert Deeds().put(one({NAME: "a"}, Kind.COUNTER), "team-a").series[0].unit == "s"


def test_names_are_those_of_mimir() -> None:
    assert name_problem("aZ09!-_.*'()") == name_problem("a" * 150) == ""
    for name in ("", ".", "..", "a" * 151, "a/b", "a|b", "a b", "ä", 'a"', "a\n"):
        assert name_problem(name)


def test_a_quota_of_its_own_wins() -> None:
    quotas = Quotas(10, {"large": 20, "free": 0})
    assert [quotas.of(name) for name in ("any", "large", "free")] == [10, 20, 0]
