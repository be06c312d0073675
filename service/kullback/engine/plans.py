"""The numeric parameters of each stream."""

from __future__ import annotations

from dataclasses import replace

from kullback.core.profile import Profile
from kullback.core.tenant import owned_name, tenant_of
from kullback.detector.pinned import Pinned
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
        self.references: dict[str, Pinned] = {}
        """Pinned references by their name among those of all tenants."""
        # Profiles are slow to hash; the value keeps the profile, so that its identity is not used again.
        self._known: dict[tuple[int, bool, float, Pinned | None], tuple[Profile, Plan, str]] = {}

    @staticmethod
    def reference_of(stream: Stream) -> str:
        """Which pinned reference a stream's profile asks for, "" for none; it need not be there.

        Parameters
        ----------
        stream : Stream
        """
        name = stream.profile.reference.pinned
        return owned_name(tenant_of(stream.series.labels), name) if name else ""

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
        pinned = self.references.get(self.reference_of(stream))
        alike = (id(stream.profile), stream.counter, stream.feedback, pinned)
        if alike not in self._known:
            plan = plan_of(stream.profile, counter=stream.counter, out_of_order_ms=self._out_of_order_ms)
            plan = replace(plan, feedback=stream.feedback, pinned=pinned)
            self._known[alike] = (stream.profile, plan, repr(plan))
        return self._known[alike]
