"""Names of other worlds as names that Prometheus can write and PromQL can select."""

from __future__ import annotations

import re

_NOT_IN_METRICS = re.compile(r"[^a-zA-Z0-9_:]")
_NOT_IN_LABELS = re.compile(r"[^a-zA-Z0-9_]")


def safe_metric(name: str) -> str:
    """A metric's name: characters outside the Prometheus set become `_`, and so does a leading digit's place.

    Parameters
    ----------
    name : str

    Examples
    --------
    >>> safe_metric("netdata.system.cpu"), safe_metric("5xx")
    ('netdata_system_cpu', '_5xx')
    """
    safe = _NOT_IN_METRICS.sub("_", name)
    return f"_{safe}" if safe[:1].isdigit() else safe


def safe_label(name: str) -> str:
    """A label's name: characters outside the Prometheus set become `_`; a leading digit gets one before it.

    Parameters
    ----------
    name : str
    """
    safe = _NOT_IN_LABELS.sub("_", name)
    return f"_{safe}" if safe[:1].isdigit() else safe
