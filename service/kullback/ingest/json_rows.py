"""One row of `POST /api/v1/ingest`: what it may hold, and how it becomes samples."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kullback.core.errors import ErrorId, Refusal
from kullback.core.labels import NAME, Kind, Series
from kullback.core.limits import Limits
from kullback.ingest.arrivals import Arrivals, remembered_series
from kullback.ingest.builder import Builder, Histogram, series_of, shown
from kullback.ingest.numbers import Bad, column, number, time_column, timestamp

Row = dict[str, Any]
Reader = Callable[[Builder, Row, int], None]

CAPACITY_FORMS = 1_000
COMMON_FIELDS = frozenset({"metric", "labels"})
FIELDS = {
    "value": COMMON_FIELDS | {"timestamp_ms"},
    "values": COMMON_FIELDS | {"timestamps_ms", "interval_ms"},
    "histogram": COMMON_FIELDS | {"timestamp_ms"},
    "category": COMMON_FIELDS | {"timestamp_ms"},
    "categories": COMMON_FIELDS | {"timestamps_ms", "interval_ms"},
}
"""The form of a row is named by the field that carries its samples; these are the others it may have."""


class RowReader:
    """Reads rows into a builder; keeps the series it has met.

    Parameters
    ----------
    limits : Limits
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._arrivals = Arrivals(limits)
        self._capacity = remembered_series(limits)
        self._series: dict[tuple[object, Kind | None, tuple[tuple[str, str], ...]], Series] = {}
        self._forms: dict[tuple[str, ...], str] = {}
        self._readers: dict[str, Reader] = {
            "value": self._value,
            "values": self._values,
            "histogram": self._histogram,
            "category": self._category,
            "categories": self._categories,
        }

    def read(self, builder: Builder, word: str, place: int, row: object, now_ms: int) -> None:
        """Add a row's samples to the builder, or the reason why not.

        Parameters
        ----------
        builder : Builder
        word, place : str, int
            For messages: which row or line.
        row : object
            As parsed.
        now_ms : int
        """
        try:
            if not isinstance(row, dict):
                raise Bad(f"must be an object, not {_kind_of_json(row)}")
            self._readers[self._form_of(row)](builder, row, now_ms)
        except Bad as problem:
            builder.refuse(problem.error, f"{word} {place}{_named(row)} {problem}.", problem.count)

    def _form_of(self, row: Row) -> str:
        fields = tuple(row)
        form = self._forms.get(fields)
        if form is None:
            if len(self._forms) >= CAPACITY_FORMS:
                self._forms.clear()
            form = self._forms[fields] = form_of(row)
        return form

    def _value(self, builder: Builder, row: Row, now_ms: int) -> None:
        series = self._series_of(row, None)
        value = number(row["value"], "value")
        builder.add(series, self._time(series, row, now_ms), value)

    def _values(self, builder: Builder, row: Row, now_ms: int) -> None:
        values = _array(row, "values")
        series = self._series_of(row, None, len(values))
        times = self._times(series, row, now_ms, len(values))
        kept, bad = column(values)
        if bad:
            times = np.delete(times, bad)
            builder.refuse(
                ErrorId.BAD_SAMPLE,
                f"{row['metric']}: values[{bad[0]}] is {_kind_of_json(values[bad[0]])}, not a number.",
                len(bad),
            )
        builder.add_column(series, times, kept)

    def _histogram(self, builder: Builder, row: Row, now_ms: int) -> None:
        series = self._series_of(row, Kind.HISTOGRAM)
        histogram = histogram_of(row["histogram"])
        builder.add_histogram(series, self._time(series, row, now_ms), histogram)

    def _category(self, builder: Builder, row: Row, now_ms: int) -> None:
        series = self._series_of(row, Kind.CATEGORY)
        name = self._category_name(row["category"], "category", 1)
        builder.add_categories(series, np.array([self._time(series, row, now_ms)], np.int64), (name,))

    def _categories(self, builder: Builder, row: Row, now_ms: int) -> None:
        names = _array(row, "categories")
        series = self._series_of(row, Kind.CATEGORY, len(names))
        for i, name in enumerate(names):
            self._category_name(name, f"categories[{i}]", len(names))
        builder.add_categories(series, self._times(series, row, now_ms, len(names)), names)

    def _category_name(self, name: object, field: str, count: int) -> str:
        if not isinstance(name, str) or not name:
            raise Bad(f"needs a non-empty text as `{field}`", count)
        if len(name.encode()) > self._limits.max_label_value_bytes:
            long = f"has a category longer than {self._limits.max_label_value_bytes} bytes in `{field}`"
            raise Bad(long, count, ErrorId.LABEL_VALUE_TOO_LONG)
        return name

    def _time(self, series: Series, row: Row, now_ms: int) -> int:
        given = row.get("timestamp_ms")
        if given is None:
            return self._arrivals.spread(series.key, 1, now_ms)[0]
        return timestamp(given, "timestamp_ms")

    def _times(self, series: Series, row: Row, now_ms: int, count: int) -> NDArray[np.int64]:
        given = row.get("timestamps_ms")
        if given is None:
            spread = self._arrivals.spread(series.key, count, now_ms, _interval_ms(row, count))
            return np.array(spread, np.int64)
        if not isinstance(given, list) or len(given) != count:
            had = len(given) if isinstance(given, list) else _kind_of_json(given)
            raise Bad(f"has {count} samples but {had} in `timestamps_ms`", count)
        return time_column(given, "timestamps_ms")

    def _series_of(self, row: Row, kind: Kind | None, count: int = 1) -> Series:
        metric, labels = row.get("metric"), row.get("labels") or {}
        try:
            # Texts only are kept as keys, so whatever is found here has been checked before.
            series = self._series.get((metric, kind, tuple(labels.items())))
        except (AttributeError, TypeError):
            series = None
        return self._learn(metric, labels, kind, count) if series is None else series

    def _learn(self, metric: object, labels: object, kind: Kind | None, count: int) -> Series:
        if not isinstance(metric, str) or not metric:
            raise Bad("needs a non-empty text as `metric`", count)
        if not isinstance(labels, dict):
            raise Bad(f"needs an object as `labels`, not {_kind_of_json(labels)}", count)
        pairs = tuple((name, _label_text(name, value, count)) for name, value in labels.items())
        key = (metric, kind, pairs)
        if (known := self._series.get(key)) is not None:
            return known
        made = series_of(((NAME, metric), *pairs), kind)
        if isinstance(made, Refusal):
            raise Bad(f"has bad labels: {made.detail.rstrip('.')}", count, made.error)
        if len(self._series) >= self._capacity:
            self._series.clear()
        self._series[key] = made
        return made


