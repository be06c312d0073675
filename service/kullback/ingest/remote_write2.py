"""Prometheus remote write 2.0 (prometheus.io/docs/specs/prw/remote_write_spec_2_0)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kullback.core.errors import DecodeError, ErrorId, Refusal
from kullback.core.kernel import kernel
from kullback.core.labels import NAME, Kind, Series
from kullback.core.limits import Limits
from kullback.ingest.builder import kind_by_name, series_of
from kullback.ingest.decoded import Decoded
from kullback.ingest.interner import Ids, Interner
from kullback.ingest.timeseries import VERSION_2, Walk, walk
from kullback.ingest.wire import LENGTH, VARINT, Bytes, Positions, as_bytes, next_field, varint, varint_end
from kullback.ingest.write_request import Keys, decoded, keys_of

SYMBOL = -1
"""Prefix of symbols in the interner; those of series are never negative."""

COUNTER, GAUGE, HISTOGRAM, SUMMARY = 1, 2, 3, 5
"""Metadata.MetricType."""
MAX_TYPE = 7

UNREADABLE, TOO_MANY = -1, -2
"""References that do not exist, or more of them than a series may have labels."""

Refs = NDArray[np.int32]


class References(NamedTuple):
    """The symbols each key refers to, as ids of the interner.

    Parameters
    ----------
    symbol : int32 array, shape (r,)
    first : int64 array, shape (k + 1,)
        References of key `i` are `first[i]:first[i + 1]`.
    status : int8 array, shape (k,)
        0, UNREADABLE or TOO_MANY.
    type, unit : int64 array, shape (k,)
        Metric type and the id of the unit's symbol (-1: none).
    """

    symbol: Refs
    first: Positions
    status: NDArray[np.int8]
    type: Positions
    unit: Positions


class RemoteWrite2Decoder:
    """Decodes `io.prometheus.write.v2.Request`. Exemplars and created timestamps are accepted and not kept.

    Parameters
    ----------
    limits : Limits, optional
    """

    protocol = "remote_write"

    def __init__(self, limits: Limits | None = None) -> None:
        self._limits = limits or Limits()
        self._interner = Interner[str | Series].for_streams(self._limits.max_streams)

    def decode(self, body: bytes, now_ms: int) -> Decoded:  # noqa: ARG002
        """Read an unpacked write request.

        Parameters
        ----------
        body : bytes
        now_ms : int
            Not needed: every sample carries its time.

        Raises
        ------
        DecodeError
            BAD_PROTOBUF, TOO_MANY_SAMPLES, or UNPACKED_TOO_LARGE when the references stand for more text than
            a body may hold.
        """
        raw = as_bytes(body)
        found = walk(raw, VERSION_2, self._limits)
        keys = keys_of(found)
        with self._interner.request():
            symbols = self._symbols(raw, found)
            references = self._references(raw, found, keys, symbols)
            ids = self._series(references, keys)
            return decoded(raw, found, self._interner, ids[keys.of_row])

    def _symbols(self, raw: Bytes, found: Walk) -> Ids:
        start, stop = found.side_start, found.side_stop
        longest = self._limits.max_label_value_bytes

        def read(rows: Positions) -> list[str | Series | Refusal]:
            return [_symbol(raw[start[row] : stop[row]].tobytes(), longest) for row in rows]

        return self._interner.ids(raw, np.full(len(start), SYMBOL, np.int64), start, stop, read)

    def _references(self, raw: Bytes, found: Walk, keys: Keys, symbols: Ids) -> References:
        start, stop = found.key_start[keys.series], found.key_stop[keys.series]
        most = 2 * self._limits.max_labels_per_series
        sizes = found.side_stop - found.side_start
        first, status = count_references(raw, start, stop, len(symbols), most)
        kind, unit = read_metadata(
            raw, found.metadata_start[keys.series], found.metadata_stop[keys.series], symbols
        )
        references = References(np.empty(first[-1], np.int32), first, status, kind, unit)
        stands_for_bytes = fill_references(raw, start, stop, symbols, sizes, references)
        if stands_for_bytes > self._limits.max_unpacked_bytes:
            detail = f"The labels of the request stand for {stands_for_bytes} bytes of text."
            raise DecodeError(ErrorId.UNPACKED_TOO_LARGE, detail)
        return references

    def _series(self, references: References, keys: Keys) -> Ids:
        raw = as_bytes(references.symbol.tobytes())
        prefix = (
            ((references.unit + 1) << 4 | references.type) << 1 | keys.histogram
        ) << 2 | -references.status
        first = references.first * references.symbol.itemsize

        def read(rows: Positions) -> list[str | Series | Refusal]:
            return [self._read_one(references, keys, int(row)) for row in rows]

        return self._interner.ids(raw, prefix, first[:-1], first[1:], read)

    def _read_one(self, references: References, keys: Keys, key: int) -> Series | Refusal:
        if references.status[key] == TOO_MANY:
            most = self._limits.max_labels_per_series
            return Refusal(ErrorId.TOO_MANY_LABELS, 1, f"A series has more than {most} labels.")
        if references.status[key] == UNREADABLE:
            why = "A series refers to symbols that do not exist, or to a label name without its value."
            return Refusal(ErrorId.BAD_LABELS, 1, why)
        own = references.symbol[references.first[key] : references.first[key + 1]]
        texts: list[str] = []
        for symbol in own.tolist():
            text = self._interner.values[symbol]
            if isinstance(text, Refusal):
                return text
            texts.append(str(text))
        pairs = list(zip(texts[::2], texts[1::2], strict=True))
        unit = self._interner.values[references.unit[key]] if references.unit[key] >= 0 else ""
        kind = Kind.HISTOGRAM if keys.histogram[key] else kind_of_type(int(references.type[key]), dict(pairs))
        return series_of(pairs, kind, unit if isinstance(unit, str) else "")


def _symbol(raw: bytes, longest_bytes: int) -> str | Refusal:
    if len(raw) > longest_bytes:
        detail = f"A label has {len(raw)} bytes; the limit is {longest_bytes}."
        return Refusal(ErrorId.LABEL_VALUE_TOO_LONG, 1, detail)
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return Refusal(ErrorId.BAD_LABELS, 1, f"A label that is not UTF-8: {raw[:80]!r}.")


def kind_of_type(type_number: int, labels: dict[str, str]) -> Kind:
    """The kind of a float series of a metric family whose type the sender gives.

    Parameters
    ----------
    type_number : int
        Metadata.MetricType.
    labels : dict
    """
    metric = labels.get(NAME, "")
    if type_number == COUNTER:
        return Kind.COUNTER
    if type_number in (HISTOGRAM, SUMMARY):
        return Kind.COUNTER if metric.endswith(("_bucket", "_count", "_sum")) else Kind.GAUGE
    return Kind.GAUGE if type_number == GAUGE else kind_by_name(metric, labels)


@kernel
def count_references(
    body: Bytes, start: Positions, stop: Positions, symbols: int, most: int
) -> tuple[Positions, NDArray[np.int8]]:
    """Check the references of each key and count those of the good ones.

    Parameters
    ----------
    body : uint8 array
    start, stop : int64 array, shape (k,)
        Runs of field 1: packed or single varints; other fields in between are skipped.
    symbols, most : int
        How many symbols there are, and how many references a key may have.

    Returns
    -------
    first : int64 array, shape (k + 1,)
    status : int8 array, shape (k,)
    """
    first = np.zeros(len(start) + 1, np.int64)
    status = np.zeros(len(start), np.int8)
    for i in range(len(start)):
        count, at = 0, start[i]
        while at < stop[i]:
            number, wire, inner, at = next_field(body, at, stop[i])
            if number != 1:
                continue
            if wire not in (LENGTH, VARINT):
                status[i] = UNREADABLE
            while inner < at and status[i] == 0:
                end = varint_end(body, inner, at)
                if end < 0 or varint(body, inner) < 0 or varint(body, inner) >= symbols:
                    status[i] = UNREADABLE
                inner = end
                count += 1
        if status[i] == 0 and count % 2 == 1:
            status[i] = UNREADABLE
        if status[i] == 0 and count > most:
            status[i] = TOO_MANY
        first[i + 1] = first[i] + (count if status[i] == 0 else 0)
    return first, status


@kernel
def fill_references(
    body: Bytes, start: Positions, stop: Positions, symbols: Ids, sizes: Positions, references: References
) -> int:
    """Write the symbol ids of each good key; returns how many bytes of text they stand for.

    Parameters
    ----------
    body : uint8 array
    start, stop : int64 array, shape (k,)
    symbols : int32 array, shape (s,)
        Interner's id per symbol of the request.
    sizes : int64 array, shape (s,)
        Bytes per symbol.
    references : References, written
    """
    row, stands_for_bytes = 0, 0
    for i in range(len(start)):
        at = start[i]
        while at < stop[i] and references.status[i] == 0:
            number, _wire, inner, at = next_field(body, at, stop[i])
            while number == 1 and inner < at:
                reference = varint(body, inner)
                references.symbol[row] = symbols[reference]
                stands_for_bytes += sizes[reference]
                row += 1
                inner = varint_end(body, inner, at)
    return stands_for_bytes


@kernel
def read_metadata(
    body: Bytes, start: Positions, stop: Positions, symbols: Ids
) -> tuple[Positions, Positions]:
    """Metric type and unit of each key; what is malformed or unknown counts as not given.

    Parameters
    ----------
    body : uint8 array
    start, stop : int64 array, shape (k,)
        Metadata messages, empty where there is none.
    symbols : int32 array, shape (s,)

    Returns
    -------
    type, unit : int64 array, shape (k,)
    """
    types = np.zeros(len(start), np.int64)
    units = np.full(len(start), -1, np.int64)
    for i in range(len(start)):
        at = start[i]
        while at < stop[i]:
            number, wire, inner, at = next_field(body, at, stop[i])
            if number < 0:
                break
            if wire != VARINT:
                continue
            given = varint(body, inner)
            if number == 1 and 0 <= given <= MAX_TYPE:
                types[i] = given
            elif number == 4 and 0 < given < len(symbols):
                units[i] = symbols[given]
    return types, units
