"""Three lines that watch an app's own response times.

from kullback.client import Client, Sender, WatchMiddleware
app.add_middleware(WatchMiddleware, sender=Sender(Client("http://localhost:9797")), service="shop")
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from kullback.client.sender import Sender

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

UNMATCHED_ROUTE = "unmatched"


class WatchMiddleware:
    """ASGI middleware: one sample of `http_response_time_seconds` per request, by route and method.

    Parameters
    ----------
    app : ASGI application
    sender : Sender
    service : str
        Value of the `job` label.
    metric : str
    """

    def __init__(
        self, app: App, sender: Sender, service: str, metric: str = "http_response_time_seconds"
    ) -> None:
        self._app = app
        self._sender = sender
        self._service = service
        self._metric = metric

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Time one request; other scopes (lifespan, WebSocket) pass untouched."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begin = time.perf_counter()
        try:
            await self._app(scope, receive, send)
        finally:
            self._sender.add(self._metric, time.perf_counter() - begin, self._labels(scope))

    def _labels(self, scope: Scope) -> dict[str, str]:
        # The route's pattern, never the path: paths with ids in them would make a stream each.
        route = getattr(scope.get("route"), "path", UNMATCHED_ROUTE)
        return {"job": self._service, "route": route, "method": scope["method"]}
