"""Which series are parts of one classic histogram (Prometheus exposition formats, "Histograms")."""

from __future__ import annotations

from math import inf, isnan

from kullback.core.labels import NAME, Kind, Series

BUCKET, BOUND = "_bucket", "le"
TOTALS = ("_sum", "_count")
NO_BOUND = -inf
"""Stands for the bound of a sum or count."""


def bound_of(series: Series) -> float | None:
    """Upper bound of the bucket that a series counts, None when it counts none.

    Parameters
    ----------
    series : Series
    """
    if series.kind in (Kind.HISTOGRAM, Kind.CATEGORY) or not series.metric.endswith(BUCKET):
        return None
    try:
        bound = float(next((value for name, value in series.labels if name == BOUND), ""))
    except ValueError:
        return None
    return None if isnan(bound) or bound == NO_BOUND else bound


def is_total(series: Series) -> bool:
    """Whether a series might be the sum or the count of a classic histogram.

    Parameters
    ----------
    series : Series
    """
    return series.kind is Kind.COUNTER and series.metric.endswith(TOTALS)


def family_of(series: Series) -> Series:
    """The histogram that a bucket, sum or count is part of: named without the ending, without `le`.

    Parameters
    ----------
    series : Series
    """
    metric = series.metric.rpartition("_")[0]
    labels = tuple(
        (name, metric if name == NAME else value) for name, value in series.labels if name != BOUND
    )
    return Series(labels, Kind.HISTOGRAM, series.unit)
