"""What a crash leaves of a storage folder."""

from __future__ import annotations

import shutil
from pathlib import Path

UNPUBLISHED = shutil.ignore_patterns("writing")
"""Its thread may rename it while it is copied; a restart does not look at it."""


def leave_behind(live: Path, left: Path) -> None:
    """What a crash leaves; again when an old snapshot was being removed under the copy's hands."""
    while True:
        try:
            shutil.copytree(live, left, ignore=UNPUBLISHED)
        except (shutil.Error, FileNotFoundError):
            shutil.rmtree(left, ignore_errors=True)
        else:
            return
