"""Charts as Plotly figures: of the page, of reports, of the documentation.

Colours are the same in all of them: the reference is grey, the present blue, alarms red. Backgrounds are
transparent and texts take the page's colour, so that light and dark pages show the same figure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray
from plotly.subplots import make_subplots

from kullback.detector.compare import Part
from kullback.detector.views import WindowView

REFERENCE, CURRENT, ALARM, QUIET = "#8a8f98", "#2f6fde", "#d1242f", "#b9c0ca"
MARGIN = {"l": 64, "r": 16, "t": 36, "b": 44}
LONGEST_FLAG, FLAG_SHARE, FLAG_HEIGHT = 24, 0.16, 18
"""Letters of a marker's text, the share of the time axis that they take, and their height in pixels."""
FAR_SPANS = 1.5
END_BIN_SHARE = 0.08
"""How far an open end bin is drawn beyond the last edge, as a share of the edges' span."""


def histogram_figure(view: WindowView, unit: str) -> go.Figure:
    """Reference and current distribution over each other, with each bin's part of the divergence below.

    Categories stand side by side under their names.

    Parameters
    ----------
    view : WindowView
    unit : str
        Of the values; "" leaves it out.
    """
    if view.names:
        shares = (view.current_mass, view.reference_mass, view.contributions_nats)
        rows = zip(view.names, *shares, strict=True)
        return comparison_figure([Part(name, None, None, *row) for name, *row in rows])
    left, width, shown = _bins(view)
    figure = make_subplots(rows=2, cols=1, shared_xaxes=True, row_heights=[0.68, 0.32], vertical_spacing=0.06)
    for name, mass, colour in (
        ("reference", view.reference_mass, REFERENCE),
        ("current", view.current_mass, CURRENT),
    ):
        density = _share_per_width(mass[shown], width)
        figure.add_bar(
            x=left, y=density, width=width, offset=0, name=name, marker_color=colour, opacity=0.6,
            customdata=100 * mass[shown], row=1, col=1,
            hovertemplate=f"%{{customdata:.1f}} % of samples<extra>{name}</extra>",
        )  # fmt: skip
    terms = view.contributions_nats[shown]
    figure.add_bar(
        x=left, y=terms, width=width, offset=0, name="part of the divergence", showlegend=False,
        marker_color=np.where(terms >= 0, ALARM, QUIET), hovertemplate="%{y:.4f} nats<extra></extra>",
        row=2, col=1,
    )  # fmt: skip
    figure.update_yaxes(title_text="density", rangemode="tozero", showticklabels=False, row=1, col=1)
    figure.update_yaxes(title_text="nats", row=2, col=1)
    figure.update_xaxes(title_text=f"value ({unit})" if unit else "value", row=2, col=1)
    figure.update_layout(barmode="overlay")
    return _dressed(figure, 420)


def score_figure(
    timestamp_ms: NDArray[np.int64],
    score: NDArray[np.float64],
    alarms_ms: Sequence[int] = (),
    span_ms: tuple[int, int] | None = None,
    markers: Sequence[tuple[int, str]] = (),
    lasting_ms: Sequence[tuple[int, int]] = (),
) -> go.Figure:
    """Score against the alarm line at 1, on a ground that is tinted for as long as an alert lasts.

    Parameters
    ----------
    timestamp_ms : int64 array, shape (n,)
    score : float64 array, shape (n,)
        NaN leaves a gap.
    alarms_ms : sequence of int
        When alarms began.
    span_ms : (int, int) or None
        What the time axis shows; None: what there is.
    markers : sequence of (int, str)
        What people did, and when.
    lasting_ms : sequence of (int, int)
        From when to when alerts were under way; scores tell only what was new then.
    """
    figure = go.Figure()
    figure.add_scatter(x=_times(timestamp_ms), y=score, mode="lines", name="score", line_color=CURRENT)
    _tint(figure, lasting_ms)
    figure.add_scatter(
        x=[None], y=[None], mode="lines", name="alarm line", line={"color": ALARM, "dash": "dash"}
    )
    figure.add_hline(y=1.0, line_color=ALARM, line_dash="dash")
    _mark(figure, alarms_ms)
    _flag(figure, markers, _span(timestamp_ms, span_ms))
    _show_span(figure, span_ms)
    top = float(np.nanmax(score, initial=1.0))
    figure.update_yaxes(title_text="score", range=[0, max(1.3, 1.1 * top)])
    return _dressed(figure, 220, flagged=bool(markers))


@dataclass(frozen=True, slots=True)
class Band:
    """Values over time.

    Parameters
    ----------
    timestamp_ms : int64 array, shape (n,)
    lowest, highest, mean : float64 array, shape (n,)
        Of each step.
    quantiles : tuple of three float64 arrays, shape (n,), or None
        10 %, 50 % and 90 % of the samples of each step; NaN where they are not known.
    """

    timestamp_ms: NDArray[np.int64]
    lowest: NDArray[np.float64]
    highest: NDArray[np.float64]
    mean: NDArray[np.float64]
    quantiles: tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]] | None = None


