"""Names get codes, each stream its own, and never too many."""

from __future__ import annotations

import numpy as np
from tests.unit.engine.tiny import ALL_FORMS, engine, series

from kullback.core.batch import Batch
from kullback.core.labels import Kind, Series
from kullback.core.scores import Outcome
from kullback.engine.categories import Categories
from kullback.engine.local import LocalEngine

A, B = series("a", Kind.CATEGORY), series("b", Kind.CATEGORY)


def request(one: Series, names: tuple[str, ...], value: list[float], at_ms: int) -> Batch:
    n = len(value)
    return Batch((one,), np.zeros(n, np.int32), at_ms + np.arange(n), np.array(value), None, names)


def watching() -> LocalEngine:
    return engine(makers=ALL_FORMS)


def test_codes_follow_the_order_of_first_appearance() -> None:
    categories = Categories(9)
    numbers, category = np.array([5, 5, 6, 5], np.int32), np.array([1, 0, 0, 1])
    assert categories.codes(numbers, category, ("x", "y")).tolist() == [1, 2, 1, 1]
    assert categories.names(5) == ("y", "x")
    assert categories.names(6) == ("x",)


def test_names_beyond_the_room_share_code_0() -> None:
    categories = Categories(3)
    names = tuple("abcdef")
    codes = categories.codes(np.zeros(6, np.int32), np.arange(6), names)
    assert codes.tolist() == [1, 2, 0, 0, 0, 0]
    assert categories.codes(np.zeros(1, np.int32), np.array([1]), names).tolist() == [2]
    assert categories.names(0) == ("a", "b")


def test_an_index_without_a_name_is_code_0() -> None:
    assert Categories(9).codes(np.zeros(3, np.int32), np.array([-1, 5, 1]), ("x",)).tolist() == [0, 0, 0]


def test_a_stream_keeps_its_codes_whatever_a_request_calls_them() -> None:
    one = watching()
    one.update(request(A, ("card", "cash"), [0.0, 1.0], 1), 0, 1)
    scores = one.update(request(A, ("cash", "card"), [0.0, 1.0], 10), 0, 2)
    assert scores.value.tolist() == [2.0, 1.0]
    assert one.views.categories(one.find(A.id) or 0) == ("card", "cash")


def test_what_is_no_number_names_no_category() -> None:
    scores = watching().update(request(A, ("x",), [np.nan, np.inf, 0.0], 1), 0, 1)
    assert scores.outcome.tolist() == [Outcome.NOT_A_NUMBER, Outcome.NOT_A_NUMBER, Outcome.SCORED]


def test_a_closed_stream_takes_its_names_along() -> None:
    one = watching()
    one.update(request(A, ("x",), [0.0], 1), 0, 1)
    number = one.find(A.id) or 0
    one.close(number, 2)
    one.update(request(B, ("y",), [0.0], 1), 0, 3)
    assert one.find(B.id) == number
    assert one.views.categories(number) == ("y",)


def test_a_view_does_not_change_with_later_names() -> None:
    categories = Categories(9)
    categories.put(1, ["x"])
    view = categories.view()
    categories.codes(np.ones(1, np.int32), np.zeros(1, int), ("y",))
    assert view == {1: {"x": 1}}
    assert categories.names(1) == ("x", "y")
