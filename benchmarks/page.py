"""How long the service takes for what people and Prometheus read when there are many streams.

    python -m benchmarks.page --streams 10000

Starts the real service, fills it with streams of remote-write samples, and asks for the page's own answers:
the first page, a page far behind, one by selector and one by state. Then for the scrape of all of them,
packed as Prometheus asks for it and plain, and for the streams that moved in an interval. Prints Markdown
rows; the processor time is the service's own, from /proc, whatever else the machine does.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import Annotated, Any

import httpx
import numpy as np
import typer
from rich.console import Console
from rich.progress import track

from benchmarks.end_to_end import bodies, post_all, service
from benchmarks.steady import pid_of, seconds_of

SAMPLES = 80
"""Enough that streams have scores."""
FAR_PAGES = 20
BATCH = 2000
console = Console(stderr=True)


def fill(url: str, streams: int) -> None:
    """Give each of many streams some samples, up to now."""
    start_ms = time.time_ns() // 1_000_000 - SAMPLES * 15_000
    for sender in track(range(-(-streams // BATCH)), "Streams", console=console):
        size = min(BATCH, streams - sender * BATCH)
        refused = post_all(url, list(bodies(sender, size, SAMPLES, start_ms)))
        assert not refused


def asked(client: httpx.Client, path: str = "/ui/fleet", **query: str) -> Any:
    """What a path answers, by default a page of the fleet."""
    return client.get(path, params=query).raise_for_status().json()


def cursor_of(client: httpx.Client, pages: int) -> str:
    """Where the page after so many begins."""
    cursor = ""
    for _ in range(pages):
        cursor = str(asked(client, cursor=cursor)["next_cursor"])
    return cursor


def bench(
    streams: Annotated[int, typer.Option(help="Streams in the fleet.")] = 10_000,
    times: Annotated[int, typer.Option(help="Requests of each kind.")] = 30,
) -> None:
    """Measure the pages of a large fleet and print Markdown rows."""
    with (
        tempfile.TemporaryDirectory() as folder,
        service(Path(folder) / "var", Path(folder) / "log", exposing(streams)) as url,
    ):
        fill(url, streams)
        with httpx.Client(base_url=url, timeout=60) as client:
            found = sum(asked(client)["streams_by_state"].values())
            now_s = time.time()
            page, moved = "/ui/fleet", {"start": str(now_s - 1200), "end": str(now_s)}
            by_selector = {"match[]": '{mode="idle",job="bench-1"}'}
            print("| streams | answer | median ms | worst ms | processor, ms | bytes |")
            print("|---|---|---|---|---|---|")
            for name, path, query, packed in (
                ("first page of 50", page, {}, "gzip"),
                (f"page {FAR_PAGES + 1}", page, {"cursor": cursor_of(client, FAR_PAGES)}, "gzip"),
                ("page by selector", page, by_selector, "gzip"),
                ("page by state", page, {"state": "ok"}, "gzip"),
                ("scrape, packed", "/metrics", {}, "gzip"),
                ("scrape, plain", "/metrics", {}, "identity"),
                ("correlate, 20 minutes", "/api/v1/correlate", moved, "gzip"),
            ):
                request = client.build_request("GET", path, params=query, headers={"Accept-Encoding": packed})
                print(f"| {found} | {name} | {measured(client, request, pid_of(url), times)} |")


def exposing(streams: int) -> dict[str, str]:
    """Options with which so many streams are on /metrics."""
    return {"KULLBACK_METRICS__MAX_EXPOSED_STREAMS": str(streams)}


def measured(client: httpx.Client, request: httpx.Request, pid: int, times: int) -> str:
    """Cells of a row: how long until an answer's last byte, what it costs the service, its size."""
    took_ms, began_s = [], seconds_of(pid)
    for _ in range(times):
        begin = time.perf_counter()
        answer = client.send(request, stream=True).raise_for_status()
        size = sum(len(part) for part in answer.iter_raw())
        took_ms.append((time.perf_counter() - begin) * 1000)
    processor_ms = (seconds_of(pid) - began_s) / times * 1000
    return f"{np.median(took_ms):.1f} | {max(took_ms):.1f} | {processor_ms:.1f} | {size:,}"


if __name__ == "__main__":
    typer.run(bench)
