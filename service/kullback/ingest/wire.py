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
FIRST_TAG = 8
"""Field number 1; 0 is reserved."""
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
def read_varint(body: Bytes, at: int, end: int) -> tuple[int, int]:
    """The varint at an index as a signed 64-bit number, and the index after it.

    Parameters
    ----------
    body : uint8 array
    at, end : int

    Returns
    -------
    int, int
        The second is MALFORMED when the varint runs over `end` or is too long.
    """
    value, shift = np.uint64(0), np.uint64(0)
    last = min(end, at + MAX_VARINT_BYTES)
    while at < last:
        byte = np.uint64(body[at])
        at += 1
        value |= (byte & np.uint64(0x7F)) << shift
        if byte < np.uint64(0x80):
            return np.int64(value), at  # type: ignore[return-value]
        shift += np.uint64(7)
    return 0, MALFORMED


@kernel
def varint(body: Bytes, at: int) -> int:
    """The varint at an index that `next_field` has checked.

    Parameters
    ----------
    body : uint8 array
    at : int
    """
    value, _stop = read_varint(body, at, len(body))
    return value


@kernel
def varint_end(body: Bytes, at: int, end: int) -> int:
    """Index after the varint at `at`, MALFORMED when it runs over `end` or is too long.

    Parameters
    ----------
    body : uint8 array
    at, end : int
    """
    _value, stop = read_varint(body, at, end)
    return stop


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
    # Written as one flat run of tests: this is where decoding spends its time.
    tag, start = read_varint(body, at, end)
    if start < 0 or tag < FIRST_TAG:
        return MALFORMED, 0, at, at
    wire, stop = tag & 7, MALFORMED
    if wire == LENGTH:
        size, start = read_varint(body, start, end)
        if start > 0 and 0 <= size <= end - start:
            stop = start + size
    elif wire == VARINT:
        _value, stop = read_varint(body, start, end)
    elif wire == FIXED64:
        stop = start + 8
    elif wire == FIXED32:
        stop = start + 4
    if stop < 0 or stop > end:
        return MALFORMED, 0, at, at
    return tag >> 3, wire, start, stop
