"""Sending the past, and saying what became of it."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import httpx
import numpy as np
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from kullback.client.calls import ApiError, Call, row
from kullback.client.client import Client
from kullback.client.prometheus import Column, PrometheusError, PrometheusHistory
from kullback.core.errors import ErrorId, RequestError
from kullback.core.labels import NAME
from kullback.ingest.table import read_table

REQUEST_SAMPLES = 20_000
WAITS_S = (0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 30.0)
SEND_AGAIN = (429, 502, 503, 504)

T = TypeVar("T")
BOUND = "le"
Identity = frozenset[tuple[str, str]]

console = Console(stderr=True, highlight=False)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which series of a Prometheus, and under which labels they are sent.

    Parameters
    ----------
    match : str
    metric : str
        Name for results without one; "" keeps names.
    labels : mapping of str to str
    external : bool
        Whether Prometheus' external labels are added.
    raw : bool
        Whether `match` is a selector.
    """

    match: str
    metric: str
    labels: Mapping[str, str]
    external: bool
    raw: bool


@dataclass
class Delivery:
    """Samples on their way to Kullback, and the account of them.

    Parameters
    ----------
    client : Client
    url : str
        For messages.
    """

    client: Client
    url: str
    newest_ms: dict[Identity, int] = field(default_factory=dict)
    accepted: int = 0
    skipped: int = 0
    histograms: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    _why: dict[str, str] = field(default_factory=dict)
    _reached: bool = False

    def look_up(self, match: str) -> None:
        """Learn where the streams that a selector matches ended.

        Parameters
        ----------
        match : str
        """
        for stream in self._ask(lambda: list(self.client.streams(match))):
            if stream["last_sample_ms"] is not None:
                labels = {**stream["labels"], NAME: stream["metric"]}
                self.newest_ms[frozenset(labels.items())] = stream["last_sample_ms"]

    def newest(self, labels: Mapping[str, str]) -> int | None:
        """Time of the newest sample of a series' stream, None when there is no such stream.

        Parameters
        ----------
        labels : mapping of str to str
        """
        own = self.newest_ms.get(frozenset(labels.items()))
        return self.newest_ms.get(frozenset(_family(labels).items())) if own is None else own

    def send(self, columns: Iterable[Column]) -> None:
        """Send what the streams do not have yet, in requests of bounded size.

        Parameters
        ----------
        columns : iterable of Column
            In time order, one call after the other.
        """
        rows: list[dict[str, Any]] = []
        room = REQUEST_SAMPLES
        for column in _in_turn(columns):
            begin = self._first_new(column)
            while begin < len(column.values):
                end = min(begin + room, len(column.values))
                rows.append(_row(column, begin, end))
                room, begin = room - (end - begin), end
                if not room:
                    self._post(rows)
                    rows, room = [], REQUEST_SAMPLES
        if rows:
            self._post(rows)

    def conclude(self) -> bool:
        """Say what was sent; False when everything was refused."""
        console.print(f"{self.accepted} samples taken by {self.url}.")
        if self.skipped:
            console.print(f"{self.skipped} not sent: their streams have samples of that time or newer.")
        if self.histograms:
            console.print(f"{self.histograms} native histograms left out: only numbers can be read back.")
        for error, count in self.refused.items():
            console.print(f"{count} refused: {self._why[error]}", style="yellow", markup=False)
        return self.accepted > 0 or not self.refused

    def _first_new(self, column: Column) -> int:
        newest_ms = self.newest(column.labels)
        if newest_ms is None:
            return 0
        begin = int(np.searchsorted(column.timestamps_ms, newest_ms, "right"))
        self.skipped += begin
        return begin

    def _post(self, rows: list[dict[str, Any]]) -> None:
        call = Call("POST", "/api/v1/ingest", {"backfill": "true", "scores": "none"}, rows)
        receipt = self._ask(lambda: self._receipt(call))
        self.accepted += receipt["accepted"]
        self.skipped += receipt["duplicates"]
        for error in receipt["errors"]:
            self.refused[error["id"]] += error["count"]
            self._why.setdefault(error["id"], error["message"])

    def _receipt(self, call: Call) -> Any:
        """A request of which nothing was valid is answered with a problem that has the receipt in it."""
        try:
            return self.client.send(call)
        except ApiError as problem:
            if problem.status == httpx.codes.BAD_REQUEST and "errors" in problem.document:
                return problem.document
            raise

    def _ask(self, question: Callable[[], T]) -> T:
        """The answer; while the service is busy or away for a moment, the question is asked again."""
        for wait_s in (*WAITS_S, None):
            try:
                answer = question()
            except (ApiError, httpx.TransportError) as problem:
                if not self._worth_waiting(problem) or wait_s is None:
                    raise _given_up(self.url, problem) from problem
                time.sleep(wait_s)
            else:
                self._reached = True
                return answer
        raise AssertionError("the last try returns or raises")

    def _worth_waiting(self, problem: ApiError | httpx.TransportError) -> bool:
        """A service that never answered is most likely not there at all."""
        return problem.status in SEND_AGAIN if isinstance(problem, ApiError) else self._reached


def from_prometheus(
    delivery: Delivery, source: PrometheusHistory, wanted: Wanted, start_ms: int, end_ms: int
) -> None:
    """Send a Prometheus' past.

    Parameters
    ----------
    delivery : Delivery
    source : PrometheusHistory
    wanted : Wanted
    start_ms, end_ms : int

    Raises
    ------
    RequestError
        BAD_REQUEST, saying what went wrong.
    """
    try:
        _follow(delivery, source, wanted, start_ms, end_ms)
    except PrometheusError as problem:
        raise RequestError(ErrorId.BAD_REQUEST, str(problem)) from problem
    finally:
        source.close()


