"""The configuration that the pages of the agents tell people to paste, as the tests run it."""

from __future__ import annotations

import re
from pathlib import Path

PAGES = Path(__file__).parents[2] / "docs/agents"
DOCUMENTED = "localhost:9797"


def snippet(agent: str, language: str, address: str, nth: int = 0) -> str:
    """A code block of an agent's page, with another address for Kullback.

    Parameters
    ----------
    agent : str
        Name of the page.
    language : str
        What stands behind the block's fence.
    address : str
        HOST:PORT.
    nth : int
        Which of the blocks in this language.
    """
    text = (PAGES / f"{agent}.md").read_text()
    blocks: list[str] = re.findall(rf"^```{language}\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    assert DOCUMENTED in blocks[nth], blocks[nth]
    return blocks[nth].replace(DOCUMENTED, address)
