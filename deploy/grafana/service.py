"""Kullback's own health: intake, refusals, latency, log, snapshots, notifications, memory."""

from __future__ import annotations

from deploy.grafana.panels import board, choice, lines, number, query
from grafana_foundation_sdk.builders import dashboard, stat, timeseries

SELF = 'job=~"$job", instance=~"$instance"'
OWN = f"{{{SELF}}}"


def service() -> dashboard.Dashboard:
    """The dashboard `kullback-service`."""
    made = board("kullback-service", "Kullback / Service", "Whether Kullback itself is well.")
    made.with_variable(choice("job", "Job", "label_values(kullback_build_info, job)"))
    made.with_variable(
        choice("instance", "Instance", 'label_values(kullback_build_info{job=~"$job"}, instance)')
    )
    for panel in (*_figures(), *_intake(), *_storage(), *_outside()):
        made.with_panel(panel)
    return made


def _figures() -> list[stat.Panel]:
    return [
        number("Up", "Targets that answer.", "none", f"sum(up{OWN})", (None, "red"), (1, "green")),
        number("Streams", "In every state.", "none", f"sum(kullback_streams{OWN})"),
        number(
            "Of the stream limit",
            "At limits.max_streams new streams are refused.",
            "percentunit",
            f"sum(kullback_streams{OWN}) / max(kullback_max_streams{OWN})",
            (None, "green"),
            (0.8, "yellow"),
            (0.9, "red"),
        ),
        number(
            "Queue",
            "Share of limits.max_queue_samples that waits.",
            "percentunit",
            f"max(kullback_ingest_queue_samples{OWN} / kullback_ingest_queue_limit_samples{OWN})",
            (None, "green"),
            (0.5, "yellow"),
            (0.9, "red"),
        ),
        number(
            "Snapshot age",
            "Time since the last snapshot was written.",
            "s",
            f"max(kullback_snapshot_age_seconds{OWN})",
            (None, "green"),
            (900, "yellow"),
            (1800, "red"),
        ),
        number(
            "Configuration",
            "1: the file is in force; 0: the last reload was refused.",
            "none",
            f"min(kullback_config_last_reload_successful{OWN})",
            (None, "red"),
            (1, "green"),
        ),
    ]


def _intake() -> list[timeseries.Panel]:
    return [
        lines(
            "Samples taken in",
            "By protocol.",
            "short",
            query(
                f"sum by (protocol) (rate(kullback_samples_ingested_total{OWN}[$__rate_interval]))",
                "{{protocol}}",
            ),
        ),
        lines(
            "Samples refused or not scored",
            "By reason. Duplicates, NaN and stale markers are no fault.",
            "short",
            query(
                f"sum by (reason) (rate(kullback_samples_rejected_total{OWN}[$__rate_interval]))",
                "refused: {{reason}}",
            ),
            query(
                f"sum by (kind) (rate(kullback_samples_unscored_total{OWN}[$__rate_interval]))",
                "not scored: {{kind}}",
            ),
        ),
        lines(
            "Requests",
            "By handler and status.",
            "reqps",
            query(
                "sum by (handler, code) "
                f"(rate(kullback_request_duration_seconds_count{OWN}[$__rate_interval]))",
                "{{handler}} {{code}}",
            ),
        ),
        lines(
            "Time to answer, 99th percentile",
            "By handler; for writing endpoints the answer means: on disk.",
            "s",
            query(
                "histogram_quantile(0.99, sum by (handler, le) "
                f"(rate(kullback_request_duration_seconds_bucket{OWN}[$__rate_interval])))",
                "{{handler}}",
            ),
        ),
    ]


def _storage() -> list[timeseries.Panel]:
    return [
        lines(
            "Time to make a group durable",
            "One fsync for all requests that waited.",
            "s",
            *(
                query(
                    f"histogram_quantile({quantile}, sum by (le) "
                    f"(rate(kullback_log_append_duration_seconds_bucket{OWN}[$__rate_interval])))",
                    name,
                )
                for quantile, name in ((0.5, "median"), (0.99, "99th percentile"))
            ),
        ),
        lines(
            "Requests logged",
            "Advance of the log's offset.",
            "reqps",
            query(f"rate(kullback_log_last_offset{OWN}[$__rate_interval])", "{{instance}}"),
        ),
    ]


def _outside() -> list[timeseries.Panel]:
    return [
        lines(
            "Streams by state",
            "All that are watched.",
            "none",
            query(f"sum by (state) (kullback_streams{OWN})", "{{state}}"),
        ),
        lines(
            "Notifications",
            "To Alertmanager and webhooks, by outcome.",
            "short",
            query(
                f"sum by (receiver, outcome) (rate(kullback_notifications_total{OWN}[$__rate_interval]))",
                "{{receiver}} {{outcome}}",
            ),
        ),
        lines(
            "Memory",
            "Resident, of the whole process.",
            "bytes",
            query(f"process_resident_memory_bytes{OWN}", "{{instance}}"),
        ),
        lines(
            "Processor",
            "1 is one core.",
            "none",
            query(f"rate(process_cpu_seconds_total{OWN}[$__rate_interval])", "{{instance}}"),
            line_at=1.0,
        ),
    ]