def value_figure(
    band: Band,
    unit: str,
    alarms_ms: Sequence[int] = (),
    span_ms: tuple[int, int] | None = None,
    markers: Sequence[tuple[int, str]] = (),
    limits: tuple[float | None, float | None] = (None, None),
) -> go.Figure:
    """Values over time: the median of each step within its quantiles, within its range.

    Parameters
    ----------
    band : Band
        The mean is drawn where no median is known.
    unit : str
    alarms_ms : sequence of int
    span_ms : (int, int) or None
        What the time axis shows; None: what there is.
    markers : sequence of (int, str)
        What people did, and when.
    limits : (float or None, float or None)
        Values below and above which a single sample would raise an alarm now.
    """
    times = _times(band.timestamp_ms)
    figure = go.Figure()
    known = band.quantiles is not None and not np.isnan(band.quantiles[1]).all()
    _fill(figure, times, band.lowest, band.highest, "lowest to highest", 0.16 if known else 0.34)
    if band.quantiles is None or not known:
        figure.add_scatter(x=times, y=band.mean, mode="lines", name="mean", line_color=CURRENT)
    else:
        low, middle, high = band.quantiles
        _fill(figure, times, low, high, "10 to 90 %", 0.34)
        median = np.where(np.isnan(middle), band.mean, middle)
        figure.add_scatter(x=times, y=median, mode="lines", name="median", line_color=CURRENT)
    _mark(figure, alarms_ms)
    _flag(figure, markers, _span(band.timestamp_ms, span_ms))
    _bound(figure, limits, band)
    _show_span(figure, span_ms)
    figure.update_yaxes(title_text=f"value ({unit})" if unit else "value")
    return _dressed(figure, 260, flagged=bool(markers))


def _fill(
    figure: go.Figure,
    times: NDArray[np.datetime64],
    low: NDArray[np.float64],
    high: NDArray[np.float64],
    name: str,
    opacity: float,
) -> None:
    edge = {"mode": "lines", "line_width": 0, "hoverinfo": "skip", "x": times}
    figure.add_scatter(y=high, showlegend=False, **edge)
    figure.add_scatter(y=low, fill="tonexty", fillcolor=f"rgba(47,111,222,{opacity})", name=name, **edge)


def _bound(figure: go.Figure, limits: tuple[float | None, float | None], band: Band) -> None:
    """The alarm line in the values' own unit, unless it is so far away that it would flatten the values."""
    if not len(band.lowest):
        return
    low, high = float(np.nanmin(band.lowest)), float(np.nanmax(band.highest))
    room = FAR_SPANS * (high - low)
    told = [limit for limit in limits if limit is not None and low - room <= limit <= high + room]
    for limit in told:
        figure.add_hline(y=limit, line_color=ALARM, line_dash="dash", line_width=1)
    if told:
        figure.add_scatter(
            x=[None], y=[None], mode="lines", name="alarm line now", line={"color": ALARM, "dash": "dash"}
        )


def curve_figure(budgets: Sequence[str], alarms_per_week: Sequence[float], chosen: str = "") -> go.Figure:
    """What each alarm budget would have cost.

    Parameters
    ----------
    budgets : sequence of str
    alarms_per_week : sequence of float
    chosen : str
        The budget that is drawn in the colour of the present.
    """
    colours = [CURRENT if budget == chosen else QUIET for budget in budgets]
    figure = go.Figure()
    figure.add_bar(x=list(budgets), y=list(alarms_per_week), marker_color=colours, name="alarms per week")
    figure.update_xaxes(title_text="alarm budget")
    figure.update_yaxes(title_text="alarms per week", rangemode="tozero")
    return _dressed(figure, 260).update_layout(bargap=0.5)


def comparison_figure(parts: Sequence[Part]) -> go.Figure:
    """Shares of reference and current by bin or category, with each one's part of the divergence below.

    Parameters
    ----------
    parts : sequence of Part
    """
    names = [_place(part) for part in parts]
    figure = make_subplots(rows=2, cols=1, shared_xaxes=True, row_heights=[0.68, 0.32], vertical_spacing=0.06)
    for name, colour in (("reference", REFERENCE), ("current", CURRENT)):
        shares = 100 * np.array([getattr(part, f"{name}_ratio") for part in parts], np.float64)
        figure.add_bar(x=names, y=shares, name=name, marker_color=colour, row=1, col=1)
    nats = np.array([part.nats for part in parts], np.float64)
    figure.add_bar(
        x=names, y=nats, name="part of the divergence", showlegend=False, row=2, col=1,
        marker_color=np.where(nats >= 0, ALARM, QUIET),
    )  # fmt: skip
    figure.update_yaxes(title_text="% of samples", rangemode="tozero", row=1, col=1)
    figure.update_yaxes(title_text="nats", row=2, col=1)
    figure.update_xaxes(type="category")
    return _dressed(figure, 420).update_layout(bargap=0.15)


