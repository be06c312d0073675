"""The sections of `kullback.yml`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Literal

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from kullback.core.limits import Limits
from kullback.core.profile import Profile
from kullback.core.tenant import Quotas, name_problem
from kullback.settings.fields import Duration, SelectorText
from kullback.settings.profiles import ProfileSettings, Section

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS
DEFAULTS = Limits()


class ServerSettings(Section):
    """Where and how HTTP is served."""

    listen: str = Field("127.0.0.1:9797", pattern=r"^.*:\d{1,5}$", description="Address as HOST:PORT.")
    web_config_file: Path | None = Field(
        None, description="TLS, basic auth and tokens, in Prometheus' web-config format."
    )
    external_url: str = Field(
        "", description="URL under which people reach the page; used in links of alerts."
    )
    enable_lifecycle: bool = Field(False, description="Allow POST /-/reload.")
    enable_admin: bool = Field(
        False, description="Allow endpoints that destroy state, such as DELETE of a stream."
    )


class StorageSettings(Section):
    """What is kept on disk."""

    path: Path = Field(
        Path("var"), description="Directory of log, snapshots and history; one process at a time."
    )
    retention: Duration = Field(30 * DAY_MS, gt=0, description="How long scores and alerts are kept.")
    sync: Literal["full", "interval", "off"] = Field(
        "full",
        description="full: on disk before the answer; interval: within a second; off: left to the system.",
    )
    shards: int = Field(1, ge=1, le=64, description="Parts the streams are divided into.")
    snapshot_interval: Duration = Field(5 * MINUTE_MS, ge=1000, description="Time between snapshots.")
    history_step: Duration = Field(10_000, ge=1000, description="Resolution of the stored score history.")


class LimitsSettings(Section):
    """Bounds on what may enter; a refusal names the one it met."""

    max_streams: int = Field(
        DEFAULTS.max_streams, ge=1, le=10_000_000, description="Streams watched at once."
    )
    max_streams_per_metric: int = Field(
        DEFAULTS.max_streams_per_metric,
        ge=0,
        description="Streams of one metric name; 0: no limit of its own.",
    )
    max_body_bytes: int = Field(DEFAULTS.max_body_bytes, ge=1024, description="Request body as sent.")
    max_unpacked_bytes: int = Field(
        DEFAULTS.max_unpacked_bytes, ge=1024, description="Request body unpacked."
    )
    max_inflight_bytes: int = Field(
        DEFAULTS.max_inflight_bytes,
        ge=1024,
        description="Bodies of all requests in progress together, as sent; beyond it senders get 503.",
    )
    max_samples_per_request: int = Field(
        DEFAULTS.max_samples_per_request, ge=1, description="Samples of one request."
    )
    max_labels_per_series: int = Field(
        DEFAULTS.max_labels_per_series, ge=1, description="Labels of one series."
    )
    max_label_name_bytes: int = Field(
        DEFAULTS.max_label_name_bytes, ge=1, description="Length of a label name."
    )
    max_label_value_bytes: int = Field(
        DEFAULTS.max_label_value_bytes, ge=1, description="Length of a label value."
    )
    max_sample_age_ms: int = Field(
        DEFAULTS.max_sample_age_ms, ge=0, description="Age of a sample at arrival."
    )
    future_tolerance_ms: int = Field(
        DEFAULTS.future_tolerance_ms, ge=0, description="How far ahead of the clock a sample may be."
    )
    out_of_order_ms: int = Field(
        DEFAULTS.out_of_order_ms, ge=0, description="How much older than its stream's newest a sample may be."
    )
    max_queue_samples: int = Field(
        DEFAULTS.max_queue_samples,
        ge=1,
        description="Samples that wait for the engine; beyond it senders get 429.",
    )
    max_event_listeners: int = Field(
        DEFAULTS.max_event_listeners,
        ge=0,
        description="Clients that listen to /api/v1/events at once; beyond it they get 503.",
    )

    expire_streams_after: Duration = Field(
        7 * DAY_MS, description="Silence after which a stream is forgotten; 0: never."
    )

    def build(self) -> Limits:
        """The frozen limits everything below takes."""
        return Limits(**self.model_dump(exclude={"expire_streams_after"}))


class TenantSettings(Section):
    """What one tenant has of its own."""

    max_streams: int = Field(ge=0, description="Its streams; 0: no limit but limits.max_streams.")


class TenantsSettings(Section):
    """Households that share the service and see nothing of each other."""

    enabled: bool = Field(
        False, description="Whether each request must say whose it is (X-Scope-OrgID). Needs a restart."
    )
    max_streams: int = Field(
        0, ge=0, description="Streams of one tenant; 0: no limit but limits.max_streams."
    )
    overrides: dict[str, TenantSettings] = Field({}, description="What single tenants have of their own.")

    @field_validator("overrides")
    @classmethod
    def _names(cls, overrides: dict[str, TenantSettings]) -> dict[str, TenantSettings]:
        for name in overrides:
            if problem := name_problem(name):
                raise ValueError(f"{name[:40]!r}: {problem}")
        return overrides

    def build(self) -> Quotas:
        """The frozen quotas everything below takes; none while tenants are off."""
        if not self.enabled:
            return Quotas()
        return Quotas(self.max_streams, {name: own.max_streams for name, own in self.overrides.items()})


class OtlpSettings(Section):
    """How OpenTelemetry's metrics become streams."""

    resource_labels: list[str] = Field(
        [],
        description="Resource attributes that become labels of every stream, such as "
        "deployment.environment.name; service.name and service.instance.id always do, as job and instance. "
        "Needs a restart.",
    )


