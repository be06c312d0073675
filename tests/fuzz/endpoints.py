"""The decoders' targets through the whole service: HTTP, limits, log, engine, answer."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from http.client import HTTPConnection
from pathlib import Path
from tempfile import TemporaryDirectory

import orjson
from tests.contract.servers import free_port, kullback
from tests.fuzz.targets import Target, targets

AGES_MS = 10**12
"""Damaged timestamps shall reach the engine, too."""

SETTINGS = {
    "storage": {"sync": "off", "snapshot_interval": "1m"},
    "limits": {
        "max_streams": 2000,
        "max_unpacked_bytes": 1 << 22,
        "max_sample_age_ms": AGES_MS,
        "future_tolerance_ms": AGES_MS,
        "expire_streams_after": "1m",
    },
}
"""Damaged labels open streams without end: old ones make room for them."""

ADDRESSES: Mapping[str, tuple[str, dict[str, str]]] = {
    "json": ("/api/v1/ingest", {}),
    "ndjson": ("/api/v1/ingest", {"Content-Type": "application/x-ndjson"}),
    "remote_write": ("/api/v1/write", {"Content-Encoding": "identity"}),
    "remote_write2": (
        "/api/v1/write",
        {
            "Content-Encoding": "identity",
            "Content-Type": "application/x-protobuf;proto=io.prometheus.write.v2.Request",
        },
    ),
    "otlp": ("/v1/metrics", {"Content-Type": "application/x-protobuf"}),
    "otlp_json": ("/v1/metrics", {"Content-Type": "application/json"}),
    "influx": ("/write", {}),
    "collectd": ("/collectd", {}),
    "opentsdb": ("/api/put", {}),
}
ROWS = {"samples": [0.1, 0.2, 0.3, 0.4]}
QUESTIONS = {
    "/api/v1/compare": {"current": ROWS, "reference": ROWS},
    "/api/v1/backtest": {
        "series": [
            {"metric": "a", "labels": {"b": "c"}, "values": [1.0, None, 2.5], "timestamps_ms": [1, 2, 3]}
        ],
        "settings": {"alarm_budget": "1 per 7d"},
    },
}


class _Line(threading.local):
    """A connection of each thread's own, kept open from request to request."""

    def __init__(self, port: int, open_lines: ExitStack) -> None:
        self.http = HTTPConnection("127.0.0.1", port, timeout=60)
        open_lines.callback(self.http.close)


def at(line: _Line, path: str, headers: Mapping[str, str]) -> Callable[[bytes], bytes]:
    """A function that posts a body and complains of a fault on the service's side."""

    def post(body: bytes) -> bytes:
        line.http.request("POST", path, body, dict(headers))
        answer = line.http.getresponse()
        text = answer.read()
        assert answer.status < 500, text
        return b""

    return post


@contextmanager
def endpoints() -> Iterator[dict[str, Target]]:
    """Targets by name; the service behind them, a process of its own, ends with the context."""
    port, open_lines = free_port(), ExitStack()
    line, seeds = _Line(port, open_lines), targets()
    writing = {
        f"{path} {name}": replace(seeds[name], decode=at(line, path, headers))
        for name, (path, headers) in ADDRESSES.items()
    }
    asking = {
        path: Target(at(line, path, {}), (orjson.dumps(body),), json=True) for path, body in QUESTIONS.items()
    }
    with TemporaryDirectory() as folder:
        storage = {**SETTINGS["storage"], "path": f"{folder}/storage"}
        with kullback(Path(folder), port, {**SETTINGS, "storage": storage}), open_lines:
            yield writing | asking
