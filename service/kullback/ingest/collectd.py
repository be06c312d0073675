"""JSON of collectd's write_http plugin (collectd.conf(5), "Plugin write_http", Format JSON)."""

from __future__ import annotations

from typing import Any

from kullback.core.errors import Refusal
from kullback.core.labels import NAME, Kind, Series
from kullback.core.limits import Limits
from kullback.ingest.arrivals import remembered_series
from kullback.ingest.builder import Builder, series_of
from kullback.ingest.decoded import Decoded
from kullback.ingest.json_array import Tree, decode_objects, text
from kullback.ingest.numbers import Bad, number
from kullback.ingest.prometheus_names import safe_label, safe_metric

ADVICE = 'set `Format "JSON"` in the node of write_http'
COUNTERS = frozenset({"derive", "counter"})
TYPES = frozenset({"gauge", "absolute"}) | COUNTERS
PLAIN_NAME = "value"
"""The name of the only data source of most types; it is left out of the metric's name."""
CAPACITY_HOSTS = 10_000
LATEST_S = 2**43

Key = tuple[str, str, str, str, str, str, Kind]


class CollectdDecoder:
    """Decodes value lists: `collectd_<plugin>_<type>[_<data source>]`, labels `instance`, `<plugin>`, `type`.

    Data sources of type derive and counter are counters. A host that sends `null` or fractions for them has
    `StoreRates true`: its values are rates already and stay as they are.

    Parameters
    ----------
    limits : Limits, optional
    """

    protocol = "collectd"

    def __init__(self, limits: Limits | None = None) -> None:
        self._limits = limits or Limits()
        self._capacity = remembered_series(self._limits)
        self._series: dict[Key, Series | Refusal] = {}
        self._rate_senders: set[str] = set()

    def decode(self, body: bytes, now_ms: int) -> Decoded:
        """Read a JSON array of value lists.

        Parameters
        ----------
        body : bytes
        now_ms : int
            Time of value lists that carry none.

        Raises
        ------
        DecodeError
            BAD_JSON, BAD_SAMPLE or TOO_MANY_SAMPLES.
        """

        def read(builder: Builder, tree: Tree) -> None:
            self._read(builder, tree, now_ms)

        return decode_objects(body, self._limits, read, ADVICE)

    def _read(self, builder: Builder, tree: Tree, now_ms: int) -> None:
        values, types, names = (_list(tree, field) for field in ("values", "dstypes", "dsnames"))
        if not len(values) == len(types) == len(names):
            raise Bad("needs as many `dstypes` and `dsnames` as `values`", len(values))
        host = text(tree, "host", needed=True)
        self._note_rates(host, values, types)
        time_ms = _time_ms(tree.get("time"), now_ms, len(values))
        series = [self._series_of(tree, host, *of_one) for of_one in zip(types, names, strict=True)]
        read = [number(value, "values", len(values)) for value in values]
        for one, value in zip(series, read, strict=True):
            builder.add(one, time_ms, value)

    def _note_rates(self, host: str, values: list[Any], types: list[Any]) -> None:
        counted = (value for value, kind in zip(values, types, strict=True) if kind in tuple(COUNTERS))
        if any(value is None or (type(value) is float and value != int(value)) for value in counted):
            if len(self._rate_senders) >= CAPACITY_HOSTS:
                self._rate_senders.clear()
            self._rate_senders.add(host)

    def _series_of(self, tree: Tree, host: str, source: object, name: object) -> Series:
        if not isinstance(source, str) or source not in TYPES or not isinstance(name, str):
            raise Bad("has a `dstypes` or `dsnames` that collectd does not know")
        counts = source in COUNTERS and host not in self._rate_senders
        kind = Kind.COUNTER if counts else Kind.GAUGE
        plugin, type_name = text(tree, "plugin", needed=True), text(tree, "type", needed=True)
        key = (
            host,
            plugin,
            text(tree, "plugin_instance"),
            type_name,
            text(tree, "type_instance"),
            name,
            kind,
        )
        series = self._series.get(key)
        if series is None:
            if len(self._series) >= self._capacity:
                self._series.clear()
            series = self._series[key] = _make(*key)
        if isinstance(series, Refusal):
            raise Bad(f"has bad labels: {series.detail.rstrip('.')}", 1, series.error)
        return series


def _make(
    host: str, plugin: str, instance: str, type_name: str, type_instance: str, name: str, kind: Kind
) -> Series | Refusal:
    suffix = () if name == PLAIN_NAME else (name,)
    metric = safe_metric("_".join(("collectd", plugin, type_name, *suffix)))
    labels = {NAME: metric, safe_label(plugin): instance, "type": type_instance, "instance": host}
    return series_of(tuple(labels.items()), kind)


def _list(tree: Tree, field: str) -> list[Any]:
    values = tree.get(field)
    if not isinstance(values, list):
        raise Bad(f"needs an array as `{field}` ({ADVICE})")
    return values


def _time_ms(value: object, now_ms: int, count: int) -> int:
    if value is None:
        return now_ms
    if type(value) not in (int, float) or not abs(value) < LATEST_S:  # type: ignore[arg-type]
        raise Bad("needs seconds since 1970 as `time`", count)
    return round(value * 1000)  # type: ignore[operator]
