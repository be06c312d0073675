"""How many samples per second the whole service takes: HTTP, decoding, durable log, scoring, answer.

    python -m benchmarks.end_to_end --streams 2000 --requests 300 --senders 4

Starts the real service on a free port with its log on a temporary directory (`storage.sync: full`), posts
Prometheus remote-write bodies of one sample per stream from several senders, and prints a Markdown row.
"""

from __future__ import annotations

import contextlib
import os
import socket
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Annotated

import cramjam
import httpx
import numpy as np
import typer
from rich.console import Console
from rich.progress import track

READY_TIMEOUT_S = 180.0
INTERVAL_MS = 15_000
console = Console(stderr=True)


def varint(number: int) -> bytes:
    """An unsigned LEB128 number (protobuf encoding, "Base 128 Varints")."""
    encoded = bytearray()
    while number > 0x7F:
        encoded.append(number & 0x7F | 0x80)
        number >>= 7
    encoded.append(number)
    return bytes(encoded)


def nested(field: int, payload: bytes) -> bytes:
    """A length-delimited protobuf field."""
    return varint(field << 3 | 2) + varint(len(payload)) + payload


def series_prefix(sender: int, stream: int) -> bytes:
    """The label fields of one TimeSeries, about as long as a node exporter's."""
    labels = {
        "__name__": f"bench_metric_{stream % 200}_seconds",
        "instance": f"host-{stream // 200}.example:9100",
        "job": f"bench-{sender}",
        "mode": ("user", "system", "idle", "iowait")[stream % 4],
    }
    return b"".join(
        nested(1, nested(1, name.encode()) + nested(2, value.encode())) for name, value in labels.items()
    )


def bodies(sender: int, streams: int, requests: int, start_ms: int) -> Iterator[bytes]:
    """Remote-write 1.0 requests, one sample per stream each, values drawn anew."""
    prefixes = [series_prefix(sender, stream) for stream in range(streams)]
    rng = np.random.default_rng(sender)
    for request in range(requests):
        stamp = b"\x10" + varint(start_ms + request * INTERVAL_MS)
        values = rng.lognormal(0.0, 0.5, streams)
        message = b"".join(
            nested(1, prefix + nested(2, b"\x09" + struct.pack("<d", value) + stamp))
            for prefix, value in zip(prefixes, values.tolist(), strict=True)
        )
        yield bytes(cramjam.snappy.compress_raw(message))


@contextlib.contextmanager
def service(storage_path: Path, log_path: Path, options: Mapping[str, str] | None = None) -> Iterator[str]:
    """The real service on a free port, with options as its environment names them."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "kullback", "serve", "--listen", f"127.0.0.1:{port}"]
    environment = os.environ | {"KULLBACK_LIMITS__MAX_SAMPLE_AGE_MS": str(10**12)} | (options or {})
    with log_path.open("wb") as log:
        process = subprocess.Popen(
            [*command, "--storage-path", str(storage_path)], stderr=log, stdout=log, env=environment
        )
    try:
        await_ready(f"http://127.0.0.1:{port}", process)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


def await_ready(url: str, process: subprocess.Popen[bytes]) -> None:
    """Return once the service answers."""
    give_up = time.monotonic() + READY_TIMEOUT_S
    while time.monotonic() < give_up and process.poll() is None:
        with contextlib.suppress(httpx.TransportError):
            if httpx.get(f"{url}/-/ready").is_success:
                return
        time.sleep(0.1)
    raise SystemExit("The service did not become ready.")


def post_all(url: str, share: list[bytes]) -> int:
    """Post bodies one after the other; the number of refused ones."""
    headers = {"Content-Encoding": "snappy", "Content-Type": "application/x-protobuf"}
    with httpx.Client(base_url=url, timeout=60) as client:
        return sum(
            client.post("/api/v1/write", content=body, headers=headers).status_code != 204 for body in share
        )


def bench(
    streams: Annotated[int, typer.Option(help="Streams, one sample each per request.")] = 2000,
    requests: Annotated[int, typer.Option(help="Requests in all.")] = 400,
    senders: Annotated[int, typer.Option(help="Concurrent senders; each has streams of its own.")] = 4,
) -> None:
    """Measure end-to-end throughput and print one Markdown row."""
    each = requests // senders
    start_ms = time.time_ns() // 1_000_000 - each * INTERVAL_MS
    shares = [
        list(track(bodies(sender, streams, each, start_ms), f"Bodies {sender}", total=each, console=console))
        for sender in range(senders)
    ]
    warm = each // 4
    with tempfile.TemporaryDirectory() as folder, service(Path(folder) / "var", Path(folder) / "log") as url:
        refused = sum(post_all(url, share[:warm]) for share in shares)
        begin = time.perf_counter()
        with ThreadPoolExecutor(senders) as pool:
            refused += sum(pool.map(lambda share: post_all(url, share[warm:]), shares))
        took_s = time.perf_counter() - begin
    measured = (each - warm) * senders
    rate = measured * streams / took_s
    print("| streams per request | senders | requests | refused | samples/s | ms per request |")
    print("|---|---|---|---|---|---|")
    print(f"| {streams} | {senders} | {measured} | {refused} | {rate:,.0f} | {took_s / measured * 1e3:.2f} |")


if __name__ == "__main__":
    typer.run(bench)
