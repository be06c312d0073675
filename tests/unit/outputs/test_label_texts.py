"""Labels of streams under the names that /metrics gives them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families as read_plain

from kullback.core.labels import NAME, Labels, Series, sorted_labels
from kullback.outputs.label_texts import LabelTexts, label_text


def labels_of(name: str, **labels: str) -> Labels:
    return sorted_labels([(NAME, name), *labels.items()])


def test_a_label_text_is_made_once() -> None:
    texts, series = LabelTexts(), [Series(labels_of(f"m{i}", job="node")) for i in range(3)]
    first = texts.of(series)
    assert first == [b'metric="m0",job="node"', b'metric="m1",job="node"', b'metric="m2",job="node"']
    assert all(one is other for one, other in zip(first, texts.of(series), strict=True))


def test_label_texts_of_gone_streams_are_forgotten() -> None:
    texts = LabelTexts()
    texts.of([Series(labels_of(f"m{i}")) for i in range(2000)])
    texts.of([Series(labels_of("x"))])
    assert len(texts) <= 1


def test_clashing_label_names_get_exported_in_front() -> None:
    text = label_text(
        labels_of("m", metric="own", window="w", exported_metric="x", **{"a-b": "1", "a.b": "2"})
    )
    sample = next(iter(read_plain(f"x{{{text.decode()}}} 1\n"))).samples[0]
    assert sample.labels == {
        "metric": "m",
        "a_b": "1",
        "exported_a_b": "2",
        "exported_metric": "x",
        "exported_exported_metric": "own",
        "exported_window": "w",
    }


@given(st.dictionaries(st.text(min_size=1, max_size=5), st.text(min_size=1, max_size=9), max_size=5))
def test_any_label_set_survives_the_scrape(labels: dict[str, str]) -> None:
    text = label_text(sorted_labels([(NAME, "m"), *((k, v) for k, v in labels.items() if k != NAME)]))
    sample = next(iter(read_plain(f"x{{{text.decode()}}} 1\n"))).samples[0]
    expected = sorted(
        [value.encode("utf-8", "replace").decode() for key, value in labels.items() if key != NAME]
    )
    assert sorted(value for name, value in sample.labels.items() if name != "metric") == expected