def _place(part: Part) -> str:
    """Short, for the ticks of an axis."""
    if part.name:
        return part.name
    if part.lower is None:
        return "all" if part.upper is None else f"< {part.upper:.3g}"
    return f"≥ {part.lower:.3g}" if part.upper is None else f"{part.lower:.3g} – {part.upper:.3g}"


def _bins(view: WindowView) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.bool_]]:
    """Left edges and widths for drawing; open ends get a width, bins of one value a thin one."""
    edges = view.edges.copy()
    finite = edges[np.isfinite(edges)]
    span = float(np.ptp(finite)) if len(finite) else 0.0
    end = END_BIN_SHARE * span or 0.5
    if len(finite):
        edges[0], edges[-1] = finite[0] - end, finite[-1] + end
    width = np.diff(edges)
    shown = np.isfinite(width)
    return edges[:-1][shown], np.maximum(width[shown], 0.004 * (span + 2 * end)), shown


def _share_per_width(mass: NDArray[np.float64], width: NDArray[np.float64]) -> NDArray[np.float64]:
    density: NDArray[np.float64] = mass / width
    return density


def _times(timestamp_ms: NDArray[np.int64]) -> NDArray[np.datetime64]:
    return timestamp_ms.astype("datetime64[ms]")


def _mark(figure: go.Figure, alarms_ms: Sequence[int]) -> None:
    if not alarms_ms:
        return
    for alarm_ms in alarms_ms:
        figure.add_vline(x=_instant(alarm_ms), line_color=ALARM, line_width=1)
    figure.add_scatter(
        x=[None], y=[None], mode="lines", name="alarm", line={"color": ALARM, "width": 1}
    )  # for the legend


def _tint(figure: go.Figure, spans_ms: Sequence[tuple[int, int]]) -> None:
    if not spans_ms:
        return
    for first_ms, last_ms in spans_ms:
        figure.add_vrect(
            x0=_instant(first_ms),
            x1=_instant(last_ms),
            fillcolor=ALARM,
            opacity=0.12,
            line_width=0,
            layer="below",
        )
    square = {"symbol": "square", "color": ALARM, "opacity": 0.25, "size": 10}
    figure.add_scatter(x=[None], y=[None], mode="markers", name="alert under way", marker=square)


def _flag(figure: go.Figure, markers: Sequence[tuple[int, str]], span_ms: tuple[int, int]) -> None:
    """Dotted lines with what was done written above them, as far as the texts have room beside each other."""
    if not markers:
        return
    first_ms, last_ms = span_ms
    room_ms, next_free_ms = FLAG_SHARE * (last_ms - first_ms), -1.0
    for at_ms, text in sorted(markers):
        figure.add_vline(x=_instant(at_ms), line_color=REFERENCE, line_width=1.5, line_dash="dot")
        late = last_ms - at_ms < room_ms
        begins_ms = at_ms - room_ms if late else at_ms
        if begins_ms < next_free_ms:
            continue
        shown = text if len(text) <= LONGEST_FLAG else f"{text[: LONGEST_FLAG - 1]}…"
        figure.add_annotation(
            x=_instant(at_ms), y=1, yref="paper", xanchor="right" if late else "left", yanchor="bottom",
            showarrow=False, text=escape(shown), hovertext=escape(text), font_size=11,
        )  # fmt: skip
        next_free_ms = begins_ms + room_ms


def _span(timestamp_ms: NDArray[np.int64], span_ms: tuple[int, int] | None) -> tuple[int, int]:
    return span_ms or (int(timestamp_ms.min(initial=0)), int(timestamp_ms.max(initial=0)))


def _show_span(figure: go.Figure, span_ms: tuple[int, int] | None) -> None:
    if span_ms:
        figure.update_xaxes(range=[_instant(at_ms) for at_ms in span_ms], type="date")


def _instant(at_ms: int) -> str:
    return str(np.datetime64(at_ms, "ms"))


def _dressed(figure: go.Figure, height: int, flagged: bool = False) -> go.Figure:
    above = FLAG_HEIGHT if flagged else 0
    axis: dict[str, Any] = {"gridcolor": "rgba(128,128,128,0.2)", "zeroline": False, "automargin": True}
    figure.update_xaxes(**axis)
    figure.update_yaxes(**axis)
    figure.update_layout(
        template="none",
        height=height + above,
        margin={**MARGIN, "t": MARGIN["t"] + above},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font_family="system-ui, sans-serif",
        legend={
            "orientation": "h",
            "y": 1.02 + above / (height - MARGIN["t"] - MARGIN["b"]),
            "yanchor": "bottom",
            "x": 1,
            "xanchor": "right",
        },
        hovermode="x",
        bargap=0,
    )
    return figure
