"""Prometheus remote write 1.0 (prometheus.io/docs/specs/prw/remote_write_spec)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kullback.core.errors import ErrorId, Refusal
from kullback.core.kernel import kernel
from kullback.core.labels import Kind, Series
from kullback.core.limits import Limits
from kullback.ingest.builder import series_of
from kullback.ingest.classic import Families
from kullback.ingest.decoded import Decoded
from kullback.ingest.interner import Interner
from kullback.ingest.timeseries import VERSION_1, walk
from kullback.ingest.wire import LENGTH, Bytes, Positions, as_bytes, next_field
from kullback.ingest.write_request import decoded, keys_of

Spans = NDArray[np.int64]


class RemoteWriteDecoder:
    """Decodes `prometheus.WriteRequest`. Metadata and exemplars are accepted and not kept.

    Parameters
    ----------
    limits : Limits, optional
    """

    protocol = "remote_write"

    def __init__(self, limits: Limits | None = None) -> None:
        self._limits = limits or Limits()
        self._families = Families()
        self._interner = Interner[Series].for_streams(self._limits.max_streams)

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
            BAD_PROTOBUF or TOO_MANY_SAMPLES.
        """
        raw = as_bytes(body)
        found = walk(raw, VERSION_1, self._limits)
        keys = keys_of(found)
        start, stop = found.key_start[keys.series], found.key_stop[keys.series]

        def read(rows: Positions) -> list[Series | Refusal]:
            return read_series(body, start[rows], stop[rows], keys.histogram[rows], self._families)

        with self._interner.request():
            ids = self._interner.ids(raw, keys.histogram, start, stop, read)
            return decoded(raw, found, self._interner, ids[keys.of_row])


def read_series(
    body: bytes, start: Positions, stop: Positions, histogram: Positions, families: Families
) -> list[Series | Refusal]:
    """The series of each run of Label messages.

    Parameters
    ----------
    body : bytes
    start, stop : int64 array, shape (k,)
        Runs of field 1; other fields in between are skipped.
    histogram : int64 array, shape (k,)
        1 for a series of native histograms.
    families : Families
        Learns from all of them before it is asked.
    """
    labels, first = label_spans(as_bytes(body), start, stop)
    spans = labels.tolist()
    read = [_read_pairs(body, spans[first[i] : first[i + 1]]) for i in range(len(start))]
    families.learn(pairs for pairs in read if not isinstance(pairs, Refusal))
    return [
        pairs
        if isinstance(pairs, Refusal)
        else series_of(pairs, Kind.HISTOGRAM if native else families.kind(pairs))
        for pairs, native in zip(read, histogram.tolist(), strict=True)
    ]


def _read_pairs(body: bytes, spans: list[list[int]]) -> list[tuple[str, str]] | Refusal:
    if any(a < 0 for a, *_ in spans):
        return Refusal(ErrorId.BAD_LABELS, 1, "A Label message is malformed.")
    try:
        return [(body[a:b].decode(), body[c:d].decode()) for a, b, c, d in spans]
    except UnicodeDecodeError:
        text = b",".join(body[a:b] + b"=" + body[c:d] for a, b, c, d in spans)[:80]
        return Refusal(ErrorId.BAD_LABELS, 1, f"Labels that are not UTF-8: {text!r}.")


@kernel
def label_spans(body: Bytes, start: Positions, stop: Positions) -> tuple[Spans, Positions]:
    """Where the names and values of labels are.

    Parameters
    ----------
    body : uint8 array
    start, stop : int64 array, shape (k,)

    Returns
    -------
    spans : int64 array, shape (m, 4)
        Start and stop of name and value per label; -1 for a malformed one.
    first : int64 array, shape (k + 1,)
        Labels of run `i` are `first[i]:first[i + 1]`.
    """
    first = np.zeros(len(start) + 1, np.int64)
    for i in range(len(start)):
        at = start[i]
        first[i + 1] = first[i]
        while at < stop[i]:
            number, _wire, _from, at = next_field(body, at, stop[i])
            first[i + 1] += number == 1
    spans = np.zeros((first[-1], 4), np.int64)
    row = 0
    for i in range(len(start)):
        at = start[i]
        while at < stop[i]:
            number, _wire, inner, at = next_field(body, at, stop[i])
            if number == 1:
                _label_span(body, inner, at, spans[row])
                row += 1
    return spans, first


@kernel
def _label_span(body: Bytes, at: int, stop: int, span: Positions) -> None:
    while at < stop:
        number, wire, start, at = next_field(body, at, stop)
        if number in (1, 2) and wire == LENGTH:
            span[2 * number - 2], span[2 * number - 1] = start, at
        elif number <= 2:
            span[:] = -1
            return
