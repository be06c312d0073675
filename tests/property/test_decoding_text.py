"""Round trips of the text protocols: what is written by their rules is read back, sample by sample."""

from __future__ import annotations

import json
from collections.abc import Iterable
from math import inf
from typing import Any, NamedTuple

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.decoded_rules import assert_well_formed

from kullback.core.labels import Labels, sorted_labels
from kullback.ingest.collectd import CollectdDecoder
from kullback.ingest.decoded import Decoded
from kullback.ingest.influx import InfluxDecoder
from kullback.ingest.json_samples import JsonDecoder, NdjsonDecoder
from kullback.ingest.opentsdb import OpenTsdbDecoder

NOW_MS = 1_795_328_801_679
LATEST_MS = 2**42

safe_names = st.from_regex(r"[a-z][a-z0-9_]{0,12}", fullmatch=True)
# Every character but those that end a line: no text protocol can carry them in a name or label.
label_values = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\n\r\0"), min_size=1)
label_sets = st.dictionaries(
    safe_names, label_values.filter(lambda text: not text.endswith("\\")), max_size=4
)
times = st.integers(10**12, LATEST_MS)
numbers = st.floats(allow_nan=False, allow_infinity=False)


class Sample(NamedTuple):
    """One sample as it must come back."""

    metric: str
    labels: dict[str, str]
    timestamp_ms: int
    value: float

    @property
    def series(self) -> Labels:
        return sorted_labels({**self.labels, "__name__": self.metric}.items())


samples = st.lists(st.builds(Sample, safe_names, label_sets, times, numbers), max_size=8)


def assert_read(decoded: Decoded, wanted: Iterable[Sample]) -> None:
    assert_well_formed(decoded)
    assert decoded.refusals == ()
    batch, rows = decoded.batch, list(wanted)
    assert [batch.series[index].labels for index in batch.stream_index] == [row.series for row in rows]
    assert batch.timestamp_ms.tolist() == [row.timestamp_ms for row in rows]
    np.testing.assert_array_equal(batch.value, np.array([row.value for row in rows], np.float64))


INFLUX = InfluxDecoder()


def escaped(text: str, special: str) -> str:
    """A part of a line as the line protocol's reference says: what would end the part gets a backslash."""
    return "".join(f"\\{one}" if one in special else one for one in text)


def line_of(sample: Sample) -> str:
    measurement, _, field = sample.metric.partition("_")
    tags = "".join(f",{escaped(key, ',= ')}={escaped(tag, ',= ')}" for key, tag in sample.labels.items())
    value = f"{sample.value!r}"
    return f"{escaped(measurement, ', ')}{tags} {escaped(field, ',= ')}={value} {sample.timestamp_ms}"


# Backslashes that escape nothing are left to the unit tests.
influx_labels = st.dictionaries(
    safe_names,
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\n\r\0\\"), min_size=1),
    max_size=4,
)
influx_metrics = st.tuples(safe_names, safe_names).map(lambda pair: f"{pair[0].replace('_', '')}_{pair[1]}")


@given(st.lists(st.builds(Sample, influx_metrics, influx_labels, times, numbers), max_size=8))
@settings(max_examples=200)
def test_influx_lines_come_back(rows: list[Sample]) -> None:
    body = "\n".join(map(line_of, rows)).encode()
    assert_read(INFLUX.decode(body, NOW_MS, "ms"), rows)


@given(safe_names, influx_labels, times, st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1, max_size=6))
@settings(max_examples=100)
def test_influx_fields_are_streams_of_their_own(
    measurement: str, labels: dict[str, str], timestamp_ms: int, values: list[int]
) -> None:
    fields = ",".join(f"f{place}={value}i" for place, value in enumerate(values))
    tags = "".join(f",{key}={escaped(tag, ',= ')}" for key, tag in labels.items())
    body = f"{measurement}{tags} {fields} {timestamp_ms}000000".encode()
    wanted = [
        Sample(f"{measurement}_f{place}", labels, timestamp_ms, value) for place, value in enumerate(values)
    ]
    assert_read(INFLUX.decode(body, NOW_MS), wanted)


