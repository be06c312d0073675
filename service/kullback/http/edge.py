"""The outermost layer of the application: who comes in, which headers go out, how long it took."""

from __future__ import annotations

from time import perf_counter

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from kullback.core.errors import ErrorId, KullbackError
from kullback.http.auth import ANYBODY, Gate
from kullback.http.problems import problem_response
from kullback.http.tenancy import HEADER, Tenancy
from kullback.outputs.meters import Meters

SECURITY_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    # Plotly sets styles on the elements it draws; nothing else of the page needs to.
    "Content-Security-Policy": (
        "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: "
        "blob:; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
}
CHALLENGE = {"WWW-Authenticate": 'Basic realm="kullback", Bearer'}


class Edge:
    """ASGI middleware around everything.

    Parameters
    ----------
    app : ASGIApp
    gate : Gate
    meters : Meters
    tenancy : Tenancy or None
        None: tenants are off.
    """

    def __init__(self, app: ASGIApp, gate: Gate, meters: Meters, tenancy: Tenancy | None = None) -> None:
        self._app = app
        self._gate = gate
        self._tenancy = tenancy or Tenancy()
        self._meters = meters

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or answer it here (ASGI)."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        start_s, code = perf_counter(), 499  # 499: the client left before an answer

        async def sending(message: Message) -> None:
            nonlocal code
            if message["type"] == "http.response.start":
                code = message["status"]
                self._add_headers(message)
            await send(message)

        try:
            await self._pass_on(scope, receive, sending)
        finally:
            self._meters.answered(_handler(scope), code, perf_counter() - start_s)

    async def _pass_on(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers, path = Headers(scope=scope), scope["path"]
        try:
            identity = await self._gate.admit(scope["method"], path, headers.get("authorization", ""))
            tenant = self._tenancy.tenant(path, headers.getlist(HEADER), identity.tenant)
        except KullbackError as problem:
            challenge = CHALLENGE if problem.error is ErrorId.UNAUTHENTICATED else None
            await problem_response(problem.error, problem.detail, challenge)(scope, receive, send)
            return
        author = identity.name if identity is not ANYBODY else ""
        scope.setdefault("state", {}).update(author=author, tenant=tenant)
        await self._app(scope, receive, send)

    def _add_headers(self, message: Message) -> None:
        headers = MutableHeaders(scope=message)
        for name, value in {**SECURITY_HEADERS, **self._gate.headers}.items():
            headers.setdefault(name, value)


def _handler(scope: Scope) -> str:
    """The route's template, so that neither ids nor a scanner's guesses become label values."""
    route = scope.get("route")
    template = getattr(route, "path", None) or getattr(scope.get("endpoint"), "path", None)
    return template or "other"
