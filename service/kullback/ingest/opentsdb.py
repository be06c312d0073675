"""OpenTSDB JSON (opentsdb.net, "/api/put"), and that of Netdata, whose exporting engine posts there too."""

from __future__ import annotations

from kullback.core.errors import ErrorId, Refusal
from kullback.core.labels import NAME, Series
from kullback.core.limits import Limits
from kullback.ingest.arrivals import remembered_series
from kullback.ingest.builder import Builder, series_of, shown
from kullback.ingest.decoded import Decoded
from kullback.ingest.json_array import Tree, decode_objects, text
from kullback.ingest.numbers import Bad, number
from kullback.ingest.prometheus_names import safe_label, safe_metric

ADVICE = "set the exporter to HTTP with JSON"
LAST_SECOND = 0xFFFFFFFF
"""Times up to here are seconds, later ones milliseconds, as in OpenTSDB."""
LATEST = 2**62
NUMERIC = frozenset("0123456789+-.eE")

Pairs = tuple[tuple[str, str], ...]


class OpenTsdbDecoder:
    """Decodes data points; characters outside the Prometheus set become `_`, tags are labels.

    Parameters
    ----------
    limits : Limits, optional
    """

    protocol = "opentsdb"

    def __init__(self, limits: Limits | None = None) -> None:
        self._limits = limits or Limits()
        self._capacity = remembered_series(self._limits)
        self._series: dict[tuple[str, str, Pairs], Series | Refusal] = {}

    def decode(self, body: bytes, now_ms: int) -> Decoded:
        """Read one data point or an array of them.

        Parameters
        ----------
        body : bytes
        now_ms : int
            Time of points that carry none.

        Raises
        ------
        DecodeError
            BAD_JSON, BAD_SAMPLE or TOO_MANY_SAMPLES.
        """

        def read(builder: Builder, tree: Tree) -> None:
            metric, unit, tags = _of_netdata(tree) if "chart_id" in tree else _of_opentsdb(tree)
            series = self._series_of(metric, unit, tags)
            builder.add(series, _time_ms(tree.get("timestamp"), now_ms), _value(tree.get("value")))

        return decode_objects(body, self._limits, read, ADVICE)

    def _series_of(self, metric: str, unit: str, tags: Pairs) -> Series:
        key = (metric, unit, tags)
        series = self._series.get(key)
        if series is None:
            if len(self._series) >= self._capacity:
                self._series.clear()
            labels = ((safe_label(name), value) for name, value in tags)
            series = self._series[key] = series_of(((NAME, safe_metric(metric)), *labels), unit=unit)
        if isinstance(series, Refusal):
            raise Bad(f"has bad labels: {series.detail.rstrip('.')}", 1, series.error)
        return series


def _of_opentsdb(tree: Tree) -> tuple[str, str, Pairs]:
    return text(tree, "metric", needed=True), "", _tags(tree, "tags")


def _of_netdata(tree: Tree) -> tuple[str, str, Pairs]:
    """The series that Netdata's OpenTSDB connector would send for the same dimension."""
    chart = text(tree, "chart_name") or text(tree, "chart_id", needed=True)
    dimension = text(tree, "name") or text(tree, "id")
    words = (text(tree, "prefix"), chart, dimension)
    tags = (("host", text(tree, "hostname")), *_tags(tree, "labels"))
    return ".".join(word for word in words if word), text(tree, "units"), tags


def _tags(tree: Tree, field: str) -> Pairs:
    tags = tree.get(field) or {}
    if not isinstance(tags, dict):
        raise Bad(f"needs an object as `{field}`")
    return tuple((name, _tag_text(name, value)) for name, value in tags.items())


def _tag_text(name: str, value: object) -> str:
    if isinstance(value, str):
        return value
    if type(value) in (int, float):
        return repr(value)
    raise Bad(f"needs a text as tag {shown(name)!r}", 1, ErrorId.BAD_LABELS)


def _value(value: object) -> float | None:
    if isinstance(value, str) and value and NUMERIC.issuperset(value):
        try:
            return float(value)
        except ValueError:
            pass
    return number(value, "value")


def _time_ms(value: object, now_ms: int) -> int:
    if value is None:
        return now_ms
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 20:
        value = int(value)
    if type(value) not in (int, float) or not abs(value) < LATEST:  # type: ignore[arg-type]
        raise Bad("needs seconds or milliseconds since 1970 as `timestamp`")
    return _milliseconds(value)  # type: ignore[arg-type]


def _milliseconds(value: float) -> int:
    return round(value * 1000 if abs(value) <= LAST_SECOND else value)
