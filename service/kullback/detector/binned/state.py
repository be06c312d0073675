"""What histograms and categories have in common towards the engine."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from kullback.core.budget import DAY_MS
from kullback.core.errors import ErrorId, RequestError
from kullback.core.scores import Episode
from kullback.detector.alarm_limits import AlarmLimits
from kullback.detector.binned.effect import effect_gate
from kullback.detector.binned.kernels import rebaseline
from kullback.detector.binned.layout import FIRST_UNITS, GAP_BLOCKS, KINDS, RECORD, UNITS, WINDOWS
from kullback.detector.binned.statistics import window_divergences
from kullback.detector.explain import Explanation, Gate, effect_gates, explain
from kullback.detector.plan import Plan
from kullback.detector.records import Records, Slots
from kullback.detector.summary import Summary
from kullback.detector.views import WindowView

NUMBERS = tuple(name for name in RECORD.names or () if RECORD[name].shape == ())
KIND_NAMES = ("categorical", "ordered")


class BinnedStreams(Records):
    """Records of binned streams; what scores them differs, how they live does not.

    Parameters
    ----------
    capacity : int
        Slots.
    windows : tuple of int
        The windows that lists show; empty columns for those that are not in `WINDOWS`.
    """

    ordered = False

    def __init__(self, capacity: int, windows: tuple[int, ...]) -> None:
        super().__init__(np.zeros(capacity, RECORD))
        self._shown = np.array([WINDOWS.index(w) if w in WINDOWS else -1 for w in windows], np.int64)

    def _begin(self, slots: Slots) -> None:
        self.streams["ordered"][slots] = self.ordered

    def replan(self, slots: Slots, plan: Plan) -> None:
        """Give streams other parameters; their history stays.

        Parameters
        ----------
        slots : int32 array, shape (n,)
        plan : Plan
        """
        plan.write_rule(self.streams, slots)
        fixed = plan.fixed_window_samples
        self.streams["fixed_window"][slots] = _nearest(fixed) if fixed else -1

    def rebaseline(self, slot: int) -> None:
        """Accept what the stream shows now as its normal.

        Parameters
        ----------
        slot : int

        Raises
        ------
        RequestError
            CONFLICT when the stream has no reference yet.
        """
        if not self._ready(slot):
            raise RequestError(ErrorId.CONFLICT, "The stream is still collecting its first reference.")
        rebaseline(self.streams[slot])
        self.streams["episode"][slot] = Episode.READY

    def strike(self, slot: int, start_ms: int, end_ms: int) -> int:
        """Keep a span out of the reference: blocks of 16 units that touch it will not enter.

        Parameters
        ----------
        slot : int
        start_ms, end_ms : int

        Returns
        -------
        int
            Units in the blocks that were struck.
        """
        return _strike(self.streams[slot], start_ms, end_ms)

    def undo_strike(
        self, slot: int, before: dict[str, NDArray[np.generic]], start_ms: int, end_ms: int
    ) -> None:
        """Let struck blocks in again, as far as they are still to be had.

        Parameters
        ----------
        slot : int
        before : dict of str to array
            What `save` gave of the slot before the strike.
        start_ms, end_ms : int
            As they were given to it.
        """
        was = before["stream"].copy().view(RECORD).reshape(1)
        struck = was.copy()
        _strike(struck[0], start_ms, end_ms)
        _let_in(self.streams[slot], was[0], struck[0])

    def alarm_limits(self, _slot: int) -> AlarmLimits:
        """No single value of a distribution raises an alarm."""
        return None, None

    def leader_text(self, leader: int) -> str:
        """What an index of leadership stands for, e.g. `ordered, 64 samples`.

        Parameters
        ----------
        leader : int
        """
        window, kind = divmod(leader, KINDS)
        return f"{KIND_NAMES[kind]}, {WINDOWS[window]} samples" if leader >= 0 else "none"

    def lengths(self, slot: int) -> tuple[int, ...]:  # noqa: ARG002 - one answer for all
        """Lengths in samples of the current windows, the same of every stream.

        Parameters
        ----------
        slot : int
        """
        return WINDOWS

    def windows(self, slot: int, window: int) -> WindowView:
        """Reference and current window of a stream, side by side.

        Parameters
        ----------
        slot : int
        window : int
            Length in units; the nearest that the detector keeps is shown.
        """
        return self._view(slot, _nearest(window))

    def explain(self, slot: int) -> Explanation:
        """Why the stream's last sample is anomalous, or why it is not.

        Parameters
        ----------
        slot : int
        """
        stream = self.streams[slot]
        leader, score = int(stream["leader"]), float(stream["score"])
        window = max(leader, 0) // KINDS
        samples = float(stream["samples"])
        gates = (
            Gate("first samples", samples, float(FIRST_UNITS), self._ready(slot)),
            Gate("score", score, 1.0, score > 1.0),
            *effect_gates(*effect_gate(self.streams, slot, window)),
        )
        named = self.leader_text(leader)
        anomalous = bool(stream["episode"] & Episode.ANOMALOUS)
        return explain(self._view(slot, window), score, named, int(stream["onset_ms"]), anomalous, gates)

    def summary(self, slots: Slots) -> Summary:
        """Columns for lists of streams and metrics.

        Parameters
        ----------
        slots : int32 array, shape (n,)
        """
        stream = {name: self.streams[name][slots] for name in NUMBERS}
        ready = stream["samples"] > FIRST_UNITS
        with np.errstate(divide="ignore", invalid="ignore"):
            per_day = DAY_MS / np.maximum(stream["interval_ms"], 1.0) / stream["samples_per_alarm"]
            lived_ms = (stream["last_ms"] - stream["first_ms"]).astype(np.float64)
            realised = np.where(lived_ms >= DAY_MS, stream["anomalies"] * DAY_MS / lived_ms, np.nan)
        kept = FIRST_UNITS + WINDOWS[-1]
        return Summary(
            score=np.where(ready, stream["score"], np.nan),
            divergence_nats=np.where(ready, stream["divergence_nats"], np.nan),
            window_divergence_nats=window_divergences(self.streams, slots, self._shown),
            threshold_nats=stream["line_nats"],
            ready=ready,
            warming_up=ready & (stream["samples"] < kept),
            progress_ratio=np.clip(stream["samples"] / kept, 0.0, 1.0),
            samples=stream["samples"],
            anomalies=stream["anomalies"],
            last_sample_ms=stream["last_ms"],
            onset_ms=stream["onset_ms"],
            interval_ms=stream["interval_ms"],
            samples_per_alarm=stream["samples_per_alarm"],
            budget_per_day=np.where(ready, per_day, np.nan),
            realised_per_day=realised,
            value=np.full(len(slots), np.nan),
            season_ms=np.zeros(len(slots), np.int64),
            leader=stream["leader"],
            episode=stream["episode"] & np.uint8(Episode.READY | Episode.ANOMALOUS | Episode.SHIFTED),
            observations=stream["observations"] if self.ordered else np.full(len(slots), np.nan),
        )

    def _ready(self, slot: int) -> bool:
        return bool(self.streams["samples"][slot] > FIRST_UNITS)

    def _view(self, slot: int, window: int) -> WindowView:
        raise NotImplementedError


def _nearest(samples: int) -> int:
    return min(range(len(WINDOWS)), key=lambda index: abs(np.log(WINDOWS[index] / max(samples, 1))))


def _strike(stream: Any, start_ms: int, end_ms: int) -> int:
    interval_ms = max(float(stream["interval_ms"]), 1.0)
    partial = (int(stream["units"]) - 1) % UNITS + 1
    struck = 0
    for back in range(1, int(stream["blocks_held"]) + 1):
        newest_ms = float(stream["last_ms"]) - (partial + UNITS * (back - 1)) * interval_ms
        oldest_ms = newest_ms - (UNITS - 1) * interval_ms
        if newest_ms >= start_ms and oldest_ms <= end_ms:
            stream["struck"][(int(stream["block_head"]) - back) % GAP_BLOCKS] = 1
            struck += UNITS
    return struck


def _let_in(stream: Any, before: Any, after: Any) -> None:
    """Unmark the blocks that a strike marked; those that left the gap meanwhile are gone.

    Parameters
    ----------
    stream : record
    before, after : record
        Just before and after the strike.
    """
    passed = int(stream["samples"]) - int(before["samples"])
    if passed != int(stream["units"]) - int(before["units"]):  # the windows were emptied since
        return
    closed = _closed(stream) - _closed(before)
    for back in range(1, int(stream["blocks_held"]) - closed + 1):
        at = (int(before["block_head"]) - back) % GAP_BLOCKS
        if after["struck"][at] and not before["struck"][at]:
            stream["struck"][at] = 0


def _closed(stream: Any) -> int:
    """Blocks closed since the windows were empty."""
    return max(int(stream["units"]) - 1, 0) // UNITS
