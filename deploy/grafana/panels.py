"""The parts that the dashboards have in common: queries, panels, variables.

Every panel takes its data source from the variable `datasource`, has a unit and a description.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeVar

from grafana_foundation_sdk.builders import (
    common,
    dashboard,
    prometheus,
    stat,
    statetimeline,
    table,
    timeseries,
)
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models import common as common_kinds
from grafana_foundation_sdk.models import dashboard as kinds
from grafana_foundation_sdk.models import prometheus as prometheus_kinds

DATASOURCE = kinds.DataSourceRef(type_val="prometheus", uid="${datasource}")
WIDTH = 24
ALERT_STATES = {
    "0": ("inactive", "green"),
    "1": ("pending", "yellow"),
    "2": ("firing", "red"),
    "3": ("shifted", "purple"),
}

MARKERS = "kullback_marker_timestamp_seconds * 1000"

Panel = TypeVar("Panel", timeseries.Panel, stat.Panel, statetimeline.Panel, table.Panel)


class _Told(kinds.AnnotationQuery):
    """An annotation query with what Grafana's Prometheus data source reads beside the foundation's schema."""

    def __init__(self, *, told: dict[str, object], **known: Any) -> None:
        super().__init__(**known)
        self._told = told

    def to_json(self) -> dict[str, object]:
        return super().to_json() | self._told


@dataclass(frozen=True, slots=True)
class Annotation(Builder[kinds.AnnotationQuery]):
    """Marks in all charts of a dashboard.

    Parameters
    ----------
    name, expression, colour : str
    title, text : str
        Of each mark; `{{label}}` is filled in.
    value_is_time : bool
        Whether values are Unix milliseconds of the marks, instead of marks being where there are values.
    """

    name: str
    expression: str
    colour: str
    title: str
    text: str = ""
    value_is_time: bool = False

    def build(self) -> kinds.AnnotationQuery:
        """The annotation query."""
        told: dict[str, object] = {"titleFormat": self.title, "textFormat": self.text}
        if self.value_is_time:
            told["useValueForTime"] = True
        known = {"name": self.name, "expr": self.expression, "icon_color": self.colour}
        return _Told(told=told, datasource=DATASOURCE, enable=True, **known)


def query(expression: str, legend: str = "", *, instant: bool = False) -> prometheus.Dataquery:
    """One PromQL query.

    Parameters
    ----------
    expression, legend : str
    instant : bool
        Whether only the newest value is wanted.
    """
    built = prometheus.Dataquery().datasource(DATASOURCE).expr(expression).legend_format(legend or "__auto")
    if instant:
        return built.instant().format(prometheus_kinds.PromQueryFormat.TABLE)
    return built.range()


def _with(panel: Panel, title: str, text: str, unit: str, queries: list[prometheus.Dataquery]) -> Panel:
    panel.title(title).description(text).unit(unit).datasource(DATASOURCE)
    for index, one in enumerate(queries):
        panel.with_target(one.ref_id(chr(ord("A") + index)))
    return panel


def lines(
    title: str,
    text: str,
    unit: str,
    *queries: prometheus.Dataquery,
    line_at: float | None = None,
    width: int = 12,
) -> timeseries.Panel:
    """A chart over time.

    Parameters
    ----------
    title, text, unit : str
        `unit` is one of Grafana's unit ids.
    queries : prometheus.Dataquery
    line_at : float or None
        Where a red limit is drawn.
    width : int
        Of 24.
    """
    panel = _with(timeseries.Panel(), title, text, unit, list(queries)).height(8).span(width)
    panel.line_width(1).fill_opacity(5).show_points(common_kinds.VisibilityMode.NEVER).min(0)
    panel.legend(
        common.VizLegendOptions()
        .show_legend(True)
        .display_mode(common_kinds.LegendDisplayMode.LIST)
        .placement(common_kinds.LegendPlacement.BOTTOM)
    )
    if line_at is not None:
        panel.thresholds(steps((None, "green"), (line_at, "red")))
        panel.thresholds_style(
            common.GraphThresholdsStyleConfig().mode(common_kinds.GraphTresholdsStyleMode.DASHED)
        )
        panel.color_scheme(dashboard.FieldColor().mode(kinds.FieldColorModeId.PALETTE_CLASSIC))
    return panel


def number(
    title: str, text: str, unit: str, expression: str, *limits: tuple[float | None, str], width: int = 4
) -> stat.Panel:
    """One figure, coloured by its limits.

    Parameters
    ----------
    title, text, unit, expression : str
    limits : tuple of float or None and str
        From which value on which colour; the first has no value.
    width : int
        Of 24.
    """
    panel = _with(stat.Panel(), title, text, unit, [query(expression).instant()]).height(4).span(width)
    panel.reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"])).graph_mode(
        common_kinds.BigValueGraphMode.NONE
    )
    return panel.no_value("–").thresholds(steps(*(limits or ((None, "blue"),))))


def states(title: str, text: str, one: prometheus.Dataquery, width: int = WIDTH) -> statetimeline.Panel:
    """Alert states over time, a row for each stream.

    Parameters
    ----------
    title, text : str
    one : prometheus.Dataquery
    width : int
        Of 24.
    """
    panel = _with(statetimeline.Panel(), title, text, "none", [one]).height(8).span(width)
    shown = {
        value: kinds.ValueMappingResult(text=name, color=color)
        for value, (name, color) in ALERT_STATES.items()
    }
    return panel.mappings([kinds.ValueMap(options=shown)]).show_value(common_kinds.VisibilityMode.NEVER)


def to_stream(labels: str) -> dashboard.DashboardLink:
    """A link from a value to the dashboard of its stream.

    Parameters
    ----------
    labels : str
        Where Grafana holds the value's labels: `__field.labels` in charts, `__data.fields` in tables.
    """
    chosen = "&".join(f"var-{name}=${{{labels}.{name}}}" for name in ("metric", "job", "instance"))
    url = f"/d/kullback-stream?${{datasource:queryparam}}&{chosen}&${{__url_time_range}}"
    return dashboard.DashboardLink("Show this stream").type(kinds.DashboardLinkType.LINK).url(url)


def rows(title: str, text: str, unit: str, one: prometheus.Dataquery, width: int = WIDTH) -> table.Panel:
    """The newest values as a table.

    Parameters
    ----------
    title, text, unit : str
    one : prometheus.Dataquery
    width : int
        Of 24.
    """
    panel = _with(table.Panel(), title, text, unit, [one]).height(9).span(width)
    panel.show_header(True).data_links([to_stream("__data.fields")])
    hidden = dict.fromkeys(("Time", "__name__"), True)
    return panel.with_transformation(
        kinds.DataTransformerConfig(id_val="organize", options={"excludeByName": hidden})
    )


def steps(*limits: tuple[float | None, str]) -> dashboard.ThresholdsConfig:
    """Absolute thresholds.

    Parameters
    ----------
    limits : tuple of float or None and str
        From which value on which colour.
    """
    config = dashboard.ThresholdsConfig().mode(kinds.ThresholdsMode.ABSOLUTE)
    return config.steps([kinds.Threshold(value=value, color=color) for value, color in limits])


def data_source() -> dashboard.DatasourceVariable:
    """The variable by which a reader chooses the Prometheus."""
    return dashboard.DatasourceVariable("datasource").label("Data source").type("prometheus")


def choice(name: str, label: str, values: str, *, all_values: bool = True) -> dashboard.QueryVariable:
    """A variable filled by `label_values(…)`.

    Parameters
    ----------
    name, label, values : str
    all_values : bool
        Whether several values and all of them may be chosen.
    """
    variable = dashboard.QueryVariable(name).label(label).datasource(DATASOURCE).query(values)
    variable.refresh(kinds.VariableRefresh.ON_TIME_RANGE_CHANGED).sort(kinds.VariableSort.ALPHABETICAL_ASC)
    return variable.multi(True).include_all(True).all_value(".*") if all_values else variable


def board(uid: str, title: str, text: str) -> dashboard.Dashboard:
    """An empty dashboard with what all have: data source, links to the others, refresh.

    Parameters
    ----------
    uid, title, text : str
    """
    others = dashboard.DashboardLink("Kullback").type(kinds.DashboardLinkType.DASHBOARDS)
    others.tags(["kullback"]).as_dropdown(True).keep_time(True)
    made = dashboard.Dashboard(title).uid(uid).description(text).tags(["kullback"]).timezone("browser")
    made.readonly().refresh("30s").time("now-3h", "now").tooltip(kinds.DashboardCursorSync.CROSSHAIR)
    made.annotation(Annotation("Deployments", MARKERS, "blue", "{{text}}", "{{match}}", value_is_time=True))
    return made.link(others).with_variable(data_source())
