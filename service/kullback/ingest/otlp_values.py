"""Attributes of OTLP messages as texts (opentelemetry/proto/common/v1/common.proto)."""

from __future__ import annotations

import struct
from base64 import b64encode
from typing import Any

import numpy as np
import orjson

from kullback.core.kernel import kernel
from kullback.ingest.wire import FIXED64, LENGTH, VARINT, Bytes, Positions, as_bytes, next_field, varint

STRING, BOOL, INT, DOUBLE, ARRAY, KVLIST, BYTES = 1, 2, 3, 4, 5, 6, 7
"""Fields of AnyValue."""
DEEPEST = 8
"""Values nested deeper than this are cut off."""
TOO_DEEP = "…"


def read_attributes(body: bytes, start: int, stop: int, field: int) -> list[tuple[str, str]]:
    """Keys and values of the KeyValue messages in a range.

    Parameters
    ----------
    body : bytes
    start, stop : int
    field : int
        Number of the field that holds them; others are skipped.

    Raises
    ------
    UnicodeDecodeError
        When a text is not UTF-8.
    ValueError
        When a message is malformed.
    """
    spans = attribute_spans(as_bytes(body), start, stop, field)
    return [_read_attribute(body, *span) for span in spans.tolist()]


def _read_attribute(
    body: bytes, key: int, key_stop: int, kind: int, value: int, value_stop: int
) -> tuple[str, str]:
    if kind == STRING:
        return body[key:key_stop].decode(), body[value:value_stop].decode()
    return body[key:key_stop].decode(), as_text(_read_payload(body, kind, value, value_stop, 0))


def as_text(value: Any) -> str:
    """A value as a label holds it: texts as they are, everything else as JSON writes it.

    Parameters
    ----------
    value : object
    """
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS).decode()


def _read_payload(body: bytes, kind: int, start: int, stop: int, depth: int) -> Any:
    if kind == STRING:
        return body[start:stop].decode()
    if kind == BYTES:
        return b64encode(body[start:stop]).decode()
    if kind == DOUBLE:
        return struct.unpack_from("<d", body, start)[0]
    if kind in (BOOL, INT):
        number = varint(as_bytes(body), start)
        return bool(number) if kind == BOOL else number
    if kind in (ARRAY, KVLIST):
        return _read_nested(body, kind, start, stop, depth + 1) if depth < DEEPEST else TOO_DEEP
    return None


def _read_nested(body: bytes, kind: int, start: int, stop: int, depth: int) -> Any:
    raw = as_bytes(body)
    if kind == KVLIST:
        spans = attribute_spans(raw, start, stop, 1).tolist()
        return {
            body[key:key_stop].decode(): _read_payload(body, inner, value, value_stop, depth)
            for key, key_stop, inner, value, value_stop in spans
        }
    values = []
    while start < stop:
        number, wire, inside, start = next_field(raw, start, stop)
        if number < 0:
            raise ValueError("malformed array")
        if number == 1 and wire == LENGTH:
            span = np.zeros(3, np.int64)
            read_any(raw, inside, start, span)
            kind, value, value_stop = span.tolist()
            values.append(_read_payload(body, kind, value, value_stop, depth))
    return values


@kernel
def attribute_spans(body: Bytes, start: int, stop: int, field: int) -> Positions:
    """Where keys and values are.

    Parameters
    ----------
    body : uint8 array
    start, stop, field : int
        See `read_attributes`.

    Returns
    -------
    int64 array, shape (k, 5)
        Start and stop of the key, kind of the value (0: none), start and stop of its payload.
    """
    count, at = 0, start
    while at < stop:
        number, wire, _inside, at = next_field(body, at, stop)
        if number < 0 or (number == field and wire != LENGTH):
            raise ValueError("malformed attribute")
        count += number == field
    spans = np.zeros((count, 5), np.int64)
    at, row = start, 0
    while at < stop:
        number, _wire, inside, at = next_field(body, at, stop)
        if number == field:
            _read_key_value(body, inside, at, spans[row])
            row += 1
    return spans


@kernel
def _read_key_value(body: Bytes, at: int, stop: int, span: Positions) -> None:
    while at < stop:
        number, wire, start, at = next_field(body, at, stop)
        if number < 0 or (number <= 2 and wire != LENGTH):
            raise ValueError("malformed attribute")
        if number == 1:
            span[0], span[1] = start, at
        elif number == 2:
            read_any(body, start, at, span[2:])


@kernel
def read_any(body: Bytes, at: int, stop: int, span: Positions) -> None:
    """Kind, start and stop of an AnyValue's payload.

    Parameters
    ----------
    body : uint8 array
    at, stop : int
    span : int64 array, shape (3,), written
    """
    while at < stop:
        number, wire, start, at = next_field(body, at, stop)
        expected = VARINT if number in (BOOL, INT) else (FIXED64 if number == DOUBLE else LENGTH)
        if number < 0 or (number <= BYTES and wire != expected):
            raise ValueError("malformed attribute value")
        if number <= BYTES:
            span[0], span[1], span[2] = number, start, at
