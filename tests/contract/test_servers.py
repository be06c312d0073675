from __future__ import annotations

import sys

import httpx
import pytest
from tests.contract.servers import Receiver, eventually, find, free_port, running

MISSING = "a-server-that-nobody-has"


def test_missing_server_skips_on_a_developers_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match="make servers"):
        find(MISSING)


def test_missing_server_fails_in_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="make servers"):
        find(MISSING)


def test_server_runs_while_the_block_runs() -> None:
    port = free_port()
    url = f"http://127.0.0.1:{port}/"
    with running([sys.executable, "-m", "http.server", str(port), "--bind", "127.0.0.1"], url):
        assert httpx.get(url, trust_env=False).status_code == 200
    with pytest.raises(httpx.ConnectError):
        httpx.get(url, trust_env=False)


def test_server_that_ends_at_once_shows_what_it_said() -> None:
    command = [sys.executable, "-c", "raise SystemExit('no such option')"]
    with pytest.raises(AssertionError, match="no such option"), running(command, "http://127.0.0.1:9/"):
        pass


def test_waiting_in_vain_says_what_was_seen_last() -> None:
    with pytest.raises(AssertionError, match="last seen: 0"):
        eventually(lambda: 0, within_s=0.1)


def test_receiver_gives_the_answers_it_was_told_to() -> None:
    with Receiver(answers=[503]) as receiver:
        statuses = [httpx.post(receiver.url, content=b"x", trust_env=False).status_code for _ in range(2)]
    assert statuses == [503, 200]
    assert [request.body for request in receiver.received] == [b"x", b"x"]
