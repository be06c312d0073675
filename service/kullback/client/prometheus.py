"""What a Prometheus remembers, read in chunks of time that stay small.

Raw samples are asked for with range selectors in instant queries, so that they come with the times at which
they were scraped; with a step, range queries sample an expression on a grid
(https://prometheus.io/docs/prometheus/latest/querying/api/).
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import httpx
import yaml

CHUNK_SAMPLES = 50_000
"""What a chunk should hold; its length in time follows from how dense the last one was."""
FIRST_CHUNK_MS = 60_000
LONGEST_CHUNK_MS = 86_400_000
GROWTH = 4.0
MAX_ANSWER_BYTES = 64 * 2**20
MAX_STEPS = 10_000
"""Prometheus refuses range queries of more than 11 000 points per series."""
TIMEOUT_S = 120.0
UNPROCESSABLE = 422


class PrometheusError(Exception):
    """Prometheus cannot be read; the text is for users."""


class _TooMuch(Exception):
    """An answer would be larger than a chunk may be."""


@dataclass(frozen=True, slots=True)
class Column:
    """Samples of one series within a chunk, in time order.

    Parameters
    ----------
    labels : mapping of str to str
        With `__name__`, when the query kept it.
    timestamps_ms : list of int
    values : list of float
        Finite ones only.
    """

    labels: Mapping[str, str]
    timestamps_ms: list[int]
    values: list[float]


@dataclass(frozen=True, slots=True)
class Chunk:
    """All samples after the end of the chunk before and up to `end_ms`.

    Parameters
    ----------
    end_ms : int
    columns : tuple of Column
    histograms : int
        Series that were left out because they are native histograms.
    """

    end_ms: int
    columns: tuple[Column, ...]
    histograms: int = 0


class PrometheusHistory:
    """The past of the series that a selector matches.

    Parameters
    ----------
    url : str
        Of Prometheus, or of anything with its HTTP API.
    match : str
        A selector; with a step, any expression.
    step_ms : int
        Distance of the samples; 0: as they were scraped.
    token : str or None
        Bearer token.
    """

    def __init__(self, url: str, match: str, step_ms: int = 0, token: str | None = None) -> None:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._http = httpx.Client(base_url=url, headers=headers, timeout=TIMEOUT_S)
        self._url, self._match, self._step_ms = url, match, step_ms

    def series(self, start_ms: int, end_ms: int) -> list[dict[str, str]]:
        """Label sets of the series that have samples in a span of time; the selector must be one.

        Parameters
        ----------
        start_ms, end_ms : int

        Raises
        ------
        PrometheusError
        """
        asked = {"match[]": self._match, "start": start_ms / 1000, "end": end_ms / 1000}
        try:
            found: list[dict[str, str]] = self._ask("/api/v1/series", asked)
        except _TooMuch:
            raise self._too_many() from None
        return found

    def external_labels(self) -> dict[str, str]:
        """The labels this Prometheus adds in remote write; none where it does not tell."""
        try:
            answer = self._http.get("/api/v1/status/config")
            settings = yaml.safe_load(answer.json()["data"]["yaml"]) or {}
            labels = settings.get("global", {}).get("external_labels", {})
        except (httpx.HTTPError, ValueError, KeyError, TypeError, AttributeError, yaml.YAMLError):
            return {}
        return {str(name): str(value) for name, value in labels.items()}

    def chunks(self, start_ms: int, end_ms: int) -> Iterator[Chunk]:
        """The samples of `start_ms` < time ≤ `end_ms`, in time order; only one chunk is in memory.

        Parameters
        ----------
        start_ms, end_ms : int

        Raises
        ------
        PrometheusError
        """
        length_ms = float(FIRST_CHUNK_MS)
        while start_ms < end_ms:
            until_ms = start_ms + min(max(int(length_ms), self._shortest_ms), self._longest_ms)
            until_ms = min(until_ms, end_ms)
            try:
                chunk = self._chunk(start_ms, until_ms)
            except _TooMuch:
                if until_ms - start_ms <= self._shortest_ms:
                    raise self._too_many() from None
                length_ms = (until_ms - start_ms) / GROWTH
                continue
            yield chunk
            samples = sum(len(column.values) for column in chunk.columns)
            length_ms = (until_ms - start_ms) * min(GROWTH, CHUNK_SAMPLES / max(samples, 1))
            start_ms = until_ms

    def close(self) -> None:
        """Give the connections back."""
        self._http.close()

    @property
    def _shortest_ms(self) -> int:
        return max(self._step_ms, 1000)

    @property
    def _longest_ms(self) -> int:
        return min(LONGEST_CHUNK_MS, self._step_ms * MAX_STEPS) if self._step_ms else LONGEST_CHUNK_MS

    def _chunk(self, start_ms: int, end_ms: int) -> Chunk:
        found = self._stepped(start_ms, end_ms) if self._step_ms else self._raw(start_ms, end_ms)
        columns = (_column(series, start_ms, end_ms) for series in found)
        histograms = sum("histograms" in series for series in found)
        return Chunk(end_ms, tuple(column for column in columns if column.values), histograms)

    def _raw(self, start_ms: int, end_ms: int) -> list[dict[str, Any]]:
        query = f"{self._match}[{end_ms - start_ms}ms]"
        return self._results("/api/v1/query", {"query": query, "time": end_ms / 1000})

    def _stepped(self, start_ms: int, end_ms: int) -> list[dict[str, Any]]:
        first_ms = (start_ms // self._step_ms + 1) * self._step_ms
        if first_ms > end_ms:
            return []
        span = {"start": first_ms / 1000, "end": end_ms / 1000, "step": self._step_ms / 1000}
        return self._results("/api/v1/query_range", {"query": self._match, **span})

    def _results(self, path: str, asked: dict[str, Any]) -> list[dict[str, Any]]:
        answer = self._ask(path, asked)
        if answer["resultType"] != "matrix":
            raise PrometheusError(f"{self._match!r} gives a {answer['resultType']}, not series.")
        results: list[dict[str, Any]] = answer["result"]
        return results

    def _ask(self, path: str, asked: dict[str, Any]) -> Any:
        try:
            with self._http.stream("POST", path, data=asked) as answer:
                body = _bounded(answer)
                status = answer.status_code
        except httpx.HTTPError as problem:
            why = str(problem) or type(problem).__name__
            raise PrometheusError(f"Cannot read from {self._url}: {why}.") from problem
        try:
            document = json.loads(body)
        except ValueError:
            document = {}
        if not isinstance(document, dict) or document.get("status") != "success":
            raise self._refusal(status, document, body)
        return document["data"]

    def _refusal(self, status: int, document: Any, body: bytes) -> Exception:
        error = str(document.get("error", "")) if isinstance(document, dict) else ""
        if status == UNPROCESSABLE and "too many samples" in error:
            return _TooMuch()
        told = error or body[:200].decode("utf-8", "replace").strip() or "nothing"
        refused_query = status == httpx.codes.BAD_REQUEST and not self._step_ms
        hint = " --match takes a selector; an expression needs --step and --metric." if refused_query else ""
        return PrometheusError(f"{self._url} answers {status}: {told}.{hint}")

    def _too_many(self) -> PrometheusError:
        return PrometheusError(f"{self._match!r} matches too many series to read at once; narrow --match.")


def _bounded(answer: httpx.Response) -> bytes:
    parts, size = [], 0
    for part in answer.iter_bytes():
        parts.append(part)
        size += len(part)
        if size > MAX_ANSWER_BYTES:
            raise _TooMuch
    return b"".join(parts)


def _column(series: Mapping[str, Any], start_ms: int, end_ms: int) -> Column:
    """Before version 3 Prometheus counts the beginning of a range as part of it; here it never is."""
    times: list[int] = []
    values: list[float] = []
    for time_s, text in series.get("values", ()):
        timestamp_ms, value = round(float(time_s) * 1000), float(text)
        if start_ms < timestamp_ms <= end_ms and math.isfinite(value):
            times.append(timestamp_ms)
            values.append(value)
    return Column(series["metric"], times, values)
