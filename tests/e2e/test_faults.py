"""What goes wrong on real machines, done to the real process."""

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.contract.servers import Server, eventually, free_port, kullback

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

STEP_MS = 1000
HISTORY_MS = 3_600_000


class Writer:
    """One stream, one sample a second, beginning an hour ago."""

    def __init__(self, port: int) -> None:
        self.http = httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60, trust_env=False)
        self.acknowledged = 0
        self._start_ms = time.time_ns() // 1_000_000 - HISTORY_MS

    def write(self, samples: int = 1, metric: str = "fault_seconds") -> httpx.Response:
        first = self._start_ms + STEP_MS * self.acknowledged
        body = {
            "metric": metric,
            "values": [0.1 + 0.001 * (row * 37 % 11) for row in range(samples)],
            "timestamps_ms": [first + STEP_MS * row for row in range(samples)],
        }
        answer = self.http.post("/api/v1/ingest", json=body)
        if answer.is_success:
            self.acknowledged += samples
        return answer

    def kept(self) -> int:
        streams = self.http.get("/api/v1/streams").raise_for_status().json()["streams"]
        return int(streams[0]["samples"]) if streams else 0

    def status(self) -> dict[str, Any]:
        found: dict[str, Any] = self.http.get("/api/v1/status").raise_for_status().json()
        return found


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def writer(port: int) -> Iterator[Writer]:
    made = Writer(port)
    yield made
    made.http.close()


@contextmanager
def small_disk(folder: Path, size: str) -> Iterator[Path]:
    """A real file system with little room."""
    disk = folder / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", disk], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"mounting a small file system needs root: {mounted.stderr.decode().strip()}")
    try:
        yield disk
    finally:
        subprocess.run(["umount", "-l", disk], check=True)


def test_full_disk_refuses_writes_serves_reads_and_recovers_by_itself(
    tmp_path: Path, port: int, writer: Writer
) -> None:
    with small_disk(tmp_path, "12m") as disk:
        options = {"storage": {"path": str(disk / "storage")}}
        with kullback(tmp_path / "run", port, options):
            assert writer.write(200).is_success
            ballast = disk / "ballast"
            _fill(ballast)
            refused = eventually(lambda: _refused(writer), what="a write that finds the disk full")
            assert refused.status_code == httpx.codes.SERVICE_UNAVAILABLE
            assert refused.json()["id"] == "kb-storage-unavailable"
            assert "retry-after" in refused.headers
            assert writer.kept() == writer.acknowledged
            ballast.unlink()
            eventually(lambda: writer.write(10).is_success, what="a write after room was made")
            assert writer.kept() == writer.acknowledged
        with kullback(tmp_path / "run", port, options):
            assert writer.kept() == writer.acknowledged


def _fill(ballast: Path) -> None:
    with ballast.open("wb", buffering=0) as file:
        for size in (1 << 16, 1 << 12, 1):
            try:
                while file.write(b"\0" * size):
                    pass
            except OSError:
                continue


def _refused(writer: Writer) -> httpx.Response | None:
    answer = writer.write(500)
    return None if answer.is_success else answer


def test_torn_end_of_the_log_costs_what_was_torn_and_nothing_else(
    tmp_path: Path, port: int, writer: Writer
) -> None:
    with kullback(tmp_path, port) as server:
        for _ in range(50):
            assert writer.write(10).is_success
        server.kill()
    wal = max((tmp_path / "storage" / "log").glob("*-wal"), key=lambda path: path.stat().st_size)
    with wal.open("r+b") as file:
        file.truncate(wal.stat().st_size - 2000)
    with kullback(tmp_path, port):
        assert 0 < writer.kept() < writer.acknowledged
        writer.acknowledged = writer.kept()
        assert writer.write(10).is_success
        assert writer.kept() == writer.acknowledged


def test_damaged_snapshot_falls_back_to_the_one_before_and_the_log(
    tmp_path: Path, port: int, writer: Writer
) -> None:
    for _ in range(2):
        with kullback(tmp_path, port):
            assert writer.write(100).is_success
    newest = max((tmp_path / "storage" / "snapshots").glob("*/*.slices"))
    content = bytearray(newest.read_bytes())
    content[len(content) // 2] ^= 0xFF
    newest.write_bytes(content)
    with kullback(tmp_path, port):
        assert writer.kept() == writer.acknowledged
        assert writer.write(10).is_success


def test_lost_history_does_not_stop_the_service(tmp_path: Path, port: int, writer: Writer) -> None:
    with kullback(tmp_path, port):
        writer.write(100)
    (tmp_path / "storage" / "history.sqlite").write_bytes(b"this is no database" * 100)
    with kullback(tmp_path, port):
        assert writer.kept() == 100
        assert writer.write(10).is_success


def test_second_process_on_the_same_storage_refuses_to_start(
    tmp_path: Path, port: int, writer: Writer
) -> None:
    with kullback(tmp_path, port):
        command = [sys.executable, "-m", "kullback", "serve", "--storage-path", tmp_path / "storage"]
        command += ["--listen", f"127.0.0.1:{free_port()}"]
        second = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
        assert second.returncode == 2
        assert "in use" in second.stderr
        assert writer.write().is_success


def test_sigterm_under_load_loses_nothing(tmp_path: Path, port: int, writer: Writer) -> None:
    with kullback(tmp_path, port) as server:
        load = threading.Thread(target=_write_until_refused, args=(writer,))
        load.start()
        eventually(lambda: writer.acknowledged > 200, what="some load")
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(60) == 0
        load.join(60)
    with kullback(tmp_path, port):
        # One more may have been applied when its answer was cut off.
        assert writer.kept() in (writer.acknowledged, writer.acknowledged + 5)
        assert writer.status()["replayed_samples"] == 0


def _write_until_refused(writer: Writer) -> None:
    try:
        while writer.write(5).is_success:
            pass
    except httpx.TransportError:
        pass


def test_bad_configuration_on_reload_changes_nothing_and_is_told(
    tmp_path: Path, port: int, writer: Writer
) -> None:
    with kullback(tmp_path, port, {"limits": {"max_labels_per_series": 7}}) as server:
        (tmp_path / "kullback.yml").write_text("limits: {max_labels_per_series: none}")
        server.process.send_signal(signal.SIGHUP)
        metric = "kullback_config_last_reload_successful"
        eventually(lambda: _metric(writer, metric) == 0, what="a failed reload")
        limits = writer.http.get("/api/v1/config").json()["limits"]
        assert limits["max_labels_per_series"] == 7
        _reload(tmp_path, server, {"max_labels_per_series": 9})
        eventually(lambda: _metric(writer, metric) == 1, what="a good reload")
        limits = writer.http.get("/api/v1/config").json()["limits"]
        assert limits["max_labels_per_series"] == 9


def _reload(folder: Path, server: Server, limits: dict[str, int]) -> None:
    storage = folder / "storage"
    (folder / "kullback.yml").write_text(f"limits: {limits}\nstorage: {{path: '{storage}'}}")
    server.process.send_signal(signal.SIGHUP)


def _metric(writer: Writer, name: str) -> float:
    lines = writer.http.get("/metrics").text.splitlines()
    return next(float(line.split()[-1]) for line in lines if line.startswith(f"{name} "))
