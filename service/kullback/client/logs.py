"""Numbers out of log records: `logger.info("step", extra={"metrics": {"loss": 0.31}})`."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from kullback.client.calls import Labels
from kullback.client.sender import Sender


class MetricsHandler(logging.Handler):
    """A logging handler that watches the numbers in each record's `metrics`.

    Parameters
    ----------
    sender : Sender
    labels : mapping of str to str
        Added to each stream, such as the run's name.
    """

    def __init__(self, sender: Sender, labels: Labels | None = None) -> None:
        super().__init__()
        self._sender = sender
        self._labels = dict(labels or {})

    def emit(self, record: logging.LogRecord) -> None:
        """Hand the record's numbers to the sender; records without `metrics` pass by.

        Parameters
        ----------
        record : logging.LogRecord
        """
        metrics = getattr(record, "metrics", None)
        if isinstance(metrics, Mapping):
            labels = {"logger": record.name, **self._labels}
            for metric, value in metrics.items():
                self._sender.add(str(metric), float(value), labels)
