"""What other windows or another reference would have meant: the stored values through the detector again."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kullback.backtest import WEEK_MS, count_alarms
from kullback.core.budget import DAY_MS, Budget
from kullback.core.errors import ErrorId, RequestError
from kullback.core.labels import Kind, Series, render
from kullback.core.profile import Profile
from kullback.detector.layout import Shape
from kullback.engine.forms import Form
from kullback.http.context import Context
from kullback.http.streams import number_of
from kullback.http.what_if import LOOK_BACK_MS, WhatIf, WhatIfPoint
from kullback.pipeline.tenancy import OwnFleet

MOST_WINDOWS, LEAST_REFERENCE = 5, 64
SINGLE_RATIO = 0.95
"""Share of the stored points with one sample only, from which they are as good as the samples."""
BASIS = (
    "{points} stored values run through the detector again, which begins knowing nothing; beside it the same "
    "with what is in force."
)
NO_NUMBERS = "Of a stream of {form} the values are not stored; budgets can be tried, windows cannot."
MEANS = (
    "Other windows need the samples themselves; of this stream means of {step} s are stored, with "
    "{samples:.0f} samples each. Back-test a recording, or set storage.history_step to its interval of "
    "{interval:.3g} s."
)


@dataclass(frozen=True, slots=True)
class Trial:
    """What is tried; None where it is as in force.

    Parameters
    ----------
    windows : tuple of int or None
        In samples.
    reference : int or None
        In samples.
    """

    windows: tuple[int, ...] | None
    reference: int | None

    def on(self, profile: Profile) -> Profile:
        """A profile with what is tried.

        Parameters
        ----------
        profile : Profile
        """
        if self.windows:
            profile = replace(profile, current_samples=self.windows, current_ms=())
        if self.reference:
            profile = replace(profile, reference=replace(profile.reference, size_samples=self.reference))
        return profile


def read_trial(current: str, reference: int | None, room: Shape) -> Trial | None:
    """What a request wants to try; None when it is nothing but budgets.

    Parameters
    ----------
    current : str
        Lengths of windows with commas between.
    reference : int or None
    room : Shape
        What the service's detector holds; another size would have to be compiled first.

    Raises
    ------
    RequestError
        BAD_REQUEST.
    """
    if not current.strip() and reference is None:
        return None
    words = [word.strip() for word in current.split(",") if word.strip()]
    windows = tuple(sorted({int(word) for word in words if word.isdecimal() and len(word) < 7}))
    fits = all(2 <= window <= room.gap_samples for window in windows)
    if len(windows) != len(words) or len(windows) > MOST_WINDOWS or not fits:
        lengths = f"{MOST_WINDOWS} different windows of 2 to {room.gap_samples} samples"
        raise RequestError(ErrorId.BAD_REQUEST, f"current: at most {lengths}, such as 16,64,256.")
    if reference is not None and not LEAST_REFERENCE <= reference <= room.reference_samples:
        sizes = f"{LEAST_REFERENCE} to {room.reference_samples} samples"
        raise RequestError(ErrorId.BAD_REQUEST, f"reference: {sizes}; back-test a recording for more.")
    return Trial(windows or None, reference)


@dataclass(frozen=True, slots=True)
class Stored:
    """What is stored of a stream.

    Parameters
    ----------
    match : str
    profile : Profile
    streams : int
        Among which a fleet budget is divided.
    interval_ms : float
    timestamp_ms : int64 array, shape (n,)
    value : float64 array, shape (n,)
    """

    match: str
    profile: Profile
    streams: int
    interval_ms: float
    timestamp_ms: NDArray[np.int64]
    value: NDArray[np.float64]


async def rerun(context: Context, stream_id: str, trial: Trial, budgets: tuple[Budget, ...]) -> WhatIf:
    """Alarms of the stored values with what is tried, beside those with what is in force.

    Parameters
    ----------
    context : Context
    stream_id : str
    trial : Trial
    budgets : tuple of Budget
        The one in force is added.

    Raises
    ------
    RequestError
        NOT_FOUND; CONFLICT when what is stored does not allow it.
    """
    now_ms = context.clock()
    stored = await context.ask(lambda fleet: _stored(fleet, stream_id, now_ms))
    points = await asyncio.to_thread(lambda: list(_points(stored, trial, budgets, context.shape)))
    tried = trial.on(stored.profile)
    return WhatIf(
        stream=stream_id,
        match=stored.match,
        budget=stored.profile.budget.render(),
        span_ms=_span_ms(stored),
        basis=BASIS.format(points=len(stored.value)),
        current=list(tried.current_samples),
        reference=tried.reference.size_samples,
        points=points,
    )


def _stored(fleet: OwnFleet, stream_id: str, now_ms: int) -> Stored:
    number = number_of(fleet, stream_id)
    stream = fleet.engine.stream(number)
    if stream.form is not Form.NUMBER:
        form = {Form.HISTOGRAM: "histograms", Form.CATEGORY: "categories"}[stream.form]
        raise RequestError(ErrorId.CONFLICT, NO_NUMBERS.format(form=form))
    points: NDArray[Any] = fleet.history.scores(stream_id, now_ms - LOOK_BACK_MS, now_ms)
    interval_ms = float(fleet.engine.summary(np.array([number], np.int32)).interval_ms[0])
    if np.count_nonzero(points["samples"] == 1) < SINGLE_RATIO * len(points):
        step_s, samples = fleet.history.step_ms // 1000, float(points["samples"].mean())
        detail = MEANS.format(step=step_s, samples=samples, interval=interval_ms / 1000)
        raise RequestError(ErrorId.CONFLICT, detail)
    return Stored(
        match=render(stream.series.labels),
        profile=stream.profile,
        streams=max(fleet.engine.watched, 1),
        interval_ms=interval_ms,
        timestamp_ms=points["at_ms"].astype(np.int64),
        value=points["mean"].astype(np.float64),
    )


def _points(stored: Stored, trial: Trial, budgets: tuple[Budget, ...], room: Shape) -> Iterator[WhatIfPoint]:
    present, span_ms = stored.profile, _span_ms(stored)

    def strictness(budget: Budget) -> float:
        return budget.samples_per_alarm(stored.interval_ms, stored.streams)

    for budget in sorted({*budgets, present.budget}, key=strictness):
        alarms = _alarms(stored, replace(trial.on(present), budget=budget), room)
        yield WhatIfPoint(
            budget=budget.render(),
            line=None,
            alarms=alarms,
            alarms_in_force=_alarms(stored, replace(present, budget=budget), room),
            alarms_per_week=alarms * WEEK_MS / span_ms if span_ms >= DAY_MS else None,
            allowed_per_week=7 * budget.per_day(stored.interval_ms, stored.streams),
        )


def _alarms(stored: Stored, profile: Profile, room: Shape) -> int:
    # Of a counter its rates are stored. The service's own sizes: others would have to be compiled first.
    windows = room.windows if profile.current_ms else profile.current_samples
    shape = Shape(windows or room.windows, room.reference_samples, room.gap_samples)
    unnamed = Series((), Kind.GAUGE)
    return count_alarms(unnamed, stored.timestamp_ms, stored.value, replace(profile, counter=False), shape)


def _span_ms(stored: Stored) -> int:
    return int(np.ptp(stored.timestamp_ms)) if len(stored.timestamp_ms) else 0
