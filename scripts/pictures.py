"""Makes the pictures of README and docs: a back-test of the demo's stream, photographed in Chromium.

python scripts/pictures.py [FOLDER]
"""

from __future__ import annotations

import csv
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from playwright.sync_api import FloatRect, Page, sync_playwright

from kullback.cli.scene import Scene

CHROMIUM = "/usr/bin/chromium"
START_MS = 1_790_000_000_000
SERVER = 3
WIDTH, MARGIN = 1100, 16


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


def main(folder: Path) -> None:
    """Write all pictures.

    Parameters
    ----------
    folder : Path
    """
    with TemporaryDirectory() as workspace, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": WIDTH, "height": 900})
        page.goto(report(Path(workspace)).as_uri())
        page.wait_for_function("document.querySelectorAll('.main-svg').length > 0")
        page.wait_for_timeout(1000)
        photograph(page, "h1", "body", folder / "report.png")
        photograph(page, "h2:has-text('Values')", "table", folder / "alert.png")
        browser.close()


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "docs/pictures"))
