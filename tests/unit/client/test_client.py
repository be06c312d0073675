"""The client against a real HTTP server that keeps what it is sent."""

import json
import logging
import threading
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import anyio
import httpx
import pytest
from fastapi import FastAPI

from kullback.client import ApiError, AsyncClient, Client, MetricsHandler, Sender, WatchMiddleware
from kullback.client.sender import _strictly_rising


def run_apart(work: Callable[[], Awaitable[None]]) -> None:
    """Run a coroutine in a thread of its own: the test's thread may have the loop of a browser driver."""
    with ThreadPoolExecutor(1) as pool:
        pool.submit(anyio.run, work).result()


class Recorder(ThreadingHTTPServer):
    """Remembers bodies; answers what the test wants."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.requests: list[tuple[str, Any]] = []
        self.answers: list[tuple[int, Any]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def rows(self) -> list[dict[str, Any]]:
        return [row for _, body in self.requests for row in body]


class _Handler(BaseHTTPRequestHandler):
    server: Recorder

    def _answer(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(length)) if length else None
        self.server.requests.append((self.path, body))
        status, answer = self.server.answers.pop(0) if self.server.answers else (200, {"accepted": 1})
        payload = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(payload)))
        self.end_headers()
        self.wfile.write(payload)

    do_GET = do_POST = do_PUT = _answer  # noqa: N815 - names the standard library asks for

    def log_message(self, *_: Any) -> None: ...


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    server = Recorder()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_ingest_posts_one_documented_row(recorder: Recorder) -> None:
    with Client(recorder.url) as client:
        assert client.ingest("m", [1, 2.5], {"a": "b"}, [10, 20]) == {"accepted": 1}
    assert recorder.requests == [
        (
            "/api/v1/ingest?scores=all",
            [{"metric": "m", "labels": {"a": "b"}, "values": [1.0, 2.5], "timestamps_ms": [10, 20]}],
        )
    ]


def test_refusal_carries_the_error_id(recorder: Recorder) -> None:
    recorder.answers.append((429, {"id": "kb-queue-full", "detail": "wait"}))
    with Client(recorder.url) as client, pytest.raises(ApiError) as caught:
        client.alerts()
    assert (caught.value.status, caught.value.id) == (429, "kb-queue-full")


def test_streams_follows_the_cursor_to_the_end(recorder: Recorder) -> None:
    recorder.answers += [
        (200, {"streams": [{"id": "1"}], "next_cursor": "c"}),
        (200, {"streams": [{"id": "2"}], "next_cursor": None}),
    ]
    with Client(recorder.url) as client:
        assert [stream["id"] for stream in client.streams('{a="b"}')] == ["1", "2"]


def test_async_client_sends_the_same_request(recorder: Recorder) -> None:
    async def send() -> None:
        async with AsyncClient(recorder.url) as client:
            await client.ingest("m", 1.0)

    run_apart(send)
    with Client(recorder.url) as client:
        client.ingest("m", 1.0)
    assert recorder.requests[0] == recorder.requests[1]


def test_sender_groups_samples_of_a_stream_and_sends_the_rest_on_close(recorder: Recorder) -> None:
    sender = Sender(Client(recorder.url), interval_s=60)
    for value in range(3):
        sender.add("m", value, {"a": "b"})
    sender.add("n", 9)
    sender.close()
    assert [(row["metric"], row["values"]) for row in recorder.rows()] == [("m", [0, 1, 2]), ("n", [9])]
    assert sender.sent == 4


def test_sender_keeps_samples_through_an_overload_and_drops_the_oldest_beyond_its_buffer(
    recorder: Recorder,
) -> None:
    recorder.answers.append((429, {}))
    sender = Sender(Client(recorder.url), interval_s=60, buffer_samples=2)
    for value in range(3):
        sender.add("m", value)
    assert sender._flush() is False
    sender.close()
    assert recorder.rows()[-1]["values"] == [1, 2]
    assert (sender.dropped, sender.sent) == (1, 2)


def test_sender_gives_up_samples_that_are_refused_for_good(recorder: Recorder) -> None:
    recorder.answers.append((400, {"id": "kb-bad-sample", "detail": "no"}))
    sender = Sender(Client(recorder.url), interval_s=60)
    sender.add("m", 1)
    sender.close()
    assert (sender.dropped, sender.sent, len(recorder.requests)) == (1, 0, 1)


def test_samples_of_the_same_millisecond_are_told_apart() -> None:
    assert _strictly_rising([5, 5, 5, 4, 9]) == [5, 6, 7, 8, 9]


def test_middleware_times_each_request_by_its_route(recorder: Recorder) -> None:
    app = FastAPI()

    @app.get("/items/{number}")
    def read(number: int) -> int:
        return number

    sender = Sender(Client(recorder.url), interval_s=60)
    app.add_middleware(WatchMiddleware, sender=sender, service="shop")

    async def call() -> None:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://app") as client:
            for path in ("/items/1", "/items/2", "/nowhere"):
                await client.get(path)

    run_apart(call)
    sender.close()
    streams = {row["labels"]["route"]: len(row["values"]) for row in recorder.rows()}
    assert streams == {"/items/{number}": 2, "unmatched": 1}
    assert all(value > 0 for row in recorder.rows() for value in row["values"])


def test_logging_handler_watches_numbers_of_records_and_leaves_others_alone(recorder: Recorder) -> None:
    sender = Sender(Client(recorder.url), interval_s=60)
    logger = logging.getLogger("training")
    logger.addHandler(handler := MetricsHandler(sender, {"run": "7"}))
    logger.warning("step", extra={"metrics": {"loss": 0.5}})
    logger.warning("nothing to see")
    logger.removeHandler(handler)
    sender.close()
    assert [(row["metric"], row["labels"], row["values"]) for row in recorder.rows()] == [
        ("loss", {"logger": "training", "run": "7"}, [0.5])
    ]
