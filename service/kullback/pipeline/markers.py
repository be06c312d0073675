"""Markers: things people did at a time, such as a deployment, that may explain what streams do next."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from kullback.core.labels import Labels
from kullback.core.selector import parse_selector
from kullback.core.tenant import EVERYONE, within
from kullback.pipeline.facts import Document

Marker = Mapping[str, Any]
"""An `add_marker` action: `id`, `at_ms`, `text`, `match`, `url`."""

MOST_MARKERS, MOST_OF_ALL = 1000, 10_000
"""Of one tenant, and of all together; the oldest make room."""
BEFORE_ONSET_MS = 15 * 60_000
"""A marker this long before the onset may be the cause; what came long before is not."""
MINUTE_MS, HOUR_MS = 60_000, 3_600_000


def markers_of(markers: Mapping[str, Marker], labels: Labels, start_ms: int, end_ms: int) -> Iterator[Marker]:
    """The markers that concern a stream, the newest first.

    Parameters
    ----------
    markers : mapping of str to Marker
        By id.
    labels : Labels
        The stream's.
    start_ms, end_ms : int
        Both included.
    """
    inside = [marker for marker in markers.values() if start_ms <= marker["at_ms"] <= end_ms]
    for marker in sorted(inside, key=lambda one: one["at_ms"], reverse=True):
        whose = marker.get("tenant", EVERYONE)
        if within(parse_selector(marker["match"]), whose).matches(labels):
            yield marker


def make_room(markers: dict[str, Document], tenant: str) -> None:
    """Drop the oldest markers of a tenant, and of all, while there are too many.

    Parameters
    ----------
    markers : dict of str to Document
        Changed.
    tenant : str
        Who added one.
    """
    mine = [key for key, marker in markers.items() if marker.get("tenant", EVERYONE) == tenant]
    for keys, most in ((mine, MOST_MARKERS), (list(markers), MOST_OF_ALL)):
        known = sorted((key for key in keys if key in markers), key=lambda one: markers[one]["at_ms"])
        for key in known[: max(len(known) - most, 0)]:
            del markers[key]


def suspect(markers: Mapping[str, Marker], labels: Labels, onset_ms: int, until_ms: int) -> Marker | None:
    """The marker next to the onset of an anomaly, None when none is near.

    Parameters
    ----------
    markers : mapping of str to Marker
    labels : Labels
    onset_ms : int
        As estimated; it may lie before the true one by up to a window.
    until_ms : int
        When the anomaly was noticed.
    """
    near = list(markers_of(markers, labels, onset_ms - BEFORE_ONSET_MS, max(onset_ms, until_ms)))
    return min(near, key=lambda marker: abs(marker["at_ms"] - onset_ms), default=None)


def remark(marker: Marker, onset_ms: int) -> str:
    """What a marker adds to an explanation, e.g. `began 3 min after “deploy web v2.3”`.

    Parameters
    ----------
    marker : Marker
    onset_ms : int
    """
    passed_ms = onset_ms - marker["at_ms"]
    when = f"began {_span(passed_ms)} after" if passed_ms > 0 else "began at the time of"
    return f"{when} “{marker['text']}”"


def _span(span_ms: int) -> str:
    if span_ms < 2 * MINUTE_MS:
        return f"{max(round(span_ms / 1000), 1)} s"
    return f"{round(span_ms / MINUTE_MS)} min" if span_ms < 2 * HOUR_MS else f"{round(span_ms / HOUR_MS)} h"
