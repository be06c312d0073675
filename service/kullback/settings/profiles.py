"""The `profiles:` section: how streams are watched; the first profile that matches wins."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from kullback.core.budget import DAY_MS, Budget
from kullback.core.duration import parse_duration_ms, render_duration
from kullback.core.errors import RequestError
from kullback.core.profile import (
    DEFAULT_WINDOWS_SAMPLES,
    Direction,
    FixedThreshold,
    Profile,
    Reference,
    Season,
)
from kullback.core.selector import parse_selector
from kullback.settings.fields import BudgetText, Duration, SelectorText

MAX_WINDOW_SAMPLES = 1024
MAX_REFERENCE_SAMPLES = 16_384


class Section(BaseModel):
    """A mapping whose unknown keys are errors: a misspelt option that is ignored is worse than none."""

    model_config = ConfigDict(extra="forbid", arbitrary_types_allowed=True, populate_by_name=True)


def _timezone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError) as problem:
        raise ValueError(f"{name!r} is not an IANA time zone such as Europe/Berlin") from problem
    return name


LABEL_NAME = re.compile("[a-zA-Z_][a-zA-Z0-9_]*")
LEAST_PERIOD_MS, MOST_PERIOD_MS = 60_000, 366 * DAY_MS
USUAL_SPAN_MS, SPAN_SHARE, LEAST_SPAN_SHARE = 6 * 3_600_000, 8, 200
NEEDED = {"pinned": "name", "ago": "by", "stream": "labels"}
"""What says more of a kind of reference."""


class ReferenceSettings(Section):
    """What a stream is compared with: its own newest past, pinned samples, itself a while ago, or another."""

    kind: Literal["rolling", "pinned", "ago", "stream"] = Field(
        "rolling",
        description="rolling: the stream's own newest past. pinned: named samples (needs `name`). ago: the "
        "stream itself, such as a week ago (needs `by`). stream: another stream, such as the stable version "
        "beside a canary (needs `labels`).",
    )
    size: int = Field(1024, ge=64, le=MAX_REFERENCE_SAMPLES, description="Samples in the reference, at most.")
    gap: int = Field(
        1024,
        ge=0,
        le=MAX_REFERENCE_SAMPLES,
        description="Samples between a rolling reference and the newest sample.",
    )
    name: str = Field(
        "",
        description="Name of the pinned reference (PUT /api/v1/references/{name}). Until there is one of "
        "that name, streams are compared with their own past.",
    )
    by: Duration = Field(
        0, description="How long ago, such as 1d or 1w. Until a stream has a past so long, its newest counts."
    )
    span: Duration = Field(
        0, description="For `ago`: the time around then that counts. 0: an eighth of `by`, 6h at most."
    )
    labels: dict[str, str] = Field(
        {},
        description="For `stream`: labels of the other stream where they are not this one's, such as "
        "{version: stable}. Until there is such a stream, the stream's own past counts.",
    )

    @model_validator(mode="before")
    @classmethod
    def _seasonal(cls, given: Any) -> Any:
        """`{kind: seasonal, period: 1w}` is another way to say `{kind: ago, by: 1w}`."""
        if isinstance(given, dict) and given.get("kind") == "seasonal":
            others = {name: value for name, value in given.items() if name != "period"}
            return {**others, "kind": "ago", "by": given.get("period", given.get("by", 0))}
        return given

    @model_validator(mode="after")
    def _whole(self) -> ReferenceSettings:
        for kind, option in NEEDED.items():
            if kind == self.kind and not getattr(self, option):
                raise ValueError(f"kind: {kind} needs `{option}`, e.g. {_EXAMPLES[kind]}")
            if kind != self.kind and getattr(self, option):
                raise ValueError(f"`{option}` is for kind: {kind}, and this is kind: {self.kind}")
        if self.span and self.kind != "ago":
            raise ValueError(f"`span` is for kind: ago, and this is kind: {self.kind}")
        if self.kind == "ago":
            self._check_times()
        wrong = [name for name in self.labels if not LABEL_NAME.fullmatch(name) or name.startswith("__")]
        if wrong:
            raise ValueError(f"`labels` are names and values of labels; {wrong[0]!r} is no name of a label")
        return self

    def _check_times(self) -> None:
        if not LEAST_PERIOD_MS <= self.by <= MOST_PERIOD_MS:
            raise ValueError(f"`by` is 1m to 366d, not {render_duration(self.by)}")
        if self.span and not self.by <= LEAST_SPAN_SHARE * self.span <= LEAST_SPAN_SHARE * self.by:
            raise ValueError(
                f"`span` is at least by / {LEAST_SPAN_SHARE} and at most `by`: {render_duration(self.span)} "
                f"around {render_duration(self.by)} ago is not"
            )

    def build(self) -> Reference:
        """The frozen form the engine takes."""
        span_ms = self.span or min(self.by // SPAN_SHARE, USUAL_SPAN_MS)
        labels = tuple(sorted(self.labels.items()))
        return Reference(self.size, self.gap, self.name, self.by, span_ms, labels)


_EXAMPLES = {
    "pinned": "{kind: pinned, name: release-42}",
    "ago": "{kind: ago, by: 1w}",
    "stream": "{kind: stream, labels: {version: stable}}",
}


class SeasonSettings(Section):
    """A declared season."""

    period: Duration = Field(description="Length of the season, such as 1d or 1w.")
    timezone: Annotated[str, AfterValidator(_timezone)] = Field(
        "UTC", description="IANA time zone whose local time the season follows."
    )


class EffectSettings(Section):
    """The smallest move that is worth an alarm."""

    absolute: float = Field(
        0.0,
        ge=0,
        description="Of the median or the mean, in the metric's unit; of categories the change of one's "
        "share, where 0.05 are 5 points and 1 or more counts for nothing. 0 switches the gate off.",
    )
    relative: float = Field(
        0.0,
        ge=0,
        description="As a part of the reference's median; of categories, of the share it had. 0: off.",
    )


class ShiftSettings(Section):
    """What happens when a stream stays at its new level."""

    rebaseline_after: int | Literal["never"] = Field(
        1024, description="Anomalous samples after which the level is accepted as the new normal, or `never`."
    )


class ThresholdSettings(Section):
    """The textbook mode: one window, one number."""

    kind: Literal["divergence_nats"] = Field("divergence_nats", description="The only kind there is.")
    window: int = Field(64, ge=1, le=MAX_WINDOW_SAMPLES, description="Length of the current window, samples.")
    value: float = Field(gt=0, description="Divergence above which the stream is anomalous, nats.")


def _season(value: Any) -> Any:
    named = {"auto": Season(), "none": Season(period_ms=-1)}
    if isinstance(value, str):
        if value not in named:
            raise ValueError("season must be auto, none or {period: 1d, timezone: Europe/Berlin}")
        return named[value]
    if isinstance(value, dict):
        declared = SeasonSettings.model_validate(value)
        return Season(declared.period, declared.timezone)
    return value


Windows = tuple[tuple[int, ...], tuple[int, ...]]


def _windows(current: list[int | str]) -> Windows:
    """Windows in samples and windows in ms, each sorted."""
    in_samples = {int(window) for window in current if str(window).isdigit()}
    in_time = {parse_duration_ms(str(window)) for window in current if not str(window).isdigit()}
    return tuple(sorted(in_samples)), tuple(sorted(in_time))


def _readable_windows(current: list[int | str]) -> list[int | str]:
    try:
        in_samples, in_time = _windows(current)
    except RequestError as problem:
        raise ValueError(problem.detail) from problem
    if any(not 1 <= window <= MAX_WINDOW_SAMPLES for window in in_samples) or 0 in in_time:
        raise ValueError(
            f"a window must have between 1 and {MAX_WINDOW_SAMPLES} samples, or a duration above zero"
        )
    return current


class ProfileSettings(Section):
    """One profile."""

    match: SelectorText = Field(
        default_factory=lambda: parse_selector("{}"), description="PromQL-style selector; {} matches all."
    )
    current: Annotated[list[int | str], AfterValidator(_readable_windows)] = Field(
        list(DEFAULT_WINDOWS_SAMPLES),
        min_length=1,
        max_length=8,
        description="Current windows in samples, or as durations such as 5m, which become the nearest of the "
        "lengths that are kept (those here and of other profiles), by each stream's own interval.",
    )
    reference: ReferenceSettings = Field(default_factory=ReferenceSettings)
    alarm_budget: BudgetText = Field(
        default_factory=Budget, description="Accepted false alarms, e.g. '1 per 30d' or '5 per day for all'."
    )
    direction: Literal["both", "above", "below"] = Field(
        "both", description="Which moves count; categories have no direction, all of theirs do."
    )
    minimum_effect: EffectSettings = Field(default_factory=EffectSettings)
    on_level_shift: ShiftSettings = Field(default_factory=ShiftSettings)
    season: Annotated[Season, BeforeValidator(_season)] = Field(
        default_factory=Season, description="auto, none, or {period: 1d, timezone: Europe/Berlin}."
    )
    threshold: ThresholdSettings | None = Field(None, description="A fixed divergence instead of the budget.")
    for_: Duration | None = Field(None, alias="for", description="Overrides alerting.for.")
    keep_firing_for: Duration | None = Field(None, description="Overrides alerting.keep_firing_for.")
    severity: str = Field("warning", description="Value of the alert's `severity` label.")
    no_data_after: Duration = Field(
        0,
        description="How long nothing may arrive before a stream is without data; 0: ten sampling "
        "intervals, or three pauses between deliveries if longer, 1m at least.",
    )
    identity_labels: list[str] = Field([], description="Only these labels identify a stream; empty: all.")
    ignore_labels: list[str] = Field([], description="Labels that do not identify a stream, such as pod.")
    counter: bool | None = Field(None, description="Score the rate of a counter; unset: by name or type.")

    def build(self, for_ms: int, keep_firing_for_ms: int) -> Profile:
        """The frozen profile the engine takes.

        Parameters
        ----------
        for_ms, keep_firing_for_ms : int
            The alerting section's values, used where the profile has none of its own.
        """
        after = self.on_level_shift.rebaseline_after
        samples, durations_ms = _windows(self.current)
        return Profile(
            match=self.match,
            current_samples=samples,
            current_ms=durations_ms,
            reference=self.reference.build(),
            budget=self.alarm_budget,
            direction=Direction[self.direction.upper()],
            minimum_effect_absolute=self.minimum_effect.absolute,
            minimum_effect_relative=self.minimum_effect.relative,
            rebaseline_after_samples=0 if after == "never" else after,
            season=self.season,
            threshold=FixedThreshold(self.threshold.window, self.threshold.value) if self.threshold else None,
            for_ms=for_ms if self.for_ is None else self.for_,
            keep_firing_for_ms=keep_firing_for_ms if self.keep_firing_for is None else self.keep_firing_for,
            severity=self.severity,
            no_data_after_ms=self.no_data_after,
            identity_labels=tuple(self.identity_labels),
            ignore_labels=tuple(self.ignore_labels),
            counter=self.counter,
        )
