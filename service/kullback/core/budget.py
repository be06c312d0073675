"""The alarm budget: how many false alarms a user accepts."""

from __future__ import annotations

import re
from dataclasses import dataclass

from kullback.core.duration import parse_duration_ms, render_duration
from kullback.core.errors import ErrorId, RequestError

DAY_MS = 86_400_000
_TEXT = re.compile(r"\s*(\d+(?:\.\d+)?)\s+per\s+(?:(\d+)\s+samples?|(\S+?))(\s+for\s+(?:all|fleet))?\s*")
_NAMED = {"day": "1d", "week": "1w", "hour": "1h", "month": "30d", "minute": "1m", "year": "1y"}


@dataclass(frozen=True, slots=True)
class Budget:
    """`alarms` per `per_ms` of time, or per `per_samples` samples when that is set.

    Parameters
    ----------
    alarms : float
        Accepted false alarms, > 0.
    per_ms : int
        Span of time, ms; unused when `per_samples` > 0.
    per_samples : int
        Span in samples; 0 means the budget is counted in time.
    fleet : bool
        Whether the budget is for all live streams together instead of for each.
    """

    alarms: float = 1.0
    per_ms: int = 30 * DAY_MS
    per_samples: int = 0
    fleet: bool = False

    def samples_per_alarm(self, interval_ms: float, streams: int = 1) -> float:
        """N: how many samples of one stream may pass per false alarm.

        Parameters
        ----------
        interval_ms : float
            The stream's sampling interval.
        streams : int
            Live streams that share a fleet budget.
        """
        span_samples = self.per_samples or self.per_ms / max(interval_ms, 1.0)
        return span_samples / self.alarms * (streams if self.fleet else 1)

    def per_day(self, interval_ms: float, streams: int = 1) -> float:
        """The budget of one stream as alarms per day.

        Parameters
        ----------
        interval_ms : float
        streams : int
        """
        return DAY_MS / max(interval_ms, 1.0) / self.samples_per_alarm(interval_ms, streams)

    def render(self) -> str:
        """The budget as its users write it."""
        span = f"{self.per_samples} samples" if self.per_samples else render_duration(self.per_ms)
        return f"{self.alarms:g} per {span}{' for all' if self.fleet else ''}"


def parse_budget(text: str) -> Budget:
    """Read `1 per 30d`, `2 per 1h`, `1 per 10000 samples`, `5 per day for all`.

    Parameters
    ----------
    text : str

    Raises
    ------
    RequestError
        When the text is not a budget, or allows no alarm at all.
    """
    found = _TEXT.fullmatch(text)
    if not found or float(found.group(1)) <= 0:
        raise RequestError(
            ErrorId.BAD_REQUEST,
            f"{text!r} is not an alarm budget such as '1 per 30d' or '1 per 10000 samples'.",
        )
    alarms, samples, span, fleet = found.groups()
    if samples:
        return Budget(float(alarms), 0, int(samples), bool(fleet))
    return Budget(float(alarms), _span_ms(_NAMED.get(span, span), text), 0, bool(fleet))


def _span_ms(span: str, text: str) -> int:
    span_ms = parse_duration_ms(span if span[0].isdigit() else f"1{span}")
    if span_ms <= 0:
        raise RequestError(
            ErrorId.BAD_REQUEST, f"The span of the alarm budget {text!r} must be longer than zero."
        )
    return span_ms
