"""Watch the training of a variational autoencoder: posterior collapse and blow-up.

    python -m examples.vae_training --url http://localhost:9797 --picture vae.png

Each latent's KL(N(μ, σ²) ‖ N(0, 1)) is a stream, one sample per training step. After a while somebody sets
β twenty times too high (the latents collapse onto the prior), and in a second run the learning rate
(the posterior blows up). Kullback is told of neither.
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

from examples.story import Track, draw
from examples.vae import Vae
from kullback.client import Client
from kullback.client.calls import row

LATENTS = 3
INPUTS = 12
BATCH = 256
STEP_MS = 1000
LEARNING_STEPS = 1500
console = Console()


def batches(rng: np.random.Generator, mixing: NDArray[np.float64]) -> NDArray[np.float64]:
    """Points on a curved three-dimensional sheet in twelve dimensions, with a little noise."""
    position = rng.standard_normal((BATCH, LATENTS))
    return np.tanh(position @ mixing) + 0.1 * rng.standard_normal((BATCH, INPUTS))


def train(client: Client, run: str, steps: int, seed: int, fault: str) -> list[Track]:
    """Train once, posting each step; the fault begins two thirds in."""
    rng = np.random.default_rng(seed)
    mixing = rng.standard_normal((LATENTS, INPUTS))
    vae = Vae(INPUTS, 32, LATENTS, seed)
    for _ in range(LEARNING_STEPS):  # the first descent is no normal to compare with
        vae.step(batches(rng, mixing), beta=0.05)
    fault_step = 2 * steps // 3
    tracks = [Track(f"{run}: latent {k}", "KL, nats", events={fault_step: fault}) for k in range(LATENTS)]
    start_ms = time.time_ns() // 1_000_000 - steps * STEP_MS
    for step in track(range(steps), f"Training ({run})", console=console):
        faulty = step >= fault_step
        vae.adam.rate = 0.08 if faulty and fault == "learning rate x 40" else 2e-3
        kl_nats, _ = vae.step(batches(rng, mixing), beta=1.0 if faulty and fault == "beta x 20" else 0.05)
        _post(client, run, kl_nats, tracks, start_ms + step * STEP_MS)
    return tracks


def _post(
    client: Client, run: str, kl_nats: NDArray[np.float64], tracks: list[Track], timestamp_ms: int
) -> None:
    finite = np.nan_to_num(kl_nats, nan=1e6, posinf=1e6)
    rows = [
        row("vae_latent_kl_nats", float(value), {"run": run, "latent": str(k)}, timestamp_ms)
        for k, value in enumerate(finite)
    ]
    receipt = client.ingest_rows(rows)
    for k, stream in enumerate(receipt["scores"]):
        tracks[k].note(float(finite[k]), stream["max_score"])


def main(
    url: Annotated[str, typer.Option(help="Where Kullback listens.")] = "http://127.0.0.1:9797",
    picture: Annotated[Path, typer.Option(help="Where the picture goes.")] = Path("vae_training.png"),
    steps: Annotated[int, typer.Option(min=300, help="Training steps per run.")] = 1500,
    seed: Annotated[int, typer.Option(help="Same seed, same run.")] = 7,
) -> None:
    """Train twice, each time with a fault, and say when Kullback saw it."""
    with Client(url) as client:
        collapse = train(client, f"collapse-{seed}", steps, seed, "beta x 20")
        blow_up = train(client, f"blow-up-{seed}", steps, seed, "learning rate x 40")
    for tracks in (collapse, blow_up):
        (fault_step, fault), *_ = tracks[0].events.items()
        seen = [first for one in tracks if (first := one.first_alarm(fault_step)) is not None]
        early = sum((one.first_alarm() or fault_step) < fault_step for one in tracks)
        when = f"seen {min(seen) - fault_step} steps later" if seen else "not seen"
        console.print(f"{fault} at step {fault_step}: {when}; false alarms before it: {early}.")
    draw([collapse[0], blow_up[0]], "KL of a VAE's latents, watched while it trains", "step", picture)
    console.print(f"Picture: {picture}")


if __name__ == "__main__":
    typer.run(main)