def row_of(sample: Sample) -> dict[str, Any]:
    return {
        "metric": sample.metric,
        "labels": sample.labels,
        "value": sample.value,
        "timestamp_ms": sample.timestamp_ms,
    }


JSON, NDJSON = JsonDecoder(), NdjsonDecoder()


@given(samples, st.booleans())
@settings(max_examples=200)
def test_json_and_ndjson_rows_come_back(rows: list[Sample], ascii_only: bool) -> None:
    documents = [json.dumps(row_of(row), ensure_ascii=ascii_only) for row in rows]
    assert_read(JSON.decode(f"[{','.join(documents)}]".encode(), NOW_MS), rows)
    assert_read(NDJSON.decode("\n".join(documents).encode(), NOW_MS), rows)


@given(safe_names, label_sets, st.lists(st.tuples(times, numbers), max_size=30))
@settings(max_examples=100)
def test_json_columns_come_back(metric: str, labels: dict[str, str], rows: list[tuple[int, float]]) -> None:
    columns = {"values": [value for _, value in rows], "timestamps_ms": [at_ms for at_ms, _ in rows]}
    body = json.dumps({"metric": metric, "labels": labels, **columns}).encode()
    assert_read(JSON.decode(body, NOW_MS), [Sample(metric, labels, *row) for row in rows])


@given(safe_names, st.lists(numbers, min_size=1, max_size=11, unique=True).map(sorted), st.data())
@settings(max_examples=100)
def test_json_histograms_come_back(metric: str, bounds: list[float], data: st.DataObject) -> None:
    held = data.draw(st.lists(st.integers(0, 2**50), min_size=len(bounds) + 1, max_size=len(bounds) + 1))
    histogram = {"upper_bounds": bounds, "counts": held}
    decoded = JSON.decode(json.dumps({"metric": metric, "histogram": histogram}).encode(), NOW_MS)
    assert_well_formed(decoded)
    assert decoded.batch.buckets is not None
    assert decoded.batch.buckets.upper_bound.tolist() == [*bounds, inf]
    assert decoded.batch.buckets.count.tolist() == held


@given(samples)
@settings(max_examples=200)
def test_opentsdb_points_come_back(rows: list[Sample]) -> None:
    points = [
        {"metric": row.metric, "timestamp": row.timestamp_ms, "value": row.value, "tags": row.labels}
        for row in rows
    ]
    assert_read(OpenTsdbDecoder().decode(json.dumps(points).encode(), NOW_MS), rows)


sources = st.lists(
    st.tuples(st.sampled_from(["rx", "tx", "value"]), numbers),
    min_size=1,
    max_size=3,
    unique_by=lambda s: s[0],
)


@given(st.lists(st.tuples(safe_names, safe_names, label_values, label_values, times, sources), max_size=6))
@settings(max_examples=200)
def test_value_lists_of_collectd_come_back(lists: list[tuple[Any, ...]]) -> None:
    body, wanted = [], []
    for plugin, kind, host, instance, timestamp_ms, values in lists:
        body.append(
            {
                "values": [value for _, value in values],
                "dstypes": ["gauge"] * len(values),
                "dsnames": [name for name, _ in values],
                "time": timestamp_ms / 1000,
                "interval": 10.0,
                "host": host,
                "plugin": plugin,
                "plugin_instance": "",
                "type": kind,
                "type_instance": instance,
            }
        )
        for name, value in values:
            suffix = "" if name == "value" else f"_{name}"
            labels = {"instance": host, "type": instance}
            wanted.append(Sample(f"collectd_{plugin}_{kind}{suffix}", labels, timestamp_ms, value))
    assert_read(CollectdDecoder().decode(json.dumps(body).encode(), NOW_MS), wanted)
