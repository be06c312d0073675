"""One real service with data, and one real browser, for all tests of the page."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from playwright.sync_api import Browser
from tests.contract.servers import free_port, kullback
from tests.e2e.browser import chromium, push_fleet


@dataclass(frozen=True)
class Fleet:
    """A running service and the ids of its streams by server."""

    url: str
    ids: dict[str, str]


@pytest.fixture(scope="session")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with kullback(tmp_path_factory.mktemp("page"), port):
        yield Fleet(url, push_fleet(url))


@pytest.fixture(scope="module")  # its event loop must not outlive the tests that need it
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started
