"""Which series of remote write 1.0 belong to a classic histogram or summary, and therefore count.

The protocol sends no types with its samples, and `_count` alone says little: `threads_count` is a gauge. But
buckets and quantiles say what family they belong to, and they come before its `_sum` and `_count`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from kullback.core.labels import NAME, Kind
from kullback.ingest.builder import kind_by_name

CAPACITY_FAMILIES = 100_000
BUCKET, SUM, COUNT = "_bucket", "_sum", "_count"

Pairs = Sequence[tuple[str, str]]


class Families:
    """Names of the classic histograms and summaries met so far; starts anew when full."""

    def __init__(self) -> None:
        self._names: set[str] = set()

    def learn(self, label_sets: Iterable[Pairs]) -> None:
        """Note the families of buckets and quantiles.

        Parameters
        ----------
        label_sets : iterable of pairs
        """
        for pairs in label_sets:
            labels = dict(pairs)
            metric = labels.get(NAME, "")
            if "le" in labels and metric.endswith(BUCKET):
                self._add(metric.removesuffix(BUCKET))
            elif "quantile" in labels:
                self._add(metric)

    def kind(self, pairs: Pairs) -> Kind:
        """The kind of a series of numbers.

        Parameters
        ----------
        pairs : sequence of (str, str)
        """
        labels = dict(pairs)
        metric = labels.get(NAME, "")
        for suffix in (SUM, COUNT):
            if metric.endswith(suffix) and metric.removesuffix(suffix) in self._names:
                return Kind.COUNTER
        return kind_by_name(metric, labels)

    def _add(self, name: str) -> None:
        if len(self._names) >= CAPACITY_FAMILIES:
            self._names.clear()
        self._names.add(name)
