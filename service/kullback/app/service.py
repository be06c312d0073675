"""The running service: its parts, their order of starting and stopping, and reloads."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import structlog
from fastapi import FastAPI

from kullback.alerting.decision import Decision
from kullback.app.build import build_desks, build_exposure, build_pipeline, build_score_desks
from kullback.app.dialects import build_dialects
from kullback.app.kernels import compile_kernels
from kullback.core.errors import KullbackError
from kullback.detector.shapes import shape_for
from kullback.http.api import build_app
from kullback.http.auth import Gate
from kullback.http.context import Context
from kullback.http.tenancy import Tenancy
from kullback.outputs.label_texts import LabelTexts
from kullback.outputs.meters import Meters
from kullback.outputs.sender import Sender
from kullback.pipeline.owner import Owner
from kullback.pipeline.pipeline import Pipeline
from kullback.settings import Settings, load_settings, read_profile
from kullback.storage.directory import Directory

SAY_EVERY_S = 2.0
"""How often the log tells how far a start is."""

EXIT_SOFTWARE = 70
"""sysexits.h EX_SOFTWARE: something inside broke; a supervisor should start the service again."""

log = structlog.get_logger("kullback")


def now_ms() -> int:
    """The clock: everything below takes the time as an argument."""
    return time.time_ns() // 1_000_000


class Service:
    """All parts of one service.

    Parameters
    ----------
    settings : Settings
    config : Path or None
        File to read again on a reload.
    overrides : dict
        Flags; they hold over reloads.

    Raises
    ------
    KullbackError
        When the storage cannot be used.
    """

    def __init__(
        self, settings: Settings, config: Path | None = None, overrides: dict[str, Any] | None = None
    ) -> None:
        self.settings = settings
        self._config, self._overrides = config, overrides or {}
        self._directory = Directory(settings.storage.path)
        self.meters = Meters(settings.tenants.enabled)
        self.sender = Sender(build_desks(settings.alerting), now_ms)
        self.pipeline: Pipeline = build_pipeline(settings, self.meters, self.sender.deliver)
        self.pipeline.write_scores_to(build_score_desks(settings.metrics, settings.tenants.enabled))
        self.writer = Sender(self.pipeline.score_desks, now_ms)
        self.owner = Owner(
            self.pipeline, now_ms, settings.limits.max_queue_samples, die, prepare=compile_kernels
        )
        tenants = settings.tenants.enabled
        gate = Gate(settings.server.web_config_file, now_ms, tenants)
        self.app: FastAPI = build_app(self._context(), gate, self._lifespan, Tenancy(tenants))

    def _context(self) -> Context:
        server, limits = self.settings.server, self.settings.build_limits()
        return Context(
            owner=self.owner,
            shape=shape_for(self.settings.build_profiles()),
            dialects=build_dialects(limits, self.settings.otlp.resource_labels),
            limits=limits,
            meters=self.meters,
            exposure=build_exposure(self.settings.metrics),
            clock=now_ms,
            config_view=self.settings.model_dump(mode="json"),
            reload=self.reload,
            started_ms=now_ms(),
            lifecycle_enabled=server.enable_lifecycle,
            admin_enabled=server.enable_admin,
            notifications=self.sender.counts,
            written=self.writer.counts,
            read_profile=read_profile,
            label_texts=LabelTexts(self.settings.tenants.enabled),
        )

    @asynccontextmanager
    async def _lifespan(self, _app: FastAPI) -> AsyncIterator[None]:
        self.sender.start()
        self.writer.start()
        self.owner.start()
        self.meters.reloaded(True, now_ms())
        watcher = asyncio.create_task(self._announce_readiness())
        yield
        watcher.cancel()
        await asyncio.to_thread(self.owner.stop)
        await asyncio.to_thread(self.sender.stop)
        await asyncio.to_thread(self.writer.stop)
        self._directory.close()
        log.info("stopped")

    async def _announce_readiness(self) -> None:
        said_s = time.monotonic()
        while not self.owner.ready:
            await asyncio.sleep(0.05)
            if time.monotonic() - said_s >= SAY_EVERY_S:
                said_s = time.monotonic()
                doing, ratio = self.owner.progress
                log.info("starting", doing=doing, done=f"{ratio:.0%}")
        self.sender.adopt(await self._live_alerts())
        for loss in self.pipeline.losses:
            log.warning("storage_damaged", what=loss)
        log.info("ready", listen=self.settings.server.listen, streams=len(self.pipeline.engine))

    async def _live_alerts(self) -> list[Decision]:
        return await asyncio.wrap_future(self.owner.ask(lambda p: p.book.live(p.alerts, p.engine)))

    async def reload(self) -> None:
        """Read the configuration again; a bad one changes nothing.

        Raises
        ------
        RequestError
            BAD_CONFIG, saying why.
        """
        try:
            settings = load_settings(self._config, self._overrides)
            profiles, limits = settings.build_profiles(), settings.build_limits()
            desks, tenants = build_desks(settings.alerting), self.settings.tenants.enabled
            score_desks = build_score_desks(settings.metrics, tenants, self.pipeline.score_desks)
            await asyncio.wrap_future(self.owner.ask(lambda p: p.reconfigure(profiles, limits, now_ms())))
        except KullbackError as problem:
            self.meters.reloaded(False, now_ms())
            log.error("reload_failed", problem=str(problem))
            raise
        self.settings = settings
        self.app.state.context = replace(
            self.app.state.context,
            limits=limits,
            exposure=build_exposure(settings.metrics),
            config_view=settings.model_dump(mode="json"),
        )
        self.owner.max_queue_samples = limits.max_queue_samples
        self.sender.refit(desks, await self._live_alerts())
        self.writer.refit(score_desks, ())
        await asyncio.wrap_future(self.owner.ask(lambda p: p.write_scores_to(score_desks)))
        self.meters.reloaded(True, now_ms())
        log.info("reloaded")


def die(problem: BaseException) -> None:
    """End the process: one that answers health checks but scores nothing is worse than none.

    Parameters
    ----------
    problem : BaseException
    """
    log.error("owner_thread_died", exc_info=problem)
    os._exit(EXIT_SOFTWARE)
