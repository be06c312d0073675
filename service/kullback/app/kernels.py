"""Compiling every kernel before the first request needs it."""

from __future__ import annotations

import pickle
from pathlib import Path

import structlog
from numba.core import config

import kullback
from kullback.alerting import state as alert_state
from kullback.detector.binned.warmup import warmup as binned_warmup
from kullback.detector.scalar import warmup as detector_warmup
from kullback.engine.histograms import warmup as engine_warmup
from kullback.ingest import warmup as ingest_warmup
from kullback.outputs.lines import warmup as outputs_warmup
from kullback.storage.points import warmup as history_warmup

STALE = (AttributeError, ImportError, EOFError, pickle.UnpicklingError)
"""What Numba raises when its cache was written by another version of the code."""

log = structlog.get_logger("kullback")


def compile_kernels() -> None:
    """Compile the kernels, or load them from Numba's cache; a cache that cannot be read is made anew."""
    try:
        _compile()
    except STALE as problem:
        log.warning("kernel_cache_unreadable", problem=str(problem))
        _forget_cache()
        _compile()


def _compile() -> None:
    detector_warmup()
    binned_warmup()
    alert_state.warmup()
    engine_warmup()
    history_warmup()
    outputs_warmup()
    ingest_warmup()


def _forget_cache() -> None:
    chosen: str = config.CACHE_DIR  # type: ignore[attr-defined]
    folder = Path(chosen or Path(kullback.__file__).parent)
    for index in folder.rglob("*.nbi"):
        index.unlink(missing_ok=True)
