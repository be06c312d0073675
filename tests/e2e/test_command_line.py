"""Commands as people run them: as processes, with a real service where they need one."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx
import numpy as np
import pytest
from playwright.sync_api import Browser
from tests.contract.servers import free_port, kullback
from tests.e2e.browser import Visit, response_times
from tests.e2e.conftest import Fleet

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(400)]
KULLBACK = [sys.executable, "-m", "kullback"]
SHOWN_WITHIN_S = 300
PLAIN = {**os.environ, "COLUMNS": "200", "PYTHONUNBUFFERED": "1"}


def test_backtest_json_equals_the_http_answer_byte_for_byte(fleet: Fleet) -> None:
    values = response_times(np.random.default_rng(4), 1500).tolist()
    body = json.dumps({"series": [{"metric": "m_seconds", "values": values}], "settings": {}, "curve": False})
    answer = httpx.post(f"{fleet.url}/api/v1/backtest", content=body, trust_env=False, timeout=120)
    call = [*KULLBACK, "backtest", "--json", "-"]
    printed = subprocess.run(call, input=body.encode(), capture_output=True, check=True, env=PLAIN)
    assert printed.stdout == answer.content


@pytest.mark.browser
def test_the_back_test_report_opens_in_a_browser_without_network(browser: Browser, tmp_path: Path) -> None:
    rng = np.random.default_rng(4)
    values = np.concatenate([response_times(rng, 2000), response_times(rng, 80) + 0.3])
    rows = [f"{1_790_000_000 + index},{value}" for index, value in enumerate(values)]
    (tmp_path / "m_seconds.csv").write_text("\n".join(["time,value", *rows]))
    call = [*KULLBACK, "backtest", "m_seconds.csv", "--html", "report.html"]
    subprocess.run(call, cwd=tmp_path, check=True, capture_output=True, env=PLAIN)
    context = browser.new_context(offline=True)
    made = Visit(context.new_page(), "file:")
    page = made.page
    page.goto((tmp_path / "report.html").as_uri())
    page.wait_for_selector(".main-svg >> nth=2")
    assert page.locator("tbody tr").count() >= 1
    assert not made.problems
    context.close()


def test_the_demo_starts_the_service_and_prints_the_explained_alert(tmp_path: Path) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    call = [*KULLBACK, "demo", "--serve", "--url", url, "--storage-path", str(tmp_path / "storage")]
    call += ["--servers", "3", "--bad-after-s", "3"]
    with subprocess.Popen(call, stdout=subprocess.PIPE, text=True, env=PLAIN) as demo:
        assert demo.stdout is not None
        try:
            said = _until(demo, "FIRING")
        finally:
            demo.send_signal(signal.SIGTERM)
    assert "Open " + url in said
    alert = next(line for line in said.splitlines() if line.startswith("FIRING"))
    assert "web-" in alert
    assert "%" in alert
    with pytest.raises(httpx.TransportError):
        httpx.get(f"{url}/-/healthy", trust_env=False)


def _until(demo: subprocess.Popen[str], word: str) -> str:
    said, deadline = "", time.monotonic() + SHOWN_WITHIN_S
    assert demo.stdout is not None
    while word not in said and time.monotonic() < deadline:
        line = demo.stdout.readline()
        if not line:
            break
        said += line
    return said


def test_a_demo_does_not_start_a_service_where_one_is_or_cannot_be(tmp_path: Path) -> None:
    """The port is taken; the folder is taken: said at once, not after the time a first start may take."""
    port = free_port()
    with kullback(tmp_path, port):
        for url, storage, why in (
            (f"http://127.0.0.1:{port}", tmp_path / "other", "answers already"),
            (f"http://127.0.0.1:{free_port()}", tmp_path / "storage", "kb-storage-in-use"),
        ):
            call = [*KULLBACK, "demo", "--serve", "--url", url, "--storage-path", str(storage)]
            said = subprocess.run(call, capture_output=True, text=True, env=PLAIN, check=False, timeout=200)
            assert said.returncode == 1
            assert why in said.stdout + said.stderr
            assert "Traceback" not in said.stderr


def test_a_demo_whose_service_is_gone_says_so(tmp_path: Path) -> None:
    port = free_port()
    with kullback(tmp_path, port) as server:
        call = [*KULLBACK, "demo", "--url", f"http://127.0.0.1:{port}", "--servers", "2"]
        with subprocess.Popen(
            call, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=PLAIN
        ) as demo:
            said = _until(demo, "Open ")
            server.process.kill()
            said += demo.communicate(timeout=200)[0]
    assert demo.returncode == 1
    assert "no longer answers" in said
    assert "Traceback" not in said


def test_a_demo_without_a_service_says_how_to_start_one() -> None:
    call = [*KULLBACK, "demo", "--url", f"http://127.0.0.1:{free_port()}", "--wait-s", "1"]
    said = subprocess.run(call, capture_output=True, text=True, env=PLAIN, check=False)
    assert said.returncode == 1
    assert "kullback demo --serve" in said.stdout
