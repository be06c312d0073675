"""`POST /api/v1/compare`: two distributions, stateless."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Annotated

import numpy as np
from fastapi import APIRouter, Request
from pydantic import BaseModel, Field

from kullback.core.errors import ErrorId, RequestError
from kullback.detector.compare import (
    Comparison,
    Gaussian,
    Options,
    compare_categories,
    compare_gaussians,
    compare_histograms,
    compare_samples,
)
from kullback.http.docs import answers
from kullback.http.json_body import Shape, body_docs, read_json

MAX_CATEGORIES = 100_000
router = APIRouter(prefix="/api/v1", tags=["Stateless"])


class SampleSide(Shape):
    """Raw samples."""

    samples: list[float]


class HistogramSide(Shape):
    """Counts per bucket; one count more than bounds means an open last bucket."""

    upper_bounds: list[float]
    counts: list[float]


class CategorySide(Shape):
    """Observations per category."""

    categories: Annotated[dict[str, float], Field(max_length=MAX_CATEGORIES)]


class GaussianSide(Shape):
    """A Gaussian with diagonal covariance: numbers, or one per dimension."""

    mean: float | list[float]
    variance: float | list[float]


Side = list[float] | list[str] | SampleSide | HistogramSide | CategorySide | GaussianSide


class CompareBody(Shape):
    """Two distributions of the same form. A bare list holds samples, or names of categories."""

    current: Side
    reference: Side
    bins: int = Field(16, ge=2, le=1024, description="Bins of equal reference mass for samples.")
    smoothing: float = Field(0.5, ge=0, le=1000, description="Observations added to every bin; 0: none.")
    permutations: int = Field(999, ge=0, le=10_000, description="Shuffles behind the p-value; 0: none.")
    seed: int = Field(0, ge=0, lt=2**32)


class Contribution(BaseModel):
    """One bin's (or dimension's) share of `kl`."""

    name: str | None = Field(description="Category or dimension.")
    lower: float | None = Field(description="Lower bound, None where open.")
    upper: float | None
    current_ratio: float | None
    reference_ratio: float | None
    nats: float | None = Field(description="Null where infinite.")


class CompareAnswer(BaseModel):
    """All measures in nats (distances in the metric's unit); `kl` is D(current ‖ reference)."""

    measures: dict[str, float | None]
    why_none: dict[str, str] = Field(description="For each measure that is null, the reason.")
    p_value: float | None = Field(description="Permutation test that both are one distribution.")
    contributions: list[Contribution] = Field(description="They sum to `kl`.")


EXAMPLE_BODY = {"current": [0.31, 0.42, 0.55, 0.61], "reference": [0.11, 0.12, 0.14, 0.31], "bins": 2}
EXAMPLE = {
    "measures": {"kl": 0.41, "kl_reverse": 0.51, "psi": 0.92, "jensen_shannon": 0.11, "wasserstein": 0.3},
    "why_none": {},
    "p_value": 0.14,
    "contributions": [
        {
            "name": None,
            "lower": None,
            "upper": 0.12,
            "current_ratio": 0.1,
            "reference_ratio": 0.5,
            "nats": -0.16,
        },
        {
            "name": None,
            "lower": 0.12,
            "upper": None,
            "current_ratio": 0.9,
            "reference_ratio": 0.5,
            "nats": 0.53,
        },
    ],
}


@router.post(
    "/compare",
    responses=answers(EXAMPLE, ErrorId.BAD_JSON, ErrorId.BODY_TOO_LARGE),
    openapi_extra=body_docs(CompareBody, EXAMPLE_BODY),
)
async def compare(request: Request) -> CompareAnswer:
    """Compare two sets of samples, histograms, categories or Gaussians by every measure, both ways."""
    body = await read_json(request, CompareBody)
    return shown(await asyncio.to_thread(compared, body))


@np.errstate(all="ignore")  # what overflows is told as a reason
def compared(body: CompareBody) -> Comparison:
    """The comparison that a body asks for.

    Parameters
    ----------
    body : CompareBody

    Raises
    ------
    RequestError
        BAD_REQUEST when the two sides cannot be compared.
    """
    options = Options(body.bins, body.smoothing, body.permutations, body.seed)
    match _form(body.current), _form(body.reference):
        case SampleSide() as current, SampleSide() as reference:
            return compare_samples(np.array(current.samples), np.array(reference.samples), options)
        case HistogramSide() as current, HistogramSide() as reference:
            return compare_histograms(_histogram(current), _histogram(reference), options)
        case CategorySide() as current, CategorySide() as reference:
            return compare_categories(current.categories, reference.categories, options)
        case GaussianSide() as current, GaussianSide() as reference:
            return compare_gaussians(_gaussian(current), _gaussian(reference))
    raise RequestError(ErrorId.BAD_REQUEST, "current and reference must have the same form.")


def _form(side: Side) -> SampleSide | HistogramSide | CategorySide | GaussianSide:
    """The long form of a bare list."""
    if not isinstance(side, list):
        return side
    if side and isinstance(side[0], str):
        return CategorySide(categories=dict(Counter(map(str, side))))
    return SampleSide(samples=[float(value) for value in side])


def _histogram(side: HistogramSide) -> tuple[np.ndarray, np.ndarray]:
    return np.array(side.upper_bounds), np.array(side.counts)


def _gaussian(side: GaussianSide) -> Gaussian:
    return Gaussian(np.atleast_1d(np.array(side.mean)), np.atleast_1d(np.array(side.variance)))


def shown(found: Comparison) -> CompareAnswer:
    """A comparison as the API shows it.

    Parameters
    ----------
    found : Comparison
    """
    measures = dict(found.measures)
    p_value = measures.pop("p_value")
    return CompareAnswer(
        measures=measures,
        why_none=found.why_none,
        p_value=p_value,
        contributions=[
            Contribution(
                name=part.name or None,
                lower=part.lower,
                upper=part.upper,
                current_ratio=part.current_ratio,
                reference_ratio=part.reference_ratio,
                nats=part.nats,
            )
            for part in found.parts
        ],
    )
