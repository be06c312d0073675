"""Writes the dashboards as JSON: `python -m deploy.grafana.generate`."""

from __future__ import annotations

from pathlib import Path

from deploy.grafana.fleet import fleet
from deploy.grafana.service import service
from deploy.grafana.stream import stream
from grafana_foundation_sdk.cog.encoder import JSONEncoder

FOLDER = Path(__file__).parent / "dashboards"


def dashboards() -> dict[str, str]:
    """File name -> JSON."""
    encoder = JSONEncoder(sort_keys=True, indent=2)
    boards = {"fleet": fleet(), "stream": stream(), "service": service()}
    return {f"{name}.json": f"{encoder.encode(made.build())}\n" for name, made in boards.items()}


if __name__ == "__main__":
    for file_name, text in dashboards().items():
        (FOLDER / file_name).write_text(text, encoding="utf-8")
