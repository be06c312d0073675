"""Unpacking request bodies without ever holding more than the limit.

Codings: RFC 9110 §8.4.1 (gzip, deflate), RFC 8878 (zstd), Snappy's block and framing formats.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable

import cramjam
import numpy as np

from kullback.core.errors import DecodeError, ErrorId
from kullback.core.limits import Limits

SNAPPY_STREAM_START = b"\xff\x06\x00\x00sNaPpY"
_ANY_ZLIB_WRAPPER = 32 + zlib.MAX_WBITS
_OUTPUT_FULL = "whole buffer"

Unpacker = Callable[[bytes, int], bytes]


def unpack(body: bytes, encoding: str, limits: Limits) -> bytes:
    """Undo a request's content encoding.

    Parameters
    ----------
    body : bytes
        As received.
    encoding : str
        The Content-Encoding header; "" and identity mean none.
    limits : Limits

    Returns
    -------
    bytes
        At most `limits.max_unpacked_bytes`.

    Raises
    ------
    DecodeError
        BODY_TOO_LARGE, UNPACKED_TOO_LARGE, BAD_COMPRESSION, or UNSUPPORTED_CONTENT_TYPE when unknown.
    """
    if len(body) > limits.max_body_bytes:
        detail = f"The body has {len(body)} bytes; the limit is {limits.max_body_bytes}."
        raise DecodeError(ErrorId.BODY_TOO_LARGE, detail)
    coding = encoding.strip().lower()
    unpacker = UNPACKERS.get(coding)
    if unpacker is None:
        known = ", ".join(name for name in UNPACKERS if name)
        raise DecodeError(
            ErrorId.UNSUPPORTED_CONTENT_TYPE,
            f"Content-Encoding {coding[:40]!r} is not one of {known}.",
        )
    return unpacker(body, limits.max_unpacked_bytes)


def _identity(body: bytes, limit_bytes: int) -> bytes:
    if len(body) > limit_bytes:
        raise _too_large(limit_bytes)
    return body


def _zlib(body: bytes, limit_bytes: int) -> bytes:
    """gzip and deflate, the latter with or without its wrapper; gzip members may follow each other."""
    wrapper = _ANY_ZLIB_WRAPPER
    if body[:2] != b"\x1f\x8b" and not _has_zlib_header(body):
        wrapper = -zlib.MAX_WBITS
    parts: list[bytes] = []
    room = limit_bytes
    while body:
        stream = zlib.decompressobj(wrapper)
        try:
            parts.append(stream.decompress(body, room + 1))
        except zlib.error as problem:
            raise _bad("gzip or deflate", problem) from problem
        room -= len(parts[-1])
        if room < 0:
            raise _too_large(limit_bytes)
        if not stream.eof:
            raise DecodeError(ErrorId.BAD_COMPRESSION, "The compressed body ends too early.")
        body = stream.unused_data if wrapper > 0 else b""
    return b"".join(parts)


def _has_zlib_header(body: bytes) -> bool:
    # RFC 1950 §2.2: method 8, and the first two bytes are a multiple of 31.
    return len(body) > 1 and body[0] & 15 == 8 and (body[0] << 8 | body[1]) % 31 == 0


def _zstd(body: bytes, limit_bytes: int) -> bytes:
    return _into_buffer(cramjam.zstd.decompress_into, "zstd", body, limit_bytes)


def _snappy(body: bytes, limit_bytes: int) -> bytes:
    if body.startswith(SNAPPY_STREAM_START):
        return _into_buffer(cramjam.snappy.decompress_into, "snappy", body, limit_bytes)
    try:
        # The announced length is checked before anything of that size exists.
        if cramjam.snappy.decompress_raw_len(body) > limit_bytes:
            raise _too_large(limit_bytes)
        return bytes(cramjam.snappy.decompress_raw(body))
    except cramjam.DecompressionError as problem:
        raise _bad("snappy", problem) from problem


def _into_buffer(decompress_into: Callable[..., int], coding: str, body: bytes, limit_bytes: int) -> bytes:
    # The buffer costs address space only: the system gives memory to the pages that are written.
    buffer = np.empty(limit_bytes, np.uint8)
    try:
        size = decompress_into(body, buffer)
    except cramjam.DecompressionError as problem:
        if _OUTPUT_FULL in str(problem):
            raise _too_large(limit_bytes) from problem
        raise _bad(coding, problem) from problem
    return buffer[:size].tobytes()


def _too_large(limit_bytes: int) -> DecodeError:
    detail = f"The body unpacks to more than {limit_bytes} bytes."
    return DecodeError(ErrorId.UNPACKED_TOO_LARGE, detail)


def _bad(coding: str, problem: Exception) -> DecodeError:
    return DecodeError(ErrorId.BAD_COMPRESSION, f"The body is not valid {coding}: {problem}.")


UNPACKERS: dict[str, Unpacker] = {
    "": _identity,
    "identity": _identity,
    "gzip": _zlib,
    "x-gzip": _zlib,
    "deflate": _zlib,
    "zstd": _zstd,
    "snappy": _snappy,
}
