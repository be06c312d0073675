"""How fast each decoder reads its bodies, beside the obvious library for the same format.

    python -m benchmarks.decoders --output-dir docs/benchmarks

Every figure is samples per second of processor time of one core, decoded and with every label set interned:
the median of several rounds over sixteen different bodies. `new` is the first time that a decoder sees the
label sets. The alternatives do what a straightforward service would: parse with the library, then collect the
samples as columns and number the label sets with a dict.
"""

from __future__ import annotations

import json
import platform
import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

import line_protocol_parser
import numpy as np
import orjson
import pydantic
import typer
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from rich.console import Console
from rich.progress import Progress
from tests.wire_messages import Request, WriteRequest

from benchmarks import decoder_bodies as bodies
from kullback.ingest.collectd import CollectdDecoder
from kullback.ingest.decoded import Decoder
from kullback.ingest.influx import InfluxDecoder
from kullback.ingest.json_samples import JsonDecoder, NdjsonDecoder
from kullback.ingest.opentsdb import OpenTsdbDecoder
from kullback.ingest.otlp import OtlpDecoder
from kullback.ingest.otlp_json import OtlpJsonDecoder
from kullback.ingest.remote_write import RemoteWriteDecoder
from kullback.ingest.remote_write2 import RemoteWrite2Decoder

SIZES = (1, 100, 2000, 10_000)
BODIES = 16
ROUNDS = 5
ROUND_S = 0.12
TARGET_SIZE = 2000
TARGETS = {"remote write 1.0": 3e6, "JSON columns": 4e6, "Influx": 2e6, "OTLP": 1.5e6}
"""Samples per second on one core at 2000 samples per body."""

console = Console(stderr=True)
Rows = tuple[list[int], list[int], list[float]]


class Columns:
    """What the alternatives collect: label sets numbered by a dict, times and values as lists."""

    def __init__(self) -> None:
        self.numbers: dict[Any, int] = {}
        self.rows: Rows = ([], [], [])

    def add(self, labels: Any, timestamp_ms: int, value: float) -> None:
        """Add one sample.

        Parameters
        ----------
        labels : hashable
        timestamp_ms : int
        value : float
        """
        self.rows[0].append(self.numbers.setdefault(labels, len(self.numbers)))
        self.rows[1].append(timestamp_ms)
        self.rows[2].append(value)

    def arrays(self) -> tuple[np.ndarray, ...]:
        """The columns as arrays, emptied."""
        arrays = tuple(np.array(column) for column in self.rows)
        self.rows = ([], [], [])
        return arrays


class JsonRow(pydantic.BaseModel):
    metric: str
    labels: dict[str, str] = {}
    value: float | None = None
    timestamp_ms: int | None = None
    values: list[float] | None = None
    timestamps_ms: list[int] | None = None


class ValueList(pydantic.BaseModel):
    values: list[float | None]
    dstypes: list[str]
    dsnames: list[str]
    time: float
    host: str
    plugin: str
    plugin_instance: str
    type: str
    type_instance: str


class DataPoint(pydantic.BaseModel):
    metric: str
    timestamp: int
    value: float
    tags: dict[str, str]


JSON_ROWS = pydantic.TypeAdapter(list[JsonRow])
VALUE_LISTS = pydantic.TypeAdapter(list[ValueList])
DATA_POINTS = pydantic.TypeAdapter(list[DataPoint])


def protobuf_1(columns: Columns, body: bytes) -> None:
    for series in WriteRequest.FromString(body).timeseries:
        labels = tuple((label.name, label.value) for label in series.labels)
        for sample in series.samples:
            columns.add(labels, sample.timestamp, sample.value)


def protobuf_2(columns: Columns, body: bytes) -> None:
    request = Request.FromString(body)
    symbols = list(request.symbols)
    for series in request.timeseries:
        labels = tuple(symbols[ref] for ref in series.labels_refs)
        for sample in series.samples:
            columns.add(labels, sample.timestamp, sample.value)


