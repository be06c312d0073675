"""The bank: for each kind of change that people know, one sum of evidence for it, as long as it lasts.

A current window sees best a change that is about as long as it is. A CUSUM of Kullback-Leibler terms
(Page 1954; Lorden 1971) needs no length: with the ranks of the reference uniform over the bins of the axis,
an alternative p gives every sample the log-likelihood ratio ln(p/q) of its bin, and

    S ← max(0, memory · S + ln(p/q))

is the evidence for a change to p that began at the sample where S was 0 last. Its mean step after such a
change is D(p ‖ q), which also says how soon it can be found.
"""

from __future__ import annotations

from collections.abc import Callable
from statistics import NormalDist
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kullback.core.kernel import kernel
from kullback.detector.axis import BLOCK, CUTS, WIDTHS
from kullback.detector.layout import BANK_SIZE, RANK

Masses = NDArray[np.float64]

LEAST_MASS = 1e-4
TAIL_FACTOR = 5.0
MODE_DISTANCE = 0.9
SKEW = 0.6
UP, DOWN, NEITHER = 1, 2, 0
"""Where an alternative moves to, as `Direction`."""

MEMORY_SAMPLES = 1024.0
EARLY_MEMORY_RATIO = 4.0
"""Before the stream has shown a block of its own, the memory is that part of the reference's size."""
OFFSET_NATS = 2.0
"""Puts the evidence of a sum without a length on the scale of the windows' surprise."""
CAP_LINES = 1.2
"""What an episode's evidence falls by counts from here: what is over shall soon be seen to be over."""
ONSET_SLACK = 1e-3


class Alternative(NamedTuple):
    """One kind of change.

    Parameters
    ----------
    name : str
        What people would call it.
    mass : float64 array, shape (bins,)
        Of the axis' bins, once it has happened.
    direction : int
        UP, DOWN or NEITHER.
    """

    name: str
    mass: Masses
    direction: int


def _mass_of(law: Callable[[float], float]) -> Masses:
    """Mass per bin when the reference's normal score has distribution function `law`."""
    scores = [NormalDist().inv_cdf(float(cut)) for cut in CUTS]
    mass = np.diff(np.array([0.0, *map(law, scores), 1.0]))
    return _whole(np.maximum(mass, LEAST_MASS))


def _whole(mass: Masses) -> Masses:
    whole: Masses = mass / mass.sum()
    return whole


def _shifted(sigmas: float) -> Masses:
    return _mass_of(NormalDist(sigmas, 1.0).cdf)


def _spread(variance: float) -> Masses:
    return _mass_of(NormalDist(0.0, variance**0.5).cdf)


def _tailed() -> Masses:
    """The upper percent of the reference is seen several times as often."""
    upper = CUTS.searchsorted(0.99) + 1
    share = WIDTHS[upper:].sum()
    mass = WIDTHS * (1.0 - TAIL_FACTOR * share) / (1.0 - share)
    mass[upper:] = TAIL_FACTOR * WIDTHS[upper:]
    return _whole(mass)


def _two_modes() -> Masses:
    """Same mean and variance as the reference, half of it to either side."""
    spread = (1.0 - MODE_DISTANCE**2) ** 0.5
    low, high = NormalDist(-MODE_DISTANCE, spread), NormalDist(MODE_DISTANCE, spread)
    return _mass_of(lambda score: 0.5 * (low.cdf(score) + high.cdf(score)))


def _skewed(sign: float) -> Masses:
    """The normal law with a third cumulant (Gram-Charlier), damped where that would fall below 0."""
    score = np.linspace(-6.0, 6.0, 4001)
    cubic = (score**3 - 3.0 * score) / np.sqrt(6.0) * np.exp(-(score**2) / 12.0)
    density = np.exp(-(score**2) / 2.0) * np.maximum(1.0 + sign * SKEW * cubic, 0.05)
    cumulated = np.cumsum(density) / density.sum()
    return _mass_of(lambda at: float(np.interp(at, score, cumulated)))


def _information(mass: Masses) -> float:
    return float((mass * np.log(mass / WIDTHS)).sum())


_KNOWN = (
    *(Alternative("level rose", _shifted(sigmas), UP) for sigmas in (0.25, 0.5, 1.0, 2.0)),
    *(Alternative("level fell", _shifted(-sigmas), DOWN) for sigmas in (0.25, 0.5, 1.0, 2.0)),
    *(Alternative("spread grew", _spread(variance), NEITHER) for variance in (1.5, 2.0, 4.0)),
    *(Alternative("spread shrank", _spread(variance), NEITHER) for variance in (0.5, 0.25)),
    Alternative("upper tail grew", _tailed(), UP),
    Alternative("lower tail grew", _tailed()[::-1].copy(), DOWN),
    Alternative("two modes", _two_modes(), NEITHER),
    Alternative("leans to larger values", _skewed(1.0), NEITHER),
    Alternative("leans to smaller values", _skewed(-1.0), NEITHER),
)
ALTERNATIVES = tuple(sorted(_KNOWN, key=lambda known: -_information(known.mass)))
"""The fast ones first: of equal evidence they decide."""
SIZE = BANK_SIZE
assert len(ALTERNATIVES) == SIZE
MASSES: Masses = np.array([alternative.mass for alternative in ALTERNATIVES])
INFORMATION_NATS: Masses = np.array([_information(alternative.mass) for alternative in ALTERNATIVES])
"""D(p ‖ q) per alternative: the mean evidence of one sample after the change."""
HANDICAP_NATS: Masses = OFFSET_NATS + np.log(INFORMATION_NATS)
"""What is taken from a sum so that alternatives far and near raise as many false alarms."""
DIRECTIONS: NDArray[np.int64] = np.array([alternative.direction for alternative in ALTERNATIVES])


