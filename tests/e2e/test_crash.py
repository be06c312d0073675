from pathlib import Path

import pytest
from tests.e2e.crash import crash


@pytest.mark.e2e
@pytest.mark.timeout(600)
def test_nothing_acknowledged_is_lost_doubled_or_scored_otherwise_by_twenty_kills(tmp_path: Path) -> None:
    done = crash(tmp_path, rounds=20, seed=1)
    assert done["requests"] > 20
