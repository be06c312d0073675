"""One directory, one process."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from kullback.core.errors import ErrorId, KullbackError
from kullback.storage.directory import Directory

HOLD = """
import sys, time
from pathlib import Path
from kullback.storage.directory import Directory
kept = Directory(Path(sys.argv[1]))
print("mine", flush=True)
time.sleep(60)
"""


def test_a_second_process_is_refused_until_the_first_is_killed(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "mine\n"
        with pytest.raises(KullbackError, match=f"in use by process {holder.pid}") as refused:
            Directory(tmp_path)
        holder.kill()
        holder.wait()
    assert refused.value.error is ErrorId.STORAGE_IN_USE
    Directory(tmp_path).close()


def test_a_closed_directory_can_be_opened_again(tmp_path: Path) -> None:
    with Directory(tmp_path / "new" / "deep"):
        pass
    Directory(tmp_path / "new" / "deep").close()


def test_a_path_that_is_no_directory_is_said_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(KullbackError, match="kb-storage-unavailable"):
        Directory(tmp_path / "file")