def _gains() -> NDArray[np.float32]:
    """ln(p/q) of the bins that a sample covers; one that covers many says less, and all of them nothing."""
    ends = BLOCK[:, 1] + 1
    under = np.concatenate((np.zeros((SIZE, 1)), np.cumsum(MASSES, axis=1)), axis=1)
    usual = np.concatenate(([0.0], np.cumsum(WIDTHS)))
    ratio = (under[:, ends] - under[:, BLOCK[:, 0]]) / (usual[ends] - usual[BLOCK[:, 0]])
    return np.ascontiguousarray(np.log(ratio).T, np.float32)


GAINS: NDArray[np.float32] = _gains()
"""Evidence of one sample per alternative; shape (codes, SIZE)."""


@kernel
def empty_bank(stream: Any) -> None:
    """Forget the evidence.

    Parameters
    ----------
    stream : stream record
    """
    for kind in range(SIZE):
        stream.bank[kind] = 0.0


@kernel
def memory_of(stream: Any) -> float:
    """Share of the evidence that is left after one more sample.

    Parameters
    ----------
    stream : stream record
    """
    samples = MEMORY_SAMPLES
    if stream.blocks == 0:
        samples = min(samples, stream.reference_count / EARLY_MEMORY_RATIO)
    return float(1.0 - 1.0 / max(samples, 2.0))


@kernel
def weigh(stream: Any, code: int, repeats: bool) -> None:
    """Let a sample speak for and against every alternative.

    A value that fills no bin of the reference and comes again is no new observation: a sensor was read
    faster than it measures. The short windows see to one that got stuck.

    Parameters
    ----------
    stream : stream record
    code : int
        Block of bins of the sample.
    repeats : bool
        Whether the value is that of the sample before.
    """
    if repeats and BLOCK[code, 0] == BLOCK[code, 1]:
        return
    memory, nothing = np.float32(memory_of(stream)), np.float32(0.0)
    bank, gains = stream.bank, GAINS[code]
    for kind in range(SIZE):
        evidence = bank[kind] * memory + gains[kind]
        bank[kind] = evidence if evidence > nothing else nothing


@kernel
def bank_surprise(stream: Any) -> tuple[float, int]:
    """Largest surprise over the alternatives.

    Parameters
    ----------
    stream : stream record

    Returns
    -------
    float, int
        Surprise in nats and which alternative leads (−1 when there is no evidence for any).
    """
    bank, largest, leader = stream.bank, 0.0, -1
    for kind in range(SIZE):
        nats = bank[kind] - HANDICAP_NATS[kind]
        if nats <= largest or bank[kind] <= 0.0:
            continue
        if stream.direction != NEITHER and DIRECTIONS[kind] != stream.direction:
            continue
        largest, leader = nats, kind
    return largest, leader


@kernel
def watch(stream: Any, kind: int) -> None:
    """Let an alternative decide when the episode is over.

    Parameters
    ----------
    stream : stream record
    kind : int
        −1 for none.
    """
    stream.watched = kind + 1
    stream.peak = stream.bank[kind] if kind >= 0 else 0.0


@kernel
def lasting_nats(stream: Any) -> float:
    """What speaks for the episode to go on: the watched evidence, or what is left of it since its peak.

    A sum that grew for long would take as long to fall; so it is taken as if it had stopped at CAP_LINES.

    Parameters
    ----------
    stream : stream record
    """
    if stream.watched == 0:
        return 0.0
    kind = stream.watched - 1
    evidence = stream.bank[kind]
    stream.peak = max(stream.peak * memory_of(stream), evidence)
    left = CAP_LINES * stream.threshold[RANK] - (stream.peak - evidence)
    return float(max(min(evidence - HANDICAP_NATS[kind], left), 0.0))


@kernel
def newest_evidence(stream: Any, kind: int, samples: int) -> float:
    """What the newest samples alone say for an alternative, nats.

    Parameters
    ----------
    stream : stream record
        The newest sample is in the queue.
    kind, samples : int
    """
    room = len(stream.codes)
    total = 0.0
    for back in range(min(samples, stream.queued)):
        total += GAINS[stream.codes[(stream.head - 1 - back) % room], kind]
    return total


@kernel
def likely_samples(stream: Any, kind: int) -> int:
    """About how long ago a change began, by the evidence for it.

    Parameters
    ----------
    stream : stream record
    kind : int
        Which alternative.
    """
    return int(stream.bank[kind] / INFORMATION_NATS[kind]) + 1


@kernel
def samples_since_onset(stream: Any, kind: int) -> int:
    """How many samples ago the evidence for an alternative was 0, this one included.

    The sum is the largest one over all beginnings, so going back from the newest sample the beginning is
    where the sum of what came since reaches it.

    Parameters
    ----------
    stream : stream record
        The newest sample is in the queue.
    kind : int
    """
    room = len(stream.codes)
    memory = memory_of(stream)
    wanted = stream.bank[kind] - ONSET_SLACK * max(stream.bank[kind], 1.0)
    total, weight = 0.0, 1.0
    held = min(stream.fill, stream.queued)
    for back in range(held):
        total += weight * GAINS[stream.codes[(stream.head - 1 - back) % room], kind]
        weight *= memory
        if total >= wanted:
            return back + 1
    return int(max(held, 1))
