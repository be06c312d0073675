from hypothesis import given
from hypothesis import strategies as st

from kullback.core.labels import NAME, Kind, Series, kind_of_name, render, sorted_labels, stream_id

pairs = st.lists(
    st.tuples(st.text(min_size=1, max_size=8), st.text(max_size=8)), max_size=6, unique_by=lambda p: p[0]
)


@given(pairs, st.randoms())
def test_order_of_labels_does_not_change_the_stream(labels: list[tuple[str, str]], random: object) -> None:
    shuffled = labels.copy()
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert stream_id(sorted_labels(labels)) == stream_id(sorted_labels(shuffled))


@given(pairs, pairs)
def test_different_labels_are_different_streams(
    one: list[tuple[str, str]], other: list[tuple[str, str]]
) -> None:
    same = sorted_labels(one) == sorted_labels(other)
    assert (stream_id(sorted_labels(one)) == stream_id(sorted_labels(other))) is same


def test_moving_a_character_between_name_and_value_makes_another_stream() -> None:
    assert stream_id((("ab", "c"),)) != stream_id((("a", "bc"),))


def test_empty_label_value_means_absent() -> None:
    assert sorted_labels([("a", ""), ("b", "1")]) == (("b", "1"),)


def test_series_renders_as_promql_with_escapes() -> None:
    labels = sorted_labels([(NAME, "up"), ("job", 'a"b\\c\nd')])
    assert render(labels) == 'up{job="a\\"b\\\\c\\nd"}'
    assert render(sorted_labels([(NAME, "up")])) == "up"
    assert render(()) == "{}"


def test_total_suffix_tells_a_counter() -> None:
    assert kind_of_name("requests_total") is Kind.COUNTER
    assert kind_of_name("temperature") is Kind.GAUGE


def test_series_knows_its_metric_and_widths() -> None:
    series = Series(sorted_labels([(NAME, "up"), ("zone", "größe")]))
    assert series.metric == "up"
    assert (series.widest_name_bytes, series.widest_value_bytes) == (8, 7)
