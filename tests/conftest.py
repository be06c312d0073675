"""What holds for every test."""

from __future__ import annotations

import os

import pytest
from hypothesis import settings

WITH_REAL_SERVERS = ("contract", "e2e", "browser")

settings.register_profile("kullback", deadline=None, derandomize="CI" in os.environ)
"""No time limit per example: the first may compile kernels, and machines differ. The same examples for every
run of continuous integration, so that a change is judged by what it changes; new ones at every desk."""
settings.load_profile("kullback")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A test that waits for other people's programs has a second try, and the report names it.

    Agents, databases and a browser share the machine with everything else that runs there; what depends on
    Kullback alone has one try.
    """
    for test in items:
        if any(test.get_closest_marker(name) for name in WITH_REAL_SERVERS):
            test.add_marker(pytest.mark.flaky(reruns=1))
