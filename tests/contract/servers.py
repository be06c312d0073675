"""Real servers for tests: found on PATH, started on a free port of this machine, waited for, stopped.

with running([find("prometheus"), f"--web.listen-address=127.0.0.1:{port}"], ready_url) as server:
    ...
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import TypeVar

import httpx
import pytest

READY_WITHIN_S = 60.0
COMPILED_WITHIN_S = 240.0
STOP_WITHIN_S = 10.0
LOOK_AGAIN_S = 0.05
TAIL_CHARACTERS = 4000
T = TypeVar("T")


def find(*names: str, directories: Sequence[str] = ("/usr/sbin", "/usr/lib")) -> str:
    """The first of the named programs that is installed.

    Without it the test is skipped with the command that installs it; in CI it fails instead, because there
    every real server must be present.
    """
    path = os.pathsep.join([os.environ.get("PATH", ""), *directories])
    for name in names:
        if program := shutil.which(name, path=path):
            return program
    missing = f"{' or '.join(names)} is not installed; run `make servers` to install the real servers."
    if os.environ.get("CI"):
        pytest.fail(missing)
    pytest.skip(missing)


def free_port() -> int:
    """A TCP port of 127.0.0.1 that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def eventually(look: Callable[[], T], within_s: float = READY_WITHIN_S, what: str = "") -> T:
    """The first true value that `look` returns; transport errors count as "not yet"."""
    deadline = time.monotonic() + within_s
    seen: object = None
    while time.monotonic() < deadline:
        try:
            if found := look():
                return found
            seen = found
        except httpx.TransportError as problem:
            seen = problem
        time.sleep(LOOK_AGAIN_S)
    raise AssertionError(f"{what or look.__name__} did not come within {within_s} s; last seen: {seen!r}")


@dataclass
class Server:
    """A process that was started, and what it writes."""

    process: subprocess.Popen[bytes]
    output: Path

    def log(self) -> str:
        """What it wrote, the end of it."""
        return self.output.read_text(errors="replace")[-TAIL_CHARACTERS:]

    def kill(self) -> None:
        """End it without warning, as a crash does."""
        self.process.kill()
        self.process.wait(STOP_WITHIN_S)


@contextmanager
def running(
    command: Sequence[str | Path],
    ready_url: str,
    environment: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    ready_within_s: float = READY_WITHIN_S,
    verify: ssl.SSLContext | bool = True,
) -> Iterator[Server]:
    """Run a server while the block runs; it has started once `ready_url` answers 200."""
    with NamedTemporaryFile() as output:
        process = subprocess.Popen(
            [str(part) for part in command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, **(environment or {})},
            cwd=cwd,
        )
        server = Server(process, Path(output.name))
        try:
            _await_ready(server, ready_url, ready_within_s, verify)
            yield server
        finally:
            _stop(process)


def _await_ready(server: Server, ready_url: str, within_s: float, verify: ssl.SSLContext | bool) -> None:
    def ready() -> bool:
        if server.process.poll() is not None:
            raise AssertionError(f"{server.process.args!r} ended at once:\n{server.log()}")
        return httpx.get(ready_url, verify=verify, trust_env=False).status_code == httpx.codes.OK

    try:
        eventually(ready, within_s, ready_url)
    except AssertionError as problem:
        raise AssertionError(f"{problem}\n{server.log()}") from None


@contextmanager
def kullback(folder: Path, port: int, options: Mapping[str, object] | None = None) -> Iterator[Server]:
    """Run Kullback itself on the storage in `folder`; its first start on a machine compiles for a while."""
    folder.mkdir(parents=True, exist_ok=True)
    configuration = {"storage": {"path": str(folder / "storage")}, **(options or {})}
    (folder / "kullback.yml").write_text(json.dumps(configuration))
    command = [sys.executable, "-m", "kullback", "serve", "--config", folder / "kullback.yml"]
    command += ["--listen", f"127.0.0.1:{port}"]
    ready_url = f"http://127.0.0.1:{port}/-/ready"
    with running(command, ready_url, ready_within_s=COMPILED_WITHIN_S) as server:
        yield server


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(STOP_WITHIN_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@dataclass
class Received:
    """One request that a receiver got."""

    path: str
    headers: Mapping[str, str]
    body: bytes


class Receiver:
    """A real HTTP server that keeps what is posted to it.

    Parameters
    ----------
    answers : sequence of int
        Statuses of the first answers; 200 afterwards.
    """

    def __init__(self, answers: Sequence[int] = ()) -> None:
        self.received: list[Received] = []
        self._answers = list(answers)
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})

    def __enter__(self) -> Receiver:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                receiver.received.append(Received(self.path, dict(self.headers), body))
                status = receiver._answers.pop(0) if receiver._answers else 200
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Say nothing on the console."""

        return Handler
