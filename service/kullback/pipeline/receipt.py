"""What a sender is told of its request."""

from __future__ import annotations

from dataclasses import dataclass

from kullback.core.errors import Refusal


@dataclass(frozen=True, slots=True)
class TouchedStream:
    """The stand of one stream after a request.

    Parameters
    ----------
    id : str
    score : float or None
        Of the request's last sample of this stream; None while warming up.
    max_score : float or None
        The largest in the request.
    divergence_nats : float or None
        Of the leading window after the last sample.
    state : str
        As in the streams list: warming_up, ok, pending, firing, shifted, no_data or maintenance.
    """

    id: str
    score: float | None
    max_score: float | None
    divergence_nats: float | None
    state: str


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of one request's samples.

    Parameters
    ----------
    accepted : int
        Samples kept: scored, or absorbed (the first value of a counter).
    refusals : tuple of Refusal
        At most one per reason; the decoder's, the limits' and the engine's.
    duplicates, not_a_number, stale : int
        Counted, but no fault of the sender.
    streams : tuple of TouchedStream
        As many as were asked for.
    """

    accepted: int
    refusals: tuple[Refusal, ...] = ()
    duplicates: int = 0
    not_a_number: int = 0
    stale: int = 0
    streams: tuple[TouchedStream, ...] = ()

    @property
    def rejected(self) -> int:
        """Samples refused, over all reasons."""
        return sum(refusal.count for refusal in self.refusals)
