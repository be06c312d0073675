"""Influx line protocol, as Telegraf and others write it."""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray

from kullback.core.batch import Batch
from kullback.core.errors import DecodeError, ErrorId, Refusal, merge_refusals
from kullback.core.labels import NAME, Series
from kullback.core.limits import Limits
from kullback.ingest.builder import series_of, shown
from kullback.ingest.decimals import UNSURE
from kullback.ingest.decoded import Decoded
from kullback.ingest.influx_walk import MOST_BAD_LINES, NO_TIME, PROBLEMS, Lines, walk
from kullback.ingest.interner import Ids, Interner
from kullback.ingest.prometheus_names import safe_label, safe_metric
from kullback.ingest.wire import Bytes, Positions, as_bytes

UNITS_NS = {
    "ns": 1,
    "n": 1,
    "us": 1_000,
    "u": 1_000,
    "µ": 1_000,
    "ms": 1_000_000,
    "s": 1_000_000_000,
    "m": 60_000_000_000,
    "h": 3_600_000_000_000,
}
"""The `precision` parameter of both endpoints."""
NS_PER_MS = 1_000_000
LATEST_MS = 2**62

LINE, FIELD = 0, 1
"""Levels of keys: a field's prefix holds the id of its line's measurement and tags."""

_PART = re.compile(r"(?:[^,\\]|\\.|\\)+", re.DOTALL)
_TAG = re.compile(r"((?:[^\\=]|\\.)+)=(.*)", re.DOTALL)
_ESCAPED = re.compile(r"\\([,= \\])")

Tags = tuple[tuple[str, str], ...]
"""The measurement under `__name__`, then the tags."""
Fault = tuple[Refusal, list[int]]
"""A refusal and the numbers of the lines it is about."""


class InfluxDecoder:
    """Decodes line protocol: one series per numeric field, named `<measurement>_<field>`, tags as labels.

    Truth values count as 1 and 0; fields that hold a text are no samples.

    Parameters
    ----------
    limits : Limits, optional
    """

    protocol = "influx"

    def __init__(self, limits: Limits | None = None) -> None:
        self._limits = limits or Limits()
        self._interner = Interner[Tags | Series].for_streams(self._limits.max_streams)

    def decode(self, body: bytes, now_ms: int, precision: str = "ns") -> Decoded:
        """Read an unpacked body; a bad line is refused alone.

        Parameters
        ----------
        body : bytes
        now_ms : int
            Time of lines that carry none.
        precision : str
            Unit of the timestamps, one of UNITS_NS; "" means ns.

        Raises
        ------
        DecodeError
            TOO_MANY_SAMPLES, or BAD_REQUEST for an unknown precision.
        """
        unit_ns = UNITS_NS.get(precision or "ns")
        if unit_ns is None:
            known = ", ".join(UNITS_NS)
            raise DecodeError(ErrorId.BAD_REQUEST, f"precision {precision[:20]!r} is not one of {known}.")
        raw = as_bytes(body)
        found = walk(raw, self._limits)
        with self._interner.request():
            ids = self._series(body, raw, found)
            return self._decoded(body, found, ids, unit_ns, now_ms)

    def _series(self, body: bytes, raw: Bytes, found: Lines) -> Ids:
        lines, fields = found.counts[:2].tolist()
        keys, names = found.key[:lines], found.field_key[:fields]

        def read_lines(rows: Positions) -> list[Tags | Series | Refusal]:
            return [_read_key(body[slice(*keys[row].tolist())]) for row in rows]

        of_lines = self._interner.ids(raw, np.full(lines, LINE, np.int64), keys[:, 0], keys[:, 1], read_lines)
        above = of_lines[found.field_line[:fields]].astype(np.int64)

        def read_fields(rows: Positions) -> list[Tags | Series | Refusal]:
            return [self._read_field(int(above[row]), body[slice(*names[row].tolist())]) for row in rows]

        return self._interner.ids(raw, above * 2 + FIELD, names[:, 0], names[:, 1], read_fields)

    def _read_field(self, line: int, name: bytes) -> Series | Refusal:
        tags = self._interner.values[line]
        if not isinstance(tags, tuple):
            return tags if isinstance(tags, Refusal) else Refusal(ErrorId.BAD_LINE, 1, "no tags")
        try:
            field = _unescaped(name.decode())
        except UnicodeDecodeError:
            return Refusal(ErrorId.BAD_LINE, 1, f"the field {name[:80]!r} is not UTF-8")
        metric = safe_metric(f"{tags[0][1]}_{field}")
        made = series_of(((NAME, metric), *tags[1:]))
        return Refusal(ErrorId.BAD_LINE, 1, made.detail.rstrip(".")) if isinstance(made, Refusal) else made

    def _decoded(self, body: bytes, found: Lines, ids: Ids, unit_ns: int, now_ms: int) -> Decoded:
        lines, fields = found.counts[:2].tolist()
        values, line = found.value[:fields], found.field_line[:fields]
        for row in np.flatnonzero(found.certainty[:fields] == UNSURE):
            values[row] = float(body[slice(*found.field_value[row].tolist())].rstrip(b"iu"))
        times, in_range = _times_ms(found.time[:lines], unit_ns, now_ms)
        refused = self._interner.refused(ids)
        keep = ~refused & in_range[line]
        stream_index, unique = self._interner.distinct(ids[keep])
        series = tuple(one for one in self._interner.meanings(unique) if isinstance(one, Series))
        batch = Batch(series, stream_index, times[line[keep]], values[keep])
        faults = [*_malformed(found), *self._bad_series(found, ids, refused), *_late(found, in_range)]
        numbers = sorted({number for _, bad in faults for number in bad})
        refusals = merge_refusals(refusal for refusal, _ in faults)
        return Decoded(batch, refusals, tuple(numbers[:MOST_BAD_LINES]))

    def _bad_series(self, found: Lines, ids: Ids, refused: NDArray[np.bool_]) -> list[Fault]:
        rows = np.flatnonzero(refused)
        if not len(rows):
            return []
        numbers = found.number[found.field_line[rows]].tolist()
        first = self._interner.values[ids[rows[0]]]
        why = first.detail if isinstance(first, Refusal) else ""
        return [(Refusal(ErrorId.BAD_LINE, len(rows), f"Line {numbers[0]}: {why}."), numbers)]


