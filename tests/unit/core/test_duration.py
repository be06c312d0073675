import pytest
from hypothesis import given
from hypothesis import strategies as st

from kullback.core.duration import parse_duration_ms, render_duration
from kullback.core.errors import RequestError


@pytest.mark.parametrize(
    ("text", "expected_ms"),
    [
        ("0", 0),
        ("250ms", 250),
        ("1.5s", 1500),
        ("1h30m", 5_400_000),
        ("30d", 2_592_000_000),
        ("1w", 604_800_000),
    ],
)
def test_duration_is_read_as_prometheus_writes_it(text: str, expected_ms: int) -> None:
    assert parse_duration_ms(text) == expected_ms


@pytest.mark.parametrize("text", ["", "5", "m", "5 m", "-5m", "5mm", "1h30"])
def test_text_that_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(RequestError, match="not a duration"):
        parse_duration_ms(text)


@given(st.integers(min_value=0, max_value=10**12))
def test_rendered_duration_reads_back(duration_ms: int) -> None:
    assert parse_duration_ms(render_duration(duration_ms)) == duration_ms


def test_month_is_rendered_in_days() -> None:
    assert render_duration(2_592_000_000) == "30d"
