"""Bodies are held only as far as the limits allow, each and all together."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request
from starlette.types import Message

from kullback.core.errors import ErrorId, KullbackError
from kullback.core.limits import Limits
from kullback.http.request_body import BodyRoom, read_body

LIMITS = Limits(max_body_bytes=100)


def request_of(parts: Iterable[bytes], **headers: str) -> Request:
    messages = [{"type": "http.request", "body": part, "more_body": True} for part in parts]
    waiting = iter([*messages, {"type": "http.request", "body": b"", "more_body": False}])

    async def receive() -> Message:
        return next(waiting)

    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return Request({"type": "http", "method": "POST", "headers": raw}, receive)


def read(room: BodyRoom, request: Request, limit_bytes: int = 1000) -> bytes:
    async def reading() -> bytes:
        with room.share(limit_bytes) as share:
            return await read_body(request, LIMITS, share)

    return asyncio.run(reading())


@given(st.lists(st.binary(max_size=30), max_size=8))
def test_a_body_is_read_whole_or_not_at_all(parts: list[bytes]) -> None:
    room, whole = BodyRoom(), b"".join(parts)
    if len(whole) <= LIMITS.max_body_bytes:
        assert read(room, request_of(parts)) == whole
    else:
        with pytest.raises(KullbackError) as caught:
            read(room, request_of(parts))
        assert caught.value.error is ErrorId.BODY_TOO_LARGE
    assert room.held_bytes == 0


def test_a_declared_length_is_refused_before_a_byte_is_read() -> None:
    with pytest.raises(KullbackError) as caught:
        read(BodyRoom(), request_of([b"x"], content_length="101"))
    assert caught.value.error is ErrorId.BODY_TOO_LARGE


def test_bodies_together_are_bounded() -> None:
    room = BodyRoom()
    with room.share(150) as first:
        first.add(100)
        assert read(room, request_of([b"x" * 50]), 150) == b"x" * 50
        with pytest.raises(KullbackError) as caught:
            read(room, request_of([b"x" * 51]), 150)
        assert caught.value.error is ErrorId.BODIES_FULL
        assert room.held_bytes == 100
    assert room.held_bytes == 0


def test_a_request_that_is_alone_may_always_go_on() -> None:
    assert read(BodyRoom(), request_of([b"x" * 60, b"y" * 40]), 50) == b"x" * 60 + b"y" * 40
