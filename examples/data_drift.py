"""Data drift of a fraud model's features: today against the pinned training month.

    python -m examples.data_drift --url http://localhost:9797 --picture data_drift.png

A synthetic month of payments trains the model; then come days like it, and one day on which a new wallet
takes over a fifth of the payments and small amounts become common. Each feature is compared with the
training month by `POST /api/v1/compare`; those that moved more than chance explains are ranked by how much.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import matplotlib as mpl
import numpy as np
import typer
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

mpl.use("Agg")
import matplotlib.pyplot as plt  # the backend must be chosen first

from kullback.client import Client

CHANNELS = ("card", "transfer", "direct debit", "cash")
USUAL_SHARES = (0.62, 0.22, 0.11, 0.05)
MONTH_ROWS, DAY_ROWS = 6000, 1500
SIGNIFICANT = 0.01
WORTH_RETRAINING_NATS = 0.02
LEAST_NATS = 1e-4
console = Console()


@dataclass(frozen=True, slots=True)
class Payments:
    """A table of payments; the features of the model are its columns."""

    amount: NDArray[np.float64]
    hour: NDArray[np.float64]
    account_age_days: NDArray[np.float64]
    channel: NDArray[np.str_]

    def features(self) -> dict[str, list[Any]]:
        """Each feature as `POST /api/v1/compare` takes it; amounts on a log scale."""
        return {
            "amount (log)": np.log(self.amount).tolist(),
            "hour": self.hour.tolist(),
            "account age": self.account_age_days.tolist(),
            "payment channel": self.channel.tolist(),
        }


def payments(rng: np.random.Generator, rows: int, drifted: bool) -> Payments:
    """A span of payments, like the training month or drifted."""
    amount = rng.lognormal(3.4, 0.9, rows)
    channel = rng.choice(CHANNELS, rows, p=USUAL_SHARES).astype("<U16")
    if drifted:
        wallet = rng.random(rows) < 0.2
        channel[wallet] = "wallet"
        amount[wallet] = rng.lognormal(2.2, 0.4, int(wallet.sum()))
    return Payments(amount, rng.normal(14, 4, rows) % 24, rng.exponential(700, rows), channel)


def compare(client: Client, today: Payments, month: Payments) -> list[tuple[str, float, float]]:
    """(feature, D(today ‖ month) in nats, p-value), the largest divergence first."""
    rows = []
    reference = month.features()
    for name, feature in today.features().items():
        answer = client.compare(feature, reference[name])
        rows.append((name, float(answer["measures"]["kl"]), answer["p_value"]))
    return sorted(rows, key=lambda row: -row[1])


def advice(rows: list[tuple[str, float, float]]) -> str:
    """Whether to retrain, and because of which features."""
    moved = [name for name, nats, p in rows if p <= SIGNIFICANT and nats >= WORTH_RETRAINING_NATS]
    return f"Retrain: {', '.join(moved)} moved." if moved else "No need to retrain."


def main(
    url: Annotated[str, typer.Option(help="Where Kullback listens.")] = "http://127.0.0.1:9797",
    picture: Annotated[Path, typer.Option(help="Where the picture goes.")] = Path("data_drift.png"),
    seed: Annotated[int, typer.Option(help="Same seed, same payments.")] = 5,
) -> None:
    """Compare an ordinary and a drifted day with the training month."""
    rng = np.random.default_rng(seed)
    month = payments(rng, MONTH_ROWS, drifted=False)
    days = {
        "an ordinary day": payments(rng, DAY_ROWS, drifted=False),
        "the drifted day": payments(rng, DAY_ROWS, drifted=True),
    }
    results = {}
    with Client(url) as client:
        for day, today in days.items():
            results[day] = rows = compare(client, today, month)
            console.print(_table(day, rows), f"{day}: {advice(rows)}\n")
    _draw(results, picture)
    console.print(f"Picture: {picture}")


def _table(day: str, rows: list[tuple[str, float, float]]) -> Table:
    table = Table("feature", "D(day ‖ month), nats", "p", title=day)
    for name, nats, p_value in rows:
        table.add_row(name, f"{nats:.4f}", f"{p_value:.3g}")
    return table


def _draw(results: dict[str, list[tuple[str, float, float]]], path: Path) -> None:
    figure, axes = plt.subplots(1, len(results), figsize=(9, 3), sharex=True, layout="constrained")
    moved = [max(nats, LEAST_NATS) for rows in results.values() for _, nats, _ in rows]
    for axis, (day, rows) in zip(axes, results.items(), strict=True):
        names = [name for name, _, _ in reversed(rows)]
        nats = [nats for _, nats, _ in reversed(rows)]
        colours = ["#d62728" if p <= SIGNIFICANT else "#999999" for _, _, p in reversed(rows)]
        bars = axis.barh(names, nats, color=colours)
        numbers = [f"{one:.3f}, p = {p:.2g}" for _, one, p in reversed(rows)]
        line = axis.axvline(WORTH_RETRAINING_NATS, color="#444444", linestyle="--", linewidth=1, zorder=0)
        for text in axis.bar_label(bars, numbers, padding=5, fontsize=8):
            text.set_bbox({"facecolor": "white", "edgecolor": "none", "pad": 1})
        axis.legend([line], ["worth retraining"], loc="lower right", fontsize=8)
        axis.set_xscale("log")
        axis.set_xlim(0.5 * min(moved), 120 * max(moved))  # room for the numbers
        axis.set_title(day)
        axis.set_xlabel("D(day ‖ month), nats")
    figure.savefig(path, dpi=110)
    plt.close(figure)


if __name__ == "__main__":
    typer.run(main)
