"""The one thread that owns the engine, behind a bounded queue.

Senders get a synchronous answer: what is queued together is written with one flush to disk and then
scored; questions (reads and actions) run between those groups on the same thread. So nothing below
needs a lock, and no reader sees half an update.
"""

from __future__ import annotations

import gc
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

from kullback.core.errors import ErrorId, Overloaded
from kullback.pipeline.receipt import Receipt
from kullback.pipeline.request import Request

T = TypeVar("T")
P = TypeVar("P", bound="Owned")

MAX_GROUP_REQUESTS = 512
SWITCH_S = 0.0002


class Progress(NamedTuple):
    """How far a start is.

    Parameters
    ----------
    doing : str
        What it is at, for people.
    ratio : float
        Of the whole, 0 to 1.
    """

    doing: str
    ratio: float


class Owned(Protocol):
    """What an owner looks after."""

    def recover(self) -> Iterator[Progress]:
        """Come back to the state before the last stop, telling how far it is."""
        ...

    def receive(self, requests: list[Request]) -> list[Receipt | Exception]:
        """Carry out the requests of one group, each with its receipt or its own failure."""
        ...

    def breathe(self, now_ms: int) -> float:
        """Do a slice of background work; seconds until the next is wanted."""
        ...

    def close(self) -> None:
        """Save what is to be saved; the last thing that is called."""
        ...


@dataclass(frozen=True, slots=True)
class _Job(Generic[T]):
    """A queued request or question and where its answer goes."""

    answer: Future[T]
    request: Request | None = None
    question: Callable[[Any], T] | None = None

    @property
    def samples(self) -> int:
        return len(self.request.batch) if self.request else 0


class Owner(Generic[P]):
    """A thread, its bounded queue and the pipeline it owns.

    Parameters
    ----------
    pipeline : Owned
    clock : callable -> int
        Unix time in ms; the scheduler's edge, nothing below reads a clock.
    max_queue_samples : int
        Samples that may wait; a single larger request is taken when the queue is empty.
    on_death : callable
        Called with the exception when the thread dies, because a service that answers health checks
        and scores nothing is worse than one that is restarted.
    prepare : callable
        Runs on the thread before anything else; here kernels are compiled.

    Attributes
    ----------
    ready : bool
        Whether jobs are taken: not while the log is replayed, not while stopping.
    progress : Progress
        Of the start.
    queued_samples : int
    """

    def __init__(
        self,
        pipeline: P,
        clock: Callable[[], int],
        max_queue_samples: int,
        on_death: Callable[[BaseException], None],
        prepare: Callable[[], None] = lambda: None,
    ) -> None:
        self._pipeline = pipeline
        self._clock = clock
        self._on_death = on_death
        self._prepare = prepare
        self._jobs: deque[_Job[Any]] = deque()
        self._wake = threading.Condition()
        self._closing = False
        self._thread = threading.Thread(target=self._live, name="kullback-owner", daemon=True)
        self.max_queue_samples = max_queue_samples
        self.queued_samples = 0
        self.progress = Progress("compiling its kernels", 0.0)
        self.ready = False

    def start(self) -> None:
        """Begin to work off the queue."""
        self._thread.start()

    def stop(self) -> None:
        """Refuse new jobs, finish the queued ones and wait for the thread."""
        with self._wake:
            self._closing = True
            self._wake.notify()
        if self._thread.is_alive():
            self._thread.join()

    def receive(self, request: Request) -> Future[Receipt]:
        """Queue a request.

        Parameters
        ----------
        request : Request

        Raises
        ------
        Overloaded
            QUEUE_FULL or STARTING_OR_STOPPING; nothing was applied.
        """
        with self._wake:
            waiting = self.queued_samples + len(request.batch)
            if self.queued_samples and waiting > self.max_queue_samples:
                raise Overloaded(
                    ErrorId.QUEUE_FULL,
                    f"{self.queued_samples} samples wait already; the limit is {self.max_queue_samples}.",
                )
            return self._put(_Job(Future[Receipt](), request=request))

    def ask(self, question: Callable[[P], T]) -> Future[T]:
        """Queue a question: a function that runs on the owner's thread with the pipeline.

        Parameters
        ----------
        question : callable
            Must be short and must return plain values, not views of the engine's arrays.

        Raises
        ------
        Overloaded
            STARTING_OR_STOPPING.
        """
        with self._wake:
            return self._put(_Job(Future[T](), question=question))

    def _put(self, job: _Job[T]) -> Future[T]:
        if self._closing:
            raise Overloaded(ErrorId.STARTING_OR_STOPPING, "The service is stopping.")
        if not self.ready:
            doing, ratio = self.progress
            raise Overloaded(ErrorId.STARTING_OR_STOPPING, f"The service is {doing}: {ratio:.0%}.")
        self._jobs.append(job)
        self.queued_samples += job.samples
        self._wake.notify()
        return job.answer

    def _live(self) -> None:
        try:
            with _starting():
                self._prepare()
                for progress in self._pipeline.recover():
                    self.progress = progress
            self.ready = True
            wait_s = 0.0
            while self._await_work(wait_s):
                self._work(self._take_group())
                wait_s = self._pipeline.breathe(self._clock())
            self.ready = False
            self._pipeline.close()
        except BaseException as death:
            self._on_death(death)
            raise

    def _await_work(self, wait_s: float) -> bool:
        with self._wake:
            if not self._jobs and not self._closing:
                self._wake.wait(wait_s)
            return bool(self._jobs) or not self._closing

    def _take_group(self) -> list[_Job[Any]]:
        """What is queued up to the next change between requests and questions."""
        with self._wake:
            group: list[_Job[Any]] = []
            while self._jobs and len(group) < MAX_GROUP_REQUESTS:
                if group and (self._jobs[0].request is None) != (group[0].request is None):
                    break
                group.append(self._jobs.popleft())
            return group

    def _work(self, group: list[_Job[Any]]) -> None:
        live = [job for job in group if job.answer.set_running_or_notify_cancel() or job.request]
        if live and live[0].request is not None:
            self._receive(live)
        else:
            for job in live:
                self._answer_question(job)

    def _receive(self, jobs: list[_Job[Any]]) -> None:
        receipts = self._pipeline.receive([job.request for job in jobs if job.request])
        with self._wake:
            self.queued_samples -= sum(job.samples for job in jobs)
        for job, receipt in zip(jobs, receipts, strict=True):
            _settle(job.answer, receipt)

    def _answer_question(self, job: _Job[Any]) -> None:
        assert job.question is not None
        try:
            _settle(job.answer, job.question(self._pipeline))
        except Exception as problem:
            _settle(job.answer, problem)


@contextmanager
def _starting() -> Iterator[None]:
    """Python's collector looks at every object again and again while a large fleet comes back.

    What is there afterwards stays as long as the service runs, so later collections leave it out, too:
    looking at the objects of 100 000 streams would hold requests up. Threads that copy and check beside this
    one ask for the interpreter often and briefly, and must not wait for it as long as they usually would.
    """
    gc.disable()
    usually_s = sys.getswitchinterval()
    sys.setswitchinterval(SWITCH_S)
    try:
        yield
    finally:
        sys.setswitchinterval(usually_s)
        gc.freeze()
        gc.enable()


def _settle(answer: Future[Any], outcome: Any) -> None:
    if answer.cancelled():
        return  # the sender went away; its samples were applied all the same
    if isinstance(outcome, Exception):
        answer.set_exception(outcome)
    else:
        answer.set_result(outcome)
