"""What one tenant sees of the fleet: the one place on the way out.

Whoever answers a request is given an `OwnFleet` and nothing else, so no endpoint can forget to look.
With tenants off it is the fleet of `EVERYONE` and leaves nothing out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from operator import attrgetter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kullback.alerting.decision import Decision
from kullback.core.selector import Selector, parse_selector
from kullback.core.tenant import ANONYMOUS, EVERYONE, tenant_of, within
from kullback.detector.alarm_limits import AlarmLimits
from kullback.engine.comparison import Comparison
from kullback.engine.local import LocalEngine
from kullback.engine.streams import Stream
from kullback.pipeline.facts import Document, Facts
from kullback.pipeline.fleet import Fleet
from kullback.pipeline.standing import standing
from kullback.storage.history import History

ALL = parse_selector("{}")
_NUMBER = attrgetter("number")


class OwnStreams:
    """The engine's streams of one tenant; those of others are not there.

    Parameters
    ----------
    engine : LocalEngine
    tenant : str
    """

    def __init__(self, engine: LocalEngine, tenant: str) -> None:
        self._engine = engine
        self._tenant = tenant
        self.bytes_per_stream = engine.bytes_per_stream

    def __len__(self) -> int:
        if self._tenant == EVERYONE:
            return len(self._engine)
        return self._engine.count_of_tenant.get(self._tenant, 0)

    @property
    def watched(self) -> int:
        """Streams of the whole service, among which a fleet's budget is divided."""
        return len(self._engine)

    def __iter__(self) -> Iterator[Stream]:
        if self._tenant == EVERYONE:
            return iter(self._engine)
        return map(self._engine.stream, self.select(ALL).tolist())

    def numbers(self) -> NDArray[np.int32]:
        """Numbers of all streams, in the order in which they are iterated over."""
        return np.fromiter(map(_NUMBER, self), np.int32, len(self))

    def find(self, stream_id: str) -> int | None:
        """The number of a stream, None when there is none.

        Parameters
        ----------
        stream_id : str
        """
        number = self._engine.find(stream_id)
        return number if number is not None and self._owns(self._engine.stream(number)) else None

    def stream(self, number: int) -> Stream:
        """The stream of a number.

        Parameters
        ----------
        number : int

        Raises
        ------
        KeyError
            Also when the number went to another tenant's stream meanwhile.
        """
        stream = self._engine.stream(number)
        if not self._owns(stream):
            raise KeyError(number)
        return stream

    def select(self, selector: Selector) -> NDArray[np.int32]:
        """Numbers of the streams that a selector matches, rising.

        Parameters
        ----------
        selector : Selector
        """
        return self._engine.select(within(selector, self._tenant))

    def lengths(self, number: int) -> tuple[int, ...]:
        """See `Views.lengths`."""
        return self._engine.views.lengths(self.stream(number).number)

    def windows(self, number: int, window: int) -> Any:
        """See `Views.windows`."""
        return self._engine.views.windows(self.stream(number).number, window)

    def explain(self, number: int) -> Any:
        """See `Views.explain`."""
        return self._engine.views.explain(self.stream(number).number)

    def alarm_limits(self, number: int) -> AlarmLimits:
        """See `Views.alarm_limits`."""
        return self._engine.views.alarm_limits(self.stream(number).number)

    def leader_text(self, number: int, leader: int) -> str:
        """See `Views.leader_text`."""
        return self._engine.views.leader_text(self.stream(number).number, leader)

    def comparison(self, number: int) -> Comparison:
        """See `References.comparison`."""
        return self._engine.references.comparison(self.stream(number).number)

    def summary(self, numbers: NDArray[np.int32]) -> Any:
        """See `LocalEngine.summary`; the numbers are those of `find` and `select`."""
        return self._engine.summary(numbers)

    def _owns(self, stream: Stream) -> bool:
        return self._tenant in (EVERYONE, tenant_of(stream.series.labels))


