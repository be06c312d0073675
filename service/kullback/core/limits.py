"""Limits on what may enter, and the one place that applies those of a batch."""

from __future__ import annotations

from dataclasses import dataclass, field
from operator import attrgetter

import numpy as np
from numpy.typing import NDArray

from kullback.core.batch import Batch
from kullback.core.errors import ErrorId, Refusal
from kullback.core.labels import Series, render
from kullback.core.tenant import Quotas

SHOWN_CHARACTERS = 120
_LABELS, _NAMES, _VALUES = map(attrgetter, ("label_count", "widest_name_bytes", "widest_value_bytes"))


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds whose names are the options that change them (docs/options.md)."""

    max_body_bytes: int = 32 * 1024 * 1024
    max_unpacked_bytes: int = 128 * 1024 * 1024
    max_inflight_bytes: int = 256 * 1024 * 1024
    max_samples_per_request: int = 1_000_000
    max_streams: int = 100_000
    max_streams_per_metric: int = 0
    max_labels_per_series: int = 64
    max_label_name_bytes: int = 1024
    max_label_value_bytes: int = 2048
    max_sample_age_ms: int = 10_800_000
    future_tolerance_ms: int = 600_000
    out_of_order_ms: int = 0
    max_queue_samples: int = 1_000_000
    max_event_listeners: int = 100
    tenants: Quotas = field(default_factory=Quotas)


def admit(
    batch: Batch, limits: Limits, now_ms: int, *, any_age: bool = False
) -> tuple[Batch, tuple[Refusal, ...]]:
    """Keep the samples within the limits and say what was refused.

    Parameters
    ----------
    batch : Batch
    limits : Limits
    now_ms : int
        Arrival time.
    any_age : bool
        Whether old samples are welcome (backfill).

    Returns
    -------
    Batch, tuple of Refusal
        The admitted samples in their order, and one refusal per reason.
    """
    fits, refusals = _series_that_fit(batch, limits)
    late = (
        batch.timestamp_ms < now_ms - limits.max_sample_age_ms if not any_age else np.zeros(len(batch), bool)
    )
    early = batch.timestamp_ms > now_ms + limits.future_tolerance_ms
    refusals += _refuse_when(batch, fits & late, ErrorId.SAMPLE_TOO_OLD, now_ms, limits.max_sample_age_ms)
    refusals += _refuse_when(
        batch, fits & early, ErrorId.SAMPLE_IN_FUTURE, now_ms, limits.future_tolerance_ms
    )
    return batch.take(fits & ~late & ~early), tuple(refusals)


def _series_that_fit(batch: Batch, limits: Limits) -> tuple[NDArray[np.bool_], list[Refusal]]:
    if _all_fit(batch.series, limits):
        return np.ones(len(batch), bool), []
    problems = {
        index: problem
        for index, series in enumerate(batch.series)
        if (problem := series_problem(series, limits)) is not None
    }
    fits = np.ones(len(batch), bool)
    refusals = []
    for index, problem in problems.items():
        rows = batch.stream_index == index
        fits &= ~rows
        refusals.append(Refusal(problem.error, int(rows.sum()), problem.detail))
    return fits, refusals


def _all_fit(series: tuple[Series, ...], limits: Limits) -> bool:
    """The usual case, told without a step of Python per series."""
    bounds = (
        (_LABELS, limits.max_labels_per_series),
        (_NAMES, limits.max_label_name_bytes),
        (_VALUES, limits.max_label_value_bytes),
    )
    return all(max(map(width, series), default=0) <= bound for width, bound in bounds)


def series_problem(series: Series, limits: Limits) -> Refusal | None:
    """Why a series may not enter, None when it may.

    Parameters
    ----------
    series : Series
    limits : Limits
    """
    if series.label_count > limits.max_labels_per_series:
        many = f"{_shown(series)} has {series.label_count} labels, more than {limits.max_labels_per_series}."
        return Refusal(ErrorId.TOO_MANY_LABELS, 1, many)
    if series.widest_name_bytes > limits.max_label_name_bytes:
        long = f"A label name of {_shown(series)} is longer than {limits.max_label_name_bytes} bytes."
        return Refusal(ErrorId.LABEL_NAME_TOO_LONG, 1, long)
    if series.widest_value_bytes > limits.max_label_value_bytes:
        long = f"A label value of {_shown(series)} is longer than {limits.max_label_value_bytes} bytes."
        return Refusal(ErrorId.LABEL_VALUE_TOO_LONG, 1, long)
    return None


def _refuse_when(
    batch: Batch, rows: NDArray[np.bool_], error: ErrorId, now_ms: int, bound_ms: int
) -> list[Refusal]:
    if not rows.any():
        return []
    first = int(np.argmax(rows))
    apart_ms = abs(int(batch.timestamp_ms[first]) - now_ms)
    side = "old" if error is ErrorId.SAMPLE_TOO_OLD else "ahead"
    series = _shown(batch.series[int(batch.stream_index[first])])
    detail = f"A sample of {series} is {apart_ms} ms {side}; the limit is {bound_ms} ms."
    return [Refusal(error, int(rows.sum()), detail)]


def _shown(series: Series) -> str:
    text = render(series.labels)
    return text if len(text) <= SHOWN_CHARACTERS else text[:SHOWN_CHARACTERS] + "…"
