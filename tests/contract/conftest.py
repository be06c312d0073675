from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.contract.servers import Receiver


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A real HTTP server that keeps what is posted to it."""
    with Receiver() as made:
        yield made
