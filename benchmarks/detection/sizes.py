"""How much is measured: the full run, and a quick one that shows whether anything is broken."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sizes:
    """Streams per measurement.

    Parameters
    ----------
    share : float
        Of the full number of streams.
    seed : int
    """

    share: float
    seed: int

    def streams(self, full: int) -> int:
        """At least 4 streams.

        Parameters
        ----------
        full : int
        """
        return max(4, round(full * self.share))


QUICK_SHARE = 0.2
