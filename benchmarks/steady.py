"""What a fleet costs at its usual pace: processor time, memory, disk.

    python -m benchmarks.steady --streams 10000 --minutes 3

Starts the real service (`storage.sync: full`), fills every stream's windows and reference with past samples
as fast as they are taken, then posts one sample per stream every 15 s, in several requests spread over the
interval, and scrapes `/metrics` once per interval, as Prometheus would. Prints a Markdown row; the processor
time and memory are the service's own, from /proc.
"""

from __future__ import annotations

import itertools
import os
import tempfile
import time
from pathlib import Path
from typing import Annotated

import httpx
import typer

from benchmarks.end_to_end import INTERVAL_MS, bodies, post_all, service

SENDERS = 10
FILL_SAMPLES = 2200
"""Gap, reference and the longest window are full."""


def seconds_of(pid: int) -> float:
    """Processor time a process has used so far."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def memory_of(pid: int, field: str) -> int:
    """A figure of /proc/…/status in bytes."""
    lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{field}:"))


def disk_of(folder: Path) -> int:
    """Bytes of the files in a folder."""
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def pid_of(url: str) -> int:
    """The process that listens."""
    port = f":{int(url.rpartition(':')[2]):04X}"
    inode = next(
        line.split()[9]
        for line in Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()
        if line.split()[1].endswith(port) and line.split()[3] == "0A"
    )
    for links in Path("/proc").glob("[0-9]*/fd"):
        try:
            if any(str(link.readlink()) == f"socket:[{inode}]" for link in links.iterdir()):
                return int(links.parent.name)
        except OSError:
            continue
    raise SystemExit("The service's process was not found.")


def bench(
    streams: Annotated[int, typer.Option(help="Streams, one sample each per 15 s.")] = 10_000,
    minutes: Annotated[float, typer.Option(help="How long the pace is held.")] = 3.0,
    fill: Annotated[int, typer.Option(help="Past samples per stream before that.")] = FILL_SAMPLES,
) -> None:
    """Measure what a steady load costs and print one Markdown row."""
    intervals = max(1, round(minutes * 60_000 / INTERVAL_MS))
    start_ms = time.time_ns() // 1_000_000 - fill * INTERVAL_MS
    queues = [bodies(sender, streams // SENDERS, fill + intervals, start_ms) for sender in range(SENDERS)]
    with tempfile.TemporaryDirectory() as folder, service(Path(folder) / "var", Path(folder) / "log") as url:
        pid = pid_of(url)
        refused = sum(post_all(url, [next(queue) for queue in queues]) for _ in range(fill))
        began_s, begin = seconds_of(pid), time.monotonic()
        slots = itertools.product(range(intervals), range(SENDERS))
        with httpx.Client(base_url=url, timeout=60) as scraper:
            for turn, (_, sender) in enumerate(slots):
                time.sleep(max(0.0, begin + turn * INTERVAL_MS / 1000 / SENDERS - time.monotonic()))
                refused += post_all(url, [next(queues[sender])])
                if sender == 0:
                    scraper.get("/metrics", headers={"Accept-Encoding": "gzip"}).raise_for_status()
        share = (seconds_of(pid) - began_s) / (time.monotonic() - begin)
        resident, peak = memory_of(pid, "VmRSS"), memory_of(pid, "VmHWM")
        disk = disk_of(Path(folder) / "var")
    print("| streams | samples/s | refused | processor, cores | resident MiB | peak MiB | disk MiB |")
    print("|---|---|---|---|---|---|---|")
    rate = streams * 1000 / INTERVAL_MS
    print(
        f"| {streams} | {rate:,.0f} | {refused} | {share:.3f} | {resident / 2**20:,.0f} "
        f"| {peak / 2**20:,.0f} | {disk / 2**20:,.0f} |"
    )


if __name__ == "__main__":
    typer.run(bench)
