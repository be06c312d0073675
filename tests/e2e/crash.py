"""Kill the service under load, again and again; what was acknowledged must be there once, scored as ever.

    python -m tests.e2e.crash --rounds 500

Each client owns its streams and repeats a request until it is acknowledged, as agents do. In the end
every stream must hold exactly the samples that were sent, and its score must be that of a run of the same
samples that nothing interrupted.
"""

from __future__ import annotations

import random
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import httpx
import numpy as np
import typer
from numpy.typing import NDArray
from rich.progress import track
from tests.contract.servers import free_port, kullback

from kullback.core.profile import Profile
from kullback.core.scores import blank_scores
from kullback.detector.layout import Shape
from kullback.detector.plan import plan_of
from kullback.detector.scalar import ScalarDetector

CLIENTS = 3
STREAMS_PER_CLIENT = 4
SAMPLES_PER_REQUEST = 5
STEP_MS = 20
"""So short that the clients do not run out of past before the last of 500 rounds."""
AGE_MS = 9_000_000
MOST_SAMPLES = AGE_MS // STEP_MS - 1000
"""The newest sample stays in the past."""
METRIC = "crash_seconds"
RETRY_S = 0.05
TRY_AGAIN = (429, 503)


@dataclass(eq=False)
class Client(threading.Thread):
    """Writes to its own streams until it is told to stop."""

    url: str
    index: int
    start_ms: int
    sent: int = 0
    refused: list[str] = field(default_factory=list)
    stopping: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        super().__init__(daemon=True)
        rng = np.random.default_rng(self.index)
        self.values = rng.lognormal(0.0, 0.5, (STREAMS_PER_CLIENT, MOST_SAMPLES))

    @property
    def writable(self) -> bool:
        """Whether there is past left for another request."""
        return self.sent + SAMPLES_PER_REQUEST <= MOST_SAMPLES

    def labels(self, stream: int) -> dict[str, str]:
        return {"client": str(self.index), "stream": str(stream)}

    def timestamps_ms(self, first: int, stop: int) -> list[int]:
        return [self.start_ms + STEP_MS * row for row in range(first, stop)]

    def run(self) -> None:
        with httpx.Client(base_url=self.url, timeout=30, trust_env=False) as http:
            while self.writable and not self.stopping.is_set():
                self._write(http, self._request())
                self.sent += SAMPLES_PER_REQUEST

    def _request(self) -> list[dict[str, Any]]:
        stop = self.sent + SAMPLES_PER_REQUEST
        return [
            {
                "metric": METRIC,
                "labels": self.labels(stream),
                "values": self.values[stream, self.sent : stop].tolist(),
                "timestamps_ms": self.timestamps_ms(self.sent, stop),
            }
            for stream in range(STREAMS_PER_CLIENT)
        ]

    def _write(self, http: httpx.Client, rows: list[dict[str, Any]]) -> None:
        """Repeat until it is acknowledged."""
        while True:
            try:
                answer = http.post("/api/v1/ingest", json=rows, params={"scores": "none"})
            except httpx.TransportError:
                time.sleep(RETRY_S)
                continue
            if answer.status_code == httpx.codes.OK and not answer.json()["rejected"]:
                return
            if answer.status_code not in TRY_AGAIN:
                self.refused.append(f"{answer.status_code} {answer.text[:300]}")
                return
            time.sleep(RETRY_S)


def crash(folder: Path, rounds: int, seed: int, minutes: float = 600.0) -> dict[str, int]:
    """Run the harness; raises AssertionError when a promise was broken.

    Returns
    -------
    dict of str to int
        How many rounds, acknowledged requests and samples there were.
    """
    port, moments = free_port(), random.Random(seed)
    start_ms = time.time_ns() // 1_000_000 - AGE_MS
    clients = [Client(f"http://127.0.0.1:{port}", index, start_ms) for index in range(CLIENTS)]
    options = {
        "storage": {"path": str(folder / "storage"), "snapshot_interval": "1s"},
        "limits": {"max_sample_age_ms": 10 * AGE_MS},
    }
    until_s, killed = time.monotonic() + 60 * minutes, 0
    for _ in track(range(rounds), "Killing"):
        if time.monotonic() > until_s:
            break
        with kullback(folder, port, options) as server:
            for client in clients:
                if client.ident is None:
                    client.start()
            time.sleep(moments.uniform(0.05, 1.5))
            server.kill()
        killed += 1
    with kullback(folder, port, options):
        for client in clients:
            client.stopping.set()
        for client in clients:
            client.join(60)
        assert not any(client.is_alive() for client in clients)
        found = _streams(port)
    for client in clients:
        assert not client.refused, client.refused[:3]
        assert client.writable, "the last rounds were without load"
        for stream in range(STREAMS_PER_CLIENT):
            _check(client, stream, found)
    sent = sum(client.sent for client in clients)
    return {"rounds": killed, "requests": sent // SAMPLES_PER_REQUEST, "samples": sent * STREAMS_PER_CLIENT}


def _streams(port: int) -> dict[tuple[str, str], dict[str, Any]]:
    answer = httpx.get(f"http://127.0.0.1:{port}/api/v1/streams?limit=1000", trust_env=False)
    streams = answer.raise_for_status().json()["streams"]
    return {(stream["labels"]["client"], stream["labels"]["stream"]): stream for stream in streams}


def _standing(timestamp_ms: NDArray[np.int64], values: NDArray[np.float64]) -> float:
    """Score at which a stream stands after samples that nothing interrupted."""
    only, rows = np.zeros(1, np.int32), np.arange(len(values))
    detector = ScalarDetector(1, Shape())
    detector.open(only, plan_of(Profile()))
    detector.update(
        np.zeros(len(values), np.int32), timestamp_ms, values, blank_scores(timestamp_ms), rows, 0
    )
    return float(detector.summary(only).score[0])


def _check(client: Client, stream: int, found: dict[tuple[str, str], dict[str, Any]]) -> None:
    kept = found[str(client.index), str(stream)]
    assert kept["samples"] == client.sent, f"{kept['samples']} samples of {client.sent} acknowledged"
    times = np.array(client.timestamps_ms(0, client.sent), np.int64)
    expected = _standing(times, client.values[stream, : client.sent])
    assert np.float32(kept["score"]) == np.float32(expected), f"score {kept['score']}, not {expected}"


def main(
    rounds: Annotated[int, typer.Option(help="How often the service is killed.")] = 500,
    seed: Annotated[int, typer.Option(help="Of the moments.")] = 1,
    minutes: Annotated[float, typer.Option(help="Begin no round after so long.")] = 600.0,
) -> None:
    """Kill the service under load and check what is left."""
    with TemporaryDirectory() as folder:
        print(crash(Path(folder), rounds, seed, minutes))


if __name__ == "__main__":
    typer.run(main)
