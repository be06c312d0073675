"""Scores written by hand: one stream's life as a string, one letter per sample."""

from __future__ import annotations

import numpy as np

from kullback.alerting.alert import Transition
from kullback.core.scores import Episode, Outcome, Scores, blank_scores

LETTERS = {
    ".": Episode.READY,
    "A": Episode.READY | Episode.ANOMALOUS | Episode.STARTED,
    "a": Episode.READY | Episode.ANOMALOUS,
    "e": Episode.READY | Episode.ENDED,
    "S": Episode.READY | Episode.ANOMALOUS | Episode.SHIFTED,
    "R": Episode.READY | Episode.SHIFTED | Episode.REBASELINED | Episode.ENDED,
    "x": Episode(0),
}
STEP_MS = 60_000
START_MS = 1_795_000_000_000


def minute(count: float) -> int:
    """The timestamp of the sample with that index."""
    return START_MS + round(count * STEP_MS)


def life(letters: str, number: int = 0, first: int = 0, onset_samples: int = 3) -> Scores:
    """One sample a minute; `A a e S R` as in `LETTERS`, `x` a sample that was not scored."""
    at = np.arange(first, first + len(letters), dtype=np.int64)
    scores = blank_scores(START_MS + at * STEP_MS)
    scores.stream[:] = number
    scores.episode[:] = [LETTERS[letter] for letter in letters]
    scores.score[:] = [1.5 if LETTERS[letter] & Episode.ANOMALOUS else 0.2 for letter in letters]
    scores.divergence_nats[:] = scores.score / 10
    scores.leader[:] = 7
    scores.onset_ms[:] = scores.timestamp_ms - onset_samples * STEP_MS
    scores.outcome[:] = [Outcome.ABSORBED if letter == "x" else Outcome.SCORED for letter in letters]
    return scores


def told(transitions: tuple[Transition, ...]) -> list[tuple[float, str]]:
    """Transitions as (minute, state)."""
    return [((t.at_ms - START_MS) / STEP_MS, t.alert.state) for t in transitions]
