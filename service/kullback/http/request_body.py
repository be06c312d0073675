"""Reading requests' bodies without ever holding more of them than allowed."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import TracebackType

from starlette.requests import Request

from kullback.core.errors import DecodeError, ErrorId, Overloaded
from kullback.core.limits import Limits


@dataclass(slots=True)
class BodyRoom:
    """What the bodies of all requests in progress take up.

    Parameters
    ----------
    held_bytes : int
    """

    held_bytes: int = 0

    def share(self, limit_bytes: int) -> Share:
        """One request's share, to be used as a context manager around the life of its body.

        Parameters
        ----------
        limit_bytes : int
            Of all shares together.
        """
        return Share(self, limit_bytes)


@dataclass(slots=True)
class Share:
    """What one request holds; given back at the end of the block."""

    room: BodyRoom
    limit_bytes: int
    held_bytes: int = field(default=0, init=False)

    def __enter__(self) -> Share:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.room.held_bytes -= self.held_bytes

    def add(self, size_bytes: int) -> None:
        """Take more; a request that is alone may always go on.

        Parameters
        ----------
        size_bytes : int

        Raises
        ------
        Overloaded
            BODIES_FULL.
        """
        others_bytes = self.room.held_bytes - self.held_bytes
        if others_bytes and self.room.held_bytes + size_bytes > self.limit_bytes:
            detail = f"Requests in progress hold {others_bytes} bytes; the limit is {self.limit_bytes} bytes."
            raise Overloaded(ErrorId.BODIES_FULL, detail)
        self.held_bytes += size_bytes
        self.room.held_bytes += size_bytes


async def read_body(request: Request, limits: Limits, share: Share) -> bytes:
    """The body as it was sent.

    Parameters
    ----------
    request : Request
    limits : Limits
    share : Share

    Raises
    ------
    DecodeError
        BODY_TOO_LARGE: by its Content-Length before a byte is read, or as soon as the limit is passed.
    Overloaded
        BODIES_FULL.
    ClientDisconnect
        When the sender went away in the middle.
    """
    declared = request.headers.get("content-length", "0")
    if declared.isdigit() and int(declared) > limits.max_body_bytes:
        raise _too_large(int(declared), limits.max_body_bytes)
    parts: list[bytes] = []
    async for part in request.stream():
        share.add(len(part))
        if share.held_bytes > limits.max_body_bytes:
            raise _too_large(share.held_bytes, limits.max_body_bytes)
        parts.append(part)
    return b"".join(parts)


def _too_large(size: int, limit: int) -> DecodeError:
    return DecodeError(
        ErrorId.BODY_TOO_LARGE, f"The body has at least {size} bytes; the limit is {limit} bytes."
    )
