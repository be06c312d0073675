"""The sender against real HTTP servers of this machine."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import orjson
import pytest
from tests.contract.servers import Receiver, eventually, free_port
from tests.unit.outputs.decisions import decision

from kullback.alerting.alert import Phase
from kullback.outputs.alertmanager import AlertmanagerDesk
from kullback.outputs.desk import Desk
from kullback.outputs.sender import Sender
from kullback.outputs.webhook import WebhookDesk


def clock() -> int:
    return round(time.time() * 1000)


@contextmanager
def sending(*desks: Desk, timeout_s: float = 10.0) -> Iterator[Sender]:
    sender = Sender(desks, clock, timeout_s)
    sender.start()
    try:
        yield sender
    finally:
        sender.stop(grace_s=0.5)


@contextmanager
def black_hole() -> Iterator[str]:
    """A server that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"


def events(receiver: Receiver) -> list[str]:
    return [orjson.loads(request.body)["event"] for request in receiver.received]


def test_news_reach_every_receiver() -> None:
    with Receiver() as hook, Receiver() as manager:
        with sending(WebhookDesk(hook.url, b"key"), AlertmanagerDesk(manager.url)) as sender:
            sender.deliver([decision(), decision(Phase.INACTIVE)])
            eventually(lambda: len(hook.received) == 2 and manager.received)
        assert events(hook) == ["firing", "resolved"]
        assert manager.received[0].path == "/api/v2/alerts"
        assert manager.received[0].headers["Content-Type"] == "application/json"
        assert sender.counts()[(hook.url, "delivered")] == 2


def test_receiver_that_hangs_holds_up_no_other() -> None:
    with black_hole() as nowhere, Receiver() as hook:
        with sending(AlertmanagerDesk(nowhere), WebhookDesk(hook.url)) as sender:
            sender.deliver([decision()])
            eventually(lambda: hook.received)
        assert events(hook) == ["firing"]


def test_receiver_that_is_down_is_tried_again() -> None:
    with Receiver(answers=[503]) as hook:
        with sending(WebhookDesk(hook.url)) as sender:
            sender.deliver([decision()])
            eventually(lambda: len(hook.received) == 2)
            eventually(lambda: sender.counts()[(hook.url, "delivered")])
        assert hook.received[0].body == hook.received[1].body
        assert sender.counts()[(hook.url, "failed")] == 1


def test_refused_connection_and_timeout_are_counted_as_failed() -> None:
    closed = f"http://127.0.0.1:{free_port()}"
    with black_hole() as slow, sending(WebhookDesk(closed), WebhookDesk(slow), timeout_s=0.2) as sender:
        sender.deliver([decision()])
        eventually(lambda: sender.counts()[(closed, "failed")])
        eventually(lambda: sender.counts()[(slow, "failed")])


def test_stopping_sends_what_is_owed_first() -> None:
    with Receiver() as hook:
        sender = Sender([WebhookDesk(hook.url)], clock)
        sender.start()
        sender.deliver([decision(), decision(Phase.SHIFTED), decision(Phase.INACTIVE)])
        sender.stop()
        assert events(hook) == ["firing", "shifted", "resolved"]


def test_stopping_does_not_wait_for_a_receiver_that_hangs() -> None:
    before = set(threading.enumerate())
    with black_hole() as nowhere, sending(WebhookDesk(nowhere)) as sender:
        sender.deliver([decision()])
        sender.stop(grace_s=0.2)
        assert set(threading.enumerate()) <= before


def test_news_after_the_stop_are_no_error_and_before_the_start_are_one() -> None:
    sender = Sender([WebhookDesk("http://127.0.0.1:9")], clock)
    with pytest.raises(RuntimeError, match="started"):
        sender.deliver([decision()])
    sender.start()
    sender.stop()
    sender.deliver([decision()])


def test_restart_tells_alertmanagers_and_not_webhooks() -> None:
    with Receiver() as hook, Receiver() as manager:
        with sending(WebhookDesk(hook.url), AlertmanagerDesk(manager.url)) as sender:
            sender.adopt([decision()])
            eventually(lambda: manager.received)
        assert hook.received == []


def test_receivers_at_one_address_are_added_up() -> None:
    with Receiver() as hook:
        with sending(WebhookDesk(hook.url + "/a"), WebhookDesk(hook.url + "/b")) as sender:
            sender.deliver([decision()])
            eventually(lambda: len(hook.received) == 2)
            eventually(lambda: sender.counts()[(hook.url, "delivered")] == 2)
        assert sorted(request.path for request in hook.received) == ["/a", "/b"]


def test_reload_keeps_what_a_receiver_is_owed_and_tells_new_ones() -> None:
    with Receiver(answers=[503]) as stays, Receiver() as goes, Receiver() as comes:
        with sending(WebhookDesk(stays.url), AlertmanagerDesk(goes.url)) as sender:
            sender.deliver([decision()])
            eventually(lambda: stays.received and sender.counts()[(goes.url, "delivered")])
            sender.refit([WebhookDesk(stays.url), AlertmanagerDesk(comes.url)], [decision()])
            sender.deliver([decision(Phase.INACTIVE)])
            eventually(lambda: events(stays) == ["firing", "firing", "resolved"])
            eventually(lambda: comes.received)
        assert len(goes.received) == 1
        assert sender.counts()[(goes.url, "delivered")] == 1


def test_desk_that_breaks_breaks_no_other() -> None:
    class Broken(WebhookDesk):
        def due(self, now_ms: int) -> None:
            raise ZeroDivisionError

    with Receiver() as hook:
        with sending(Broken("http://127.0.0.1:9"), WebhookDesk(hook.url)) as sender:
            sender.deliver([decision()])
            eventually(lambda: hook.received)
        assert events(hook) == ["firing"]
