"""Streams that are compared with another stream: when its samples become their reference.

It is decided while the service runs, and put into the log with the samples themselves: a replay need not know
how far the other stream was.
"""

from __future__ import annotations

from kullback.engine.local import LocalEngine

RENEW = "renew"
FEWEST_SAMPLES = 64
"""Of fewer no reference is made."""
RENEWED_SHARE, FEWEST_NEW = 16, 16
"""A reference is renewed when a part of it, one in so many, is new, and at least so many samples are."""
MOST_AT_ONCE = 100
"""Streams in one entry of the log."""


def renewed_after(samples: int, size: int) -> int:
    """How many new samples make a reference due.

    Parameters
    ----------
    samples : int
        Of the other stream so far.
    size : int
        Of the reference at most.
    """
    return max(min(samples, size) // RENEWED_SHARE, FEWEST_NEW)


class Following:
    """Which references are due."""

    def __init__(self) -> None:
        self._seen: dict[int, tuple[int, int]] = {}
        """Of which other stream, and how many samples it had when they became the reference."""
        self._last = -1
        """The stream looked at last, so that of many that are due none waits for ever."""

    def due(self, engine: LocalEngine) -> dict[str, list[float]]:
        """New samples by the id of the stream that is to be compared with them.

        Parameters
        ----------
        engine : LocalEngine
        """
        followers = set(engine.references.followers)
        self._seen = {number: seen for number, seen in self._seen.items() if number in followers}
        found: dict[str, list[float]] = {}
        for number in sorted(followers, key=lambda number: (number <= self._last, number)):
            self._last = number
            size = engine.stream(number).profile.reference.size_samples
            leader = engine.references.leader_of(number)
            if leader is not None and self._is_due(number, leader, size, engine):
                found[engine.stream(number).id] = engine.references.newest(leader, size).tolist()
            if len(found) == MOST_AT_ONCE:
                break
        return found

    def _is_due(self, number: int, leader: int, size: int, engine: LocalEngine) -> bool:
        samples = engine.references.samples(leader)
        held = engine.references.is_held(number)
        known, seen = self._seen.get(number, (leader, samples))
        goes_on = held and known == leader and seen <= samples < seen + renewed_after(samples, size)
        if goes_on or samples < FEWEST_SAMPLES:
            self._seen[number] = known, seen
            return False
        self._seen[number] = leader, samples
        return True
