"""The synchronous and the asynchronous client."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any

import httpx

from kullback.client import calls
from kullback.client.calls import ApiError, Call, Instant, Json, Labels

DEFAULT_URL = "http://127.0.0.1:9797"
DEFAULT_TIMEOUT_S = 10.0


def _headers(token: str | None, tenant: str | None) -> dict[str, str]:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return headers | ({"X-Scope-OrgID": tenant} if tenant else {})


def _answer(response: httpx.Response) -> Json:
    if response.is_success:
        return response.json() if response.content else None
    try:
        problem = response.json()
    except ValueError:
        problem = {}
    detail = problem.get("detail") or response.text or response.reason_phrase
    raise ApiError(response.status_code, str(problem.get("id", "")), str(detail), problem)


class Client:
    """A client for scripts, notebooks and training loops.

    Parameters
    ----------
    url : str
    token : str or None
        Bearer token, when the service asks for one.
    timeout_s : float
    transport : httpx.BaseTransport or None
        For tests and proxies.
    tenant : str or None
        Whose the samples and streams are, when the service has tenants.

    Raises
    ------
    ApiError
        From every method, when the service refuses; httpx.TransportError when it cannot be reached.
    """

    def __init__(
        self,
        url: str = DEFAULT_URL,
        token: str | None = None,
        timeout_s: float = DEFAULT_TIMEOUT_S,
        transport: httpx.BaseTransport | None = None,
        tenant: str | None = None,
    ) -> None:
        self._http = httpx.Client(
            base_url=url, headers=_headers(token, tenant), timeout=timeout_s, transport=transport
        )

    def send(self, call: Call) -> Json:
        """The answer to a call.

        Parameters
        ----------
        call : Call
        """
        return _answer(self._http.request(call.method, call.path, params=call.params, json=call.body))

    def ingest(
        self,
        metric: str,
        values: float | Sequence[float],
        labels: Labels | None = None,
        timestamps_ms: int | Sequence[int] | None = None,
    ) -> Json:
        """Post samples of one stream; returns the receipt with the stream's score."""
        return self.ingest_rows([calls.row(metric, values, labels, timestamps_ms)])

    def ingest_rows(self, rows: Sequence[Mapping[str, Json]], scores: str = "all") -> Json:
        """Post rows made with `kullback.client.calls.row`; returns the receipt."""
        return self.send(calls.ingest(rows, scores))

    def streams(self, match: str = "", state: str = "") -> Iterator[dict[str, Any]]:
        """All streams a selector matches, page by page."""
        cursor = ""
        while True:
            page = self.send(calls.streams(match, state, limit=1000, cursor=cursor))
            yield from page["streams"]
            if not (cursor := page["next_cursor"] or ""):
                return

    def windows(self, stream_id: str, window: int = 64) -> Json:
        """Reference and current histogram of a stream with their contributions."""
        return self.send(calls.windows(stream_id, window))

    def explain(self, stream_id: str) -> Json:
        """Why a stream fired, or why not."""
        return self.send(calls.explain(stream_id))

    def alerts(self, state: str = "") -> list[dict[str, Any]]:
        """The alert book."""
        found: list[dict[str, Any]] = self.send(calls.alerts(state))["alerts"]
        return found

    def compare(self, current: Json, reference: Json) -> Json:
        """All measures between two sets of samples, histograms, categories or Gaussians."""
        return self.send(calls.compare(current, reference))

    def backtest(self, series: Sequence[Mapping[str, Json]], **settings: Json) -> Json:
        """What a profile would have said of these series."""
        return self.send(calls.backtest(series, settings))

    def rebaseline(self, stream_id: str) -> None:
        """Accept a stream's present level as its new normal; `undo_rebaseline` takes it back."""
        self.send(calls.rebaseline(stream_id))

    def undo_rebaseline(self, stream_id: str) -> None:
        """Take the last `rebaseline` back."""
        self.send(calls.undo_rebaseline(stream_id))

    def exclude(self, stream_id: str, start: Instant, end: Instant, reason: str = "") -> None:
        """Keep the time of an incident out of a stream's reference; `undo_exclude` takes it back."""
        self.send(calls.exclude(stream_id, start, end, reason))

    def undo_exclude(self, stream_id: str) -> None:
        """Take the last `exclude` back."""
        self.send(calls.undo_exclude(stream_id))

    def mark(
        self,
        text: str,
        match: str = "",
        labels: Labels | None = None,
        time: Instant | None = None,
        url: str = "",
    ) -> Json:
        """Mark a deployment or another change for the streams of a selector or of labels (else all).

        Charts show it, and alerts that begin within 15 minutes name it.
        """
        return self.send(calls.mark(text, match, labels, time, url))

    def markers(self, stream_id: str = "") -> list[dict[str, Any]]:
        """Markers, the newest first; only those that concern a stream when it is given."""
        found: list[dict[str, Any]] = self.send(calls.markers(stream_id))["markers"]
        return found

    def what_if(
        self, stream_id: str, budgets: Sequence[str] = (), windows: Sequence[int] = (), reference: int = 0
    ) -> Json:
        """What other budgets, windows or references would have given over a stream's stored history."""
        return self.send(calls.what_if(stream_id, budgets, windows, reference))

    def close(self) -> None:
        """Give the connections back."""
        self._http.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


class AsyncClient:
    """The same for asyncio; parameters as `Client`, `send` takes any call of `kullback.client.calls`."""

    def __init__(
        self,
        url: str = DEFAULT_URL,
        token: str | None = None,
        timeout_s: float = DEFAULT_TIMEOUT_S,
        transport: httpx.AsyncBaseTransport | None = None,
        tenant: str | None = None,
    ) -> None:
        self._http = httpx.AsyncClient(
            base_url=url, headers=_headers(token, tenant), timeout=timeout_s, transport=transport
        )

    async def send(self, call: Call) -> Json:
        """The answer to a call.

        Parameters
        ----------
        call : Call
        """
        return _answer(await self._http.request(call.method, call.path, params=call.params, json=call.body))

    async def ingest(
        self,
        metric: str,
        values: float | Sequence[float],
        labels: Labels | None = None,
        timestamps_ms: int | Sequence[int] | None = None,
    ) -> Json:
        """Post samples of one stream; returns the receipt with the stream's score."""
        return await self.send(calls.ingest([calls.row(metric, values, labels, timestamps_ms)]))

    async def alerts(self, state: str = "") -> list[dict[str, Any]]:
        """The alert book."""
        found: list[dict[str, Any]] = (await self.send(calls.alerts(state)))["alerts"]
        return found

    async def mark(
        self,
        text: str,
        match: str = "",
        labels: Labels | None = None,
        time: Instant | None = None,
        url: str = "",
    ) -> Json:
        """Mark a deployment or another change; see `Client.mark`."""
        return await self.send(calls.mark(text, match, labels, time, url))

    async def compare(self, current: Json, reference: Json) -> Json:
        """All measures between two sets of samples, histograms, categories or Gaussians."""
        return await self.send(calls.compare(current, reference))

    async def close(self) -> None:
        """Give the connections back."""
        await self._http.aclose()

    async def __aenter__(self) -> AsyncClient:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()
