"""Who listens to events: each costs a look at its streams once a second, so there is a limit."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from kullback.core.errors import ErrorId, Overloaded


@dataclass(slots=True)
class Audience:
    """The connections that are told of events.

    Parameters
    ----------
    listeners : int
    """

    listeners: int = 0

    @contextmanager
    def seat(self, most: int) -> Iterator[None]:
        """A listener's place for as long as the block lasts.

        Parameters
        ----------
        most : int
            Listeners allowed at once.

        Raises
        ------
        Overloaded
            TOO_MANY_LISTENERS.
        """
        if self.listeners >= most:
            detail = f"{self.listeners} clients listen already, and limits.max_event_listeners allows {most}."
            raise Overloaded(ErrorId.TOO_MANY_LISTENERS, detail)
        self.listeners += 1
        try:
            yield
        finally:
            self.listeners -= 1
