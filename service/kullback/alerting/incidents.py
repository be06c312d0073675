"""Alerts that began together and have labels in common, told as one incident."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from kullback.alerting.decision import OWN_LABELS, Decision
from kullback.core.duration import render_duration
from kullback.core.labels import Labels

WITHIN_MS = 180_000
SECOND_MS = 1000
SHOWN_LABELS = 3

Pair = tuple[str, str]
"""A label's name and value."""


@dataclass(frozen=True, slots=True)
class Incident:
    """One or more alerts that are likely to have one cause.

    Parameters
    ----------
    id : str
        The id of its first alert.
    decisions : tuple of Decision
        By onset, the first to move first: where to look for the cause.
    shared : Labels
        What all of their streams have in common.
    """

    id: str
    decisions: tuple[Decision, ...]
    shared: Labels

    @property
    def starts_at_ms(self) -> int:
        """Onset of the first alert."""
        return self.decisions[0].alert.starts_at_ms

    @property
    def ends_at_ms(self) -> int | None:
        """End of the last alert, None while one is live."""
        ends = [decision.alert.ends_at_ms for decision in self.decisions]
        known = [end_ms for end_ms in ends if end_ms is not None]
        return max(known) if len(known) == len(ends) else None

    @property
    def sentence(self) -> str:
        """What happened, e.g. `12 streams of job=api moved within 3m; first: …`."""
        if len(self.decisions) == 1:
            return self.decisions[0].annotations["summary"]
        span_ms = self.decisions[-1].alert.starts_at_ms - self.starts_at_ms
        return told(len(self.decisions), self.shared, span_ms, self.decisions[0])


def told(streams: int, shared: Labels, span_ms: int, first: Decision) -> str:
    """An incident of several streams in words.

    Parameters
    ----------
    streams : int
    shared : Labels
        What they have in common.
    span_ms : int
        Between the first onset and the last.
    first : Decision
        Where to look for the cause.
    """
    shown = ", ".join(f"{name}={value}" for name, value in shared[:SHOWN_LABELS])
    within = render_duration(-(-max(span_ms, 1) // SECOND_MS) * SECOND_MS)
    return f"{streams} streams of {shown} moved within {within}; first: {first.annotations['summary']}"


def incidents(decisions: Iterable[Decision], within_ms: int = WITHIN_MS) -> tuple[Incident, ...]:
    """Group alerts.

    Those whose onsets lie within `within_ms` of the first are candidates; among them the label that most
    of them share makes one incident, and so on with the rest. Every alert is in exactly one incident.

    Parameters
    ----------
    decisions : iterable of Decision
    within_ms : int

    Returns
    -------
    tuple of Incident
        By onset.
    """
    ordered = sorted(decisions, key=lambda decision: (decision.alert.starts_at_ms, decision.id))
    waiting: dict[Pair, deque[Decision]] = defaultdict(deque)
    for decision in ordered:
        for pair in own_pairs(decision):
            waiting[pair].append(decision)
    found: list[Incident] = []
    taken: set[str] = set()
    for first in ordered:
        if first.id not in taken:
            members = _companions(first, waiting, taken, first.alert.starts_at_ms + within_ms)
            taken.update(decision.id for decision in members)
            found.append(Incident(first.id, members, _shared(members)))
    return tuple(found)


def _companions(
    first: Decision, waiting: Mapping[Pair, deque[Decision]], taken: set[str], bound_ms: int
) -> tuple[Decision, ...]:
    """The first alert and those that share with it the label that most of them have."""
    largest: tuple[Decision, ...] = (first,)
    for pair in own_pairs(first):
        sharing = _up_to(waiting[pair], taken, bound_ms)
        if len(sharing) > len(largest):
            largest = sharing
    return largest


def _up_to(queue: deque[Decision], taken: set[str], bound_ms: int) -> tuple[Decision, ...]:
    """Those at the head of a queue that began by then, while what is taken leaves it for good."""
    sharing = []
    while queue and queue[0].alert.starts_at_ms <= bound_ms:
        decision = queue.popleft()
        if decision.id not in taken:
            sharing.append(decision)
    queue.extendleft(reversed(sharing))
    return tuple(sharing)


def _shared(members: Sequence[Decision]) -> Labels:
    common = set(own_pairs(members[0])).intersection(*(own_pairs(decision) for decision in members[1:]))
    return tuple(sorted(common))


def own_pairs(decision: Decision) -> Iterator[Pair]:
    """The labels of the stream itself; its metric counts, because one metric of many hosts may move.

    Parameters
    ----------
    decision : Decision
    """
    return (pair for pair in decision.labels if pair[0] not in OWN_LABELS or pair[0] == "metric")
