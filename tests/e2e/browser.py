"""A real browser on a real service: what tests and the makers of pictures share."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
import numpy as np
from playwright.sync_api import Browser, Page, sync_playwright
from tests.contract.servers import find

STEP_MS = 1000
LONG_AGO_SAMPLES = 4000
BAD_SAMPLES = 60
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
PHONE = {"width": 390, "height": 844}
DESK = {"width": 1280, "height": 900}


@contextmanager
def chromium() -> Iterator[Browser]:
    """Debian's Chromium."""
    program = find("chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=ARGUMENTS)
        yield browser
        browser.close()


@dataclass
class Visit:
    """One window of the browser, and everything that went wrong in it."""

    page: Page
    url: str
    problems: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.on("console", self._on_console)
        self.page.on("pageerror", lambda problem: self.problems.append(f"exception: {problem}"))
        self.page.on("request", self._on_request)

    def _on_console(self, message: Any) -> None:
        if message.type in ("error", "warning"):
            self.problems.append(f"{message.type}: {message.text}")

    def _on_request(self, request: Any) -> None:
        if not request.url.startswith((self.url, "data:", "blob:")):
            self.problems.append(f"external request: {request.url}")

    def open(self, path: str, ready: str) -> Page:
        """Go to a page and wait until what `ready` selects is seen."""
        self.page.goto(self.url + path)
        self.page.wait_for_selector(ready, state="visible")
        return self.page


@contextmanager
def visit(browser: Browser, url: str, dark: bool = False, phone: bool = False) -> Iterator[Visit]:
    """A fresh window, closed afterwards."""
    context = browser.new_context(
        viewport=PHONE if phone else DESK,  # type: ignore[arg-type]
        color_scheme="dark" if dark else "light",
        reduced_motion="reduce",
    )
    try:
        yield Visit(context.new_page(), url)
    finally:
        context.close()


def response_times(rng: np.random.Generator, count: int) -> np.ndarray:
    """Seconds around 100 ms."""
    return rng.gamma(20, 0.005, count)


def push(url: str, server: str, values: np.ndarray, end_ms: int | None = None) -> str:
    """Post samples of one server's response times that end now, one a second; the stream's id."""
    first_ms = (end_ms or time.time_ns() // 1_000_000) - (len(values) - 1) * STEP_MS
    row = {
        "metric": "response_time_seconds",
        "labels": {"server": server, "job": "shop"},
        "values": [round(float(value), 6) for value in values],
        "timestamps_ms": [first_ms + index * STEP_MS for index in range(len(values))],
    }
    answer = httpx.post(f"{url}/api/v1/ingest?scores=all", json=[row], trust_env=False, timeout=60)
    answer.raise_for_status()
    return str(answer.json()["scores"][0]["stream"])


def push_fleet(url: str) -> dict[str, str]:
    """Four quiet servers, one that went bad a minute ago and one that has just begun; ids by name."""
    rng = np.random.default_rng(7)
    ids = {f"web-{n}": push(url, f"web-{n}", response_times(rng, LONG_AGO_SAMPLES)) for n in range(1, 5)}
    bad = np.concatenate([response_times(rng, LONG_AGO_SAMPLES), response_times(rng, BAD_SAMPLES) + 0.3])
    ids["web-5"] = push(url, "web-5", bad)
    ids["web-6"] = push(url, "web-6", response_times(rng, 30))
    return ids
