"""What can be checked of a page's accessibility by a program; each rule gives the elements that break it.

Rules after WCAG 2.2: names (4.1.2, 1.1.1), contrast (1.4.3), landmarks and headings (1.3.1), focus that is
seen (2.4.7) and comes in the order of reading (2.4.3).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from playwright.sync_api import Page

SCRIPT = Path(__file__).with_suffix(".js").read_text()
LEAST_CONTRAST = 4.5
LEAST_CONTRAST_LARGE = 3.0


def _run(page: Page, check: str, argument: Any = None) -> Any:
    page.evaluate(SCRIPT)
    return page.evaluate(f"(argument) => window.checks.{check}(argument)", argument)


def nameless(page: Page) -> list[str]:
    """Controls, regions and pictures without an accessible name."""
    return list(_run(page, "nameless"))


def misplaced(page: Page) -> list[str]:
    """Missing or doubled landmarks, skipped heading levels, doubled ids, columns without scope."""
    return list(_run(page, "misplaced"))


def faint(page: Page) -> list[str]:
    """Texts with too little contrast, with the ratio that they have; texts of figures, too."""
    return list(_run(page, "faint", [LEAST_CONTRAST, LEAST_CONTRAST_LARGE]))


def lost_focus(page: Page) -> list[str]:
    """What the Tab key reaches that is not seen or not marked, and what it misses in the order of reading."""
    wrong: list[str] = []
    page.evaluate("document.activeElement.blur()")
    before = -1
    for _ in range(200):
        page.keyboard.press("Tab")
        focus = _run(page, "focus")
        if focus["body"] or focus["at"] < before:
            break
        if not focus["skip"] and not (focus["seen"] and focus["outline"]):
            wrong.append(focus["text"])
        before = focus["at"]
    return wrong + list(_run(page, "unreached"))
