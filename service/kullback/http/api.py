"""The HTTP application, put together."""

from __future__ import annotations

from fastapi import FastAPI
from starlette.types import Lifespan

from kullback import __version__
from kullback.http import (
    actions,
    alerts,
    api_page,
    backtest,
    compare,
    events,
    incidents,
    maintenance,
    markers,
    metrics,
    openapi,
    ops,
    problems,
    references,
    scores,
    streams,
    try_out,
    ui,
)
from kullback.http.auth import Gate
from kullback.http.context import Context
from kullback.http.edge import Edge
from kullback.http.tenancy import Tenancy
from kullback.http.write import write_routes

ROUTERS = (
    streams.router,
    scores.router,
    try_out.router,
    alerts.router,
    incidents.router,
    actions.router,
    maintenance.router,
    markers.router,
    references.router,
    compare.router,
    backtest.router,
    events.router,
    ops.router,
    metrics.router,
    api_page.router,
    ui.router,
)


def build_app(
    context: Context,
    gate: Gate | None = None,
    lifespan: Lifespan[FastAPI] | None = None,
    tenancy: Tenancy | None = None,
) -> FastAPI:
    """The application.

    Parameters
    ----------
    context : Context
        Put into `app.state.context`; a reload replaces it there.
    gate : Gate or None
        None lets everybody in.
    lifespan : Lifespan or None
        Starts and stops what the context holds.
    tenancy : Tenancy or None
        None: tenants are off.

    Returns
    -------
    FastAPI
    """
    app = described_app(lifespan)
    app.state.context = context
    app.mount("/docs/assets", api_page.assets())
    app.mount("/static", ui.static_files())
    problems.install(app)
    gate = gate or Gate(None, context.clock)
    app.add_middleware(Edge, gate=gate, meters=context.meters, tenancy=tenancy)
    return app


def described_app(lifespan: Lifespan[FastAPI] | None = None) -> FastAPI:
    """All endpoints and their description, with nothing behind them yet.

    Parameters
    ----------
    lifespan : Lifespan or None
    """
    app = FastAPI(
        title="Kullback",
        version=__version__,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        lifespan=lifespan,
    )
    app.router.routes.extend(write_routes())  # first: they are asked for most
    for router in ROUTERS:
        app.include_router(router)
    openapi.install(app)
    return app
