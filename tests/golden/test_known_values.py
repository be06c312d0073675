"""What every golden body holds: how much, and single values as a person reads them in the body."""

import gzip
import json
from collections.abc import Iterator
from math import inf, isnan, nan
from pathlib import Path

import numpy as np
import pytest

from kullback.core.batch import Batch
from kullback.core.errors import DecodeError, ErrorId
from kullback.core.labels import Kind
from kullback.core.limits import Limits
from kullback.ingest.body import unpack
from kullback.ingest.collectd import CollectdDecoder
from kullback.ingest.opentsdb import OpenTsdbDecoder
from kullback.ingest.otlp import OtlpDecoder
from kullback.ingest.remote_write import RemoteWriteDecoder

HERE = Path(__file__).parent
NOW_MS = 1_795_328_801_679
DECODERS = {
    "remote_write": RemoteWriteDecoder,
    "remote_write_native": RemoteWriteDecoder,
    "vmagent": RemoteWriteDecoder,
    "otlp": OtlpDecoder,
    "collectd": CollectdDecoder,
    "netdata": OpenTsdbDecoder,
}
UNREAD = ("collectd/command_001", "collectd/command_002", "collectd/kairosdb_001", "collectd/kairosdb_002")

HELD = {
    # body: samples, series, counters, histograms
    "remote_write/001": (500, 500, 140, 0),
    "remote_write/003": (498, 498, 144, 0),
    "remote_write/005": (0, 0, 0, 0),
    "remote_write/006": (498, 498, 138, 0),
    "remote_write/008": (498, 498, 132, 0),
    "remote_write/010": (498, 498, 124, 0),
    "remote_write/011": (0, 0, 0, 0),
    "remote_write_native/001": (13, 13, 7, 0),
    "remote_write_native/002": (20, 20, 8, 1),
    "remote_write_native/003": (0, 0, 0, 0),
    "remote_write_native/004": (20, 20, 8, 1),
    "remote_write_native/005": (20, 20, 8, 1),
    "remote_write_native/006": (20, 20, 8, 1),
    "remote_write_native/007": (0, 0, 0, 0),
    "remote_write_native/008": (20, 20, 8, 1),
    "remote_write_native/009": (18, 18, 7, 0),
    "remote_write_native/010": (0, 0, 0, 0),
    "remote_write_native/011": (18, 18, 7, 0),
    "vmagent/001": (16, 16, 7, 0),
    "vmagent/002": (16, 16, 7, 0),
    "vmagent/003": (16, 16, 7, 0),
    "vmagent/004": (16, 16, 7, 0),
    "vmagent/005": (16, 16, 7, 0),
    "vmagent/006": (16, 16, 7, 0),
    "otlp/none_001": (6, 6, 1, 2),
    "otlp/none_002": (6, 6, 1, 2),
    "otlp/none_003": (6, 6, 1, 2),
    "otlp/gzip_001": (6, 6, 1, 2),
    "otlp/gzip_002": (6, 6, 1, 2),
    "otlp/gzip_003": (6, 6, 1, 2),
    "otlp/delta_001": (6, 6, 0, 2),
    "otlp/delta_002": (6, 6, 0, 2),
    "otlp/delta_003": (3, 3, 0, 0),
    "collectd/json_001": (25, 25, 0, 0),
    "collectd/json_002": (34, 31, 0, 0),
    "collectd/json_counters_001": (25, 25, 10, 0),
    "collectd/json_counters_002": (34, 31, 22, 0),
    "netdata/json_001": (0, 0, 0, 0),
    "netdata/json_002": (16, 16, 0, 0),
    "netdata/opentsdb_http_001": (0, 0, 0, 0),
    "netdata/opentsdb_http_002": (16, 16, 0, 0),
}

