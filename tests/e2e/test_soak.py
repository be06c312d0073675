from pathlib import Path

import pytest
from tests.e2e.soak import soak


@pytest.mark.e2e
@pytest.mark.timeout(600)
def test_memory_stays_flat_under_steady_load_with_churning_labels(tmp_path: Path) -> None:
    found = soak(tmp_path, minutes=1.0)
    assert found["samples"] > 100_000
