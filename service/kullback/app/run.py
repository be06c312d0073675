"""`kullback serve`: the service in a web server."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import structlog
import uvicorn

from kullback import __version__
from kullback.app.logs import configure_logs
from kullback.app.service import Service
from kullback.core.errors import KullbackError
from kullback.http.tls import tls_factory
from kullback.settings import load_settings

GRACE_S = 10
KEEP_ALIVE_S = 75
"""Longer than the idle timeout of common senders, so that they and not we close an idle connection."""

log = structlog.get_logger("kullback")


class _Server(uvicorn.Server):
    """Ends with status 0 when it is asked to end; uvicorn's own would raise the signal once more."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.handle_exit, number, None)
        yield


def run(config: Path | None, overrides: dict[str, Any]) -> None:
    """Serve until SIGTERM or SIGINT; SIGHUP reloads the configuration.

    Parameters
    ----------
    config : Path or None
    overrides : dict
        Flags as nested settings.

    Raises
    ------
    KullbackError
        When the configuration or the storage cannot be used.
    """
    settings = load_settings(config, overrides)
    configure_logs(settings.logging)
    service = Service(settings, config, overrides)
    host, _, port = settings.server.listen.rpartition(":")
    server = _Server(
        uvicorn.Config(
            service.app,
            host=host.strip("[]"),
            port=int(port),
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=GRACE_S,
            timeout_keep_alive=KEEP_ALIVE_S,
            ssl_context_factory=tls_factory(settings.server.web_config_file),
        )
    )
    log.info(
        "starting", version=__version__, listen=settings.server.listen, storage=str(settings.storage.path)
    )
    asyncio.run(_serve(server, service))


async def _serve(server: _Server, service: Service) -> None:
    loop = asyncio.get_running_loop()
    reloads: set[asyncio.Task[None]] = set()

    def reload() -> None:
        task = loop.create_task(_reload(service))
        reloads.add(task)
        task.add_done_callback(reloads.discard)

    loop.add_signal_handler(signal.SIGHUP, reload)
    await server.serve()


async def _reload(service: Service) -> None:
    with suppress(KullbackError):  # logged and counted by the service
        await service.reload()
