"""Buckets of exponential histograms: Prometheus' native and OpenTelemetry's exponential ones.

Bucket `i` of schema `s` holds (base^(i-1), base^i] with base = 2^(2^-s) (Prometheus, model/histogram;
OpenTelemetry metrics data model, "Exponential Scale", whose index is one lower). Schema -53 has bounds of its
own.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kullback.core.kernel import kernel

CUSTOM_BOUNDS = -53
MISFIT = -1
"""Spans, counts and bounds do not fit together."""
FULL = -2
"""No room for the buckets."""

Floats = NDArray[np.float64]
Spans = NDArray[np.int64]


@kernel
def bound_of(schema: int, index: int, custom: Floats) -> float:
    """Upper bound of a bucket.

    Parameters
    ----------
    schema, index : int
    custom : float64 array
        The bounds of schema CUSTOM_BOUNDS.
    """
    if schema != CUSTOM_BOUNDS:
        return 2.0 ** (np.float64(index) * 2.0 ** np.float64(-schema))
    if index < 0:
        return -np.inf
    return custom[index] if index < len(custom) else np.inf


@kernel
def append(upper_bound: Floats, count: Floats, first: int, at: int, bound: float, observations: float) -> int:
    """Add a bucket to the row that starts at `first`, or merge it into a last one that ends as high.

    Parameters
    ----------
    upper_bound, count : float64 array, written
    first, at : int
        Where the row begins and where it goes on.
    bound, observations : float

    Returns
    -------
    int
        Where the row goes on, or FULL; a negative `at` is passed on.
    """
    if at < 0:
        return at
    if at > first and not bound > upper_bound[at - 1]:
        count[at - 1] += observations
        return at
    if at >= len(count):
        return FULL
    upper_bound[at], count[at] = bound, observations
    return at + 1


@kernel
def write_buckets(
    schema: int,
    zero_threshold: float,
    zero_count: float,
    negative_spans: Spans,
    negative: Floats,
    positive_spans: Spans,
    positive: Floats,
    custom: Floats,
    upper_bound: Floats,
    count: Floats,
    at: int,
) -> int:
    """Write one histogram's buckets as a rising row; stretches without observations become one empty bucket.

    Parameters
    ----------
    schema : int
    zero_threshold, zero_count : float
    negative_spans, positive_spans : int64 array, shape (k, 2)
        Gap to the previous span (the first: the index itself) and length.
    negative, positive : float64 array
        Observations per bucket, as many as the spans hold.
    custom : float64 array
    upper_bound, count : float64 array, written from `at`
    at : int

    Returns
    -------
    int
        Index after the row, MISFIT or FULL.
    """
    if not (spans_fit(negative_spans, negative) and spans_fit(positive_spans, positive)):
        return MISFIT
    if schema == CUSTOM_BOUNDS and (len(negative) > 0 or not custom_fits(positive_spans, custom)):
        return MISFIT
    first = at
    at = _write_negative(schema, negative_spans, negative, custom, upper_bound, count, first)
    if zero_count > 0.0:
        if zero_threshold > 0.0:
            # Without negative observations the zero bucket reaches from 0, as in PromQL's quantiles.
            floor = -zero_threshold if len(negative) else 0.0
            at = append(upper_bound, count, first, at, floor, 0.0)
        at = append(upper_bound, count, first, at, zero_threshold, zero_count)
    at = _write_positive(schema, positive_spans, positive, custom, upper_bound, count, first, at)
    if at == first:
        at = append(upper_bound, count, first, at, zero_threshold, 0.0)
    return at


@kernel
def _write_negative(
    schema: int,
    spans: Spans,
    observed: Floats,
    custom: Floats,
    upper_bound: Floats,
    count: Floats,
    first: int,
) -> int:
    at, k = first, len(observed)
    index = spans[:, 0].sum() + spans[:, 1].sum()
    for span in range(len(spans) - 1, -1, -1):
        for _ in range(spans[span, 1]):
            if at < 0:
                return at
            index -= 1
            k -= 1
            if observed[k] > 0.0:
                at = append(upper_bound, count, first, at, -bound_of(schema, index, custom), 0.0)
                at = append(upper_bound, count, first, at, -bound_of(schema, index - 1, custom), observed[k])
        index -= spans[span, 0]
    return at


@kernel
def _write_positive(
    schema: int,
    spans: Spans,
    observed: Floats,
    custom: Floats,
    upper_bound: Floats,
    count: Floats,
    first: int,
    at: int,
) -> int:
    index, k = 0, 0
    for span in range(len(spans)):
        index += spans[span, 0]
        for _ in range(spans[span, 1]):
            if at < 0:
                return at
            floor = bound_of(schema, index - 1, custom)
            if observed[k] > 0.0 and floor > -np.inf:
                at = append(upper_bound, count, first, at, floor, 0.0)
            if observed[k] > 0.0 or schema == CUSTOM_BOUNDS:
                at = append(upper_bound, count, first, at, bound_of(schema, index, custom), observed[k])
            index += 1
            k += 1
    return at


@kernel
def spans_fit(spans: Spans, observed: Floats) -> bool:
    """Whether spans hold as many buckets as there are counts, and every count can be one.

    Parameters
    ----------
    spans : int64 array, shape (k, 2)
    observed : float64 array
    """
    held = 0
    for span in range(len(spans)):
        if spans[span, 1] < 0 or (span > 0 and spans[span, 0] < 0):
            return False
        held += spans[span, 1]
    if held != len(observed):
        return False
    return bool(np.all(observed >= 0.0) and np.all(observed < np.inf))


@kernel
def custom_fits(spans: Spans, custom: Floats) -> bool:
    """Whether custom bounds are finite and rising and the spans stay within them.

    Parameters
    ----------
    spans : int64 array, shape (k, 2)
    custom : float64 array
    """
    for i in range(len(custom)):
        if not np.isfinite(custom[i]) or (i > 0 and custom[i] <= custom[i - 1]):
            return False
    reach = spans[:, 0].sum() + spans[:, 1].sum()
    return bool((len(spans) == 0 or spans[0, 0] >= 0) and reach <= len(custom) + 1)
