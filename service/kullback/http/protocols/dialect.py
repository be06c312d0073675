"""What a write endpoint needs to know of its protocol."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from starlette.requests import Request
from starlette.responses import Response

from kullback.core.errors import KullbackError
from kullback.ingest.decoded import Decoded, Decoder
from kullback.pipeline.receipt import Receipt

SHOWN_STREAMS = 100
ALL_STREAMS = 2**31


@dataclass(frozen=True, slots=True)
class Taken:
    """A request that went all the way: what was decoded and what became of it."""

    decoded: Decoded
    receipt: Receipt

    @property
    def faulty(self) -> bool:
        """Whether anything was refused; NaN, duplicates and stale markers are no fault."""
        return self.receipt.rejected > 0

    @property
    def hopeless(self) -> bool:
        """Whether something was refused and nothing else was there."""
        receipt = self.receipt
        kept = receipt.accepted + receipt.duplicates + receipt.not_a_number + receipt.stale
        return self.faulty and kept == 0

    def sentence(self) -> str:
        """One readable sentence: how many samples were kept and refused, and every reason."""
        refusals = self.receipt.refusals
        reasons = " ".join(f"{refusal.count}x: {refusal.error.text(refusal.detail)}" for refusal in refusals)
        return f"Kept {self.receipt.accepted} samples, refused {self.receipt.rejected}. {reasons}"


class Dialect(Protocol):
    """One protocol's manners."""

    @property
    def default_encoding(self) -> str:
        """The content encoding of a body that names none."""
        ...

    def decoder(self, request: Request) -> Decoder:
        """The decoder for a request's content type and parameters; DecodeError when there is none."""
        ...

    def answer(self, request: Request, taken: Taken) -> Response:
        """The answer to a request that was applied, in whole or in part."""
        ...

    def refuse(self, request: Request, problem: KullbackError) -> Response:
        """The answer to a request of which nothing was applied."""
        ...


def media_type(request: Request) -> str:
    """The content type without parameters, lower case, "" when absent.

    Parameters
    ----------
    request : Request
    """
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()
