"""What a decoder gives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from kullback.core.batch import Batch
from kullback.core.errors import Refusal


@dataclass(frozen=True, slots=True)
class Decoded:
    """One request, decoded.

    Parameters
    ----------
    batch : Batch
        Every valid sample, in the order of the body.
    refusals : tuple of Refusal
        The malformed parts, one per reason; the first of each is described.
    lines : tuple of int
        Line protocol only: the numbers of the bad lines, from 1, at most the first thousand.
    """

    batch: Batch
    refusals: tuple[Refusal, ...] = ()
    lines: tuple[int, ...] = ()

    @property
    def refused(self) -> int:
        """How many samples were malformed."""
        return sum(refusal.count for refusal in self.refusals)


class Decoder(Protocol):
    """Reads the bodies of one protocol. Safe to call from several threads."""

    protocol: str
    """Value of the `protocol` label of the ingest counters."""

    def decode(self, body: bytes, now_ms: int) -> Decoded:
        """Read one unpacked body.

        Parameters
        ----------
        body : bytes
        now_ms : int
            Arrival time, given to samples that carry no time of their own.

        Raises
        ------
        DecodeError
            When nothing of the body can be used.
        """
        ...