def _malformed(found: Lines) -> list[Fault]:
    count = int(found.counts[2])
    if not count:
        return []
    numbers = found.bad_number[: min(count, MOST_BAD_LINES)].tolist()
    detail = f"Line {numbers[0]}: {PROBLEMS[int(found.bad_why[0])]}."
    return [(Refusal(ErrorId.BAD_LINE, count, detail), numbers)]


def _late(found: Lines, in_range: NDArray[np.bool_]) -> list[Fault]:
    lines = np.flatnonzero(~in_range)
    if not len(lines):
        return []
    numbers = found.number[lines].tolist()
    samples = int((~in_range)[found.field_line[: found.counts[1]]].sum())
    detail = f"Line {numbers[0]}: its timestamp is out of range; is `precision` right?"
    return [(Refusal(ErrorId.BAD_LINE, samples, detail), numbers)]


def _times_ms(times: Positions, unit_ns: int, now_ms: int) -> tuple[Positions, NDArray[np.bool_]]:
    """Times in ms, and which of them 64 bits can hold."""
    given = times != NO_TIME
    if unit_ns < NS_PER_MS:
        return np.where(given, times // (NS_PER_MS // unit_ns), now_ms), np.ones(len(times), np.bool_)
    factor = unit_ns // NS_PER_MS
    in_range = ~given | (np.abs(np.where(given, times, 0)) < LATEST_MS // factor)
    return np.where(given, np.where(in_range, times, 0) * factor, now_ms), in_range


def _read_key(key: bytes) -> Tags | Refusal:
    try:
        text = key.decode()
    except UnicodeDecodeError:
        return Refusal(ErrorId.BAD_LINE, 1, f"the tags {key[:80]!r} are not UTF-8")
    measurement, *parts = _PART.findall(text)
    tags = [found.groups() for part in parts if (found := _TAG.fullmatch(part))]
    if len(tags) != len(parts) or ",".join((measurement, *parts)) != text:
        return Refusal(ErrorId.BAD_LINE, 1, f"a tag of {shown(text)} is not written as key=value")
    labels = ((safe_label(_unescaped(name)), _unescaped(value)) for name, value in tags)
    return ((NAME, _unescaped(measurement)), *labels)


def _unescaped(text: str) -> str:
    return _ESCAPED.sub(r"\1", text) if "\\" in text else text
