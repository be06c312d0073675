"""Carries letters from the desks to their receivers, on one thread of its own.

Every desk has its own task, so a receiver that hangs holds up no other and never the owner thread.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

import httpx
import structlog

from kullback import __version__
from kullback.alerting.decision import Decision
from kullback.outputs.desk import Answer, Desk, Letter, Outcome, Tally

TIMEOUT_S = 10.0
LOOK_AGAIN_S = 1.0
SHOWN_CHARACTERS = 200
LONGEST_RETRY_AFTER_DIGITS = 6
HEADERS = {"Content-Type": "application/json", "User-Agent": f"kullback/{__version__}"}

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Round:
    """One desk's task, and the bell that calls it before its time."""

    desk: Desk
    bell: asyncio.Event = field(default_factory=asyncio.Event)
    task: asyncio.Task[None] | None = None


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
        self._clock = clock
        self._timeout_s = timeout_s
        self._rounds = [_Round(desk) for desk in desks]
        self._tallies: list[tuple[str, Tally]] = [(desk.receiver, desk.tally) for desk in desks]
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping = asyncio.Event()
        self._thread = threading.Thread(target=self._run, name="kullback-sender", daemon=True)

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
        self._on_thread(self._tell, tuple(decisions))

    def adopt(self, decisions: Iterable[Decision]) -> None:
        """Pass on the alerts that are live after a restart.

        Parameters
        ----------
        decisions : iterable of Decision
        """
        self._on_thread(self._hand_over, tuple(decisions))

    def refit(self, desks: Sequence[Desk], live: Iterable[Decision]) -> None:
        """Serve other receivers from now on; those that stay keep what they are owed.

        Parameters
        ----------
        desks : sequence of Desk
        live : iterable of Decision
            The alerts that a new receiver must know.
        """
        self._on_thread(self._replace, tuple(desks), tuple(live))

    def counts(self) -> Mapping[tuple[str, str], int]:
        """Notifications by receiver and outcome since the start; receivers at one address are added up."""
        counts: dict[tuple[str, str], int] = {}
        for receiver, tally in tuple(self._tallies):
            for outcome, count in tally.counts.items():
                key = (receiver, outcome.value)
                counts[key] = counts.get(key, 0) + count
        return counts

    def _on_thread(self, call: Callable[..., None], *arguments: object) -> None:
        if self._loop is None:
            raise RuntimeError("The sender has not been started.")
        with suppress(RuntimeError):  # the loop is closed: nobody is left to tell
            self._loop.call_soon_threadsafe(call, *arguments)

    def _tell(self, decisions: tuple[Decision, ...]) -> None:
        for one in self._rounds:
            one.desk.note(decisions, self._clock())
            one.bell.set()

    def _hand_over(self, decisions: tuple[Decision, ...]) -> None:
        for one in self._rounds:
            one.desk.adopt(decisions, self._clock())
            one.bell.set()

    def _replace(self, desks: tuple[Desk, ...], live: tuple[Decision, ...]) -> None:
        present = {one.desk.address: one for one in self._rounds}
        wanted = {desk.address: desk for desk in desks}
        for address, one in present.items():
            if address not in wanted and one.task:
                one.task.cancel()
        fresh = [_Round(desk) for address, desk in wanted.items() if address not in present]
        self._rounds = [one for address, one in present.items() if address in wanted] + fresh
        for one in fresh:
            self._tallies.append((one.desk.receiver, one.desk.tally))
            one.desk.adopt(live, self._clock())
            self._begin(one)

    def _hurry(self) -> None:
        self._stopping.set()
        for one in self._rounds:
            one.bell.set()

    def _cancel(self) -> None:
        for one in self._rounds:
            if one.task:
                one.task.cancel()

    def _run(self) -> None:
        assert self._loop is not None
        self._loop.run_until_complete(self._serve_all())
        self._loop.close()

    async def _serve_all(self) -> None:
        async with httpx.AsyncClient(timeout=self._timeout_s, headers=HEADERS) as self._client:
            for one in self._rounds:
                self._begin(one)
            await self._stopping.wait()
            await asyncio.gather(*(one.task for one in self._rounds if one.task), return_exceptions=True)

    def _begin(self, one: _Round) -> None:
        one.task = asyncio.ensure_future(self._serve(one))
        one.task.add_done_callback(_report_end)

    async def _serve(self, one: _Round) -> None:
        desk, reachable = one.desk, True
        while True:
            letter = desk.due(self._clock())
            if letter is not None:
                answer = await _post(self._client, letter)
                desk.settle(letter, answer, self._clock())
                reachable = _report(desk, answer, reachable)
            elif self._stopping.is_set():
                return
            else:
                await _wait(one.bell)


async def _wait(bell: asyncio.Event) -> None:
    with suppress(TimeoutError):
        await asyncio.wait_for(bell.wait(), LOOK_AGAIN_S)
    bell.clear()


async def _post(client: httpx.AsyncClient, letter: Letter) -> Answer:
    try:
        response = await client.post(letter.url, content=letter.body, headers=letter.headers)
    except (httpx.HTTPError, httpx.InvalidURL, OSError) as problem:
        return Answer(0, f"{type(problem).__name__}: {problem}")
    return Answer(response.status_code, response.text[:SHOWN_CHARACTERS], _retry_after_ms(response))


def _retry_after_ms(response: httpx.Response) -> int:
    seconds = response.headers.get("retry-after", "")
    readable = seconds.isascii() and seconds.isdigit() and len(seconds) <= LONGEST_RETRY_AFTER_DIGITS
    return int(seconds) * 1000 if readable else 0


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


def _report_end(task: asyncio.Task[None]) -> None:
    """A desk that breaks must not break in silence."""
    if not task.cancelled() and (problem := task.exception()):
        log.error("receiver_given_up", exc_info=problem)
