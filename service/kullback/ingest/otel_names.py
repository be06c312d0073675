"""OpenTelemetry names, units and attributes as Prometheus writes them.

Source: OpenTelemetry specification, "Prometheus and OpenMetrics Compatibility", sections "Metric Metadata"
and "Resource Attributes": dots become underscores, the unit and, for monotonic sums, `total` are appended.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

from kullback.core.errors import ErrorId, Refusal
from kullback.core.labels import NAME, Kind, Series
from kullback.core.units import per_second
from kullback.ingest.builder import series_of, shown

UNITS = {
    "d": "days", "h": "hours", "min": "minutes", "s": "seconds", "ms": "milliseconds", "us": "microseconds",
    "ns": "nanoseconds", "By": "bytes", "KiBy": "kibibytes", "MiBy": "mebibytes", "GiBy": "gibibytes",
    "TiBy": "tibibytes", "KBy": "kilobytes", "MBy": "megabytes", "GBy": "gigabytes", "TBy": "terabytes",
    "m": "meters", "V": "volts", "A": "amperes", "J": "joules", "W": "watts", "g": "grams", "Cel": "celsius",
    "Hz": "hertz", "1": "", "%": "percent",
}  # fmt: skip
"""UCUM case-sensitive codes."""
PER_UNITS = {"s": "second", "m": "minute", "h": "hour", "d": "day", "w": "week", "mo": "month", "y": "year"}

SERVICE_NAME, SERVICE_NAMESPACE, SERVICE_INSTANCE = "service.name", "service.namespace", "service.instance.id"

_NOT_IN_NAMES = re.compile(r"[^a-zA-Z0-9:]+")
_NOT_IN_LABELS = re.compile(r"[^a-zA-Z0-9_]")

Pairs = tuple[tuple[str, str], ...]


class Family(NamedTuple):
    """What all points of one metric of one resource share.

    Parameters
    ----------
    resource : tuple of (str, str)
        Labels that come from the resource.
    metric : str
        The Prometheus name.
    kind : Kind
    unit : str
        Of the values as they are scored (UCUM).
    """

    resource: Pairs
    metric: str
    kind: Kind
    unit: str


def family_of(
    resource: Pairs, name: str, unit: str, *, monotonic: bool, delta: bool, histogram: bool, gauge: bool
) -> Family:
    """What a metric's type says of its points.

    Parameters
    ----------
    resource : tuple of (str, str)
    name, unit : str
        As sent.
    monotonic : bool
        Whether it is a sum that only grows. With `delta` its points are turned into rates by the decoder,
        else by the engine.
    delta, histogram, gauge : bool
    """
    grows = Kind.GAUGE if delta else Kind.COUNTER
    kind = Kind.HISTOGRAM if histogram else grows if monotonic else Kind.GAUGE
    prometheus = metric_name(name, unit, monotonic_sum=monotonic, gauge=gauge)
    return Family(resource, prometheus, kind, per_second(unit) if monotonic and delta else unit)


def metric_name(name: str, unit: str, *, monotonic_sum: bool = False, gauge: bool = False) -> str:
    """The Prometheus name of a metric, "" when nothing of it can stay.

    Parameters
    ----------
    name, unit : str
    monotonic_sum, gauge : bool

    Examples
    --------
    >>> metric_name("http.server.request.duration", "s")
    'http_server_request_duration_seconds'
    >>> metric_name("requests", "{request}", monotonic_sum=True)
    'requests_total'
    """
    words = [word for word in _NOT_IN_NAMES.split(name) if word]
    words += [word for word in unit_words(unit) if word and word not in words]
    if monotonic_sum:
        words = [word for word in words if word != "total"] + ["total"]
    if gauge and unit == "1":
        words = [word for word in words if word != "ratio"] + ["ratio"]
    joined = "_".join(words)
    return f"_{joined}" if joined[:1].isdigit() else joined


def unit_words(unit: str) -> tuple[str, str]:
    """What a unit adds to a name: its own word and that of what it is per.

    Parameters
    ----------
    unit : str

    Examples
    --------
    >>> unit_words("By/s")
    ('bytes', 'per_second')
    >>> unit_words("{packet}")
    ('', '')
    """
    main, _, per = (part.strip() for part in unit.partition("/"))
    own = "" if "{" in main else _words(UNITS.get(main, main))
    divisor = "" if "{" in per else _words(PER_UNITS.get(per, per))
    return own, f"per_{divisor}" if divisor else ""


def _words(text: str) -> str:
    return "_".join(word for word in _NOT_IN_NAMES.split(text) if word)


def label_name(key: str) -> str:
    """An attribute's key as a label name.

    Parameters
    ----------
    key : str

    Examples
    --------
    >>> label_name("http.route"), label_name("4xx"), label_name("_hidden")
    ('http_route', 'key_4xx', 'key_hidden')
    """
    name = _NOT_IN_LABELS.sub("_", key)
    if name[:1].isdigit():
        return f"key_{name}"
    return f"key{name}" if name.startswith("_") and not name.startswith("__") else name


def attribute_labels(attributes: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Labels of attributes; values whose keys become the same name are joined by `;` in the keys' order.

    Parameters
    ----------
    attributes : iterable of (str, str)
    """
    labels: dict[str, str] = {}
    for key, value in sorted(dict(attributes).items()):
        name = label_name(key)
        labels[name] = f"{labels[name]};{value}" if name in labels else value
    return labels


def resource_labels(attributes: Iterable[tuple[str, str]], promoted: Iterable[str]) -> Pairs:
    """`job` and `instance` of a resource, and its attributes that the configuration wants as labels.

    Parameters
    ----------
    attributes : iterable of (str, str)
    promoted : iterable of str
        Keys of attributes.
    """
    given = dict(attributes)
    labels = attribute_labels((key, given[key]) for key in promoted if key in given)
    if service := given.get(SERVICE_NAME):
        namespace = given.get(SERVICE_NAMESPACE)
        labels["job"] = f"{namespace}/{service}" if namespace else service
    if instance := given.get(SERVICE_INSTANCE):
        labels["instance"] = instance
    return tuple(sorted(labels.items()))


def point_series(family: Family, attributes: Iterable[tuple[str, str]]) -> Series | Refusal:
    """The series of a data point; labels of the resource win over attributes of the same name.

    Parameters
    ----------
    family : Family
    attributes : iterable of (str, str)
    """
    if not family.metric:
        return Refusal(ErrorId.BAD_LABELS, 1, "A metric has no name that Prometheus could write.")
    labels = attribute_labels(attributes) | dict(family.resource)
    if "" in labels:
        return Refusal(ErrorId.BAD_LABELS, 1, f"An attribute of {shown(family.metric)} has an empty key.")
    labels[NAME] = family.metric
    return series_of(tuple(labels.items()), family.kind, family.unit)
