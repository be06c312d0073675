"""`kullback demo`: server response times that go bad after a minute."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Annotated, Any

import httpx
import typer
from rich.console import Console

from kullback.cli.scene import Scene

READY_TIMEOUT_S = 300.0
HISTORY_MS = 20 * 60_000
HISTORY_REQUEST_MS = 60_000
POLL_S = 1.0
MINE = '{job="demo"}'

console = Console(highlight=False)


def demo(
    url: Annotated[str, typer.Option(help="Where Kullback listens.")] = "http://127.0.0.1:9797",
    serve: Annotated[bool, typer.Option("--serve", help="Start the service as well.")] = False,
    storage_path: Annotated[str, typer.Option(help="With --serve: where it keeps its files.")] = "var",
    servers: Annotated[int, typer.Option(min=1, max=200, help="Web servers to play.")] = 6,
    interval_ms: Annotated[int, typer.Option(min=50, help="Time between samples of one server.")] = 200,
    bad_after_s: Annotated[float, typer.Option(help="When a server goes bad.")] = 60.0,
    bad_for_s: Annotated[float, typer.Option(help="How long it stays bad.")] = 90.0,
    every_s: Annotated[float, typer.Option(help="Time between incidents after the first.")] = 300.0,
    seed: Annotated[int, typer.Option(help="Same seed, same numbers.")] = 1,
    duration_s: Annotated[float, typer.Option(help="Stop after this time; 0 runs until Ctrl-C.")] = 0.0,
    wait_s: Annotated[float, typer.Option(help="How long to wait for the service.")] = READY_TIMEOUT_S,
) -> None:
    """Play web servers whose response times are watched; one goes bad after a minute.

    Twenty minutes of past samples are sent first, so the reference is trusted from the start. In an
    incident a fifth of one server's requests wait for a lock: the mean hardly moves, the shape does.
    """
    scene = Scene(servers, interval_ms, bad_after_s, bad_for_s, every_s, seed)
    with httpx.Client(base_url=url, timeout=30) as client, ExitStack() as stack:
        service = stack.enter_context(_service(client, url, storage_path)) if serve else None
        _await_ready(client, url, wait_s, service)
        console.print(f"Kullback is listening. Open [bold]{url}[/bold]; stop with Ctrl-C.")
        try:
            _play(client, scene, duration_s)
        except KeyboardInterrupt:
            console.print("Stopped.")
        except httpx.TransportError as problem:
            console.print(f"{url} no longer answers: {problem}.")
            raise typer.Exit(1) from None


@contextmanager
def _service(client: httpx.Client, url: str, storage_path: str) -> Iterator[subprocess.Popen[bytes]]:
    if _answers(client, "/-/healthy"):
        console.print(f"{url} answers already. Feed it with `kullback demo`, stop it, or take another --url.")
        raise typer.Exit(1)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # else the service would outlive a kill
    listen = httpx.URL(url).netloc.decode()
    command = [sys.executable, "-m", "kullback", "serve", "--listen", listen, "--storage-path", storage_path]
    process = subprocess.Popen([*command, "--log-level", "warning"])
    try:
        yield process
    finally:
        process.terminate()
        process.wait()


def _answers(client: httpx.Client, path: str) -> bool:
    try:
        return client.get(path).is_success
    except httpx.TransportError:
        return False


def _await_ready(
    client: httpx.Client, url: str, wait_s: float, service: subprocess.Popen[bytes] | None
) -> None:
    give_up = time.monotonic() + wait_s
    with console.status(f"Waiting for {url} (the first start on a machine compiles for about a minute)…"):
        while time.monotonic() < give_up:
            if _answers(client, "/-/ready"):
                return
            if service is not None and service.poll() is not None:
                raise typer.Exit(1)  # it has said why
            time.sleep(0.2)
    console.print(f"{url} does not answer. Start it with `kullback serve`, or use `kullback demo --serve`.")
    raise typer.Exit(1)


def _play(client: httpx.Client, scene: Scene, duration_s: float) -> None:
    start_ms = time.time_ns() // 1_000_000
    _send_history(client, scene, start_ms)
    announced: set[str] = set()
    begin, sent_s, polled_s = time.monotonic(), 0.0, 0.0
    while not duration_s or sent_s < duration_s:
        now_s = time.monotonic() - begin
        _post(client, scene.between(start_ms, sent_s, now_s))
        sent_s = now_s
        if now_s - polled_s >= POLL_S:
            polled_s = now_s
            _announce(client, announced)
        time.sleep(scene.interval_ms / 1000)


def _send_history(client: httpx.Client, scene: Scene, start_ms: int) -> None:
    """Past samples, from where an earlier demo ended."""
    known_ms = _newest_ms(client) + scene.interval_ms - start_ms
    with console.status("Sending 20 minutes of past samples…"):
        for from_ms in range(max(-HISTORY_MS, known_ms), 0, HISTORY_REQUEST_MS):
            until_ms = min(from_ms + HISTORY_REQUEST_MS, 0)
            _post(client, scene.between(start_ms, from_ms / 1000, until_ms / 1000))


def _newest_ms(client: httpx.Client) -> int:
    query: dict[str, str | int] = {"match[]": MINE, "sort": "-last_sample_ms", "limit": 1}
    found = client.get("/api/v1/streams", params=query).raise_for_status().json()["streams"]
    return int(found[0]["last_sample_ms"]) if found else 0


def _post(client: httpx.Client, rows: list[dict[str, Any]]) -> None:
    if not rows:
        return
    answer = client.post("/api/v1/ingest", params={"scores": "none"}, json=rows)
    if not answer.is_success:
        console.print(f"Refused: {answer.text}. Does another demo feed this service?")
        raise typer.Exit(1)


def _announce(client: httpx.Client, announced: set[str]) -> None:
    for alert in client.get("/api/v1/alerts").raise_for_status().json()["alerts"]:
        key = f"{alert['id']} {alert['state']}"
        if key in announced or alert["state"] == "pending":
            continue
        announced.add(key)
        firing = alert["state"] == "firing"
        console.print(
            f"[bold {'red' if firing else 'green'}]{alert['state'].upper()}[/] "
            f"{alert['labels'].get('server', '')}: {alert['annotations'].get('description', '')}"
        )