class OwnHistory:
    """What was written down of one tenant.

    Parameters
    ----------
    history : History
    streams : OwnStreams
    tenant : str
    """

    def __init__(self, history: History, streams: OwnStreams, tenant: str) -> None:
        self._history = history
        self._streams = streams
        self._tenant = None if tenant == EVERYONE else tenant
        self.step_ms = history.points.step_ms

    def scores(self, stream: str, start_ms: int, end_ms: int, step_ms: int = 0) -> NDArray[Any]:
        """See `History.scores`; nothing of a stream that is not the tenant's."""
        return self._history.scores(self._own(stream), start_ms, end_ms, step_ms)

    def at_most(self, streams: Sequence[str], start_ms: int, end_ms: int) -> NDArray[np.float64]:
        """See `History.at_most`; nothing of streams that are not the tenant's."""
        return self._history.at_most([self._own(stream) for stream in streams], start_ms, end_ms)

    def newest(self, stream: str, count: int) -> NDArray[Any]:
        """See `History.newest`; nothing of a stream that is not the tenant's."""
        return self._history.newest(self._own(stream), count)

    def alert(self, alert_id: str) -> Document | None:
        """See `History.alert`."""
        return self._history.alert(alert_id, self._tenant)

    def alerts(
        self,
        state: str | None = None,
        stream: str | None = None,
        before_ms: int | None = None,
        limit: int = 100,
    ) -> list[Document]:
        """See `History.alerts`."""
        return self._history.alerts(state, stream, before_ms, limit, self._tenant)

    def audits(self, limit: int) -> list[tuple[int, int, Document]]:
        """See `History.audits`."""
        return self._history.audits(limit, self._tenant)

    def _own(self, stream: str) -> str:
        return stream if self._streams.find(stream) is not None else ""


class OwnFacts:
    """What was decided in one tenant.

    Parameters
    ----------
    facts : Facts
    tenant : str
    """

    def __init__(self, facts: Facts, tenant: str) -> None:
        self._facts = facts
        self._tenant = tenant

    @property
    def maintenance(self) -> dict[str, Document]:
        """Maintenance windows by id."""
        return {key: fact for key, fact in self._facts.maintenance.items() if self._owns(fact)}

    @property
    def references(self) -> dict[str, Document]:
        """Pinned references by name."""
        return {fact["name"]: fact for fact in self._facts.references.values() if self._owns(fact)}

    @property
    def markers(self) -> dict[str, Document]:
        """Markers by id."""
        return {key: fact for key, fact in self._facts.markers.items() if self._owns(fact)}

    @property
    def feedback(self) -> Mapping[str, list[Document]]:
        """Verdicts by stream id; whoever asks has found the stream or its alert among their own."""
        return self._facts.feedback

    def _owns(self, fact: Document) -> bool:
        return self._tenant in (EVERYONE, fact.get("tenant", ANONYMOUS))


class OwnFleet:
    """The fleet of one tenant.

    Parameters
    ----------
    fleet : Fleet
    tenant : str
    """

    def __init__(self, fleet: Fleet, tenant: str = EVERYONE) -> None:
        self._fleet = fleet
        self.tenant = tenant
        self.engine = OwnStreams(fleet.engine, tenant)
        self.history = OwnHistory(fleet.history, self.engine, tenant)
        self.facts = OwnFacts(fleet.facts, tenant)

    def standing(self, numbers: NDArray[np.int32], summary: Any, now_ms: int) -> NDArray[np.uint8]:
        """See `kullback.pipeline.standing.standing`."""
        return standing(self._fleet, numbers, summary, now_ms)

    def phases(self, numbers: NDArray[np.int32]) -> NDArray[np.uint8]:
        """Alert phase per stream."""
        return self._fleet.alerts.phases(numbers)

    def live_alerts(self) -> list[Decision]:
        """The alerts that have not ended."""
        live = self._fleet.book.live(self._fleet.alerts, self._fleet.engine)
        return [decision for decision in live if self.engine.find(decision.stream) is not None]

    def current_alert(self, document: Mapping[str, Any]) -> Mapping[str, Any]:
        """An alert of the history as it stands now."""
        return self._fleet.book.current(document, self._fleet.alerts, self._fleet.engine)

    def open_windows(self, now_ms: int) -> frozenset[str]:
        """Ids of the maintenance windows in force that are open."""
        return frozenset(window.id for window in self._fleet.maintenance.open_windows(now_ms))

    def known_windows(self) -> frozenset[str]:
        """Ids of the maintenance windows that are kept."""
        return frozenset(window.id for window in self._fleet.maintenance.windows)
