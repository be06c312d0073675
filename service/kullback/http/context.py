"""What handlers work with: made by `kullback.app`, replaced as a whole by a reload."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from fastapi import Request

from kullback.core.limits import Limits
from kullback.core.profile import Profile
from kullback.core.tenant import EVERYONE, Deeds
from kullback.detector.layout import Shape
from kullback.http.audience import Audience
from kullback.http.protocols.dialect import Dialect
from kullback.http.request_body import BodyRoom
from kullback.outputs.exposure import Exposure
from kullback.outputs.label_texts import LabelTexts
from kullback.outputs.meters import Meters
from kullback.pipeline.owner import Owner
from kullback.pipeline.pipeline import Pipeline
from kullback.pipeline.receipt import Receipt
from kullback.pipeline.request import Request as PipelineRequest
from kullback.pipeline.tenancy import OwnFleet

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Context:
    """The service as HTTP sees it.

    Parameters
    ----------
    owner : Owner
        The thread that owns the pipeline, with its readiness.
    readiness : Readiness
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
    shape : Shape
        What the detectors keep: the current windows above all.
    notifications : callable
        Notifications so far by (receiver, outcome).
    written : callable
        The same of scores that were written to others.
    read_profile : callable
        A profile from the JSON of one entry of `profiles:`; RequestError when it is not valid.
    tenant : str
        Whose request is answered; `EVERYONE` while tenants are off, and for the operator.
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
    lifecycle_enabled: bool
    admin_enabled: bool
    shape: Shape
    notifications: Callable[[], Mapping[tuple[str, str], int]]
    written: Callable[[], Mapping[tuple[str, str], int]]
    read_profile: Callable[[Mapping[str, Any]], Profile]
    label_texts: LabelTexts = field(default_factory=LabelTexts)
    bodies: BodyRoom = field(default_factory=BodyRoom)
    deeds: Deeds = field(default_factory=Deeds)
    audience: Audience = field(default_factory=Audience)
    tenant: str = EVERYONE

    async def receive(self, request: PipelineRequest) -> Receipt:
        """What became of a write request.

        Parameters
        ----------
        request : PipelineRequest

        Raises
        ------
        Overloaded
            Nothing was applied.
        """
        return await asyncio.wrap_future(self.owner.receive(request))

    async def ask(self, question: Callable[[OwnFleet], T]) -> T:
        """The answer to a question about what the tenant owns, which runs on the owner's thread.

        Parameters
        ----------
        question : callable
            Short; returns plain values.

        Raises
        ------
        Overloaded
            STARTING_OR_STOPPING.
        """
        return await self.inspect(lambda pipeline: question(OwnFleet(pipeline, self.tenant)))

    async def inspect(self, question: Callable[[Pipeline], T]) -> T:
        """The answer to a question about the service itself: what belongs to no tenant.

        Parameters
        ----------
        question : callable
            As in `ask`.
        """
        return await asyncio.wrap_future(self.owner.ask(question))

    async def act(self, author: str, action: str, **details: Any) -> Any:
        """Carry out an action of a person; it goes through the log and into the audit history.

        Parameters
        ----------
        author : str
            Who did it, "" when nobody had to say.
        action : str
            Its name, see `kullback.pipeline.actions`.
        **details
            JSON values.
        """
        now_ms = self.clock()
        whose = {"tenant": self.tenant} if self.tenant != EVERYONE else {}
        entry = {"do": action, "author": author, **whose, **details}
        return await self.inspect(lambda pipeline: pipeline.act(entry, now_ms))


def context_of(request: Request) -> Context:
    """The present context, for the tenant of the request (a FastAPI dependency).

    Parameters
    ----------
    request : Request
    """
    context: Context = request.app.state.context
    tenant = request.scope.get("state", {}).get("tenant", EVERYONE)
    return context if tenant == EVERYONE else replace(context, tenant=tenant)


def author_of(request: Request) -> str:
    """Who sends a request (a FastAPI dependency); "" when nobody has to say.

    Parameters
    ----------
    request : Request
    """
    return str(request.scope.get("state", {}).get("author", ""))
