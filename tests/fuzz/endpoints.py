"""The decoders' targets through the whole service: HTTP, limits, log, engine, answer."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
import orjson
from tests.fuzz.targets import Target, targets
from tests.unit.http.conftest import serving

AGES_MS = 10**12
"""Damaged timestamps shall reach the engine, too."""

LEGITIMATE = (httpx.codes.TOO_MANY_REQUESTS, httpx.codes.SERVICE_UNAVAILABLE)
"""Overload; the harness sends one request after the other, so it does not come to that."""

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


def at(client: httpx.Client, path: str, headers: Mapping[str, str]) -> Callable[[bytes], bytes]:
    """A function that posts a body and complains of a fault on the service's side."""

    def post(body: bytes) -> bytes:
        answer = client.post(path, content=body, headers=dict(headers))
        assert answer.status_code < 500 or answer.status_code in LEGITIMATE, answer.text
        return b""

    return post


@contextmanager
def endpoints() -> Iterator[dict[str, Target]]:
    """Targets by name; the service behind them ends with the context."""
    limits = {"max_unpacked_bytes": 1 << 22, "max_sample_age_ms": AGES_MS, "future_tolerance_ms": AGES_MS}
    with (
        TemporaryDirectory() as folder,
        serving(Path(folder), storage={"sync": "off"}, limits=limits) as client,
    ):
        seeds = targets()
        writing = {
            f"{path} {name}": replace(seeds[name], decode=at(client, path, headers))
            for name, (path, headers) in ADDRESSES.items()
        }
        asking = {
            path: Target(at(client, path, {}), (orjson.dumps(body),), json=True)
            for path, body in QUESTIONS.items()
        }
        yield writing | asking
