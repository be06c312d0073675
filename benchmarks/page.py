"""How long the service takes for what people and Prometheus read when there are many streams.

    python -m benchmarks.page --streams 10000

Starts the real service, fills it with streams of remote-write samples, and asks for the page's own answers:
the first page, a page far behind, one by selector and one by state. Then for the scrape, and for the streams
that moved in an interval. Prints Markdown rows.
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
    answer = client.get(path, params=query).raise_for_status()
    return answer.json() if "json" in answer.headers["content-type"] else answer.text


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
    with tempfile.TemporaryDirectory() as folder, service(Path(folder) / "var", Path(folder) / "log") as url:
        fill(url, streams)
        with httpx.Client(base_url=url, timeout=60) as client:
            found = sum(asked(client)["streams_by_state"].values())
            now_s = time.time()
            queries = {
                "first page of 50": {},
                f"page {FAR_PAGES + 1}": {"cursor": cursor_of(client, FAR_PAGES)},
                "page by selector": {"match[]": '{mode="idle",job="bench-1"}'},
                "page by state": {"state": "ok"},
                "scrape": {"path": "/metrics"},
                "correlate, 20 minutes": {
                    "path": "/api/v1/correlate",
                    "start": str(now_s - 1200),
                    "end": str(now_s),
                },
            }
            print("| streams | answer | median ms | worst ms |")
            print("|---|---|---|---|")
            for name, query in queries.items():
                took_ms = [_took_ms(client, query) for _ in range(times)]
                print(f"| {found} | {name} | {np.median(took_ms):.1f} | {max(took_ms):.1f} |")


def _took_ms(client: httpx.Client, query: dict[str, str]) -> float:
    begin = time.perf_counter()
    asked(client, **query)
    return (time.perf_counter() - begin) * 1000


if __name__ == "__main__":
    typer.run(bench)
