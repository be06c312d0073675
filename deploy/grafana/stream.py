"""One stream: its score against the alarm line, the divergence of each window, its alerts and its budget."""

from __future__ import annotations

from deploy.grafana.panels import DATASOURCE, Annotation, board, choice, lines, number, query, states
from grafana_foundation_sdk.builders import dashboard

STREAM = '{job=~"$job", instance=~"$instance", metric=~"$metric"}'


def stream() -> dashboard.Dashboard:
    """The dashboard `kullback-stream`."""
    made = board(
        "kullback-stream",
        "Kullback / Stream",
        "One stream, or the few that share metric, job and instance; narrow it down with the filters.",
    )
    made.with_variable(
        choice("metric", "Metric", "label_values(kullback_alert_state, metric)", all_values=False)
    )
    made.with_variable(choice("job", "Job", 'label_values(kullback_alert_state{metric=~"$metric"}, job)'))
    made.with_variable(
        choice(
            "instance",
            "Instance",
            'label_values(kullback_alert_state{metric=~"$metric", job=~"$job"}, instance)',
        )
    )
    made.with_variable(dashboard.AdHocVariable("filters").label("Labels").datasource(DATASOURCE))
    made.annotation(
        Annotation("Firing", f"kullback_alert_state{STREAM} == 2", "red", "{{metric}} {{job}} {{instance}}")
    )
    made.with_panel(
        lines(
            "Score",
            "Surprise over threshold; 1 is the alarm line.",
            "none",
            query(f"kullback_score{STREAM}", "{{job}} {{instance}}"),
            line_at=1.0,
            width=24,
        )
    )
    made.with_panel(
        states(
            "Alert",
            "inactive, pending, firing or shifted.",
            query(f"kullback_alert_state{STREAM}", "{{job}} {{instance}}"),
        )
    )
    made.with_panel(
        lines(
            "Divergence by window",
            "D(current ‖ reference) in nats. Short windows see bursts, long ones small lasting changes.",
            "none",
            query(f"max by (window) (kullback_divergence_nats{STREAM})", "{{window}}"),
        )
    )
    made.with_panel(
        lines(
            "Alarms a day against the budget",
            "What came, and what was accepted.",
            "none",
            query(f"sum(kullback_realised_alarms_per_day{STREAM})", "realised"),
            query(f"sum(kullback_alarm_budget_per_day{STREAM})", "budget"),
        )
    )
    made.with_panel(
        number(
            "Alarms in this time",
            "Anomaly episodes that began.",
            "none",
            f"sum(increase(kullback_anomalies_total{STREAM}[$__range]))",
            width=12,
        )
    )
    return made.with_panel(
        number(
            "Reference trusted",
            "Share of the shown streams that are past warm-up.",
            "percentunit",
            f"avg(kullback_stream_ready{STREAM})",
            (None, "yellow"),
            (1, "green"),
            width=12,
        )
    )
