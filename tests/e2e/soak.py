"""Steady load for a long time: memory must stay flat.

    python -m tests.e2e.soak --minutes 30

The first third is warm-up: references fill, caches settle. After it the resident memory of the process must
not grow by more than a few per cent, although streams come and go within the limits all the time.
"""

from __future__ import annotations

import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import httpx
import numpy as np
import typer
from rich.progress import track
from tests.contract.servers import free_port, kullback

STREAMS = 500
ROWS_PER_STREAM = 20
STEP_MS = 100
CHURNING = 20
"""Streams of each request whose labels were never seen before."""
GROWTH_RATIO = 0.05
MIB_BYTES = 2**20


def soak(folder: Path, minutes: float) -> dict[str, Any]:
    """Load the service and watch its memory; raises AssertionError when it grows.

    Returns
    -------
    dict of str to float or list
        Samples sent, resident memory in MiB after the first third and at the end, and in each minute.
    """
    port, rng = free_port(), np.random.default_rng(1)
    options = {
        "storage": {"path": str(folder / "storage"), "snapshot_interval": "20s", "retention": "1m"},
        "limits": {"max_streams": 2 * STREAMS},
    }
    resident_bytes, sent = [], 0
    with (
        kullback(folder, port, options),
        httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as http,
    ):
        for turn in track(range(round(minutes * 60)), "Soaking"):
            begin = time.monotonic()
            rows = _rows(rng, turn)
            http.post("/api/v1/ingest", json=rows, params={"scores": "none"}).raise_for_status()
            sent += STREAMS * ROWS_PER_STREAM
            http.get("/metrics").raise_for_status()
            resident_bytes.append(http.get("/api/v1/status").raise_for_status().json()["resident_bytes"])
            time.sleep(max(0.0, 1.0 - (time.monotonic() - begin)))
    third = len(resident_bytes) // 3
    early, late = np.median(resident_bytes[third : 2 * third]), np.median(resident_bytes[-third:])
    by_minute = [round(resident / MIB_BYTES, 1) for resident in resident_bytes[::60]]
    assert late <= (1 + GROWTH_RATIO) * early, (
        f"{early / MIB_BYTES:.1f} MiB grew to {late / MIB_BYTES:.1f} MiB: {by_minute}"
    )
    return {
        "samples": sent,
        "early_mib": float(early / MIB_BYTES),
        "late_mib": float(late / MIB_BYTES),
        "by_minute_mib": by_minute,
    }


def _rows(rng: np.random.Generator, turn: int) -> list[dict[str, Any]]:
    values = rng.lognormal(0.0, 0.5, (STREAMS, ROWS_PER_STREAM)).round(6).tolist()
    names = [str(stream) for stream in range(STREAMS - CHURNING)]
    names += [f"new-{turn}-{stream}" for stream in range(CHURNING)]
    return [
        {"metric": "soak_seconds", "labels": {"stream": name}, "values": own, "interval_ms": STEP_MS // 2}
        for name, own in zip(names, values, strict=True)
    ]


def main(minutes: Annotated[float, typer.Option(min=0.5, help="How long.")] = 30.0) -> None:
    """Load the service steadily and watch its memory."""
    with TemporaryDirectory() as folder:
        print(soak(Path(folder), minutes))


if __name__ == "__main__":
    typer.run(main)
