"""Compiling every kernel before the first request needs it."""

from __future__ import annotations

from kullback.alerting import state as alert_state
from kullback.detector.scalar import warmup as detector_warmup


def compile_kernels() -> None:
    """Compile the kernels, or load them from Numba's cache."""
    detector_warmup()
    alert_state.warmup()