VALUES = [
    # body, metric, some labels, kind, unit, timestamp_ms, value
    ("remote_write/001", "node_memory_MemTotal_bytes", {"job": "node", "instance": "127.0.0.1:19100",
     "replica": "a"}, Kind.GAUGE, "", 1795327956523, 25276510208.0),
    ("remote_write/003", "demo_latency_seconds_bucket", {"le": "+Inf", "job": "demo"}, Kind.COUNTER, "",
     1795327958679, 2.0),
    ("remote_write_native/001", "demo_requests_total", {"svc": "a", "replica": "b"}, Kind.COUNTER, "",
     1795328577322, 927.0),
    ("remote_write_native/001", "demo_latency_seconds_bucket", {"le": "0.5"}, Kind.COUNTER, "",
     1795328577322, 309.0),
    ("remote_write_native/001", "demo_gauge", {}, Kind.GAUGE, "", 1795328577322, nan),
    ("remote_write_native/004", "demo_gauge", {}, Kind.GAUGE, "", 1795328581322, 1.5),
    ("vmagent/001", "demo_requests_total", {"agent": "vmagent", "svc": "a"}, Kind.COUNTER, "", 1795328668671,
     3.0),
    ("vmagent/001", "demo_latency_seconds_sum", {"job": "demo"}, Kind.COUNTER, "", 1795328668671, 0.3),
    ("vmagent/001", "demo_requests_created", {"svc": "a"}, Kind.GAUGE, "", 1795328668671, 1795328668.6748674),
    ("otlp/none_003", "req_total", {"code": "200", "ok": "true", "route": "/a", "instance": "i-1"},
     Kind.COUNTER, "1", 1795328594002, 10.0),
    ("otlp/gzip_002", "cpu_ratio", {"cpu": "0", "job": "checkout"}, Kind.GAUGE, "1", 1795328594223, 0.42),
    ("otlp/delta_001", "inflight", {"job": "checkout"}, Kind.GAUGE, "", 1795328594443, 1.0),
    ("otlp/delta_003", "cpu_ratio", {"cpu": "1"}, Kind.GAUGE, "1", 1795328594862, 0.1),
    ("collectd/json_001", "collectd_df_df_complex", {"df": "root", "type": "reserved", "instance": "h1"},
     Kind.GAUGE, "", 1795328801679, 161608880128.0),
    ("collectd/json_002", "collectd_memory_memory", {"type": "slab_recl"}, Kind.GAUGE, "", 1795328801683,
     476610560.0),
    ("collectd/json_counters_002", "collectd_interface_if_octets_rx", {"interface": "eth0"}, Kind.COUNTER, "",
     1795328801679, 2490752811.0),
    ("netdata/json_002", "netdata_system_cpu_steal", {"host": "vm"}, Kind.GAUGE, "percentage", 1795328746000,
     3.8343595),
    ("netdata/opentsdb_http_002", "netdata_system_cpu_softirq", {"host": "vm"}, Kind.GAUGE, "", 1795328746000,
     0.3694581),
]  # fmt: skip

EXPLICIT = [0.0, 5.0, 10.0, 25.0, 50.0, 75.0, 100.0, 250.0, 500.0, 750.0, 1e3, 2.5e3, 5e3, 7.5e3, 1e4, inf]
HISTOGRAMS = [
    # body, metric, upper bounds of the buckets that hold something, their counts, cumulative
    ("otlp/none_001", "lat_milliseconds", [5.0, 10.0, 50.0, 1e3], [1, 1, 1, 1], True),
    ("otlp/none_003", "lat_milliseconds", [5.0, 10.0, 50.0, 1e3], [2, 2, 2, 2], True),
    ("otlp/delta_001", "lat_milliseconds", [5.0, 10.0, 50.0, 1e3], [1, 1, 1, 1], False),
    ("otlp/delta_001", "lat_exp_milliseconds", [1.0, 7.025, 30.643, 939.012], [1, 1, 1, 1], False),
    ("remote_write_native/004", "demo_native_seconds", [1e-128, 1.0, 1.0905, 1.1892], [2, 4, 6, 4], True),
]


def decoded(name: str) -> Batch:
    path = HERE / f"{name}.bin"
    body = path.read_bytes()
    decoder = DECODERS[path.parent.name]()
    if decoder.protocol == "remote_write":
        body = unpack(body, "snappy", Limits())
    elif body[:2] == b"\x1f\x8b":
        body = gzip.decompress(body)
    found = decoder.decode(body, NOW_MS)
    assert found.refusals == ()
    return found.batch


def rows_of(batch: Batch, metric: str, labels: dict[str, str]) -> list[int]:
    wanted = {"__name__": metric, **labels}.items()
    series = [place for place, one in enumerate(batch.series) if wanted <= dict(one.labels).items()]
    return [row for row, place in enumerate(batch.stream_index) if place in series]


def test_every_body_is_described_here() -> None:
    found = {str(path.relative_to(HERE).with_suffix("")) for path in HERE.glob("*/*.bin")}
    assert found == {*HELD, *UNREAD}


@pytest.mark.parametrize("name", HELD)
def test_a_body_holds_as_much_as_was_sent(name: str) -> None:
    batch = decoded(name)
    kinds = [series.kind for series in batch.series]
    held = (len(batch), len(batch.series), kinds.count(Kind.COUNTER), kinds.count(Kind.HISTOGRAM))
    assert held == HELD[name]


@pytest.mark.parametrize(("name", "metric", "labels", "kind", "unit", "timestamp_ms", "value"), VALUES)
def test_a_value_is_that_of_the_body(
    name: str, metric: str, labels: dict[str, str], kind: Kind, unit: str, timestamp_ms: int, value: float
) -> None:
    batch = decoded(name)
    (row,) = rows_of(batch, metric, labels)
    series = batch.series[batch.stream_index[row]]
    assert (series.kind, series.unit, batch.timestamp_ms[row]) == (kind, unit, timestamp_ms)
    assert batch.value[row] == value or (isnan(batch.value[row]) and isnan(value))


