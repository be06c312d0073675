"""The columns that lists of streams and /metrics show."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kullback.core.budget import DAY_MS
from kullback.core.scores import Episode
from kullback.detector.calibration import TRUSTED_BLOCKS
from kullback.detector.season import GAIN_RATIO
from kullback.detector.tables import FIXED
from kullback.detector.value import FIRST_SCORE_SAMPLES

Column = NDArray[np.float64]
NUMBERS_END = "tail_place"
"""The field behind those that are one number per stream."""


@dataclass(frozen=True, slots=True)
class Summary:
    """Row `i` belongs to slot `slots[i]`.

    Parameters
    ----------
    score, divergence_nats : float64 array, shape (n,)
        Of the last sample; NaN when not ready.
    window_divergence_nats : float64 array, shape (n, windows)
        NaN where a window is not full yet.
    threshold_nats : float64 array, shape (n,)
        Surprise at which the rank channel's score is 1.
    ready : bool array, shape (n,)
    warming_up : bool array, shape (n,)
        Ready but with a reference or a line that is still growing.
    progress_ratio : float64 array, shape (n,)
        Of the warm-up; 1 when it is over.
    samples, anomalies, last_sample_ms, onset_ms : int64 arrays, shape (n,)
    interval_ms, samples_per_alarm, budget_per_day, realised_per_day, value : float64 arrays, shape (n,)
    season_ms : int64 array, shape (n,)
        Period of the season that was found; 0 when none was.
    leader : int16 array, shape (n,)
    episode : uint8 array, shape (n,)
    observations : float64 array, shape (n,)
        What all intervals of a histogram held together; NaN of other streams.
    """

    score: Column
    divergence_nats: Column
    window_divergence_nats: Column
    threshold_nats: Column
    ready: NDArray[np.bool_]
    warming_up: NDArray[np.bool_]
    progress_ratio: Column
    samples: NDArray[np.int64]
    anomalies: NDArray[np.int64]
    last_sample_ms: NDArray[np.int64]
    onset_ms: NDArray[np.int64]
    interval_ms: Column
    samples_per_alarm: Column
    budget_per_day: Column
    realised_per_day: Column
    value: Column
    season_ms: NDArray[np.int64]
    leader: NDArray[np.int16]
    episode: NDArray[np.uint8]
    observations: Column


def summarise(streams: NDArray[Any], windows: tuple[int, ...], slots: NDArray[np.int32]) -> Summary:
    """The summary of some streams.

    Parameters
    ----------
    streams : array of stream records
    windows : tuple of int
    slots : int32 array, shape (n,)
    """
    stream = _numbers(streams, slots)
    pinned = stream["pinned"] > 0
    ready = (stream["reference_count"] > 0) & (stream["samples"] >= FIRST_SCORE_SAMPLES)
    needed = stream["reference_limit"] + stream["gap_limit"]
    held = stream["reference_count"] + stream["queued"]
    settled = ((held >= needed) & (stream["blocks"] >= TRUSTED_BLOCKS)) | (pinned & ready)
    interval_ms = np.maximum(stream["interval_ms"], 1.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        per_day = np.where(ready, DAY_MS / interval_ms / stream["samples_per_alarm"], np.nan)
        lived_ms = (stream["last_ms"] - stream["first_ms"]).astype(np.float64)
        realised = np.where(lived_ms > 0, stream["anomalies"] * DAY_MS / lived_ms, np.nan)
    return Summary(
        score=np.where(ready, stream["score"], np.nan).astype(np.float64),
        divergence_nats=np.where(ready, stream["divergence_nats"], np.nan).astype(np.float64),
        window_divergence_nats=_window_divergences(streams, windows, slots),
        threshold_nats=streams["threshold"][slots, 0].astype(np.float64),
        ready=ready,
        warming_up=ready & ~settled,
        progress_ratio=np.where(settled, 1.0, np.clip(held / np.maximum(needed, 1), 0.0, 0.99)),
        samples=stream["samples"].copy(),
        anomalies=stream["anomalies"].copy(),
        last_sample_ms=stream["last_ms"].copy(),
        onset_ms=stream["onset_ms"].copy(),
        interval_ms=stream["interval_ms"].copy(),
        samples_per_alarm=stream["samples_per_alarm"].copy(),
        budget_per_day=per_day,
        realised_per_day=realised,
        value=np.where(stream["samples"] > 0, stream["last_value"], np.nan),
        season_ms=_season_found(streams, slots),
        leader=stream["leader"].copy(),
        episode=stream["episode"] & np.uint8(Episode.READY | Episode.ANOMALOUS | Episode.SHIFTED),
        observations=np.full(len(slots), np.nan),
    )


def _season_found(streams: NDArray[Any], slots: NDArray[np.int32]) -> NDArray[np.int64]:
    """Where the profile explains the stream better than its mean does."""
    error = streams["season_error"][slots]
    found = (error[:, 1] < GAIN_RATIO * error[:, 0]) & (streams["season_ms"][slots] > 0)
    return np.where(found, streams["season_ms"][slots], 0)


def _window_divergences(streams: NDArray[Any], windows: tuple[int, ...], slots: NDArray[np.int32]) -> Column:
    full = streams["fill"][slots][:, None] >= np.array(windows)[None, :]
    return np.where(full, streams["sums"][slots, : len(windows), 0] / FIXED, np.nan)


def _numbers(streams: NDArray[Any], slots: NDArray[np.int32]) -> NDArray[Any]:
    """The one-number fields of some streams, which come first in a record; the rest is forty times as long.

    Records are 12 KB apart: reading each once instead of once per field is five times as fast.
    """
    fields: Mapping[str, Any] = streams.dtype.fields or {}
    fronts = {name: place for name, place in fields.items() if place[1] < fields[NUMBERS_END][1]}
    front = np.dtype(
        {
            "names": list(fronts),
            "formats": [place[0] for place in fronts.values()],
            "offsets": [place[1] for place in fronts.values()],
            "itemsize": fields[NUMBERS_END][1],
        }
    )
    seen: NDArray[Any] = np.ndarray(len(streams), front, buffer=streams, strides=streams.strides)
    return seen[slots]
