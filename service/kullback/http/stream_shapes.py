"""What the API shows of streams."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np
from pydantic import BaseModel, Field

from kullback.core.duration import render_duration
from kullback.core.labels import NAME, TENANT, Series
from kullback.core.profile import Profile, Reference
from kullback.core.units import unit_of
from kullback.engine.comparison import kind_of
from kullback.engine.streams import Stream
from kullback.pipeline.standing import STATES
from kullback.pipeline.tenancy import OwnFleet

STREAM_EXAMPLE = {
    "id": "0f3a5c7e9b1d2f4a6c8e",
    "metric": "response_time_seconds",
    "labels": {"server": "web-1"},
    "form": "number",
    "score": 0.31,
    "divergence_nats": 0.02,
    "state": "ok",
    "samples": 7201,
    "observations": None,
    "last_sample_ms": 1795328801679,
    "interval_ms": 1000.0,
    "threshold_nats": 10.6,
    "ready": True,
    "warm_up_ratio": 1.0,
    "budget": "1 per 30d",
    "budget_per_day": 0.033,
    "realised_alarms_per_day": 0.0,
    "anomalies": 0,
}


class StreamRow(BaseModel):
    """One stream in a list."""

    id: str
    metric: str
    labels: dict[str, str] = Field(description="Without the metric's name.")
    form: str = Field(description="number, histogram or category.")
    score: float | None = Field(description="1.0 is the alarm line; null without a trusted score.")
    divergence_nats: float | None = Field(description="D(current ‖ reference) of the leading window.")
    state: str = Field(description=", ".join(STATES))
    samples: int = Field(description="Scored so far; intervals for a histogram stream.")
    observations: float | None = Field(None, description="Mass of a histogram stream.")
    last_sample_ms: int | None
    interval_ms: float | None = Field(description="Typical distance of two samples.")
    threshold_nats: float | None = Field(description="Surprise at which the score is 1.")
    ready: bool = Field(description="Whether the reference is trusted.")
    warm_up_ratio: float = Field(description="1 when reference and threshold have their full size.")
    budget: str = Field(description="Accepted false alarms.")
    budget_per_day: float | None
    realised_alarms_per_day: float | None
    anomalies: int = Field(description="Episodes since the stream began.")


class ReferenceState(BaseModel):
    """What a stream is compared with."""

    kind: str = Field(description="As its profile asks for: rolling, pinned, ago or stream.")
    in_force: bool = Field(description="Whether that is what it is compared with; else its own newest past.")
    state: str = Field(description="In words, such as how much of a week is there yet.")


class StreamDetail(StreamRow):
    """One stream with its effective configuration."""

    unit: str
    counter: bool = Field(description="Whether its rate is scored: by name or type, or as the profile says.")
    created_ms: int
    threshold_factor: float = Field(description="By how much feedback moved the threshold.")
    windows_samples: list[int] = Field(
        description="Current windows in force; those given as durations are converted with `interval_ms`."
    )
    reference: ReferenceState
    configuration: dict[str, Any] = Field(description="The profile that applies.")


def rows_of(fleet: OwnFleet, numbers: np.ndarray, now_ms: int) -> list[StreamRow]:
    """Streams as the list shows them, in the order given.

    Parameters
    ----------
    fleet : OwnFleet
    numbers : int32 array, shape (n,)
    now_ms : int
    """
    summary = fleet.engine.summary(numbers)
    states = fleet.standing(numbers, summary, now_ms)
    streams = [fleet.engine.stream(int(number)) for number in numbers]
    observations = getattr(summary, "observations", None)
    return [
        StreamRow(
            **_identity(stream),
            score=known(summary.score[row]),
            divergence_nats=known(summary.divergence_nats[row]),
            state=STATES[states[row]],
            samples=int(summary.samples[row]),
            observations=None if observations is None else known(observations[row]),
            last_sample_ms=int(summary.last_sample_ms[row]) if summary.samples[row] else None,
            interval_ms=known(summary.interval_ms[row]),
            threshold_nats=known(summary.threshold_nats[row]),
            ready=bool(summary.ready[row]),
            warm_up_ratio=float(summary.progress_ratio[row]),
            budget_per_day=known(summary.budget_per_day[row]),
            realised_alarms_per_day=known(summary.realised_per_day[row]),
            anomalies=int(summary.anomalies[row]),
        )
        for row, stream in enumerate(streams)
    ]


def detail_of(fleet: OwnFleet, number: int, now_ms: int) -> StreamDetail:
    """One stream in full.

    Parameters
    ----------
    fleet : OwnFleet
    number : int
    now_ms : int
    """
    (row,) = rows_of(fleet, np.array([number], np.int32), now_ms)
    stream = fleet.engine.stream(number)
    return StreamDetail(
        **row.model_dump(),
        unit=unit_of(stream.series),
        counter=stream.counter,
        created_ms=stream.created_ms,
        threshold_factor=stream.feedback,
        windows_samples=list(fleet.engine.lengths(number)),
        reference=ReferenceState(**asdict(fleet.engine.comparison(number))),
        configuration=profile_json(stream.profile),
    )


def profile_json(profile: Profile) -> dict[str, Any]:
    """A profile as its users write it.

    Parameters
    ----------
    profile : Profile
    """
    season_ms = profile.season.period_ms
    season: Any = {0: "auto", -1: "none"}.get(season_ms) or {
        "period": render_duration(season_ms),
        "timezone": profile.season.timezone,
    }
    return {
        "match": profile.match.text,
        "current": [*profile.current_samples, *map(render_duration, profile.current_ms)],
        "reference": _reference(profile.reference),
        "alarm_budget": profile.budget.render(),
        "direction": profile.direction.name.lower(),
        "minimum_effect": {
            "absolute": profile.minimum_effect_absolute,
            "relative": profile.minimum_effect_relative,
        },
        "on_level_shift": {"rebaseline_after": profile.rebaseline_after_samples or "never"},
        "season": season,
        "threshold": _threshold(profile),
        "for": render_duration(profile.for_ms),
        "keep_firing_for": render_duration(profile.keep_firing_for_ms),
        "severity": profile.severity,
        "no_data_after": render_duration(profile.no_data_after_ms),
        "identity_labels": list(profile.identity_labels),
        "ignore_labels": list(profile.ignore_labels),
        "counter": profile.counter,
    }


def _reference(reference: Reference) -> dict[str, Any]:
    kind = kind_of(reference)
    of_kind: dict[str, dict[str, Any]] = {
        "pinned": {"name": reference.pinned},
        "ago": {"by": render_duration(reference.ago_ms), "span": render_duration(reference.span_ms)},
        "stream": {"labels": dict(reference.stream)},
    }
    sizes = {"size": reference.size_samples, "gap": reference.gap_samples}
    return {"kind": kind, **sizes, **of_kind.get(kind, {})}


def _threshold(profile: Profile) -> dict[str, Any] | None:
    fixed = profile.threshold
    if fixed is None:
        return None
    return {"kind": "divergence_nats", "window": fixed.window_samples, "value": fixed.divergence_nats}


def _identity(stream: Stream) -> dict[str, Any]:
    series = stream.series
    return {
        "id": stream.id,
        "metric": series.metric,
        "labels": labels_of(series),
        "form": stream.form.name.lower(),
        "budget": stream.profile.budget.render(),
    }


def labels_of(series: Series) -> dict[str, str]:
    """A series' labels without its name, and without whose it is.

    Parameters
    ----------
    series : Series
    """
    return {name: value for name, value in series.labels if name not in (NAME, TENANT)}


def known(value: float | np.floating) -> float | None:
    """A finite number, None for NaN and ±Inf.

    Parameters
    ----------
    value : float
    """
    return float(value) if np.isfinite(value) else None