@pytest.mark.parametrize(("name", "metric", "bounds", "counts", "cumulative"), HISTOGRAMS)
def test_a_histogram_is_that_of_the_body(
    name: str, metric: str, bounds: list[float], counts: list[float], cumulative: bool
) -> None:
    batch = decoded(name)
    (row,) = rows_of(batch, metric, {})
    assert batch.buckets is not None
    assert batch.buckets.cumulative is not None
    own = slice(batch.buckets.start[row], batch.buckets.start[row + 1])
    upper, count = batch.buckets.upper_bound[own], batch.buckets.count[own]
    assert upper[count > 0].tolist() == pytest.approx(bounds, rel=1e-3)
    assert count[count > 0].tolist() == counts
    assert batch.buckets.cumulative[row] == cumulative
    if metric == "lat_milliseconds":
        assert upper.tolist() == EXPLICIT


def putvals(name: str) -> Iterator[tuple[tuple[str, ...], int, list[float]]]:
    """Host, plugin, type and so on of the lines of collectd's text form, their time and values."""
    for line in (HERE / f"collectd/{name}.bin").read_text().splitlines():
        _, identity, _, stamped = line.split(" ")
        host, plugin, kind = identity.split("/")
        seconds, *values = stamped.split(":")
        yield (
            (host, *plugin.partition("-")[::2], *kind.partition("-")[::2]),
            round(float(seconds) * 1000),
            [nan if value == "U" else float(value) for value in values],
        )


def test_collectd_means_the_same_in_its_text_form() -> None:
    """The two forms were written by one collectd at the same moments."""
    batches = [decoded(f"collectd/json_counters_00{part}") for part in (1, 2)]
    compared = 0
    for (host, plugin, plugin_instance, kind, instance), time_ms, values in putvals("command_001"):
        names = ("rx", "tx") if len(values) == 2 else ("shortterm", "midterm", "longterm")[: len(values)]
        for name, value in zip(names, values, strict=True):
            suffix = f"_{name}" if len(values) > 1 else ""
            labels = {"instance": host, plugin: plugin_instance, "type": instance}
            labels = {key: label for key, label in labels.items() if label}
            for batch in batches:
                for row in rows_of(batch, f"collectd_{plugin}_{kind}{suffix}", labels):
                    if batch.timestamp_ms[row] == time_ms:
                        assert batch.value[row] == value
                        compared += 1
    assert compared > 20


def test_collectd_means_the_same_in_the_form_of_kairosdb() -> None:
    batch = decoded("collectd/json_counters_001")
    compared = 0
    for point in json.loads((HERE / "collectd/kairosdb_001.bin").read_bytes()):
        tags, ((time_ms, value),) = point["tags"], point["datapoints"]
        plugin, suffix = point["name"].removeprefix("collectd."), f"_{tags['ds']}" if "ds" in tags else ""
        labels = {plugin: tags["plugin_instance"], "type": tags.get("type_instance", "")}
        labels = {key: label for key, label in labels.items() if label}
        for row in rows_of(batch, f"collectd_{plugin}_{tags['type']}{suffix}", labels):
            assert (batch.timestamp_ms[row], batch.value[row]) == (time_ms, value)
            compared += 1
    assert compared > 20


@pytest.mark.parametrize("name", UNREAD[:2])
def test_the_text_form_of_collectd_is_refused_with_the_line_to_change(name: str) -> None:
    with pytest.raises(DecodeError, match='Format "JSON"') as refused:
        CollectdDecoder().decode((HERE / f"{name}.bin").read_bytes(), NOW_MS)
    assert refused.value.error is ErrorId.BAD_JSON


@pytest.mark.parametrize("name", UNREAD[2:])
def test_the_form_of_kairosdb_is_refused_with_the_line_to_change(name: str) -> None:
    body = (HERE / f"{name}.bin").read_bytes()
    found = CollectdDecoder().decode(body, NOW_MS)
    (refusal,) = found.refusals
    assert (refusal.error, refusal.count) == (ErrorId.BAD_SAMPLE, body.count(b'"datapoints"'))
    assert 'Format "JSON"' in refusal.detail
    assert len(found.batch) == 0


def test_delta_sums_are_rates_with_the_unit_of_a_rate() -> None:
    plain, delta = decoded("otlp/none_001"), decoded("otlp/delta_001")
    ((total,), (rate,)) = (rows_of(batch, "req_total", {}) for batch in (plain, delta))
    assert plain.value[total] == 5.0
    assert delta.series[delta.stream_index[rate]].unit == "1/s"
    assert np.isfinite(delta.value[rate])
