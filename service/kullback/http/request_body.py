"""Reading a request's body without ever holding more of it than allowed."""

from __future__ import annotations

from starlette.requests import Request

from kullback.core.errors import DecodeError, ErrorId


async def read_body(request: Request, max_body_bytes: int) -> bytes:
    """The body as it was sent.

    Parameters
    ----------
    request : Request
    max_body_bytes : int

    Raises
    ------
    DecodeError
        BODY_TOO_LARGE: by its Content-Length before a byte is read, or as soon as the limit is passed.
    ClientDisconnect
        When the sender went away in the middle.
    """
    declared = request.headers.get("content-length", "0")
    if declared.isdigit() and int(declared) > max_body_bytes:
        raise _too_large(int(declared), max_body_bytes)
    parts: list[bytes] = []
    size = 0
    async for part in request.stream():
        size += len(part)
        if size > max_body_bytes:
            raise _too_large(size, max_body_bytes)
        parts.append(part)
    return b"".join(parts)


def _too_large(size: int, limit: int) -> DecodeError:
    return DecodeError(
        ErrorId.BODY_TOO_LARGE, f"The body has at least {size} bytes; the limit is {limit} bytes."
    )
