"""The life of an anomaly episode, and what it does to the reference."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from kullback.core.kernel import kernel
from kullback.core.scores import Episode
from kullback.detector.calibration import set_thresholds
from kullback.detector.layout import CHANNELS, RECENT, State
from kullback.detector.reference import admit, mark_newest
from kullback.detector.tables import Tables
from kullback.detector.windows import flush

READY = int(Episode.READY)
ANOMALOUS = int(Episode.ANOMALOUS)
STARTED = int(Episode.STARTED)
ENDED = int(Episode.ENDED)
SHIFTED = int(Episode.SHIFTED)
REBASELINED = int(Episode.REBASELINED)

CALM_SCORE = 0.7
CALM_SAMPLES = 16
SHIFT_SAMPLES = 1024


@kernel
def live(
    state: State,
    tables: Tables,
    slot: int,
    stream: Any,
    calm_score: float,
    span: int,
    scratch: NDArray[np.int64],
) -> None:
    """Carry the episode one sample further; `stream.score` is that of the sample.

    Parameters
    ----------
    state : State
    tables : Tables
    slot : int
    stream : STREAM record
    calm_score : float
        Score by short evidence only, which ends an episode.
    span : int
        Length of the leading evidence in samples.
    scratch : int64 array
        As for `admit`.
    """
    if not stream.episode & ANOMALOUS:
        stream.episode = READY
        if stream.score > 1.0:
            _start(state, slot, stream, span)
        return
    stream.episode = READY | ANOMALOUS | (stream.episode & SHIFTED)
    stream.firing_samples += 1
    stream.calm_samples = stream.calm_samples + 1 if calm_score < CALM_SCORE else 0
    after = stream.rebaseline_after
    if stream.calm_samples >= CALM_SAMPLES:
        _end(state, tables, slot, stream)
    elif after > 0 and stream.firing_samples >= after:
        rebaseline(state, tables, slot, stream, stream.firing_samples, scratch)
        stream.episode = READY | ENDED | SHIFTED | REBASELINED
    elif after == 0 and stream.firing_samples >= SHIFT_SAMPLES:
        stream.episode |= SHIFTED


@kernel
def _start(state: State, slot: int, stream: Any, span: int) -> None:
    stream.episode = READY | ANOMALOUS | STARTED
    stream.anomalies += 1
    stream.firing_samples = 0
    stream.calm_samples = 0
    stream.started_ms = stream.last_ms
    stream.onset_ms = onset_of(state, slot, stream, span)
    mark_newest(state, slot, stream, span, True)


@kernel
def _end(state: State, tables: Tables, slot: int, stream: Any) -> None:
    """End the episode: the calm samples were normal, the windows start afresh."""
    stream.episode = READY | ENDED
    mark_newest(state, slot, stream, CALM_SAMPLES, False)
    flush(state, tables, slot, stream)


@kernel
def onset_of(state: State, slot: int, stream: Any, span: int) -> int:
    """Timestamp of the `span`-th newest sample; beyond those remembered by the stream's interval.

    Parameters
    ----------
    state : State
    slot : int
    stream : STREAM record
    span : int
    """
    known = min(stream.recent_head, RECENT)
    if 1 <= span <= known:
        return int(state.recent_ms[slot, (stream.recent_head - span) % RECENT])
    return int(stream.last_ms - np.int64(max(span - 1, 0) * stream.interval_ms))


@kernel
def rebaseline(
    state: State, tables: Tables, slot: int, stream: Any, newest: int, scratch: NDArray[np.int64]
) -> None:
    """Make the newest samples the reference: what is now, is normal.

    Parameters
    ----------
    state : State
    tables : Tables
    slot : int
    stream : STREAM record
    newest : int
        How many of the queued samples count; older ones are forgotten.
    scratch : int64 array
        As for `admit`.
    """
    kept = min(max(newest, 1), stream.queued)
    mark_newest(state, slot, stream, kept, False)
    stream.queued = kept
    stream.reference_count = 0
    stream.reference_head = 0
    admit(state, slot, stream, kept, scratch)
    flush(state, tables, slot, stream)
    stream.firing_samples = 0
    stream.calm_samples = 0
    set_thresholds(state, tables, slot, stream, CHANNELS)
