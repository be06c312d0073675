"""One request on its way through."""

from __future__ import annotations

from dataclasses import dataclass

from kullback.core.batch import Batch
from kullback.core.errors import Refusal


@dataclass(frozen=True, slots=True)
class Request:
    """A decoded request.

    Parameters
    ----------
    batch : Batch
    protocol : str
        The decoder's name, label of the ingest counters.
    now_ms : int
        Arrival time, Unix ms.
    refusals : tuple of Refusal
        What the decoder could not use.
    any_age : bool
        Whether old samples are welcome (backfill).
    want_streams : int
        How many touched streams the receipt shall name.
    """

    batch: Batch
    protocol: str
    now_ms: int
    refusals: tuple[Refusal, ...] = ()
    any_age: bool = False
    want_streams: int = 0
