"""Units of values: as the protocol gave them, or as the metric's name tells."""

from __future__ import annotations

from kullback.core.labels import Kind, Series

BASE_UNITS = {"seconds": "s", "bytes": "B", "ratio": "", "celsius": "°C", "volts": "V", "meters": "m"}
"""Prometheus' base units by name suffix (prometheus.io/docs/practices/naming)."""


def unit_of(series: Series) -> str:
    """What stands behind a value of this series; "" when nobody said. A counter's values are rates.

    Parameters
    ----------
    series : Series
    """
    words = series.metric.removesuffix("_total").split("_")
    unit = series.unit or next((BASE_UNITS[word] for word in reversed(words) if word in BASE_UNITS), "")
    return per_second(unit) if series.kind is Kind.COUNTER else unit


def per_second(unit: str) -> str:
    """The unit of a rate.

    Parameters
    ----------
    unit : str

    Examples
    --------
    >>> per_second("By"), per_second("")
    ('By/s', '/s')
    """
    return unit if unit == "s" else f"{unit}/s"
