"""The life of an anomaly episode, and what it does to the reference."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from kullback.core.kernel import kernel
from kullback.core.scores import Episode
from kullback.detector.bank import bank_surprise, empty_bank, newest_evidence, watch
from kullback.detector.calibration import set_rank_line
from kullback.detector.layout import RANK, RECENT
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
PAUSE_FACTOR = 3
LONGEST_CALM_SAMPLES = 40
RESUMES_SAMPLES = 32
"""So soon after its end an anomaly that is there again is the same incident."""
GOES_ON_SHARE = 0.125
"""Of the line: evidence of the calm samples alone at which a slow change takes an episode over."""
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
        Score by the evidence that keeps the episode going.
    span : int
        Length of the leading evidence in samples.
    scratch : int64 array
        As for `admit`.
    """
    if not stream.episode & ANOMALOUS:
        stream.episode = READY
        if not stream.score > 1.0:  # NaN while the fixed window of the textbook mode fills
            _count_since_end(stream)
        elif ended_lately(stream):
            _resume(stream, span)
        else:
            _start(stream, span)
        return
    stream.episode = READY | ANOMALOUS | (stream.episode & SHIFTED)
    stream.firing_samples += 1
    if calm_score < CALM_SCORE:
        stream.calm_samples += 1
    else:
        stream.longest_calm = max(stream.longest_calm, min(stream.calm_samples, LONGEST_CALM_SAMPLES))
        stream.calm_samples = 0
    after = 0 if stream.pinned else stream.rebaseline_after
    if stream.calm_samples >= calm_needed(stream) and not _goes_on(stream):
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
    stream.calm_samples, stream.longest_calm = 0, 0
    stream.started_ms = stream.last_ms
    _strike_evidence(stream, span)


@kernel
def _resume(stream: Any, span: int) -> None:
    """Go on with the incident that seemed to be over: no new one has begun."""
    stream.episode = READY | ANOMALOUS
    pause = stream.longest_calm + stream.calm_samples
    stream.calm_samples, stream.longest_calm = 0, min(pause, LONGEST_CALM_SAMPLES)
    _strike_evidence(stream, span)


@kernel
def _strike_evidence(stream: Any, span: int) -> None:
    stream.onset_ms = onset_of(stream, span)
    if span <= SHORT_WINDOW_SAMPLES:
        mark_newest(stream, span, True)


@kernel
def ended_lately(stream: Any) -> bool:
    """Whether an anomaly that begins now is the one that ended a moment ago.

    Parameters
    ----------
    stream : stream record
    """
    return bool(not stream.episode & ANOMALOUS and stream.calm_samples > 0)


@kernel
def _count_since_end(stream: Any) -> None:
    if stream.calm_samples > 0:
        stream.calm_samples = stream.calm_samples + 1 if stream.calm_samples < RESUMES_SAMPLES else 0


@kernel
def calm_needed(stream: Any) -> int:
    """Samples of calm that end the episode: longer where it paused before and went on.

    Where a fifth of the requests is slow, sixteen good ones in a row do not say that the incident is over.

    Parameters
    ----------
    stream : stream record
    """
    return int(max(CALM_SAMPLES, PAUSE_FACTOR * stream.longest_calm))


@kernel
def _goes_on(stream: Any) -> bool:
    """Whether slow evidence takes the episode over: not calm itself, and growing by the calm samples too.

    Parameters
    ----------
    stream : stream record
    """
    nats, kind = bank_surprise(stream)
    line = stream.threshold[RANK]
    if nats < CALM_SCORE * line or newest_evidence(stream, kind, CALM_SAMPLES) < GOES_ON_SHARE * line:
        return False
    watch(stream, kind)
    stream.calm_samples = 0
    return True


@kernel
def _end(stream: Any) -> None:
    """End the episode: the calm samples were normal.

    The bank forgets the incident: what is slow would raise it once more.
    """
    stream.episode = READY | ENDED
    mark_newest(stream, CALM_SAMPLES, False)
    empty_bank(stream)
    stream.calm_samples = 1


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
