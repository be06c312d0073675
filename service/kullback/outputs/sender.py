"""Carries letters from the desks to their receivers, on one thread of its own.

Every desk has its own task, so a receiver that hangs holds up no other and never the owner thread.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress

import httpx
import structlog

from kullback import __version__
from kullback.alerting.decision import Decision
from kullback.outputs.desk import Answer, Desk, Letter, Outcome

TIMEOUT_S = 10.0
LOOK_AGAIN_S = 1.0
SHOWN_CHARACTERS = 200
HEADERS = {"Content-Type": "application/json", "User-Agent": f"kullback/{__version__}"}

log = structlog.get_logger(__name__)


class Sender:
    """The thread that posts.

    Parameters
    ----------
    desks : sequence of Desk
    clock : callable -> int
        Unix time in ms; the scheduler's edge, desks read no clock.
    timeout_s : float
        For one request.
    """

    def __init__(self, desks: Sequence[Desk], clock: Callable[[], int], timeout_s: float = TIMEOUT_S) -> None:
        self._desks = tuple(desks)
        self._clock = clock
        self._timeout_s = timeout_s
        self._thread = threading.Thread(target=self._run, name="kullback-sender", daemon=True)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._news = {id(desk): asyncio.Event() for desk in self._desks}
        self._stopping = False

    def start(self) -> None:
        """Begin to carry letters; nothing can be delivered before."""
        self._loop = asyncio.new_event_loop()
        self._thread.start()

    def stop(self, grace_s: float = 5.0) -> None:
        """Send what can be sent at once, then end.

        Parameters
        ----------
        grace_s : float
            How long a slow receiver may hold this up.
        """
        if not self._thread.is_alive():
            return
        self._on_thread(self._hurry)
        self._thread.join(grace_s)
        if self._thread.is_alive():
            self._on_thread(self._cancel)
            self._thread.join()

    def deliver(self, decisions: Iterable[Decision]) -> None:
        """Pass news to every desk; returns at once, callable from any thread.

        Parameters
        ----------
        decisions : iterable of Decision
        """
        self._on_thread(self._tell, tuple(decisions), False)

    def adopt(self, decisions: Iterable[Decision]) -> None:
        """Pass on the alerts that are live after a restart.

        Parameters
        ----------
        decisions : iterable of Decision
        """
        self._on_thread(self._tell, tuple(decisions), True)

    def counts(self) -> Mapping[tuple[str, str], int]:
        """Notifications by receiver and outcome; receivers at the same address are added up."""
        counts: dict[tuple[str, str], int] = {}
        for desk in self._desks:
            for outcome, count in desk.tally.counts.items():
                key = (desk.receiver, outcome.value)
                counts[key] = counts.get(key, 0) + count
        return counts

    def _on_thread(self, call: Callable[..., None], *arguments: object) -> None:
        if self._loop is None:
            raise RuntimeError("The sender has not been started.")
        with suppress(RuntimeError):  # the loop is closed: nobody is left to tell
            self._loop.call_soon_threadsafe(call, *arguments)

    def _tell(self, decisions: tuple[Decision, ...], known: bool) -> None:
        for desk in self._desks:
            (desk.adopt if known else desk.note)(decisions, self._clock())
            self._news[id(desk)].set()

    def _hurry(self) -> None:
        self._stopping = True
        for news in self._news.values():
            news.set()

    def _cancel(self) -> None:
        for task in asyncio.all_tasks(self._loop):
            task.cancel()

    def _run(self) -> None:
        assert self._loop is not None
        with suppress(asyncio.CancelledError):
            self._loop.run_until_complete(self._serve_all())
        self._loop.close()

    async def _serve_all(self) -> None:
        async with httpx.AsyncClient(timeout=self._timeout_s, headers=HEADERS) as client:
            await asyncio.gather(*(self._serve(desk, client) for desk in self._desks))

    async def _serve(self, desk: Desk, client: httpx.AsyncClient) -> None:
        reachable = True
        while True:
            letter = desk.due(self._clock())
            if letter is not None:
                answer = await _post(client, letter)
                desk.settle(letter, answer, self._clock())
                reachable = _report(desk, answer, reachable)
            elif self._stopping:
                return
            else:
                await _wait(self._news[id(desk)])


async def _wait(news: asyncio.Event) -> None:
    with suppress(TimeoutError):
        await asyncio.wait_for(news.wait(), LOOK_AGAIN_S)
    news.clear()


async def _post(client: httpx.AsyncClient, letter: Letter) -> Answer:
    try:
        response = await client.post(letter.url, content=letter.body, headers=letter.headers)
    except (httpx.HTTPError, httpx.InvalidURL, OSError) as problem:
        return Answer(0, f"{type(problem).__name__}: {problem}")
    return Answer(response.status_code, response.text[:SHOWN_CHARACTERS], _retry_after_ms(response))


def _retry_after_ms(response: httpx.Response) -> int:
    seconds = response.headers.get("retry-after", "")
    return int(seconds) * 1000 if seconds.isascii() and seconds.isdigit() and len(seconds) < 7 else 0


def _report(desk: Desk, answer: Answer, reachable: bool) -> bool:
    """Say once when a receiver goes away and once when it is back."""
    said = log.bind(receiver=desk.receiver, status=answer.status, detail=answer.detail)
    if answer.outcome is Outcome.REJECTED:
        said.error("notification_rejected")
    if answer.outcome is Outcome.FAILED and reachable:
        said.warning("receiver_unreachable")
    if answer.outcome is not Outcome.FAILED and not reachable:
        said.info("receiver_back")
    return answer.outcome is not Outcome.FAILED
