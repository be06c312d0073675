"""Watch the training of a generative adversarial network: mode collapse.

    python -m examples.gan_training --url http://localhost:9797 --picture gan.png

Real points come from three modes. Every few steps, generated points are compared with real ones by
`POST /api/v1/compare`; the Jensen-Shannon divergence and KL(real ‖ generated) are streams. Late in the
run the discriminator's learning rate is set to zero: with nobody to correct it, the generator runs to the
discriminator's favourite spot. Kullback is not told.
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

from examples.gan import Gan
from examples.story import Track, draw
from kullback.client import Client
from kullback.client.calls import row

MODES = (-4.0, 0.0, 4.0)
BATCH = 256
SHOWN_SAMPLES = 400
BETWEEN_CHECKS = 5
LEARNING_STEPS = 6000
STEP_MS = 1000
FAULT = "discriminator frozen"
MEASURES = ("jensen_shannon", "kl_reverse")
console = Console()


def real_points(rng: np.random.Generator, count: int) -> NDArray[np.float64]:
    """Points of the three modes."""
    return rng.choice(MODES, (count, 1)) + 0.4 * rng.standard_normal((count, 1))


def measure(client: Client, gan: Gan, rng: np.random.Generator) -> dict[str, float]:
    """Divergences between real (reference) and generated (current) points, nats."""
    measures = client.compare(
        current=gan.generate(SHOWN_SAMPLES)[:, 0].tolist(),
        reference=real_points(rng, SHOWN_SAMPLES)[:, 0].tolist(),
    )["measures"]
    return {name: float(measures[name]) for name in MEASURES}


def main(
    url: Annotated[str, typer.Option(help="Where Kullback listens.")] = "http://127.0.0.1:9797",
    picture: Annotated[Path, typer.Option(help="Where the picture goes.")] = Path("gan_training.png"),
    checks: Annotated[int, typer.Option(min=200, help="Comparisons in the run.")] = 900,
    seed: Annotated[int, typer.Option(help="Same seed, same run.")] = 3,
) -> None:
    """Train, freeze the discriminator two thirds in, and say when Kullback saw it."""
    rng = np.random.default_rng(seed)
    gan = Gan(noise=4, hidden=48, seed=seed)
    for _ in track(range(LEARNING_STEPS), "Learning", console=console):
        gan.step(real_points(rng, BATCH))
    fault_step = 2 * checks // 3
    tracks = [Track(f"gan_{name}", "nats", events={fault_step: FAULT}) for name in MEASURES]
    start_ms = time.time_ns() // 1_000_000 - checks * STEP_MS
    with Client(url) as client:
        for check in track(range(checks), "Training", console=console):
            if check == fault_step:
                gan.discriminator.adam.rate = 0.0
            for _ in range(BETWEEN_CHECKS):
                gan.step(real_points(rng, BATCH))
            _post(client, measure(client, gan, rng), tracks, seed, start_ms + check * STEP_MS)
    for one in tracks:
        first = one.first_alarm(fault_step)
        when = f"seen {first - fault_step} checks later" if first is not None else "not seen"
        early = one.first_alarm()
        console.print(
            f"{one.name}: {FAULT} {when}; alarm before it: {early is not None and early < fault_step}."
        )
    draw(tracks, "A GAN losing its modes, watched while it trains", "check", picture)
    console.print(f"Picture: {picture}")


def _post(
    client: Client, measures: dict[str, float], tracks: list[Track], seed: int, timestamp_ms: int
) -> None:
    rows = [
        row(f"gan_{name}", value, {"run": f"seed-{seed}"}, timestamp_ms) for name, value in measures.items()
    ]
    receipt = client.ingest_rows(rows)
    for one, value, stream in zip(tracks, measures.values(), receipt["scores"], strict=True):
        one.note(value, stream["max_score"])


if __name__ == "__main__":
    typer.run(main)
