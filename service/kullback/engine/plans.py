"""The numeric parameters of each stream."""

from __future__ import annotations

from dataclasses import replace

from kullback.core.profile import Profile
from kullback.detector.plan import Plan, plan_of
from kullback.engine.streams import Stream


class Plans:
    """Resolves plans, once for all streams that are watched alike.

    Parameters
    ----------
    out_of_order_ms : int
        How much older than the newest sample a late one may be.
    """

    def __init__(self, out_of_order_ms: int) -> None:
        self._out_of_order_ms = out_of_order_ms
        # Profiles are slow to hash; the value keeps the profile, so that its identity is not used again.
        self._known: dict[tuple[int, bool, float], tuple[Profile, Plan, str]] = {}

    def of(self, stream: Stream) -> Plan:
        """The plan of a stream.

        Parameters
        ----------
        stream : Stream
        """
        return self._resolve(stream)[1]

    def text(self, stream: Stream) -> str:
        """What tells a stream's plan from another one, also in a later version of the program.

        Parameters
        ----------
        stream : Stream
        """
        return self._resolve(stream)[2]

    def forget(self) -> None:
        """Drop what was resolved; after profiles changed."""
        self._known.clear()

    def _resolve(self, stream: Stream) -> tuple[Profile, Plan, str]:
        alike = (id(stream.profile), stream.counter, stream.feedback)
        if alike not in self._known:
            plan = plan_of(stream.profile, counter=stream.counter, out_of_order_ms=self._out_of_order_ms)
            plan = replace(plan, feedback=stream.feedback)
            self._known[alike] = (stream.profile, plan, repr(plan))
        return self._known[alike]
