"""Each request of the HTTP interface as a value, so that both clients send the very same one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Json = Any
"""What a JSON document becomes in Python."""

Labels = Mapping[str, str]
Instant = str | float
"""RFC 3339, or Unix seconds or milliseconds."""


class ApiError(Exception):
    """Kullback refused a request.

    Attributes
    ----------
    status : int
    id : str
        The error's immutable id, e.g. `kb-sample-too-old` ("" when the answer was not Kullback's).
    detail : str
    document : dict
        All that the answer says.
    """

    def __init__(self, status: int, error_id: str, detail: str, document: Json = None) -> None:
        super().__init__(f"{status}: {detail}")
        self.status = status
        self.id = error_id
        self.detail = detail
        self.document: dict[str, Json] = document or {}


@dataclass(frozen=True, slots=True)
class Call:
    """One HTTP request."""

    method: str
    path: str
    params: dict[str, Any] = field(default_factory=dict)
    body: Json = None


def row(
    metric: str,
    values: float | Sequence[float] | None = None,
    labels: Labels | None = None,
    timestamps_ms: int | Sequence[int] | None = None,
    histogram: Mapping[str, Sequence[float]] | None = None,
    category: str | None = None,
) -> dict[str, Json]:
    """One row of `POST /api/v1/ingest`.

    Parameters
    ----------
    metric : str
    values : float or sequence of float
        One sample or several of the same stream.
    labels : mapping of str to str
    timestamps_ms : int or sequence of int
        Unix times, as many as values; left out: the time of arrival.
    histogram : mapping
        `upper_bounds` and `counts` of one interval.
    category : str
        For streams of categories.
    """
    made: dict[str, Json] = {"metric": metric, "labels": dict(labels or {})}
    if isinstance(values, Sequence):
        made["values"] = [float(value) for value in values]
    elif values is not None:
        made["value"] = float(values)
    if isinstance(timestamps_ms, Sequence):
        made["timestamps_ms"] = list(timestamps_ms)
    elif timestamps_ms is not None:
        made["timestamp_ms"] = timestamps_ms
    if histogram is not None:
        made["histogram"] = {key: list(column) for key, column in histogram.items()}
    if category is not None:
        made["category"] = category
    return made


def ingest(rows: Sequence[Mapping[str, Json]], scores: str = "all") -> Call:
    """`POST /api/v1/ingest`."""
    return Call("POST", "/api/v1/ingest", {"scores": scores}, list(rows))


def streams(match: str = "", state: str = "", limit: int = 100, cursor: str = "") -> Call:
    """`GET /api/v1/streams`."""
    params = {"match[]": match, "state": state, "limit": str(limit), "cursor": cursor}
    return Call("GET", "/api/v1/streams", {name: value for name, value in params.items() if value})


def stream(stream_id: str) -> Call:
    """`GET /api/v1/streams/{id}`."""
    return Call("GET", f"/api/v1/streams/{stream_id}")


def windows(stream_id: str, window: int) -> Call:
    """`GET /api/v1/streams/{id}/windows`."""
    return Call("GET", f"/api/v1/streams/{stream_id}/windows", {"window": str(window)})


def explain(stream_id: str) -> Call:
    """`GET /api/v1/streams/{id}/explain`."""
    return Call("GET", f"/api/v1/streams/{stream_id}/explain")


def alerts(state: str = "") -> Call:
    """`GET /api/v1/alerts`."""
    return Call("GET", "/api/v1/alerts", {"state": state} if state else {})


def compare(current: Json, reference: Json) -> Call:
    """`POST /api/v1/compare`."""
    return Call("POST", "/api/v1/compare", body={"current": current, "reference": reference})


def backtest(series: Sequence[Mapping[str, Json]], settings: Mapping[str, Json]) -> Call:
    """`POST /api/v1/backtest`."""
    return Call("POST", "/api/v1/backtest", body={"series": list(series), "settings": dict(settings)})


def put_reference(name: str, body: Mapping[str, Json]) -> Call:
    """`PUT /api/v1/references/{name}`."""
    return Call("PUT", f"/api/v1/references/{name}", body=dict(body))


def rebaseline(stream_id: str) -> Call:
    """`POST /api/v1/streams/{id}/rebaseline`."""
    return Call("POST", f"/api/v1/streams/{stream_id}/rebaseline")


def undo_rebaseline(stream_id: str) -> Call:
    """`POST /api/v1/streams/{id}/rebaseline/undo`."""
    return Call("POST", f"/api/v1/streams/{stream_id}/rebaseline/undo")


def exclude(stream_id: str, start: Instant, end: Instant, reason: str = "") -> Call:
    """`POST /api/v1/streams/{id}/exclude`."""
    body = {"start": start, "end": end, "reason": reason}
    return Call("POST", f"/api/v1/streams/{stream_id}/exclude", body=body)


def undo_exclude(stream_id: str) -> Call:
    """`POST /api/v1/streams/{id}/exclude/undo`."""
    return Call("POST", f"/api/v1/streams/{stream_id}/exclude/undo")


def mark(
    text: str, match: str = "", labels: Labels | None = None, time: Instant | None = None, url: str = ""
) -> Call:
    """`POST /api/v1/markers`."""
    wanted = {
        "match": match or None,
        "labels": dict(labels) if labels else None,
        "time": time,
        "url": url or None,
    }
    body = {"text": text} | {name: value for name, value in wanted.items() if value is not None}
    return Call("POST", "/api/v1/markers", body=body)


def markers(stream_id: str = "") -> Call:
    """`GET /api/v1/markers`."""
    return Call("GET", "/api/v1/markers", {"stream": stream_id} if stream_id else {})


def remove_marker(marker_id: str) -> Call:
    """`DELETE /api/v1/markers/{id}`."""
    return Call("DELETE", f"/api/v1/markers/{marker_id}")


def what_if(
    stream_id: str, budgets: Sequence[str] = (), windows: Sequence[int] = (), reference: int = 0
) -> Call:
    """`GET /api/v1/streams/{id}/what-if`."""
    params: dict[str, Any] = {"budget": list(budgets), "current": ",".join(map(str, windows))}
    params["reference"] = str(reference) if reference else ""
    given = {name: value for name, value in params.items() if value}
    return Call("GET", f"/api/v1/streams/{stream_id}/what-if", given)
