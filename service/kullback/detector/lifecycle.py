"""The life of an anomaly episode, and what it does to the reference."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from kullback.core.kernel import kernel
from kullback.core.scores import Episode
from kullback.detector.calibration import set_rank_line
from kullback.detector.layout import RECENT
from kullback.detector.reference import admit, clear_reference, mark_newest
from kullback.detector.windows import SHORT_WINDOW_SAMPLES, flush

READY = int(Episode.READY)
ANOMALOUS = int(Episode.ANOMALOUS)
STARTED = int(Episode.STARTED)
ENDED = int(Episode.ENDED)
SHIFTED = int(Episode.SHIFTED)
REBASELINED = int(Episode.REBASELINED)

CALM_SCORE = 0.7
CALM_SAMPLES = 16
MAGNITUDE_SPAN_SAMPLES = 12
"""Evidence of the value and level channels, and of the shortest window."""
SHIFT_SAMPLES = 1024


@kernel
def live(
    stream: Any,
    tables: Any,
    calm_score: float,
    span: int,
    scratch: NDArray[np.int64],
) -> None:
    """Carry the episode one sample further; `stream.score` is that of the sample.

    Parameters
    ----------
    stream : stream record
    tables : tables record
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
            _start(stream, span)
        return
    stream.episode = READY | ANOMALOUS | (stream.episode & SHIFTED)
    stream.firing_samples += 1
    stream.calm_samples = stream.calm_samples + 1 if calm_score < CALM_SCORE else 0
    after = stream.rebaseline_after
    if stream.calm_samples >= CALM_SAMPLES:
        _end(stream)
    elif after > 0 and stream.firing_samples >= after:
        rebaseline(stream, tables, stream.firing_samples, scratch)
        stream.episode = READY | ENDED | SHIFTED | REBASELINED
    elif after == 0 and stream.firing_samples >= SHIFT_SAMPLES:
        stream.episode |= SHIFTED


@kernel
def _start(stream: Any, span: int) -> None:
    stream.episode = READY | ANOMALOUS | STARTED
    stream.anomalies += 1
    stream.firing_samples = 0
    stream.calm_samples = 0
    stream.started_ms = stream.last_ms
    stream.onset_ms = onset_of(stream, span)
    stream.calm_span = _calm_span(span)
    if span <= SHORT_WINDOW_SAMPLES:
        mark_newest(stream, span, True)


@kernel
def _end(stream: Any) -> None:
    """End the episode: the calm samples were normal.

    Windows that still hold the incident go on, but muted until they have forgotten it: they must not raise
    it once more, and what comes next must not wait until they are full again.
    """
    stream.episode = READY | ENDED
    mark_newest(stream, CALM_SAMPLES, False)
    stream.muted = stream.loud


@kernel
def _calm_span(span: int) -> int:
    """Longest window that must be calm for the episode to end, by the evidence that began it.

    Parameters
    ----------
    span : int
        Length of the leading evidence in samples.
    """
    if span <= MAGNITUDE_SPAN_SAMPLES:
        return 16
    return 64 if span <= 16 else 256


@kernel
def onset_of(stream: Any, span: int) -> int:
    """Timestamp of the `span`-th newest sample; beyond those remembered by the stream's interval.

    Parameters
    ----------
    stream : stream record
    span : int
    """
    known = min(stream.recent_head, RECENT)
    if 1 <= span <= known:
        return int(stream.recent_ms[(stream.recent_head - span) % RECENT])
    return int(stream.last_ms - np.int64(max(span - 1, 0) * stream.interval_ms))


@kernel
def rebaseline(stream: Any, tables: Any, newest: int, scratch: NDArray[np.int64]) -> None:
    """Make the newest samples the reference: what is now, is normal.

    Parameters
    ----------
    stream : stream record
    tables : tables record
    newest : int
        How many of the queued samples count; older ones are forgotten.
    scratch : int64 array
        As for `admit`.
    """
    kept = min(max(newest, 1), stream.queued)
    mark_newest(stream, kept, False)
    stream.queued = kept
    clear_reference(stream)
    admit(stream, kept, scratch)
    flush(stream, tables)
    stream.firing_samples = 0
    stream.calm_samples = 0
    set_rank_line(stream, tables)
