"""The fleet: which streams are anomalous, how many, and whether the budget is kept."""

from __future__ import annotations

from deploy.grafana.panels import board, choice, lines, number, query, rows, states, to_stream
from grafana_foundation_sdk.builders import dashboard, stat

STREAMS = '{job=~"$job", instance=~"$instance", metric=~"$metric"}'


def fleet() -> dashboard.Dashboard:
    """The dashboard `kullback-fleet`."""
    made = board(
        "kullback-fleet",
        "Kullback / Fleet",
        "All watched streams: what is anomalous now, and how often it was.",
    )
    made.with_variable(choice("job", "Job", "label_values(kullback_alert_state, job)"))
    made.with_variable(
        choice("instance", "Instance", 'label_values(kullback_alert_state{job=~"$job"}, instance)')
    )
    made.with_variable(
        choice(
            "metric",
            "Metric",
            'label_values(kullback_alert_state{job=~"$job", instance=~"$instance"}, metric)',
        )
    )
    for figure in _figures():
        made.with_panel(figure)
    made.with_panel(
        states(
            "Alerts",
            "Streams that are or were pending, firing or shifted in this time.",
            query(f"kullback_alert_state{STREAMS} > 0", "{{metric}} {{job}} {{instance}}"),
        )
    )
    made.with_panel(
        rows(
            "Highest scores now",
            "1 is the alarm line on every stream.",
            "none",
            query(f"topk(20, kullback_score{STREAMS})", instant=True),
        )
    )
    made.with_panel(
        lines(
            "Highest scores",
            "The ten highest at each moment; 1 is the alarm line.",
            "none",
            query(f"topk(10, kullback_score{STREAMS})", "{{metric}} {{job}} {{instance}}"),
            line_at=1.0,
        ).data_links([to_stream("__field.labels")])
    )
    return made.with_panel(
        lines(
            "Alarms a day against the budget",
            "Sums over the streams shown. Long above the budget: a poor threshold, or real trouble.",
            "none",
            query(f"sum(kullback_realised_alarms_per_day{STREAMS})", "realised"),
            query(f"sum(kullback_alarm_budget_per_day{STREAMS})", "budget"),
        )
    )


def _figures() -> list[stat.Panel]:
    state = f"kullback_alert_state{STREAMS}"
    return [
        number("Streams", "On /metrics and in this selection.", "none", f"count({state})"),
        number(
            "Firing",
            "Streams whose alert fires.",
            "none",
            f"count({state} == 2) or vector(0)",
            (None, "green"),
            (1, "red"),
        ),
        number(
            "Pending",
            "Anomalous, but not yet for as long as `for` asks.",
            "none",
            f"count({state} == 1) or vector(0)",
            (None, "green"),
            (1, "yellow"),
        ),
        number(
            "Shifted",
            "Firing so long that the level is the new normal.",
            "none",
            f"count({state} == 3) or vector(0)",
            (None, "green"),
            (1, "purple"),
        ),
        number(
            "Warm",
            "Share of the streams whose reference is trusted.",
            "percentunit",
            f"avg(kullback_stream_ready{STREAMS})",
            (None, "yellow"),
            (0.9, "green"),
        ),
        number(
            "Highest score",
            "1 is the alarm line on every stream.",
            "none",
            f"max(kullback_score{STREAMS})",
            (None, "green"),
            (0.7, "yellow"),
            (1, "red"),
        ),
    ]
