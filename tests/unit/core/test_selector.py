import pytest

from kullback.core.errors import ErrorId, RequestError
from kullback.core.labels import NAME, sorted_labels
from kullback.core.selector import parse_selector

LATENCY = sorted_labels([(NAME, "latency_seconds"), ("job", "api"), ("env", "prod")])


@pytest.mark.parametrize(
    ("text", "selected"),
    [
        ("{}", True),
        ("latency_seconds", True),
        ("latency", False),
        ('latency_seconds{job="api"}', True),
        ('{job!="api"}', False),
        ('{job=~"a.*", env!~"dev|test"}', True),
        ('{job=~"a"}', False),  # anchored at both ends, as in PromQL
        ('{region=""}', True),  # an absent label is an empty one
        ('{region!=""}', False),
        ("{job='api',}", True),
        ('{__name__=~"latency.*",job=`api`}', True),
        ('{"job"="api"}', True),
    ],
)
def test_selector_selects_as_promql_does(text: str, selected: bool) -> None:
    assert parse_selector(text).matches(LATENCY) is selected


@pytest.mark.parametrize(
    "text", ["", "{", "}", "a{b}", 'a{b="c"', '{b="c" d="e"}', '{b=~"("}', "a b", "{b=c}", "{" + "x" * 20_000]
)
def test_bad_selector_names_itself_and_its_error(text: str) -> None:
    with pytest.raises(RequestError) as caught:
        parse_selector(text)
    assert caught.value.error is ErrorId.BAD_SELECTOR
    assert ErrorId.BAD_SELECTOR.code in str(caught.value)


def test_escapes_in_a_matcher_are_undone() -> None:
    labels = sorted_labels([("path", 'C:\\temp\n"x"')])
    assert parse_selector(r'{path="C:\\temp\n\"x\""}').matches(labels)
