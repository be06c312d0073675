import struct

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from kullback.ingest.decimals import EXACT, NONE, UNSURE, read_decimal
from kullback.ingest.wire import as_bytes


def read(text: str) -> tuple[float, int]:
    raw = text.encode()
    return read_decimal(as_bytes(raw), 0, len(raw))


def same(one: float, other: float) -> bool:
    return struct.pack("<d", one) == struct.pack("<d", other)


@given(st.floats(allow_nan=False, allow_infinity=False))
@example(9007199254740993.0)
@example(99.49748743718593)
@settings(max_examples=2000, deadline=None)
def test_the_shortest_text_of_a_float_reads_back_or_is_left_to_python(value: float) -> None:
    found, certainty = read(repr(value))
    assert certainty != NONE
    assert certainty == UNSURE or same(found, value)


@given(st.integers(0, 10**19 - 1), st.integers(-25, 25))
@settings(max_examples=2000, deadline=None)
def test_any_digits_are_rounded_as_python_rounds_them(mantissa: int, exponent: int) -> None:
    text = f"{mantissa}e{exponent}"
    found, certainty = read(text)
    assert certainty == UNSURE or same(found, float(text))


def test_everyday_floats_are_rarely_left_to_python() -> None:
    values = np.random.default_rng(7).lognormal(0.0, 3.0, 10_000)
    unsure = sum(read(repr(value))[1] == UNSURE for value in values.tolist())
    assert unsure <= 5


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0", 0.0), ("-0", -0.0), ("+1", 1.0), ("1.", 1.0), (".5", 0.5), ("-1.25", -1.25), ("1e3", 1000.0),
        ("1E-2", 0.01), ("1e+2", 100.0), ("000123", 123.0), ("0.000", 0.0),
        ("9007199254740993", 9007199254740992.0),
    ],
)  # fmt: skip
def test_forms_of_numbers(text: str, value: float) -> None:
    found, certainty = read(text)
    assert certainty == EXACT or text == "9007199254740993"
    assert certainty == UNSURE or same(found, value)


@pytest.mark.parametrize(
    "text", ["", "-", ".", "e5", "1e", "1e+", "1x", "1.2.3", "1 ", "--1", "0x10", "1_000", "nan"]
)
def test_what_is_no_number_is_told(text: str) -> None:
    assert read(text)[1] == NONE


@pytest.mark.parametrize(
    "text", ["1e400", "1e-400", "12345678901234567890123", "1e100", "9223372036854775809"]
)
def test_what_is_out_of_range_is_left_to_python(text: str) -> None:
    assert read(text)[1] == UNSURE
