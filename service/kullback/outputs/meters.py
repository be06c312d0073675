"""The service's own metrics: counters and histograms that are observed as things happen."""

from __future__ import annotations

from collections.abc import Iterable

import prometheus_client
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector

from kullback import __version__
from kullback.core.errors import ErrorId, Refusal

# `_created` series double the number of series and no rule of ours reads them.
prometheus_client.disable_created_metrics()  # type: ignore[no-untyped-call]

REQUEST_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
APPEND_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)


MOST_TENANTS = 1000
OTHER = "other"
"""The label of tenants beyond the first `MOST_TENANTS`: senders may name as many as they like."""


class Meters:
    """One set of self metrics in a registry of its own.

    Parameters
    ----------
    tenants : bool
        Whether what is counted of samples says whose they were.
    """

    def __init__(self, tenants: bool = False) -> None:
        self.registry = registry = CollectorRegistry()
        self._tenants: set[str] | None = set() if tenants else None
        whose = ["tenant"] if tenants else []
        self._ingested = Counter(
            "kullback_samples_ingested",
            "Samples taken in, by protocol.",
            [*whose, "protocol"],
            registry=registry,
        )
        self._rejected = Counter(
            "kullback_samples_rejected",
            "Samples refused; a request that could not be read at all counts once.",
            [*whose, "protocol", "reason"],
            registry=registry,
        )
        self._unscored = Counter(
            "kullback_samples_unscored",
            "Samples that were no fault but are not scored: duplicate, not_a_number, stale.",
            [*whose, "protocol", "kind"],
            registry=registry,
        )
        self._requests = Histogram(
            "kullback_request_duration_seconds",
            "Time from the request's first byte to the answer's last.",
            ["handler", "code"],
            buckets=REQUEST_SECONDS,
            registry=registry,
        )
        self._appends = Histogram(
            "kullback_log_append_duration_seconds",
            "Time to make one group of requests durable.",
            buckets=APPEND_SECONDS,
            registry=registry,
        )
        self._reload_ok = Gauge(
            "kullback_config_last_reload_successful",
            "Whether the last reload of the configuration succeeded.",
            registry=registry,
        )
        self._reload_s = Gauge(
            "kullback_config_last_reload_success_timestamp_seconds",
            "When the configuration was last read with success.",
            registry=registry,
        )
        ProcessCollector(registry=registry)
        build = Gauge("kullback_build_info", "Version; always 1.", ["version"], registry=registry)
        build.labels(__version__).set(1)

    def took(self, protocol: str, accepted: int, refusals: Iterable[Refusal], tenant: str = "") -> None:
        """Count a request that was applied.

        Parameters
        ----------
        protocol : str
        accepted : int
            Samples kept.
        refusals : iterable of Refusal
        tenant : str
        """
        whose = self._whose(tenant)
        self._ingested.labels(*whose, protocol).inc(accepted)
        for refusal in refusals:
            self._rejected.labels(*whose, protocol, refusal.error.reason).inc(refusal.count)

    def unscored(
        self, protocol: str, duplicates: int, not_a_number: int, stale: int, tenant: str = ""
    ) -> None:
        """Count samples that are no fault and not scored.

        Parameters
        ----------
        protocol : str
        duplicates, not_a_number, stale : int
        tenant : str
        """
        kinds = (("duplicate", duplicates), ("not_a_number", not_a_number), ("stale", stale))
        for kind, count in kinds:
            if count:
                self._unscored.labels(*self._whose(tenant), protocol, kind).inc(count)

    def refused_request(self, protocol: str, error: ErrorId, tenant: str = "") -> None:
        """Count a write request of which nothing was applied.

        Parameters
        ----------
        protocol : str
        error : ErrorId
        tenant : str
        """
        self._rejected.labels(*self._whose(tenant), protocol, error.reason).inc()

    def answered(self, handler: str, code: int, seconds: float) -> None:
        """Time a request.

        Parameters
        ----------
        handler : str
            The route's path template, so that ids do not become labels.
        code : int
            HTTP status.
        seconds : float
        """
        self._requests.labels(handler, str(code)).observe(seconds)

    def appended(self, seconds: float) -> None:
        """Time a group's way to the disk.

        Parameters
        ----------
        seconds : float
        """
        self._appends.observe(seconds)

    def reloaded(self, succeeded: bool, now_ms: int) -> None:
        """Note how a (re)load of the configuration went.

        Parameters
        ----------
        succeeded : bool
        now_ms : int
        """
        self._reload_ok.set(int(succeeded))
        if succeeded:
            self._reload_s.set(now_ms / 1000)

    def _whose(self, tenant: str) -> tuple[str, ...]:
        """The values of the `tenant` label: none while tenants are off."""
        if self._tenants is None:
            return ()
        if tenant not in self._tenants and len(self._tenants) >= MOST_TENANTS:
            return (OTHER,)
        self._tenants.add(tenant)
        return (tenant,)
