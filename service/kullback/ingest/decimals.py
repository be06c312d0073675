"""Decimal texts to float64, correctly rounded, compiled.

A text of up to 19 digits and a small exponent is `m · 10^e`. The product or quotient is taken in
double-double arithmetic (Dekker, "A floating-point technique for extending the available precision", 1971),
which leaves an error so small that the rounding is certain unless the value lies next to the middle between
two float64; those, and texts out of range, are left to Python's own `float`.
"""

from __future__ import annotations

import math

import numpy as np

from kullback.core.kernel import kernel
from kullback.ingest.wire import Bytes

EXACT, UNSURE, NONE = 0, 1, 2
"""A number; one for Python to read; no number."""

POWERS = np.array([10.0**k for k in range(23)])
"""The powers of ten that float64 holds exactly."""
MOST_DIGITS = 19
SPLITTER = 134_217_729.0
"""2^27 + 1: halves the bits of a float64."""
NEAR_RATIO = 1e-6
"""How near to a midpoint, in units of the last place, is too near."""

PLUS, MINUS, DOT, ZERO, NINE, LOWER_E, UPPER_E = 43, 45, 46, 48, 57, 101, 69


@kernel
def read_decimal(body: Bytes, at: int, stop: int) -> tuple[float, int]:
    """The number that a range of bytes spells.

    Parameters
    ----------
    body : uint8 array
    at, stop : int

    Returns
    -------
    float, int
        The value, and EXACT, UNSURE or NONE.
    """
    negative = at < stop and body[at] == MINUS
    if at < stop and (body[at] == MINUS or body[at] == PLUS):
        at += 1
    mantissa, digits, exponent, seen, point = np.uint64(0), 0, 0, 0, False
    while at < stop:
        byte = body[at]
        if ZERO <= byte <= NINE:
            seen += 1
            digits += digits > 0 or byte > ZERO
            if digits <= MOST_DIGITS:
                mantissa = mantissa * np.uint64(10) + np.uint64(byte - ZERO)
            exponent -= point
        elif byte == DOT and not point:
            point = True
        else:
            break
        at += 1
    if seen == 0:
        return 0.0, NONE
    if at < stop:
        written, good = read_exponent(body, at, stop)
        if not good:
            return 0.0, NONE
        exponent += written
    if digits > MOST_DIGITS:
        return 0.0, UNSURE
    value, sure = scaled(mantissa, exponent)
    return (-value if negative else value), (EXACT if sure else UNSURE)


@kernel
def read_exponent(body: Bytes, at: int, stop: int) -> tuple[int, bool]:
    """The exponent after an e, and whether there is one that ends with the text.

    Parameters
    ----------
    body : uint8 array
    at, stop : int
    """
    if body[at] != LOWER_E and body[at] != UPPER_E:
        return 0, False
    at += 1
    negative = at < stop and body[at] == MINUS
    if at < stop and (body[at] == MINUS or body[at] == PLUS):
        at += 1
    first, exponent = at, 0
    while at < stop and ZERO <= body[at] <= NINE:
        exponent = min(exponent * 10 + (int(body[at]) - ZERO), 100_000)
        at += 1
    return (-exponent if negative else exponent), at == stop and at > first


@kernel
def scaled(mantissa: np.uint64, exponent: int) -> tuple[float, bool]:
    """`mantissa · 10^exponent`, and whether the rounding is certain.

    Parameters
    ----------
    mantissa : uint64
    exponent : int
    """
    if mantissa == 0:
        return 0.0, True
    if exponent < -22 or exponent > 22:
        return 0.0, False
    high = np.float64(mantissa)
    if high >= 2.0**63:
        return 0.0, False
    low = np.float64(np.int64(mantissa) - np.int64(high))
    power = POWERS[abs(exponent)]
    if exponent >= 0:
        value, error = two_product(high, power)
        error += low * power
    else:
        value = high / power
        product, lost = two_product(value, power)
        error = (((high - product) - lost) + low) / power
    result = value + error
    rest = error - (result - value)
    return result, rounding_is_certain(result, rest)


@kernel
def two_product(a: float, b: float) -> tuple[float, float]:
    """The rounded product and exactly what the rounding lost (Dekker's product with Veltkamp's split).

    Parameters
    ----------
    a, b : float
    """
    product = a * b
    scaled_a, scaled_b = SPLITTER * a, SPLITTER * b
    high_a = scaled_a - (scaled_a - a)
    high_b = scaled_b - (scaled_b - b)
    low_a, low_b = a - high_a, b - high_b
    lost = ((high_a * high_b - product) + high_a * low_b + low_a * high_b) + low_a * low_b
    return product, lost


@kernel
def rounding_is_certain(result: float, rest: float) -> bool:
    """Whether what is left after rounding lies clearly on one side of the midpoint.

    Parameters
    ----------
    result, rest : float
        The rounded value, above zero, and the remainder of the double-double.
    """
    if rest == 0.0:
        return True
    fraction, power = math.frexp(result)
    if fraction == 0.5:
        return False
    units = abs(rest) / math.ldexp(1.0, power - 53)
    return units < 0.5 - NEAR_RATIO
