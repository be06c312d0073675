"""The page before there is anything to see, and when the service is not there."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Route, expect
from tests.contract.servers import free_port, kullback, running
from tests.e2e.browser import visit
from tests.e2e.conftest import Fleet

pytestmark = [pytest.mark.browser, pytest.mark.timeout(400)]
NOT_READY = '{"id": "kb-not-ready", "detail": "The service is starting, 0 % replayed.", "status": 503}'


def test_an_empty_service_shows_how_to_send_the_first_sample(browser: Browser, tmp_path: Path) -> None:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with kullback(tmp_path, port), visit(browser, url) as made:
        page = made.open("/", "#empty")
        command = page.locator("#empty code").first.inner_text()
        assert url in command
        subprocess.run(["/bin/sh", "-c", command], check=True, capture_output=True)
        expect(page.locator("#rows tr")).to_have_count(1, timeout=15_000)
        page.goto(f"{url}/alerts")
        expect(page.locator("#empty")).to_contain_text("No alert yet")
        page.locator("a", has_text="Fleet").click()
        page.locator("#rows a").first.click()
        expect(page.locator("#warm-up-text")).to_contain_text("too few samples")
        assert "NaN" not in page.inner_text("main")
        assert not made.problems


def test_a_page_opened_while_the_service_starts_waits_and_goes_on(browser: Browser, fleet: Fleet) -> None:
    with visit(browser, fleet.url) as made:

        def starting(route: Route) -> None:
            route.fulfill(status=503, body=NOT_READY, content_type="application/problem+json")

        made.page.route("**/ui/fleet*", starting)
        page = made.open("/", "#banner")
        expect(page.locator("#banner")).to_contain_text("Kullback is starting")
        expect(page.locator("#banner .spinner")).to_be_visible()
        # Only the test says when the service is ready: counting answers would race with the page's retries.
        page.unroute("**/ui/fleet*")
        expect(page.locator("#rows tr").first).to_be_visible(timeout=10_000)
        expect(page.locator("#banner")).to_be_hidden()


def test_a_service_that_goes_away_is_missed_and_welcomed_back(browser: Browser, tmp_path: Path) -> None:
    port = free_port()
    with visit(browser, f"http://127.0.0.1:{port}") as made:
        with kullback(tmp_path, port):
            page = made.open("/", "#empty")
        page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
        expect(page.locator("#banner")).to_contain_text("does not answer", timeout=15_000)
        expect(page.locator("#live")).to_have_text("not live, trying again")
        with kullback(tmp_path, port):
            expect(page.locator("#banner")).to_be_hidden(timeout=60_000)


def test_a_cold_start_shows_a_page_that_waits(browser: Browser, tmp_path: Path) -> None:
    """Without compiled kernels the real service takes a while; its page does not break meanwhile."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "kullback", "serve", "--listen", f"127.0.0.1:{port}"]
    command += ["--storage-path", str(tmp_path / "storage")]
    cold = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path / "numba")}
    with running(command, f"{url}/-/healthy", cold), visit(browser, url) as made:
        page = made.open("/", "#banner")
        expect(page.locator("#banner")).to_contain_text("Kullback is starting")
        answer = page.goto(f"{url}/streams/anything")
        assert answer is not None
        assert answer.status == 503
        expect(page.get_by_role("heading", level=1)).to_have_text("Kullback is starting")