def from_file(
    delivery: Delivery,
    file: Path,
    metric: str,
    labels: Mapping[str, str],
    columns: tuple[str | None, str | None],
) -> None:
    """Send a recorded series.

    Parameters
    ----------
    delivery : Delivery
    file : Path
    metric : str
    labels : mapping of str to str
    columns : (str or None, str or None)
        Names of the time and the value column.

    Raises
    ------
    RequestError
        BAD_REQUEST, naming the place in the file.
    """
    table = read_table(file, *columns)
    order = np.argsort(table.timestamp_ms, kind="stable")
    order = order[np.isfinite(table.value[order])]
    times, values = table.timestamp_ms[order].tolist(), table.value[order].tolist()
    named = {**labels, NAME: metric}
    delivery.look_up(_exactly(metric))
    with _progress() as progress:
        task = progress.add_task(metric, total=len(values), told="")
        for begin in range(0, len(values), REQUEST_SAMPLES):
            end = begin + REQUEST_SAMPLES
            delivery.send([Column(named, times[begin:end], values[begin:end])])
            progress.update(task, completed=min(end, len(values)), told=f"{delivery.accepted} samples")


def _follow(
    delivery: Delivery, source: PrometheusHistory, wanted: Wanted, start_ms: int, end_ms: int
) -> None:
    added = {**(source.external_labels() if wanted.external else {}), **wanted.labels}
    if wanted.external and added != wanted.labels:
        console.print(f"Labels added to every series: {added}")
    begin_ms = _resumed(delivery, source, wanted, added, start_ms, end_ms)
    with _progress() as progress:
        whole_ms, done_ms = end_ms - start_ms, begin_ms - start_ms
        task = progress.add_task(wanted.match, total=whole_ms, completed=done_ms, told="")
        for chunk in source.chunks(begin_ms, end_ms):
            delivery.send([_renamed(column, wanted.metric, added) for column in chunk.columns])
            delivery.histograms = max(delivery.histograms, chunk.histograms)
            told = f"{delivery.accepted} samples"
            progress.update(task, completed=chunk.end_ms - start_ms, told=told)


def _resumed(
    delivery: Delivery,
    source: PrometheusHistory,
    wanted: Wanted,
    added: Mapping[str, str],
    start_ms: int,
    end_ms: int,
) -> int:
    """Where the first of the series goes on."""
    if not wanted.raw:
        if not wanted.metric:
            raise RequestError(
                ErrorId.BAD_REQUEST, "With --step give --metric: an expression's result has no name."
            )
        delivery.look_up(_exactly(wanted.metric))
        return start_ms
    found = source.series(start_ms, end_ms)
    if not found:
        raise RequestError(ErrorId.BAD_REQUEST, f"No series match {wanted.match!r} in that time.")
    named = [_named(labels, wanted.metric, added) for labels in found]
    for metric in sorted(
        {metric for labels in named for metric in (labels.get(NAME, ""), _family(labels)[NAME])}
    ):
        delivery.look_up(_exactly(metric))
    newest_ms = (delivery.newest(labels) or 0 for labels in named)
    return min(max(min(newest_ms), start_ms), end_ms)


def _family(labels: Mapping[str, str]) -> dict[str, str]:
    """The label set of the histogram that a classic bucket belongs to; other label sets as they are."""
    if BOUND not in labels:
        return dict(labels)
    whole = {name: value for name, value in labels.items() if name != BOUND}
    return {**whole, NAME: labels.get(NAME, "").removesuffix("_bucket")}


def _in_turn(columns: Iterable[Column]) -> Iterator[Column]:
    """Buckets of classic histograms by time, because a histogram is put together from those of one moment."""
    buckets: list[Column] = []
    for column in columns:
        if BOUND not in column.labels:
            yield column
            continue
        samples = zip(column.timestamps_ms, column.values, strict=True)
        buckets += [Column(column.labels, [time_ms], [value]) for time_ms, value in samples]
    yield from sorted(buckets, key=lambda bucket: bucket.timestamps_ms)


def _given_up(url: str, problem: ApiError | httpx.TransportError) -> RequestError:
    if isinstance(problem, ApiError) and problem.status not in SEND_AGAIN:
        return RequestError(ErrorId.BAD_REQUEST, f"{url} answers {problem}")
    reason = f"{url} cannot be reached or takes nothing: {problem}."
    return RequestError(ErrorId.BAD_REQUEST, f"{reason} Run the same command again to go on.")


def _exactly(metric: str) -> str:
    quoted = metric.replace("\\", "\\\\").replace('"', '\\"')
    return f'{{__name__="{quoted}"}}'


def _named(labels: Mapping[str, str], metric: str, added: Mapping[str, str]) -> dict[str, str]:
    """A label of the series wins over an external one, as in remote write."""
    return {**added, **labels, **({NAME: metric} if metric else {})}


def _renamed(column: Column, metric: str, added: Mapping[str, str]) -> Column:
    return Column(_named(column.labels, metric, added), column.timestamps_ms, column.values)


def _row(column: Column, begin: int, end: int) -> dict[str, Any]:
    labels = {name: value for name, value in column.labels.items() if name != NAME}
    return row(column.labels.get(NAME, ""), column.values[begin:end], labels, column.timestamps_ms[begin:end])


def _progress() -> Progress:
    told = (BarColumn(), TaskProgressColumn(), TextColumn("{task.fields[told]}"), TimeRemainingColumn())
    return Progress(TextColumn("{task.description}", markup=False), *told, console=console)
