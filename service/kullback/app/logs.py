"""What the service says of itself on standard error."""

from __future__ import annotations

import logging
import sys
from typing import Any

import structlog
from structlog.typing import EventDict, Processor

from kullback.settings.sections import LoggingSettings

MAX_LOGGED_CHARACTERS = 4000


def configure_logs(settings: LoggingSettings) -> None:
    """Log to standard error: readable on a terminal, one JSON object a line elsewhere.

    Parameters
    ----------
    settings : LoggingSettings
    """
    console = settings.format == "console" or (settings.format == "auto" and sys.stderr.isatty())
    renderer: Any = structlog.dev.ConsoleRenderer() if console else structlog.processors.JSONRenderer()
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _harmless,
    ]
    level = logging.getLevelNamesMapping()[settings.level.upper()]
    structlog.configure(
        processors=[*shared, structlog.processors.format_exc_info, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    # Libraries (uvicorn, httpx) log their warnings through the same renderer.
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=[_strip, renderer])
    )
    logging.basicConfig(handlers=[handler], level=max(level, logging.WARNING), force=True)


def _harmless(_logger: Any, _method: str, event: EventDict) -> EventDict:
    """Control characters from the outside (label values, bodies) must not reach a terminal."""
    return {name: _printable(value) if isinstance(value, str) else value for name, value in event.items()}


def _printable(text: str) -> str:
    short = text[:MAX_LOGGED_CHARACTERS]
    return "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode() for letter in short
    )


def _strip(_logger: Any, _method: str, event: EventDict) -> EventDict:
    event.pop("_record", None)
    event.pop("_from_structlog", None)
    return event
