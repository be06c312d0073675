"""The watched streams with everything that belongs to them: scores, alerts, decisions, history."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from kullback.alerting.alert import Reason, Transition
from kullback.alerting.maintenance import Maintenance
from kullback.alerting.rule import rule_of
from kullback.alerting.state import AlertStates
from kullback.core.profile import Profile
from kullback.core.scores import Scores
from kullback.engine.local import LocalEngine
from kullback.engine.streams import Stream
from kullback.pipeline.book import AlertBook
from kullback.pipeline.facts import Facts
from kullback.storage.history import History


class Fleet:
    """Holds the parts together; who changes it when is the pipeline's business.

    Parameters
    ----------
    engine : LocalEngine
    alerts : AlertStates
    maintenance : Maintenance
    book : AlertBook
    history : History
    """

    def __init__(
        self,
        engine: LocalEngine,
        alerts: AlertStates,
        maintenance: Maintenance,
        book: AlertBook,
        history: History,
    ) -> None:
        self.engine = engine
        self.alerts = alerts
        self.maintenance = maintenance
        self.book = book
        self.history = history
        self.facts = Facts()

    def follow(self, transitions: Sequence[Transition]) -> None:
        """Write transitions into the alert book and hand them to the receivers.

        Parameters
        ----------
        transitions : sequence of Transition
        """
        for transition in transitions:
            self.book.take(transition, self.engine, self.facts.markers)

    def welcome(self, streams: Iterable[Stream]) -> None:
        """Let new or restored streams follow their rules and the maintenance windows.

        Parameters
        ----------
        streams : iterable of Stream
        """
        alike: dict[int, tuple[Profile, list[int]]] = {}
        for stream in streams:
            alike.setdefault(id(stream.profile), (stream.profile, []))[1].append(stream.number)
            self.maintenance.admit(stream.number, stream.series.labels)
            self.history.points.welcome(stream.number, stream.id)
        for profile, numbers in alike.values():
            self.alerts.follow(np.array(numbers, np.int32), rule_of(profile))

    def watch(self, profiles: Sequence[Profile], offset: int) -> None:
        """Watch every stream as other profiles say, keeping its history.

        Parameters
        ----------
        profiles : sequence of Profile
        offset : int
            Of the log entry that says so.
        """
        self.engine.reconfigure(profiles, offset)
        self.welcome(self.engine)

    def forget(self, number: int, now_ms: int, offset: int) -> None:
        """Close a stream and end its alert.

        Parameters
        ----------
        number, now_ms, offset : int
        """
        gone = np.array([number], np.int32)
        self.follow(self.alerts.end(gone, now_ms, Reason.DELETED))
        stream = self.engine.close(number, offset)
        self.facts.feedback.pop(stream.id, None)

    def keep_out(self, scores: Scores, muted: NDArray[np.bool_], offset: int) -> None:
        """Learn nothing from what happened under maintenance.

        Parameters
        ----------
        scores : Scores
        muted : bool array, shape (n,)
        offset : int
        """
        for number in np.unique(scores.stream[muted]):
            span_ms = scores.timestamp_ms[muted & (scores.stream == number)]
            self.engine.acts.strike(int(number), int(span_ms.min()), int(span_ms.max()), offset)
