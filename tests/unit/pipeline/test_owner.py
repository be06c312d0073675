"""The owner thread with a pipeline that only counts: queue, grouping and answers are what is tested."""

import threading
import time
from collections.abc import Iterator

import numpy as np
import pytest

from kullback.core.batch import Batch
from kullback.core.errors import ErrorId, Overloaded
from kullback.core.labels import Series
from kullback.pipeline.owner import Owner, Progress
from kullback.pipeline.receipt import Receipt
from kullback.pipeline.request import Request

TIMEOUT_S = 10


class Counting:
    """Answers each request with its number of samples; can be held at a gate."""

    def __init__(self) -> None:
        self.groups: list[list[int]] = []
        self.gate = threading.Event()
        self.entered = threading.Event()
        self.gate.set()
        self.recovered = threading.Event()
        self.closed = False
        self.fail_breathing = False

    def recover(self) -> Iterator[Progress]:
        assert self.recovered.wait(TIMEOUT_S)
        yield Progress("ready", 1.0)

    def close(self) -> None:
        self.closed = True

    def receive(self, requests: list[Request]) -> list[Receipt | Exception]:
        self.entered.set()
        assert self.gate.wait(TIMEOUT_S)
        self.groups.append([len(request.batch) for request in requests])
        return [
            Overloaded(ErrorId.STORAGE_UNAVAILABLE)
            if request.protocol == "bad"
            else Receipt(len(request.batch))
            for request in requests
        ]

    def breathe(self, now_ms: int) -> float:
        if self.fail_breathing:
            raise RuntimeError("the disk is gone")
        return 60.0


def request(samples: int, protocol: str = "json") -> Request:
    batch = Batch((Series(()),), np.zeros(samples, np.int32), np.arange(samples), np.zeros(samples))
    return Request(batch, protocol, now_ms=0)


@pytest.fixture
def counting() -> Counting:
    return Counting()


@pytest.fixture
def deaths() -> list[BaseException]:
    return []


@pytest.fixture
def owner(counting: Counting, deaths: list[BaseException]) -> Iterator[Owner[Counting]]:
    owner = Owner(counting, clock=lambda: 0, max_queue_samples=10, on_death=deaths.append)
    owner.start()
    counting.recovered.set()
    while not owner.ready:
        time.sleep(0.001)
    yield owner
    counting.gate.set()
    owner.stop()


def test_each_request_gets_its_own_receipt(owner: Owner[Counting]) -> None:
    answers = [owner.receive(request(n)) for n in (1, 2, 3)]
    assert [answer.result(TIMEOUT_S).accepted for answer in answers] == [1, 2, 3]


def test_requests_that_wait_together_are_one_group(owner: Owner[Counting], counting: Counting) -> None:
    counting.gate.clear()
    first = owner.receive(request(1))
    assert counting.entered.wait(TIMEOUT_S)
    others = [owner.receive(request(2)), owner.receive(request(3))]
    counting.gate.set()
    for answer in [first, *others]:
        answer.result(TIMEOUT_S)
    assert counting.groups == [[1], [2, 3]]


def test_full_queue_refuses_and_takes_again_once_it_is_worked_off(
    owner: Owner[Counting], counting: Counting
) -> None:
    counting.gate.clear()
    held = owner.receive(request(8))
    assert counting.entered.wait(TIMEOUT_S)
    with pytest.raises(Overloaded) as refused:
        owner.receive(request(3))
    assert refused.value.error is ErrorId.QUEUE_FULL
    counting.gate.set()
    held.result(TIMEOUT_S)
    assert owner.receive(request(3)).result(TIMEOUT_S).accepted == 3


def test_single_request_larger_than_the_queue_is_taken_when_nothing_waits(owner: Owner[Counting]) -> None:
    assert owner.receive(request(1000)).result(TIMEOUT_S).accepted == 1000


def test_nothing_is_taken_while_the_log_is_replayed(counting: Counting) -> None:
    owner = Owner(counting, clock=lambda: 0, max_queue_samples=10, on_death=lambda _: None)
    owner.start()
    with pytest.raises(Overloaded) as refused:
        owner.receive(request(1))
    assert refused.value.error is ErrorId.STARTING_OR_STOPPING
    counting.recovered.set()
    owner.stop()
    assert counting.closed


def test_failed_request_does_not_harm_its_group(owner: Owner[Counting]) -> None:
    bad, good = owner.receive(request(1, "bad")), owner.receive(request(1))
    with pytest.raises(Overloaded):
        bad.result(TIMEOUT_S)
    assert good.result(TIMEOUT_S).accepted == 1


def test_question_runs_on_the_owner_thread_in_its_turn(owner: Owner[Counting], counting: Counting) -> None:
    counting.gate.clear()
    owner.receive(request(4))
    answer = owner.ask(lambda pipeline: (threading.current_thread().name, list(pipeline.groups)))
    counting.gate.set()
    assert answer.result(TIMEOUT_S) == ("kullback-owner", [[4]])


def test_failing_question_answers_its_asker_only(owner: Owner[Counting]) -> None:
    with pytest.raises(ZeroDivisionError):
        owner.ask(lambda _: 1 // 0).result(TIMEOUT_S)
    assert owner.receive(request(1)).result(TIMEOUT_S).accepted == 1


def test_stop_finishes_what_is_queued_and_refuses_the_rest(
    owner: Owner[Counting], counting: Counting
) -> None:
    counting.gate.clear()
    queued = [owner.receive(request(1)) for _ in range(3)]
    threading.Timer(0.05, counting.gate.set).start()
    owner.stop()
    assert [answer.result(0).accepted for answer in queued] == [1, 1, 1]
    with pytest.raises(Overloaded) as refused:
        owner.receive(request(1))
    assert refused.value.error is ErrorId.STARTING_OR_STOPPING


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_death_of_the_thread_is_reported(
    owner: Owner[Counting], counting: Counting, deaths: list[BaseException]
) -> None:
    counting.fail_breathing = True
    owner.receive(request(1)).result(TIMEOUT_S)
    owner._thread.join(TIMEOUT_S)
    assert [str(death) for death in deaths] == ["the disk is gone"]
