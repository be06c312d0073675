import pytest
from hypothesis import given
from hypothesis import strategies as st

from kullback.core.budget import DAY_MS, Budget, parse_budget
from kullback.core.errors import RequestError


@pytest.mark.parametrize(
    ("text", "budget"),
    [
        ("1 per 30d", Budget(1, 30 * DAY_MS)),
        ("2 per 1h", Budget(2, 3_600_000)),
        ("1 per 10000 samples", Budget(1, 0, 10_000)),
        ("5 per day for all", Budget(5, DAY_MS, fleet=True)),
        ("0.5 per week", Budget(0.5, 7 * DAY_MS)),
    ],
)
def test_budget_is_read_in_each_form(text: str, budget: Budget) -> None:
    assert parse_budget(text) == budget


@pytest.mark.parametrize("text", ["", "often", "0 per 1d", "1 per 0s", "1 per", "-1 per 1d", "1 in 3d"])
def test_budget_that_allows_nothing_or_means_nothing_is_refused(text: str) -> None:
    with pytest.raises(RequestError):
        parse_budget(text)


def test_budget_in_time_becomes_samples_with_the_interval() -> None:
    assert parse_budget("1 per 30d").samples_per_alarm(interval_ms=15_000) == 172_800


def test_fleet_budget_divides_over_its_streams() -> None:
    fleet = parse_budget("5 per day for all")
    alone = fleet.samples_per_alarm(60_000, streams=1)
    assert fleet.samples_per_alarm(60_000, streams=100) == 100 * alone
    assert fleet.per_day(60_000, streams=100) == pytest.approx(0.05)


@given(st.floats(0.01, 1000), st.integers(1, 10**11))
def test_rendered_budget_reads_back(alarms: float, per_ms: int) -> None:
    budget = Budget(float(f"{alarms:g}"), per_ms)
    assert parse_budget(budget.render()) == budget
