"""From scores to a receipt."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kullback.core.errors import ErrorId, Refusal, merge_refusals
from kullback.core.scores import Outcome, Scores
from kullback.pipeline.fleet import Fleet
from kullback.pipeline.receipt import Receipt, TouchedStream
from kullback.pipeline.request import Request
from kullback.pipeline.standing import STATES, standing

KEPT = (Outcome.SCORED, Outcome.ABSORBED)


def receipt_of(request: Request, scores: Scores | None = None, fleet: Fleet | None = None) -> Receipt:
    """The receipt of a request.

    Parameters
    ----------
    request : Request
        Admitted; its refusals are those of decoder and limits.
    scores : Scores or None
        None when no sample reached the engine.
    fleet : Fleet or None
        Asked for the touched streams, when the request wants them.
    """
    if scores is None or fleet is None:
        return Receipt(0, request.refusals)
    outcomes = np.bincount(scores.outcome, minlength=len(Outcome))
    late = int(outcomes[Outcome.OUT_OF_ORDER])
    return Receipt(
        accepted=int(sum(outcomes[outcome] for outcome in KEPT)),
        refusals=merge_refusals([*request.refusals, *_late(request, scores, late)]),
        duplicates=int(outcomes[Outcome.DUPLICATE]),
        not_a_number=int(outcomes[Outcome.NOT_A_NUMBER]),
        stale=int(outcomes[Outcome.STALE]),
        streams=_touched(request, scores, fleet) if request.want_streams else (),
    )


def _late(request: Request, scores: Scores, count: int) -> list[Refusal]:
    if not count:
        return []
    first = int(np.argmax(scores.outcome == Outcome.OUT_OF_ORDER))
    series = request.batch.series[int(request.batch.stream_index[first])]
    return [Refusal(ErrorId.SAMPLE_OUT_OF_ORDER, count, f"A sample of {series.metric!r} came too late.")]


def _touched(request: Request, scores: Scores, fleet: Fleet) -> tuple[TouchedStream, ...]:
    numbers, first = np.unique(scores.stream, return_index=True)
    numbers = numbers[np.argsort(first)]
    numbers = numbers[numbers >= 0][: request.want_streams]
    states = standing(fleet, numbers, fleet.engine.summary(numbers), request.now_ms)
    order = np.argsort(scores.stream, kind="stable")
    begins = np.searchsorted(scores.stream[order], numbers)
    ends = np.searchsorted(scores.stream[order], numbers, side="right")
    return tuple(
        _touch(fleet.engine.stream(int(number)).id, scores, order[begin:end], STATES[state])
        for number, begin, end, state in zip(numbers, begins, ends, states, strict=True)
    )


def _touch(stream_id: str, scores: Scores, rows: NDArray[np.int64], state: str) -> TouchedStream:
    scored = rows[~np.isnan(scores.score[rows])]
    last = int(scored[-1]) if len(scored) else None
    return TouchedStream(
        id=stream_id,
        score=None if last is None else float(scores.score[last]),
        max_score=None if last is None else float(scores.score[scored].max()),
        divergence_nats=None if last is None else _number(scores.divergence_nats[last]),
        state=state,
    )


def _number(value: np.float64) -> float | None:
    return None if np.isnan(value) else float(value)
