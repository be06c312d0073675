"""What the API shows of windows and explanations."""

from __future__ import annotations

from pydantic import BaseModel, Field

from kullback.detector.explain import Explanation
from kullback.detector.phrases import quantile_moves, top_bins
from kullback.detector.views import WindowView
from kullback.http.stream_shapes import STREAM_EXAMPLE, known
from kullback.pipeline.markers import Marker, remark


class Bin(BaseModel):
    """One bin of the reference's axis."""

    name: str | None = Field(description="Of a category; null for ranges of values.")
    lower: float | None = Field(description="In the metric's unit; null where open.")
    upper: float | None
    reference_ratio: float
    current_ratio: float
    contribution_nats: float = Field(description="These sum to the divergence.")


class Quantile(BaseModel):
    """One quantile of both windows."""

    level: float
    reference: float | None
    current: float | None


class WindowAnswer(BaseModel):
    """A current window beside the reference."""

    window_samples: int
    current_samples: int = Field(description="Fewer than window_samples until it is full.")
    reference_samples: int
    full: bool
    unit: str
    divergence_nats: float
    bins: list[Bin]
    quantiles: list[Quantile]
    measures: dict[str, float | None]


class GateAnswer(BaseModel):
    """One condition that an anomaly must pass."""

    name: str
    value: float | None
    limit: float | None
    passed: bool


class MoveAnswer(BaseModel):
    """The range of values, or the category, that contributes most."""

    name: str | None
    lower: float | None
    upper: float | None
    reference_ratio: float
    current_ratio: float
    divergence_ratio: float


class ExplainAnswer(BaseModel):
    """Why a stream is anomalous, or why it is not."""

    stream: str
    state: str
    sentence: str = Field(description="For people.")
    top_bins: str = Field(
        description="The bins that contribute most, in words; empty for the past of a calm stream."
    )
    quantiles: str = Field(description="How the quantiles moved, in words.")
    marker: str | None = Field(description="Something people did shortly before, such as a deployment.")
    anomalous: bool
    score: float | None
    leader: str = Field(
        description="What leads: a statistic and its window, the kind of change, value or level."
    )
    onset_ms: int | None
    gates: list[GateAnswer]
    move: MoveAnswer | None
    median_change: float | None
    p99_change: float | None
    window: WindowAnswer | None = Field(description="Null for the past, whose windows are not kept.")


BIN_EXAMPLE = {
    "name": None,
    "lower": 0.25,
    "upper": 0.5,
    "reference_ratio": 0.03,
    "current_ratio": 0.19,
    "contribution_nats": 0.35,
}
WINDOW_EXAMPLE = {
    "window_samples": 64,
    "current_samples": 64,
    "reference_samples": 1024,
    "full": True,
    "unit": "s",
    "divergence_nats": 0.45,
    "bins": [BIN_EXAMPLE],
    "quantiles": [{"level": 0.5, "reference": 0.11, "current": 0.12}],
    "measures": {"kl_nats": 0.45, "kl_reverse_nats": 0.31, "psi": 0.76, "wasserstein": 0.08},
}
EXPLAIN_EXAMPLE = {
    "stream": STREAM_EXAMPLE["id"],
    "state": "firing",
    "sentence": "upper tail grew: 78 % of the divergence comes from 250-500 ms going from 3 % to 19 % of "
    "samples; median unchanged, p99 +340 ms",
    "top_bins": "250-500 ms: 3 % → 19 % (0.35 nats)",
    "quantiles": "p50 110 ms → 112 ms; p99 420 ms → 760 ms",
    "marker": "deploy web v2.3",
    "anomalous": True,
    "score": 1.7,
    "leader": "upper tail grew",
    "onset_ms": 1795328741679,
    "gates": [{"name": "score", "value": 1.7, "limit": 1.0, "passed": True}],
    "move": {
        "name": None,
        "lower": 0.25,
        "upper": 0.5,
        "reference_ratio": 0.03,
        "current_ratio": 0.19,
        "divergence_ratio": 0.78,
    },
    "median_change": 0.0,
    "p99_change": 0.34,
    "window": WINDOW_EXAMPLE,
}


def window_answer(view: WindowView, window_samples: int, unit: str) -> WindowAnswer:
    """A view as the API shows it.

    Parameters
    ----------
    view : WindowView
    window_samples : int
        Nominal length.
    unit : str
    """
    columns = zip(
        view.names or [None] * len(view.reference_mass),
        view.edges[:-1],
        view.edges[1:],
        view.reference_mass,
        view.current_mass,
        view.contributions_nats,
        strict=True,
    )
    levels = zip(view.quantile_levels, view.reference_quantiles, view.current_quantiles, strict=True)
    measures = view.measures
    return WindowAnswer(
        window_samples=window_samples,
        current_samples=view.window_samples,
        reference_samples=view.reference_samples,
        full=view.full,
        unit=unit,
        divergence_nats=view.divergence_nats,
        bins=[
            Bin(
                name=name,
                lower=known(lower),
                upper=known(upper),
                reference_ratio=float(reference),
                current_ratio=float(current),
                contribution_nats=float(nats),
            )
            for name, lower, upper, reference, current, nats in columns
        ],
        quantiles=[
            Quantile(level=float(level), reference=known(reference), current=known(current))
            for level, reference, current in levels
        ],
        measures={name: known(getattr(measures, name)) for name in measures.__slots__},
    )


def explain_answer(
    found: Explanation, stream_id: str, state: str, unit: str, marker: Marker | None
) -> ExplainAnswer:
    """An explanation as the API shows it.

    Parameters
    ----------
    found : Explanation
    stream_id, state, unit : str
    marker : Marker or None
        That may be the cause.
    """
    move, said = found.move, found.sentence(unit)
    return ExplainAnswer(
        stream=stream_id,
        state=state,
        sentence=f"{said}; {remark(marker, found.onset_ms)}" if marker else said,
        top_bins=top_bins(found.view, unit),
        quantiles=quantile_moves(found.view, unit),
        marker=marker["text"] if marker else None,
        anomalous=found.anomalous,
        score=known(found.score),
        leader=found.leader,
        onset_ms=found.onset_ms or None,
        gates=[
            GateAnswer(name=gate.name, value=known(gate.value), limit=known(gate.limit), passed=gate.passed)
            for gate in found.gates
        ],
        move=None
        if move is None
        else MoveAnswer(
            name=move.name or None,
            lower=known(move.lower),
            upper=known(move.upper),
            reference_ratio=move.reference_share,
            current_ratio=move.current_share,
            divergence_ratio=move.divergence_share,
        ),
        median_change=known(found.median_change),
        p99_change=known(found.p99_change),
        window=window_answer(found.view, found.view.window_samples, unit),
    )
