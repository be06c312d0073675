"""Asking for a stream's memory a few samples before it is needed.

A batch touches thousands of streams of 12 KB each, far more than the caches near a core hold; without this
most of a sample's time is waiting for memory.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from kullback.core.kernel import kernel

declare: Any = cgutils.get_or_insert_function
LINE_BYTES = 64
FIRST_FIELD_BEHIND = "recent_ms"
"""Every sample needs all that lies before this field of a record."""


def _prefetch(_typing_context: Any, _address: Any) -> Any:
    """LLVM's `prefetch` for reading, kept in all caches."""

    def generate(context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        pointer, number = ir.IntType(8).as_pointer(), ir.IntType(32)
        form = ir.FunctionType(ir.VoidType(), [pointer, number, number, number])
        function = declare(builder.module, form, "llvm.prefetch.p0")
        builder.call(function, [builder.inttoptr(arguments[0], pointer), number(0), number(3), number(1)])
        return context.get_dummy_value()

    return types.void(types.uintp), generate


_ask: Any = intrinsic(_prefetch)


@kernel
def ask_for_stream(base: int, record_bytes: int, front_bytes: int, slot: int) -> None:
    """Ask for the front of a record.

    Parameters
    ----------
    base : int
        Address of the array of records.
    record_bytes, front_bytes : int
    slot : int
    """
    start = base + slot * record_bytes
    for offset in range(0, front_bytes, LINE_BYTES):
        _ask(types.uintp(start + offset))


@kernel
def ask_for_places(stream: Any, windows: Any) -> None:
    """Ask for what a sample needs of the queue and of the reference; the record's front must be near.

    Parameters
    ----------
    stream : stream record
    windows : int64 array, shape (w,)
        Lengths.
    """
    head, room = stream.head, len(stream.codes)
    codes = stream.codes.ctypes.data
    for window in range(len(windows)):
        at = head - windows[window]
        _ask(types.uintp(codes + (at if at >= 0 else at + room)))
    _ask(types.uintp(codes + head))
    _ask(types.uintp(stream.queue_high.ctypes.data + 2 * head))
    _ask(types.uintp(stream.queue_low.ctypes.data + head))
    high, low = stream.reference_high.ctypes.data, stream.reference_low.ctypes.data
    eighth = stream.reference_count >> 3
    for part in range(1, 8):
        _ask(types.uintp(high + 2 * part * eighth))
        _ask(types.uintp(low + part * eighth))


def front_bytes(dtype: np.dtype[np.void]) -> int:
    """How much of a record every sample needs.

    Parameters
    ----------
    dtype : dtype of stream records
    """
    fields = dtype.fields
    assert fields is not None
    return int(fields[FIRST_FIELD_BEHIND][1])
