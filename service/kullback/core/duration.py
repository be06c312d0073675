"""Durations as Prometheus writes them: `90s`, `1h30m`, `30d`."""

from __future__ import annotations

import re

from kullback.core.errors import ErrorId, RequestError

UNIT_MS = {
    "ms": 1,
    "s": 1_000,
    "m": 60_000,
    "h": 3_600_000,
    "d": 86_400_000,
    "w": 604_800_000,
    "y": 31_536_000_000,
}
_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|[smhdwy])")
_WHOLE = re.compile(rf"(?:{_PART.pattern})+")


def parse_duration_ms(text: str) -> int:
    """Milliseconds of a duration.

    Parameters
    ----------
    text : str
        One or more `<number><unit>`, units ms s m h d w y; `0` is allowed bare.

    Raises
    ------
    RequestError
        When the text is not a duration.
    """
    if text.strip() == "0":
        return 0
    if not _WHOLE.fullmatch(text.strip()):
        raise RequestError(ErrorId.BAD_REQUEST, f"{text!r} is not a duration such as 30s, 5m, 1h30m or 30d.")
    return round(sum(float(number) * UNIT_MS[unit] for number, unit in _PART.findall(text)))


def render_duration(duration_ms: int) -> str:
    """The shortest exact text of a duration, e.g. `1h30m`.

    Parameters
    ----------
    duration_ms : int
    """
    if duration_ms == 0:
        return "0s"
    parts = []
    for unit, size_ms in sorted(UNIT_MS.items(), key=lambda pair: -pair[1]):
        if unit not in ("y", "w") and duration_ms >= size_ms:
            count, duration_ms = divmod(duration_ms, size_ms)
            parts.append(f"{count}{unit}")
    return "".join(parts)
