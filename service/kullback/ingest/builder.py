"""Building series, refusals and batches from what a decoder has read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kullback.core.batch import Batch, Buckets, empty_batch
from kullback.core.errors import DecodeError, ErrorId, Refusal, merge_refusals
from kullback.core.labels import NAME, Kind, Series, kind_of_name, render, sorted_labels
from kullback.ingest.decoded import Decoded

Times = NDArray[np.int64]
Values = NDArray[np.float64]

SHOWN_CHARACTERS = 120


def series_of(pairs: Sequence[tuple[str, str]], kind: Kind | None = None, unit: str = "") -> Series | Refusal:
    """The series of a label set, or why it is none.

    Parameters
    ----------
    pairs : sequence of (str, str)
        In any order.
    kind : Kind, optional
        Told by the protocol; else by the metric's name (`…_total`, or `…_bucket` with an `le` label).
    unit : str
    """
    labels = sorted_labels(pairs)
    if not labels:
        return Refusal(ErrorId.BAD_LABELS, 1, "A series has no labels at all, not even a name.")
    if len({name for name, _ in pairs}) != len(pairs):
        return Refusal(ErrorId.BAD_LABELS, 1, f"A label name occurs twice in {shown(render(labels))}.")
    if not labels[0][0]:
        return Refusal(ErrorId.BAD_LABELS, 1, f"A label name of {shown(render(labels))} is empty.")
    if kind is None:
        values = dict(labels)
        kind = kind_by_name(values.get(NAME, ""), values)
    return Series(labels, kind, unit)


def kind_by_name(metric: str, labels: Mapping[str, str]) -> Kind:
    """The kind a name and labels tell where the protocol does not: `…_total` and `…_bucket{le=…}` count.

    Parameters
    ----------
    metric : str
    labels : mapping
    """
    if metric.endswith("_bucket") and "le" in labels:
        return Kind.COUNTER
    return kind_of_name(metric)


def shown(text: str) -> str:
    """A text short enough for an error message.

    Parameters
    ----------
    text : str
    """
    return text if len(text) <= SHOWN_CHARACTERS else text[:SHOWN_CHARACTERS] + "…"


@dataclass(frozen=True, slots=True)
class Histogram:
    """Counts per bucket; bounds as `core.batch.Buckets` has them."""

    upper_bound: Sequence[float]
    count: Sequence[float]
    cumulative: bool = False


class Builder:
    """Collects the samples of one request in their order; `build` gives the batch.

    Parameters
    ----------
    max_samples : int
        The option `max_samples_per_request`; one more raises DecodeError.
    """

    def __init__(self, max_samples: int) -> None:
        self._max_samples = max_samples
        self._series: dict[str, int] = {}
        self._table: list[Series] = []
        self._rows = 0
        self._columns: list[tuple[NDArray[np.int32], Times, Values]] = []
        self._single: tuple[list[int], list[int], list[float | None]] = ([], [], [])
        self._categories: dict[str, int] = {}
        self._histograms: dict[int, Histogram] = {}
        self._refusals: list[Refusal] = []

    def __len__(self) -> int:
        return self._rows

    def refuse(self, error: ErrorId, detail: str, count: int = 1) -> None:
        """Count samples that cannot be read.

        Parameters
        ----------
        error : ErrorId
        detail : str
            Which sample and which field.
        count : int
        """
        self._refusals.append(Refusal(error, count, detail))

    def add(self, series: Series, timestamp_ms: int, value: float | None) -> None:
        """Add one sample; None means NaN.

        Parameters
        ----------
        series : Series
        timestamp_ms : int
        value : float or None
        """
        self._count(1)
        index, times, values = self._single
        index.append(self._number(series))
        times.append(timestamp_ms)
        values.append(value)

    def add_column(self, series: Series, timestamps_ms: Times, values: Values) -> None:
        """Add samples of one series.

        Parameters
        ----------
        series : Series
        timestamps_ms : int64 array, shape (n,)
        values : float64 array, shape (n,)
        """
        self._count(len(values))
        self._flush()
        index = np.full(len(values), self._number(series), np.int32)
        self._columns.append((index, timestamps_ms, values))

    def add_histogram(
        self, series: Series, timestamp_ms: int, histogram: Histogram, value: float | None = None
    ) -> None:
        """Add one histogram sample.

        Parameters
        ----------
        series : Series
        timestamp_ms : int
        histogram : Histogram
        value : float, optional
            The stale marker, with an empty histogram, when the stream has ended.
        """
        self._histograms[len(self)] = histogram
        self.add(series, timestamp_ms, value)

    def add_categories(self, series: Series, timestamps_ms: Times, names: Sequence[str]) -> None:
        """Add categorical samples of one series.

        Parameters
        ----------
        series : Series
        timestamps_ms : int64 array, shape (n,)
        names : sequence of str
            As many.
        """
        codes = [self._categories.setdefault(name, len(self._categories)) for name in names]
        self.add_column(series, timestamps_ms, np.array(codes, np.float64))

    def build(self) -> Decoded:
        """The batch and the merged refusals."""
        refusals = merge_refusals(self._refusals)
        if not self._rows:
            return Decoded(empty_batch(), refusals)
        self._flush()
        index, times, values = zip(*self._columns, strict=True)
        batch = Batch(
            tuple(self._table),
            np.concatenate(index),
            np.concatenate(times),
            np.concatenate(values),
            self._buckets() if self._histograms else None,
            tuple(self._categories),
        )
        return Decoded(batch, refusals)

    def _count(self, samples: int) -> None:
        self._rows += samples
        if self._rows > self._max_samples:
            detail = f"The request holds more than {self._max_samples} samples."
            raise DecodeError(ErrorId.TOO_MANY_SAMPLES, detail)

    def _flush(self) -> None:
        """Turn the samples that came singly into a column, so that the order of the body is kept."""
        index, times, values = self._single
        if index:
            # None becomes NaN.
            column = np.array(values, np.float64)
            self._columns.append((np.array(index, np.int32), np.array(times, np.int64), column))
            self._single = ([], [], [])

    def _number(self, series: Series) -> int:
        number = self._series.get(series.key)
        if number is None:
            number = self._series[series.key] = len(self._table)
            self._table.append(series)
        return number

    def _buckets(self) -> Buckets:
        width = np.zeros(len(self) + 1, np.int64)
        cumulative = np.zeros(len(self), np.bool_)
        for row, histogram in self._histograms.items():
            width[row + 1] = len(histogram.count)
            cumulative[row] = histogram.cumulative
        bounds, counts = _flat(self._histograms.values())
        return Buckets(np.cumsum(width), bounds, counts, cumulative if cumulative.any() else None)


def _flat(histograms: Iterable[Histogram]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    bounds: list[float] = []
    counts: list[float] = []
    for histogram in histograms:
        bounds.extend(histogram.upper_bound)
        counts.extend(histogram.count)
    return np.array(bounds, np.float64), np.array(counts, np.float64)
