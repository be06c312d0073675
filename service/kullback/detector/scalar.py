"""The detector of streams of numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from kullback.core.errors import ErrorId, RequestError
from kullback.core.scores import Episode, Scores, blank_scores
from kullback.detector.alarm_limits import AlarmLimits, alarm_limits
from kullback.detector.effect import effect_gate
from kullback.detector.explain import (
    LEVEL_OF_MEDIAN,
    Explanation,
    Gate,
    effect_gates,
    explain,
    leader_text,
    leading_window,
)
from kullback.detector.intervals import convert_windows
from kullback.detector.kernels import update_batch
from kullback.detector.layout import FOLLOWED, Shape, allocate
from kullback.detector.maintenance import accept_as_normal, strike_times
from kullback.detector.pardon import put_back
from kullback.detector.past import Pasts
from kullback.detector.pinned import pin, thinned, unpin
from kullback.detector.plan import Plan, nearest
from kullback.detector.prefetch import front_bytes
from kullback.detector.records import Records, Slots
from kullback.detector.summary import Summary, summarise
from kullback.detector.tables import build_tables, load_null
from kullback.detector.value import FIRST_SCORE_SAMPLES
from kullback.detector.views import WindowView, newest_known, view_window
from kullback.detector.zone_table import Zones

WARM_UP_BATCH_SAMPLES = 200


class ScalarDetector(Records):
    """Scores samples of many streams; one slot per stream.

    Parameters
    ----------
    capacity : int
        Slots.
    shape : Shape
    """

    def __init__(self, capacity: int, shape: Shape) -> None:
        self.shape = shape
        super().__init__(allocate(capacity, shape))
        self.tables = build_tables(shape, load_null())
        self._front_bytes = front_bytes(self.streams.dtype)
        self._zones = Zones()
        self.past = Pasts(capacity)
        """What streams that are compared with their own past keep of it; saved beside the streams."""

    def _begin(self, slots: Slots) -> None:
        self.streams["last_raw"][slots] = np.nan

    def close(self, slots: Slots) -> None:
        """Forget streams.

        Parameters
        ----------
        slots : int32 array, shape (n,)
        """
        super().close(slots)
        self.past.close(slots)

    def replan(self, slots: Slots, plan: Plan) -> None:
        """Give streams other parameters; their history stays, but where pinned samples take its place.

        Parameters
        ----------
        slots : int32 array, shape (n,)
        plan : Plan
        """
        plan.write(self.streams, slots, self.shape)
        self._zones.resolve(self.streams, slots)
        for slot in slots if plan.windows_ms else ():
            convert_windows(self.streams, self.tables, slot)
        for slot in self._begun(slots, plan) if plan.ago_ms else self.past.drop(slots):
            unpin(self.streams, self.tables, slot)
        self._pin(slots, plan)

    def renew(self, slot: int, values: NDArray[np.float64]) -> None:
        """Compare a stream whose plan says that it follows another one with that one's samples.

        Parameters
        ----------
        slot : int
        values : float64 array, shape (n,)
            Rising.
        """
        most = int(self.streams["reference_limit"][slot])
        pin(self.streams, self.tables, slot, thinned(values, most), FOLLOWED)

    def newest(self, slot: int, count: int) -> NDArray[np.float64]:
        """The newest samples, rising; see `newest_known`.

        Parameters
        ----------
        slot, count : int
        """
        return newest_known(self.streams[slot], count)

    def is_held(self, slot: int) -> bool:
        """Whether a stream has another reference than its own newest past.

        Parameters
        ----------
        slot : int
        """
        return bool(self.streams["pinned"][slot])

    def samples(self, slot: int) -> int:
        """How many samples of a stream were scored.

        Parameters
        ----------
        slot : int
        """
        return int(self.streams["samples"][slot])

    def _begun(self, slots: Slots, plan: Plan) -> list[int]:
        """The streams that keep their past from now on, and did not, or another one."""
        return [slot for slot in slots.tolist() if self.past.keep(slot, plan.ago_ms, plan.ago_span_ms)]

    def _pin(self, slots: Slots, plan: Plan) -> None:
        held = self.streams["pinned"][slots]
        if plan.pinned:
            for slot in slots[held != plan.pinned.digest]:
                values = thinned(plan.pinned.values, int(self.streams["reference_limit"][slot]))
                pin(self.streams, self.tables, slot, values, plan.pinned.digest)
        else:
            follows = plan.ago_ms > 0 or plan.follows
            for slot in slots[(held != 0) & ~(follows & (held == FOLLOWED))]:
                unpin(self.streams, self.tables, slot)

    def rebaseline(self, slot: int) -> None:
        """Accept what the stream shows now as its normal.

        Parameters
        ----------
        slot : int

        Raises
        ------
        RequestError
            CONFLICT when the stream has no reference yet, or a pinned one.
        """
        stream = self.streams[slot]
        if not self._has_score(slot):
            raise RequestError(ErrorId.CONFLICT, "The stream is still collecting its first reference.")
        if stream["pinned"]:
            detail = "The stream's reference is pinned or follows: change `reference` of its profile."
            raise RequestError(ErrorId.CONFLICT, detail)
        since = (
            int(stream["firing_samples"]) if stream["episode"] & Episode.ANOMALOUS else int(stream["fill"])
        )
        accept_as_normal(self.streams, self.tables, slot, max(since, FIRST_SCORE_SAMPLES))

    def strike(self, slot: int, start_ms: int, end_ms: int) -> int:
        """Keep a time span out of the reference: that was an incident.

        Single timestamps are not kept; samples are found by the stream's interval.

        Parameters
        ----------
        slot : int
        start_ms, end_ms : int

        Returns
        -------
        int
            How many samples were struck, queued ones and ones already in the reference.
        """
        self.past.strike(slot, start_ms, end_ms)
        return 0 if self.streams["pinned"][slot] else strike_times(self.streams, slot, start_ms, end_ms)

    def undo_strike(
        self, slot: int, before: dict[str, NDArray[np.generic]], start_ms: int, end_ms: int
    ) -> None:
        """Let struck samples in again, as far as they are still to be had.

        Parameters
        ----------
        slot : int
        before : dict of str to array
            What `save` gave of the slot before the strike.
        start_ms, end_ms : int
            As they were given to it.
        """
        if self.streams["pinned"][slot]:
            return
        was: NDArray[Any] = before["stream"].copy().view(self.streams.dtype).reshape(1)
        struck = was.copy()
        strike_times(struck, 0, start_ms, end_ms)
        put_back(self.streams[slot], was[0], struck[0])

    def update(
        self,
        slot: Slots,
        timestamp_ms: NDArray[np.int64],
        value: NDArray[np.float64],
        scores: Scores,
        rows: NDArray[np.int64],
        offset: int,
    ) -> None:
        """Score samples in the order given.

        Parameters
        ----------
        slot : int32 array, shape (n,)
            A slot may occur many times.
        timestamp_ms : int64 array, shape (n,)
        value : float64 array, shape (n,)
        scores : Scores
            Rows `rows` are filled; `stream` and `timestamp_ms` are left alone.
        rows : int64 array, shape (n,)
        offset : int
            Position of the request in the log; streams whose state covers it already are skipped. All
            samples of one offset must come in one call. 0: none is skipped.
        """
        self._update(self.streams, slot, timestamp_ms, value, scores, rows, self.past.row_of, offset)

    def _update(
        self,
        streams: NDArray[Any],
        slot: Slots,
        timestamp_ms: NDArray[np.int64],
        value: NDArray[np.float64],
        scores: Scores,
        rows: NDArray[np.int64],
        past_of: NDArray[np.int32],
        offset: int,
    ) -> None:
        update_batch(
            streams,
            self.tables,
            slot,
            timestamp_ms,
            value,
            rows,
            self.past.rows,
            past_of,
            scores.value,
            scores.score,
            scores.divergence_nats,
            scores.leader,
            scores.onset_ms,
            scores.outcome,
            scores.episode,
            offset,
            max(self.live_streams, 1),
            *self._zones.arrays,
            self.bytes_per_stream,
            self._front_bytes,
        )

    def lengths(self, slot: int) -> tuple[int, ...]:
        """Lengths in samples of the current windows that count.

        Parameters
        ----------
        slot : int
        """
        mask = int(self.streams["windows"][slot])
        return tuple(length for index, length in enumerate(self.shape.windows) if mask >> index & 1)

    def windows(self, slot: int, window: int) -> WindowView:
        """Reference and current window of a stream, side by side.

        Parameters
        ----------
        slot : int
        window : int
            Length in samples; the nearest that the detector keeps is shown.
        """
        index = nearest(self.shape, window)
        return view_window(self.streams[slot], index, self.shape.windows[index])

    def explain(self, slot: int) -> Explanation:
        """Why the stream's last sample is anomalous, or why it is not.

        Parameters
        ----------
        slot : int
        """
        stream = self.streams[slot]
        leader = int(stream["leader"])
        elapsed_ms = float(stream["last_ms"] - stream["onset_ms"])
        since_onset = 1 + round(elapsed_ms / max(float(stream["interval_ms"]), 1.0))
        index = leading_window(leader, since_onset, self.shape)
        return explain(
            view_window(self.streams[slot], index, self.shape.windows[index]),
            float(stream["score"]) if self._has_score(slot) else float("nan"),
            leader_text(leader, self.shape),
            int(stream["onset_ms"]),
            bool(stream["episode"] & Episode.ANOMALOUS),
            self._gates(slot, self.shape.windows[index]),
        )

    def alarm_limits(self, slot: int) -> AlarmLimits:
        """Values below and above which a single next sample would raise an alarm; None where none would.

        Parameters
        ----------
        slot : int
        """
        stream = self.streams[slot]
        if not self._has_score(slot) or stream["episode"] & Episode.ANOMALOUS:
            return None, None
        quantiles = self.windows(slot, self.shape.windows[-1]).reference_quantiles
        middle, spread = quantiles[LEVEL_OF_MEDIAN], quantiles[-1] - quantiles[0]
        return alarm_limits(lambda values: self._scored(slot, values), float(middle), float(spread))

    def _scored(self, slot: int, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Scores that values would get as the next sample, each on a copy of the stream."""
        copies = np.repeat(self.streams[slot : slot + 1], len(values))
        copies["counter"] = 0  # the values are rates already
        at_ms = np.int64(copies["last_ms"][0] + max(1.0, copies["interval_ms"][0]))
        scores = blank_scores(np.full(len(values), at_ms))
        slots, no_past = np.arange(len(values), dtype=np.int32), np.full(len(values), -1, np.int32)
        rows = np.arange(len(values))
        self._update(copies, slots, scores.timestamp_ms, values, scores, rows, no_past, 0)
        return scores.score

    def leader_text(self, leader: int) -> str:
        """What an index of leadership stands for, e.g. `ordered, 64 samples`.

        Parameters
        ----------
        leader : int
        """
        return leader_text(leader, self.shape)

    def _gates(self, slot: int, span: int) -> tuple[Gate, ...]:
        stream = self.streams[slot]
        samples, score = float(stream["samples"]), float(stream["score"])
        return (
            Gate("first samples", samples, float(FIRST_SCORE_SAMPLES), self._has_score(slot)),
            Gate("score", score, 1.0, score > 1.0),
            *effect_gates(*effect_gate(self.streams, slot, span)),
        )

    def _has_score(self, slot: int) -> bool:
        stream = self.streams[slot]
        return bool(stream["reference_count"] and stream["samples"] >= FIRST_SCORE_SAMPLES)

    def summary(self, slots: Slots) -> Summary:
        """Columns for lists of streams and metrics.

        Parameters
        ----------
        slots : int32 array, shape (n,)
        """
        return summarise(self.streams, self.shape.windows, slots)

    def load(self, slots: Slots, arrays: dict[str, NDArray[np.generic]]) -> None:
        """Put back what `save` gave.

        Parameters
        ----------
        slots : int32 array, shape (n,)
        arrays : dict of str to array
        """
        super().load(slots, arrays)
        self._zones.resolve(self.streams, slots)


def warmup() -> None:
    """Compile every kernel, or read it from Numba's cache, so that no request waits for it."""
    detector = ScalarDetector(1, Shape())
    slots = np.zeros(1, np.int32)
    detector.open(slots, Plan(minimum_effect_absolute=1.0))
    timestamp_ms = np.arange(1, WARM_UP_BATCH_SAMPLES + 1, dtype=np.int64) * 1000
    value = (np.arange(WARM_UP_BATCH_SAMPLES) * 37 % 101).astype(np.float64)
    rows = np.arange(WARM_UP_BATCH_SAMPLES)
    every = np.zeros(WARM_UP_BATCH_SAMPLES, np.int32)
    detector.update(every, timestamp_ms, value, blank_scores(timestamp_ms), rows, 0)
    detector.explain(0)
    detector.strike(0, 0, 1000)
    detector.rebaseline(0)
    detector.replan(slots, Plan(windows_ms=(1000,), follows=True))
    detector.renew(0, np.sort(value))
    detector.replan(slots, Plan())