def protobuf_otlp(columns: Columns, body: bytes) -> None:
    for resource in ExportMetricsServiceRequest.FromString(body).resource_metrics:
        job = tuple((one.key, one.value.string_value) for one in resource.resource.attributes)
        for scope in resource.scope_metrics:
            for metric in scope.metrics:
                for point in metric.gauge.data_points:
                    own = tuple((one.key, one.value.string_value) for one in point.attributes)
                    columns.add((metric.name, job, own), point.time_unix_nano // 10**6, point.as_double)


def json_otlp(columns: Columns, body: bytes) -> None:
    for resource in orjson.loads(body)["resourceMetrics"]:
        job = tuple((one["key"], one["value"]["stringValue"]) for one in resource["resource"]["attributes"])
        for scope in resource["scopeMetrics"]:
            for metric in scope["metrics"]:
                for point in metric["gauge"]["dataPoints"]:
                    own = tuple((one["key"], one["value"]["stringValue"]) for one in point["attributes"])
                    columns.add(
                        (metric["name"], job, own), int(point["timeUnixNano"]) // 10**6, point["asDouble"]
                    )


def line_by_line(columns: Columns, body: bytes) -> None:
    for line in body.decode().splitlines():
        parsed = line_protocol_parser.parse_line(line)
        tags = tuple(parsed["tags"].items())
        for field, value in parsed["fields"].items():
            columns.add((parsed["measurement"], field, tags), parsed["time"] // 10**6, value)


def pydantic_rows(columns: Columns, body: bytes) -> None:
    for row in JSON_ROWS.validate_json(body):
        labels = (row.metric, *row.labels.items())
        if row.values is None:
            columns.add(labels, row.timestamp_ms or 0, row.value or 0.0)
        else:
            for timestamp_ms, value in zip(row.timestamps_ms or [], row.values, strict=True):
                columns.add(labels, timestamp_ms, value)


def pydantic_lines(columns: Columns, body: bytes) -> None:
    for line in body.splitlines():
        row = JsonRow.model_validate_json(line)
        columns.add((row.metric, *row.labels.items()), row.timestamp_ms or 0, row.value or 0.0)


def pydantic_collectd(columns: Columns, body: bytes) -> None:
    for one in VALUE_LISTS.validate_json(body):
        for name, value in zip(one.dsnames, one.values, strict=True):
            key = (one.host, one.plugin, one.plugin_instance, one.type, one.type_instance, name)
            columns.add(key, round(one.time * 1000), value or 0.0)


def pydantic_opentsdb(columns: Columns, body: bytes) -> None:
    for point in DATA_POINTS.validate_json(body):
        columns.add((point.metric, *point.tags.items()), point.timestamp * 1000, point.value)


@dataclass(frozen=True)
class Contest:
    """One protocol: its bodies, its decoder and the alternative."""

    name: str
    make: Callable[[int, int], bytes]
    decoder: type
    alternative: str
    read: Callable[[Columns, bytes], None]


CONTESTS = (
    Contest("remote write 1.0", bodies.remote_write, RemoteWriteDecoder, "generated protobuf", protobuf_1),
    Contest("remote write 2.0", bodies.remote_write2, RemoteWrite2Decoder, "generated protobuf", protobuf_2),
    Contest("OTLP", bodies.otlp, OtlpDecoder, "opentelemetry-proto", protobuf_otlp),
    Contest("OTLP JSON", bodies.otlp_json, OtlpJsonDecoder, "orjson", json_otlp),
    Contest("Influx", bodies.influx, InfluxDecoder, "line-protocol-parser", line_by_line),
    Contest("JSON columns", bodies.json_columns, JsonDecoder, "pydantic", pydantic_rows),
    Contest("JSON rows", bodies.json_rows, JsonDecoder, "pydantic", pydantic_rows),
    Contest("NDJSON", bodies.ndjson, NdjsonDecoder, "pydantic", pydantic_lines),
    Contest("collectd", bodies.collectd, CollectdDecoder, "pydantic", pydantic_collectd),
    Contest("OpenTSDB", bodies.opentsdb, OpenTsdbDecoder, "pydantic", pydantic_opentsdb),
)


@dataclass(frozen=True)
class Figure:
    """Samples per second of one protocol at one size."""

    protocol: str
    samples: int
    body_bytes: int
    kullback: float
    new: float
    alternative: float
    alternative_name: str


def per_second(read: Callable[[bytes], object], many: list[bytes], samples: int) -> float:
    """Median over rounds of samples per second of processor time.

    Parameters
    ----------
    read : callable
    many : list of bytes
    samples : int
        Per body.
    """
    for body in many:
        read(body)
    rates = []
    for _ in range(ROUNDS):
        done, start = 0, time.process_time()
        while (spent := time.process_time() - start) < ROUND_S or done < 2:
            read(many[done % len(many)])
            done += 1
        rates.append(done * samples / spent)
    return statistics.median(rates)


def first_time(decoder: type, body: bytes, samples: int) -> float:
    """Median of samples per second when every label set is new.

    Parameters
    ----------
    decoder : type
    body : bytes
    samples : int
    """
    rates = []
    for _ in range(ROUNDS):
        fresh: Decoder = decoder()
        start = time.process_time()
        fresh.decode(body, bodies.NOW_MS)
        rates.append(samples / max(time.process_time() - start, 1e-9))
    return statistics.median(rates)


def measure(contest: Contest, samples: int) -> Figure:
    """Run one contest at one size, after checking that both sides read the same samples.

    Parameters
    ----------
    contest : Contest
    samples : int
    """
    many = [contest.make(samples, seed) for seed in range(BODIES)]
    decoder: Decoder = contest.decoder()
    columns = Columns()

    def alternative(body: bytes) -> tuple[np.ndarray, ...]:
        contest.read(columns, body)
        return columns.arrays()

    decoded = decoder.decode(many[0], bodies.NOW_MS)
    numbers, times, values = alternative(many[0])
    if len(decoded.batch) != samples or decoded.refusals:
        raise AssertionError(f"{contest.name}: {len(decoded.batch)} of {samples} samples, {decoded.refusals}")
    # One of the alternatives gives the fields of a line in another order.
    np.testing.assert_array_equal(np.sort(decoded.batch.value), np.sort(values))
    np.testing.assert_array_equal(np.sort(decoded.batch.timestamp_ms), np.sort(times))
    assert len(decoded.batch.series) == len(set(numbers.tolist()))
    return Figure(
        protocol=contest.name,
        samples=samples,
        body_bytes=len(many[0]),
        kullback=per_second(lambda body: decoder.decode(body, bodies.NOW_MS), many, samples),
        new=first_time(contest.decoder, many[0], samples),
        alternative=per_second(alternative, many, samples),
        alternative_name=contest.alternative,
    )


def markdown(figures: list[Figure]) -> str:
    """The figures as a table, and whether the targets are met.

    Parameters
    ----------
    figures : list of Figure
    """
    lines = [
        "| protocol | samples per body | Kullback | label sets new | alternative | times |",
        "|---|---:|---:|---:|---|---:|",
    ]
    lines += [
        f"| {one.protocol} | {one.samples} | {_millions(one.kullback)} | {_millions(one.new)} "
        f"| {one.alternative_name}: {_millions(one.alternative)} | {one.kullback / one.alternative:.1f} |"
        for one in figures
    ]
    lines.append("")
    for name, target in TARGETS.items():
        for one in figures:
            if one.protocol == name and one.samples == TARGET_SIZE:
                verdict = "met" if one.kullback >= target else "missed"
                lines.append(f"- {name}: {_millions(one.kullback)} of {_millions(target)} wanted: {verdict}")
    return "\n".join(lines) + "\n"


def _millions(rate: float) -> str:
    return f"{rate / 1e6:.2f} M/s"


def main(
    output_dir: Annotated[Path, typer.Option(help="Where decoders.json and decoders.md go.")] = Path(
        "docs/benchmarks"
    ),
    only: Annotated[list[str] | None, typer.Option(help="Name of a protocol; may be repeated.")] = None,
) -> None:
    """Measure every decoder at 1, 100, 2000 and 10 000 samples per body."""
    chosen = [contest for contest in CONTESTS if not only or contest.name in only]
    figures = []
    with Progress(console=console) as progress:
        task = progress.add_task("decoders", total=len(chosen) * len(SIZES))
        for contest in chosen:
            for samples in SIZES:
                progress.update(task, description=f"{contest.name}, {samples} samples")
                figures.append(measure(contest, samples))
                progress.advance(task)
    table = markdown(figures)
    print(table)
    if not only:
        output_dir.mkdir(parents=True, exist_ok=True)
        facts = {"python": platform.python_version(), "machine": platform.machine()}
        figures_of = [asdict(figure) for figure in figures]
        (output_dir / "decoders.json").write_text(
            json.dumps({**facts, "figures": figures_of}, indent=1) + "\n"
        )
        (output_dir / "decoders.md").write_text(f"# Decoders\n\n{__doc__.split(chr(10) * 2, 2)[2]}\n{table}")


if __name__ == "__main__":
    typer.run(main)
