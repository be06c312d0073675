"""Server response times: an attack and a malfunction that leave the mean where it was.

    python -m examples.response_times --url http://localhost:9797 --picture response_times.png

Two servers, one sample per second. On the first a scraper sends a flood of cheap requests: a second,
fast mode appears while slow pages get slower, the mean stays. On the second a failing disk makes one
request in twelve ten times slower: the median does not move.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track

from examples.story import Track, draw, score_of
from kullback.client import Client

STEP_MS = 1000
PER_REQUEST = 10
HOURS_S = 3600
console = Console()


def attack(rng: np.random.Generator, seconds: NDArray[np.float64]) -> NDArray[np.float64]:
    """A third of the requests become cheap; the others wait for them: same mean."""
    cheap = rng.random(len(seconds)) < 1 / 3
    mean = seconds.mean()
    changed = np.where(cheap, 0.3 * seconds, seconds)
    changed[~cheap] += (mean - changed.mean()) * len(seconds) / max(int((~cheap).sum()), 1)
    return changed


def malfunction(rng: np.random.Generator, seconds: NDArray[np.float64]) -> NDArray[np.float64]:
    """One request in twelve takes ten times as long."""
    return np.where(rng.random(len(seconds)) < 1 / 12, 10 * seconds, seconds)


def main(
    url: Annotated[str, typer.Option(help="Where Kullback listens.")] = "http://127.0.0.1:9797",
    picture: Annotated[Path, typer.Option(help="Where the picture goes.")] = Path("response_times.png"),
    steps: Annotated[int, typer.Option(min=600, help="Samples per server.")] = 2 * HOURS_S,
    seed: Annotated[int, typer.Option(help="Same seed, same traffic.")] = 11,
) -> None:
    """Send the past two hours, with a fault in the last fifth, and say when Kullback saw it."""
    rng = np.random.default_rng(seed)
    fault_step = 4 * steps // 5
    start_ms = time.time_ns() // 1_000_000 - steps * STEP_MS
    tracks = []
    with Client(url) as client:
        for server, (what, change) in enumerate({"attack": attack, "malfunction": malfunction}.items(), 1):
            seconds = 0.12 * rng.lognormal(0.0, 0.4, steps)
            seconds[fault_step:] = change(rng, seconds[fault_step:])
            one = Track(f"server {server}: {what}", "response time, s", events={fault_step: what})
            _send(client, f"web-{seed}-{server}", seconds, start_ms, one)
            _tell(one, seconds, fault_step)
            tracks.append(one)
    draw(tracks, "Response times whose mean (left) or median (right) says nothing", "second", picture)
    console.print(f"Picture: {picture}")


def _send(client: Client, server: str, seconds: NDArray[np.float64], start_ms: int, one: Track) -> None:
    for first in track(range(0, len(seconds), PER_REQUEST), f"Sending {one.name}", console=console):
        values = seconds[first : first + PER_REQUEST].tolist()
        stamps_ms = [start_ms + step * STEP_MS for step in range(first, first + len(values))]
        score = score_of(client.ingest("http_response_time_seconds", values, {"server": server}, stamps_ms))
        for value in values:
            one.note(value, score)


def _tell(one: Track, seconds: NDArray[np.float64], fault_step: int) -> None:
    before, after = seconds[:fault_step], seconds[fault_step:]
    first = one.first_alarm(fault_step)
    early = one.first_alarm()
    console.print(
        f"{one.name}: mean {before.mean():.3f} -> {after.mean():.3f} s, median {np.median(before):.3f} -> "
        f"{np.median(after):.3f} s; {f'seen after {first - fault_step} s' if first else 'not seen'}; "
        f"alarm before it: {early is not None and early < fault_step}."
    )


if __name__ == "__main__":
    typer.run(main)
