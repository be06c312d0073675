"""Walking protobuf's wire format over bytes (protobuf.dev, "Encoding"), compiled.

Nothing is copied: a walker yields where things are. Every read is checked against the end of its message,
so hostile bytes can do no more than be reported as malformed.
"""

from __future__ import annotations

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic
from numpy.typing import NDArray

from kullback.core.kernel import kernel

VARINT, FIXED64, LENGTH, FIXED32 = 0, 1, 2, 5
MAX_VARINT_BYTES = 10
MALFORMED = -1

Bytes = NDArray[np.uint8]
Positions = NDArray[np.int64]
Field = tuple[int, int, int, int]
"""Number, wire type, start and stop of the payload; a number below zero means malformed bytes."""


def as_bytes(body: bytes) -> Bytes:
    """A body as the read-only array that kernels take.

    Parameters
    ----------
    body : bytes
    """
    return np.frombuffer(body, np.uint8)


def _loader(target: types.Type, llvm: ir.Type):  # type: ignore[no-untyped-def]
    def load(context, array, at):  # type: ignore[no-untyped-def]  # noqa: ARG001
        def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
            proxy = cgutils.create_struct_proxy(signature.args[0])  # type: ignore[no-untyped-call]
            view = proxy(context, builder, value=arguments[0])
            address = builder.gep(view.data, [arguments[1]])
            # Align 1: fields of a message start anywhere.
            return builder.load(builder.bitcast(address, llvm.as_pointer()), align=1)

        return target(array, types.int64), generate

    return intrinsic(load)


load_u64 = _loader(types.uint64, ir.IntType(64))
load_f64 = _loader(types.float64, ir.DoubleType())


@kernel
def varint(body: Bytes, at: int) -> int:
    """The varint at an index that `next_field` has checked, as a signed 64-bit number.

    Parameters
    ----------
    body : uint8 array
    at : int
    """
    value = np.uint64(0)
    for i in range(MAX_VARINT_BYTES):
        byte = np.uint64(body[at + i])
        value |= (byte & np.uint64(0x7F)) << np.uint64(7 * i)
        if byte < np.uint64(0x80):
            break
    return int(np.int64(value))


@kernel
def varint_end(body: Bytes, at: int, end: int) -> int:
    """Index after the varint at `at`, MALFORMED when it runs over `end` or is too long.

    Parameters
    ----------
    body : uint8 array
    at, end : int
    """
    last = min(end, at + MAX_VARINT_BYTES)
    while at < last:
        at += 1
        if body[at - 1] < 0x80:
            return at
    return MALFORMED


@kernel
def zigzag(value: int) -> int:
    """A signed number from protobuf's sint encoding.

    Parameters
    ----------
    value : int
    """
    return int(np.int64(np.uint64(value) >> np.uint64(1))) ^ -(value & 1)


@kernel
def next_field(body: Bytes, at: int, end: int) -> Field:
    """The field that starts at `at`; the next one starts at its stop.

    Parameters
    ----------
    body : uint8 array
    at, end : int
        Where the field starts and its message ends.
    """
    start = varint_end(body, at, end)
    if start < 0:
        return MALFORMED, 0, at, at
    tag = varint(body, at)
    number, wire = tag >> 3, tag & 7
    if number < 1 or number > 0x1FFFFFFF:
        return MALFORMED, 0, at, at
    start, stop = payload(body, start, end, wire)
    if stop < 0:
        return MALFORMED, 0, at, at
    return number, wire, start, stop


@kernel
def payload(body: Bytes, at: int, end: int, wire: int) -> tuple[int, int]:
    """Start and stop of a field's payload, the stop MALFORMED when it does not fit before `end`.

    Parameters
    ----------
    body : uint8 array
    at, end : int
        After the field's tag, and the end of its message.
    wire : int
    """
    start, stop = at, MALFORMED
    if wire == LENGTH:
        start = varint_end(body, at, end)
        size = varint(body, at) if start > 0 else MALFORMED
        if 0 <= size <= end - start:
            stop = start + size
    elif wire == VARINT:
        stop = varint_end(body, at, end)
    elif wire == FIXED64 and end - at >= 8:
        stop = at + 8
    elif wire == FIXED32 and end - at >= 4:
        stop = at + 4
    return start, stop