def form_of(row: Row) -> str:
    """Which of the forms a row has.

    Parameters
    ----------
    row : dict

    Raises
    ------
    Bad
        When it has none or several, or a field that does not belong to its form.
    """
    forms = [field for field in FIELDS if field in row]
    if len(forms) != 1:
        raise Bad(f"must have exactly one of {', '.join(FIELDS)}; it has {', '.join(forms) or 'none'}")
    form = forms[0]
    for field in row:
        if field != form and field not in FIELDS[form]:
            known = ", ".join(sorted(FIELDS[form]))
            raise Bad(f"has an unknown field {shown(field)!r}; beside `{form}` it may have {known}")
    return form


def histogram_of(given: object) -> Histogram:
    """Read `{"upper_bounds": [...], "counts": [...]}`; one count more than bounds is the open last bucket.

    Parameters
    ----------
    given : object

    Raises
    ------
    Bad
        BAD_HISTOGRAM, saying what does not fit.
    """
    if not isinstance(given, dict) or set(given) != {"upper_bounds", "counts"}:
        raise _bad_histogram("`histogram` must be an object of `upper_bounds` and `counts`")
    bounds, counts = given["upper_bounds"], given["counts"]
    if not (isinstance(bounds, list) and isinstance(counts, list)):
        raise _bad_histogram("`upper_bounds` and `counts` must be arrays")
    if not counts or len(counts) - len(bounds) not in (0, 1):
        raise _bad_histogram(
            f"{len(bounds)} bounds need as many counts or one more for what lies above, not {len(counts)}"
        )
    upper = [_finite(bound, "upper_bounds") for bound in bounds] + [math.inf] * (len(counts) - len(bounds))
    if any(low >= high for low, high in pairwise(upper)):
        raise _bad_histogram("`upper_bounds` must rise")
    observed = [_finite(count, "counts") for count in counts]
    if min(observed) < 0:
        raise _bad_histogram("`counts` must not be negative")
    return Histogram(upper, observed)


def _finite(value: object, field: str) -> float:
    if type(value) not in (int, float):
        raise _bad_histogram(f"`{field}` holds {_kind_of_json(value)}, not a number")
    return float(value)  # type: ignore[arg-type]


def _bad_histogram(detail: str) -> Bad:
    return Bad(f"has a bad histogram: {detail}", 1, ErrorId.BAD_HISTOGRAM)


def _interval_ms(row: Row, count: int) -> float | None:
    given = row.get("interval_ms")
    if given is None:
        return None
    if type(given) not in (int, float) or given <= 0:
        raise Bad("needs a number above zero as `interval_ms`", count)
    return float(given)


def _array(row: Row, field: str) -> list[Any]:
    values = row[field]
    if not isinstance(values, list):
        raise Bad(f"needs an array as `{field}`, not {_kind_of_json(values)}")
    return values


def _label_text(name: str, value: object, count: int) -> str:
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    raise Bad(f"has {_kind_of_json(value)} as the value of label {shown(name)!r}", count, ErrorId.BAD_LABELS)


def _kind_of_json(value: object) -> str:
    names = {dict: "an object", list: "an array", str: "a text", bool: "a truth value", type(None): "null"}
    return names.get(type(value), "a number")


def _named(row: object) -> str:
    metric = row.get("metric") if isinstance(row, dict) else None
    return f" ({shown(metric)})" if isinstance(metric, str) and metric else ""
