"""Bodies as real agents send them, each seed with other values and times but the same label sets."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import orjson
from google.protobuf.json_format import MessageToJson
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from tests.wire_messages import Request, WriteRequest

NOW_MS = 1_795_328_801_679
POINTS_PER_METRIC = 100
FIELDS_PER_LINE = 10
MODES = ("user", "system", "idle", "iowait", "irq", "softirq", "steal", "nice")


def values_of(samples: int, seed: int) -> list[float]:
    """Full-precision values, each seed its own.

    Parameters
    ----------
    samples, seed : int
    """
    values: list[float] = np.random.default_rng(seed).lognormal(0.0, 2.0, samples).tolist()
    return values


def time_of(seed: int) -> int:
    """The scrape's time.

    Parameters
    ----------
    seed : int
    """
    return NOW_MS + 15_000 * seed


def label_sets(samples: int) -> Iterator[dict[str, str]]:
    """Label sets like those of a node exporter.

    Parameters
    ----------
    samples : int
    """
    for i in range(samples):
        yield {
            "__name__": f"node_metric_{i // 80}_seconds",
            "cpu": str(i % 10),
            "device": f"eth{i % 7}",
            "instance": "host-1.example.org:9100",
            "job": "node",
            "mode": MODES[i // 10 % 8],
        }


def remote_write(samples: int, seed: int) -> bytes:
    request = WriteRequest()
    for labels, value in zip(label_sets(samples), values_of(samples, seed), strict=True):
        series = request.timeseries.add()
        for name, text in labels.items():
            series.labels.add(name=name, value=text)
        series.samples.add(value=value, timestamp=time_of(seed))
    return bytes(request.SerializeToString())


def remote_write2(samples: int, seed: int) -> bytes:
    symbols: dict[str, int] = {"": 0}
    request = Request()
    for labels, value in zip(label_sets(samples), values_of(samples, seed), strict=True):
        refs = [symbols.setdefault(text, len(symbols)) for pair in labels.items() for text in pair]
        series = request.timeseries.add(labels_refs=refs)
        series.metadata.type = 2
        series.samples.add(value=value, timestamp=time_of(seed))
    request.symbols.extend(symbols)
    return bytes(request.SerializeToString())


def text_attributes(**given: str) -> list[KeyValue]:
    return [KeyValue(key=key, value=AnyValue(string_value=value)) for key, value in given.items()]


def otlp_request(samples: int, seed: int) -> ExportMetricsServiceRequest:
    request = ExportMetricsServiceRequest()
    resource = request.resource_metrics.add()
    resource.resource.attributes.extend(
        text_attributes(**{"service.name": "shop", "service.instance.id": "i-1"})
    )
    scope = resource.scope_metrics.add()
    for i, value in enumerate(values_of(samples, seed)):
        if i % POINTS_PER_METRIC == 0:
            points = scope.metrics.add(
                name=f"http.server.metric_{i // POINTS_PER_METRIC}", unit="s"
            ).gauge.data_points
        own = {"http.route": f"/path/{i % 20}", "http.method": MODES[i % 5], "zone": f"z{i % 100 // 20}"}
        points.add(time_unix_nano=time_of(seed) * 10**6, as_double=value, attributes=text_attributes(**own))
    return request


def otlp(samples: int, seed: int) -> bytes:
    return bytes(otlp_request(samples, seed).SerializeToString())


def otlp_json(samples: int, seed: int) -> bytes:
    return MessageToJson(otlp_request(samples, seed), indent=None).encode()


def influx(samples: int, seed: int) -> bytes:
    values = values_of(samples, seed)
    lines = []
    for line, start in enumerate(range(0, samples, FIELDS_PER_LINE)):
        fields = ",".join(
            f"usage_{MODES[k % 8]}{k}={value!r}"
            for k, value in enumerate(values[start : start + FIELDS_PER_LINE])
        )
        lines.append(f"cpu,cpu=cpu{line},host=host-1.example.org,zone=eu-1 {fields} {time_of(seed)}000000")
    return "\n".join(lines).encode()


def json_columns(samples: int, seed: int) -> bytes:
    times = [time_of(seed) + 1000 * i for i in range(samples)]
    row = {
        "metric": "response_time_seconds",
        "labels": {"server": "web-1"},
        "values": values_of(samples, seed),
    }
    return orjson.dumps([{**row, "timestamps_ms": times}])


def single_rows(samples: int, seed: int) -> list[bytes]:
    rows = []
    for labels, value in zip(label_sets(samples), values_of(samples, seed), strict=True):
        metric = labels.pop("__name__")
        rows.append(
            orjson.dumps({"metric": metric, "labels": labels, "value": value, "timestamp_ms": time_of(seed)})
        )
    return rows


def json_rows(samples: int, seed: int) -> bytes:
    return b"[" + b",".join(single_rows(samples, seed)) + b"]"


def ndjson(samples: int, seed: int) -> bytes:
    return b"\n".join(single_rows(samples, seed))


def collectd(samples: int, seed: int) -> bytes:
    lists = [
        {
            "values": [value],
            "dstypes": ["gauge"],
            "dsnames": ["value"],
            "time": time_of(seed) / 1000,
            "interval": 10.0,
            "host": "host-1",
            "plugin": f"plugin{i // 100}",
            "plugin_instance": str(i % 100),
            "type": "gauge",
            "type_instance": "load",
        }
        for i, value in enumerate(values_of(samples, seed))
    ]
    return orjson.dumps(lists)


def opentsdb(samples: int, seed: int) -> bytes:
    points = [
        {
            "metric": f"netdata.chart_{i // 50}.dimension_{i % 50}",
            "timestamp": time_of(seed) // 1000,
            "value": value,
            "tags": {"host": "vm", "zone": "eu-1"},
        }
        for i, value in enumerate(values_of(samples, seed))
    ]
    return orjson.dumps(points)
