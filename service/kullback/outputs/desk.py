"""What a receiver of alerts is still owed.

A desk decides and never touches the network: it is told of decisions, hands out one letter at a time and
hears how it went, each with the time as an argument. `outputs.sender` carries the letters.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol
from urllib.parse import urlsplit

from kullback.alerting.decision import Decision

FIRST_PAUSE_MS = 1_000
LONGEST_PAUSE_MS = 60_000
WORTH_ANOTHER_TRY = frozenset((408, 425, 429, 500, 502, 503, 504))


class Outcome(StrEnum):
    """What became of a notification; the `outcome` label of `kullback_notifications_total`."""

    DELIVERED = "delivered"
    FAILED = "failed"
    """An attempt that did not get through; it is tried again."""
    REJECTED = "rejected"
    """The receiver answered that it will not take it."""
    DROPPED = "dropped"
    """Given up: the queue was full, or it failed for too long."""


@dataclass(frozen=True, slots=True)
class Letter:
    """One request to a receiver.

    Parameters
    ----------
    url : str
    body : bytes
        JSON.
    headers : mapping of str to str
    notifications : int
        How many notifications it carries.
    covers : object
        The desk's own note of what is in it.
    """

    url: str
    body: bytes
    headers: Mapping[str, str]
    notifications: int
    covers: Any


@dataclass(frozen=True, slots=True)
class Answer:
    """What the receiver said.

    Parameters
    ----------
    status : int
        HTTP status; 0 when there was no answer.
    detail : str
        For the log.
    retry_after_ms : int
        How long the receiver asks to be left alone.
    """

    status: int
    detail: str = ""
    retry_after_ms: int = 0

    @property
    def outcome(self) -> Outcome:
        """Success, worth another try, or final."""
        if 200 <= self.status < 300:
            return Outcome.DELIVERED
        if self.status == 0 or self.status in WORTH_ANOTHER_TRY:
            return Outcome.FAILED
        return Outcome.REJECTED


@dataclass(slots=True)
class Backoff:
    """Pauses that double with each failure, from 1 s to 60 s."""

    failures: int = 0
    not_before_ms: int = 0

    def note(self, answer: Answer, now_ms: int) -> None:
        """Lengthen the pause after a failure, end it after anything else.

        Parameters
        ----------
        answer : Answer
        now_ms : int
        """
        if answer.outcome is not Outcome.FAILED:
            self.failures = self.not_before_ms = 0
            return
        pause_ms = min(FIRST_PAUSE_MS << min(self.failures, 16), LONGEST_PAUSE_MS)
        self.failures += 1
        self.not_before_ms = now_ms + max(pause_ms, min(answer.retry_after_ms, LONGEST_PAUSE_MS))


@dataclass(slots=True)
class Tally:
    """Notifications by outcome; every outcome is there from the start, so that rates work."""

    counts: dict[Outcome, int] = field(default_factory=lambda: dict.fromkeys(Outcome, 0))

    def add(self, outcome: Outcome, notifications: int = 1) -> None:
        """Count.

        Parameters
        ----------
        outcome : Outcome
        notifications : int
        """
        self.counts[outcome] += notifications


class Desk(Protocol):
    """One receiver's desk.

    Parameters
    ----------
    receiver : str
        Its name in metrics and logs.
    address : tuple
        All that was configured of it; desks of the same address are the same desk after a reload.
    tally : Tally
    """

    receiver: str
    address: tuple[object, ...]
    tally: Tally

    def note(self, decisions: Iterable[Decision], now_ms: int) -> None:
        """Take news.

        Parameters
        ----------
        decisions : iterable of Decision
        now_ms : int
        """
        ...

    def adopt(self, decisions: Iterable[Decision], now_ms: int) -> None:
        """Take over alerts that were live before a restart: no news, but still owed where a receiver forgets.

        Parameters
        ----------
        decisions : iterable of Decision
        now_ms : int
        """
        ...

    def due(self, now_ms: int) -> Letter | None:
        """The next letter, None when nothing is due; not asked again before `settle`.

        Parameters
        ----------
        now_ms : int
        """
        ...

    def settle(self, letter: Letter, answer: Answer, now_ms: int) -> None:
        """Hear what became of a letter.

        Parameters
        ----------
        letter : Letter
        answer : Answer
        now_ms : int
        """
        ...


def origin(url: str) -> str:
    """A receiver's name in metrics and logs: no credentials, and no path or query, which may hold tokens.

    Parameters
    ----------
    url : str
    """
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