class WebhookSettings(Section):
    """A receiver of alert transitions."""

    url: str = Field(pattern=r"^https?://", description="Where the JSON is posted.")
    secret_file: Path | None = Field(None, description="File with the key that signs the body (HMAC-SHA256).")


class AlertingSettings(Section):
    """From anomaly to alert, and where alerts go."""

    alertmanagers: list[str] = Field([], description="Alertmanager base URLs that are pushed to directly.")
    webhooks: list[WebhookSettings] = Field([], description="Receivers of each transition as JSON.")
    for_: Duration = Field(0, alias="for", description="How long an anomaly must last before it fires.")
    keep_firing_for: Duration = Field(
        5 * MINUTE_MS, description="How long it keeps firing after the anomaly ended."
    )
    resend_interval: Duration = Field(
        MINUTE_MS, ge=1000, description="How often a firing alert is sent again."
    )
    runbook_url: str = Field(
        "docs/runbooks/index.md#kullbackstreamanomalous",
        description="Annotation of pushed alerts: where it says what to do.",
    )

    @field_validator("alertmanagers")
    @classmethod
    def _urls(cls, urls: list[str]) -> list[str]:
        for url in urls:
            if not url.startswith(("http://", "https://")):
                raise ValueError(f"{url!r} must begin with http:// or https://")
        return [url.rstrip("/") for url in urls]


class RemoteWriteSettings(Section):
    """A Prometheus, or what understands its remote write, that is sent every score."""

    url: str = Field(pattern=r"^https?://", description="Such as http://prometheus:9090/api/v1/write.")
    match: SelectorText = Field("{}", description="Streams whose scores are sent.", validate_default=True)
    bearer_token_file: Path | None = Field(None, description="File with the token to authenticate with.")


class MetricsSettings(Section):
    """Which streams appear on /metrics, and where scores are written."""

    expose: Literal["all", "selector", "score_above", "top"] = Field(
        "all", description="How streams are chosen."
    )
    selector: SelectorText | None = Field(None, description="For expose: selector.")
    score_above: float = Field(0.5, ge=0, description="For expose: score_above.")
    top: int = Field(1000, ge=1, description="For expose: top, the streams with the highest scores.")
    max_exposed_streams: int = Field(20_000, ge=0, description="Hard limit; what is left out is counted.")
    remote_write: list[RemoteWriteSettings] = Field(
        [], description="Receivers of every score, with the samples' own times."
    )


class LoggingSettings(Section):
    """What the service says of itself on standard error."""

    level: Literal["debug", "info", "warning", "error"] = Field("info", description="Lowest level shown.")
    format: Literal["auto", "console", "json"] = Field(
        "auto", description="auto: console on a terminal, else JSON."
    )


class Settings(BaseSettings):
    """All options of the service."""

    model_config = SettingsConfigDict(
        env_prefix="KULLBACK_", env_nested_delimiter="__", extra="forbid", arbitrary_types_allowed=True
    )

    server: ServerSettings = Field(default_factory=ServerSettings)
    storage: StorageSettings = Field(default_factory=StorageSettings)
    limits: LimitsSettings = Field(default_factory=LimitsSettings)
    tenants: TenantsSettings = Field(default_factory=TenantsSettings)
    otlp: OtlpSettings = Field(default_factory=OtlpSettings)
    alerting: AlertingSettings = Field(default_factory=AlertingSettings)
    metrics: MetricsSettings = Field(default_factory=MetricsSettings)
    logging: LoggingSettings = Field(default_factory=LoggingSettings)
    profiles: list[ProfileSettings] = Field(default_factory=lambda: [ProfileSettings()])

    def build_limits(self) -> Limits:
        """The frozen limits, with those of tenants."""
        return replace(self.limits.build(), tenants=self.tenants.build())

    def build_profiles(self) -> tuple[Profile, ...]:
        """The frozen profiles in their order, with a catch-all at the end."""
        rule = (self.alerting.for_, self.alerting.keep_firing_for)
        return tuple(profile.build(*rule) for profile in [*self.profiles, ProfileSettings()])
