"""What handlers work with: made by `kullback.app`, replaced as a whole by a reload."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from fastapi import Request

from kullback.core.limits import Limits
from kullback.http.protocols.dialect import Dialect
from kullback.outputs.exposition import Exposure
from kullback.outputs.meters import Meters
from kullback.pipeline.owner import Owner
from kullback.pipeline.pipeline import Pipeline

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Context:
    """The service as HTTP sees it.

    Parameters
    ----------
    owner : Owner
        The thread that owns the pipeline.
    dialects : mapping of str to Dialect
        Write protocols by path.
    limits : Limits
    meters : Meters
        The service's own metrics.
    exposure : Exposure
        Which streams appear on /metrics.
    clock : callable -> int
        Unix time, ms.
    config_view : mapping
        The effective configuration, secrets hidden.
    reload : callable
        Reads the configuration again; RequestError(BAD_CONFIG) when it is bad and nothing changed.
    started_ms : int
    lifecycle_enabled, admin_enabled : bool
        Whether POST /-/reload and endpoints that destroy state are allowed.
    """

    owner: Owner[Pipeline]
    dialects: Mapping[str, Dialect]
    limits: Limits
    meters: Meters
    exposure: Exposure
    clock: Callable[[], int]
    config_view: Mapping[str, Any]
    reload: Callable[[], Awaitable[None]]
    started_ms: int
    lifecycle_enabled: bool = False
    admin_enabled: bool = False

    async def ask(self, question: Callable[[Pipeline], T]) -> T:
        """The answer to a question, which runs on the owner's thread.

        Parameters
        ----------
        question : callable
            Short; returns plain values.
        """
        return await asyncio.wrap_future(self.owner.ask(question))


def context_of(request: Request) -> Context:
    """The present context (a FastAPI dependency).

    Parameters
    ----------
    request : Request
    """
    context: Context = request.app.state.context
    return context
