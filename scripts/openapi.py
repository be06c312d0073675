"""Writes docs/openapi.json from the code: `python scripts/openapi.py`."""

from __future__ import annotations

import json
from pathlib import Path

from kullback.http.api import described_app

PAGE = Path(__file__).parents[1] / "docs/openapi.json"


def rendered() -> str:
    """The document as it is committed."""
    return json.dumps(described_app().openapi(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    PAGE.write_text(rendered(), encoding="utf-8")
