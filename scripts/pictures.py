"""Makes the pictures of README and docs: Chromium photographs a back-test's report and a live
demo's page, and the examples draw what they saw.

python scripts/pictures.py [FOLDER]
"""

from __future__ import annotations

import csv
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
from playwright.sync_api import Browser, FloatRect, Page, ViewportSize, sync_playwright

from kullback.cli.scene import Scene

CHROMIUM = "/usr/bin/chromium"
START_MS = 1_790_000_000_000
SERVER = 3
WIDTH, MARGIN = 1100, 16
DESK: ViewportSize = {"width": 1280, "height": 860}
PHONE: ViewportSize = {"width": 390, "height": 844}
FIRING_WITHIN_S = 300.0
INCIDENT_S = 45.0
"""How much of the incident the pictures show."""
EXAMPLES = ("response_times", "data_drift", "vae_training", "gan_training")


def recording(path: Path) -> None:
    """One server's response times: an hour and a half as always, then five minutes behind a lock.

    Parameters
    ----------
    path : Path
        CSV file to write.
    """
    scene = Scene(SERVER, 1000, bad_after_s=1800, bad_for_s=300, every_s=10_000, seed=1)
    row = scene.between(START_MS, -3600, 2400)[SERVER - 1]
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["time", "value"])
        writer.writerows(zip(row["timestamps_ms"], row["values"], strict=True))


def report(folder: Path) -> Path:
    """The report that `kullback backtest` writes of the recording.

    Parameters
    ----------
    folder : Path
    """
    recording(folder / "series.csv")
    made = folder / "report.html"
    named = ["--metric", "response_time_seconds", "--label", f"server=web-{SERVER}"]
    command = [sys.executable, "-m", "kullback", "backtest", str(folder / "series.csv"), *named, "--no-curve"]
    subprocess.run([*command, "--html", str(made)], check=True, stdout=subprocess.DEVNULL)
    return made


def photograph(page: Page, first: str, last: str, path: Path) -> None:
    """The part of a page from one element to another, both included.

    Parameters
    ----------
    page : Page
    first, last : str
        Selectors.
    path : Path
        PNG file to write.
    """
    upper, lower = page.locator(first).first.bounding_box(), page.locator(last).last.bounding_box()
    if upper is None or lower is None:
        raise LookupError(f"{first!r} or {last!r} is not on the page")
    top, bottom = upper["y"] - MARGIN, lower["y"] + lower["height"] + MARGIN
    clip: FloatRect = {"x": 0, "y": top, "width": WIDTH, "height": bottom - top}
    page.screenshot(path=path, full_page=True, clip=clip)


@contextmanager
def demo(folder: Path) -> Iterator[str]:
    """The address of a service on which the demo plays.

    Parameters
    ----------
    folder : Path
        For the service's files.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{probe.getsockname()[1]}"
    command = [sys.executable, "-m", "kullback", "demo", "--serve", "--url", url, "--bad-after-s", "5"]
    process = subprocess.Popen([*command, "--storage-path", str(folder)], stdout=subprocess.DEVNULL)
    try:
        yield url
    finally:
        process.terminate()
        process.wait()


def mark(url: str) -> None:
    """Mark a deployment just before the incident.

    Parameters
    ----------
    url : str
    """
    give_up = time.monotonic() + FIRING_WITHIN_S
    while time.monotonic() < give_up:
        with suppress(httpx.TransportError):
            if httpx.post(f"{url}/api/v1/markers", json={"text": "deploy web v2.3"}).is_success:
                return
        time.sleep(0.1)
    raise TimeoutError("the service did not start")


def firing(url: str) -> str:
    """The id of the stream whose alert fires, once there is one.

    Parameters
    ----------
    url : str
    """
    give_up = time.monotonic() + FIRING_WITHIN_S
    while time.monotonic() < give_up:
        with suppress(httpx.TransportError, KeyError, IndexError):
            return str(httpx.get(f"{url}/api/v1/alerts?state=firing").json()["alerts"][0]["stream"])
        time.sleep(1)
    raise TimeoutError("no alert fired")


def pages(browser: Browser, url: str, folder: Path) -> None:
    """Photographs of the live page.

    Parameters
    ----------
    browser : Browser
    url : str
    folder : Path
        Where the PNG files go.
    """
    mark(url)
    stream = firing(url)
    time.sleep(INCIDENT_S)
    for name, path, view, dark in (
        ("fleet", "/", DESK, False),
        ("stream", f"/streams/{stream}", DESK, False),
        ("stream-dark", f"/streams/{stream}", DESK, True),
        ("phone", f"/streams/{stream}", PHONE, False),
        ("alerts", "/alerts", DESK, False),
        ("compare", "/compare", DESK, False),
    ):
        page = browser.new_page(viewport=view, color_scheme="dark" if dark else "light")
        page.goto(url + path)
        if name == "compare":
            page.locator("#example").click()
            page.get_by_role("button", name="Compare", exact=True).click()
        if "streams" in path:
            page.get_by_role("button", name="15 min").click()
        page.wait_for_timeout(4000)
        bottom = page.locator("main").bounding_box()
        height = bottom["y"] + bottom["height"] if bottom else view["height"]
        high = view["height"] if view is PHONE else height
        page.screenshot(
            path=folder / f"{name}.png",
            full_page=True,
            clip={"x": 0, "y": 0, "width": view["width"], "height": high},
        )
        page.close()


def examples(url: str, folder: Path) -> None:
    """What the examples draw.

    Parameters
    ----------
    url : str
        Of a running service.
    folder : Path
        Where the PNG files go.
    """
    for name in EXAMPLES:
        command = [
            sys.executable,
            "-m",
            f"examples.{name}",
            "--url",
            url,
            "--picture",
            str(folder / f"{name}.png"),
        ]
        subprocess.run(command, check=True)


def main(folder: Path) -> None:
    """Write all pictures.

    Parameters
    ----------
    folder : Path
    """
    (folder / "examples").mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory() as workspace, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": WIDTH, "height": 900})
        page.goto(report(Path(workspace)).as_uri())
        page.wait_for_function("document.querySelectorAll('.main-svg').length > 0")
        page.wait_for_timeout(1000)
        photograph(page, "h1", "body", folder / "report.png")
        photograph(page, "h2:has-text('Values')", "table", folder / "alert.png")
        with demo(Path(workspace) / "storage") as url:
            pages(browser, url, folder)
            examples(url, folder / "examples")
        browser.close()


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "docs/pictures"))
