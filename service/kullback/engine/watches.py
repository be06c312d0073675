"""Per form of stream: its detector, and what must happen to samples before the detector sees them."""

from __future__ import annotations

from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from kullback.core.scores import Outcome, Scores
from kullback.detector.plan import Plan
from kullback.engine.differences import WAITING
from kullback.engine.forms import (
    CategoryDetector,
    Columns,
    Detector,
    Form,
    HistogramDetector,
    Makers,
    NumberDetector,
    Slots,
)
from kullback.engine.histograms import BUCKETS, HistogramIntake
from kullback.engine.lanes import in_lanes
from kullback.engine.readings import Readings

D = TypeVar("D", bound=Detector)
INTAKE = "intake."
PAST = "past"


class Watch(Generic[D]):
    """A detector's rows.

    Parameters
    ----------
    detector : Detector
    """

    def __init__(self, detector: D) -> None:
        self.detector = detector

    def open(self, slots: Slots, plan: Plan) -> None:
        """Start streams."""
        self.detector.open(slots, plan)

    def close(self, slots: Slots) -> None:
        """Clear rows."""
        self.detector.close(slots)

    def save(self, slots: Slots) -> Columns:
        """Copies of rows."""
        return self.detector.save(slots)

    def load(self, slots: Slots, columns: Columns) -> None:
        """Put back what `save` gave."""
        self.detector.load(slots, columns)

    def fits(self, columns: Columns) -> bool:
        """Whether columns have the layout of today."""
        return _layout(self.save(np.empty(0, np.int32))) == _layout(columns)

    def feed(self, slots: Slots, rows: NDArray[np.int64], readings: Readings, scores: Scores) -> None:
        """Score rows in their order."""
        raise NotImplementedError


class NumberWatch(Watch[NumberDetector]):
    """Numbers go to the detector as they are.

    What streams keep of their past is saved beside their rows: few have one, and nothing that is done to a
    row takes it back.
    """

    def save(self, slots: Slots) -> Columns:
        """Copies of rows."""
        return {**super().save(slots), **self.detector.past.save(slots)}

    def load(self, slots: Slots, columns: Columns) -> None:
        """Put back what `save` gave, also what an earlier version did, which knew no pasts."""
        super().load(slots, {name: column for name, column in columns.items() if name != PAST})
        if PAST in columns:
            self.detector.past.load(slots, columns)

    def fits(self, columns: Columns) -> bool:
        """Whether columns have the layout of today."""
        past = self.detector.past.save(np.empty(0, np.int32))
        return self.detector.past.fits(columns) and super().fits({**columns, **past})

    def feed(self, slots: Slots, rows: NDArray[np.int64], readings: Readings, scores: Scores) -> None:
        """Score rows in their order."""
        at_ms, value = readings.batch.timestamp_ms, readings.batch.value

        def score(lane: NDArray[np.int64]) -> None:
            mine = rows[lane]
            # Offset 0: what is not to be applied again was left out before, for all detectors alike.
            self.detector.update(slots[lane], at_ms[mine], value[mine], scores, mine, 0)

        in_lanes(slots, score)


class HistogramWatch(Watch[HistogramDetector]):
    """Histograms are assembled and differenced first.

    Parameters
    ----------
    detector : HistogramDetector
    capacity : int
    """

    def __init__(self, detector: HistogramDetector, capacity: int) -> None:
        super().__init__(detector)
        self._intake = HistogramIntake(capacity)

    def close(self, slots: Slots) -> None:
        """Clear rows."""
        super().close(slots)
        self._intake.close(slots)

    def save(self, slots: Slots) -> Columns:
        """Copies of rows."""
        intake = {f"{INTAKE}{name}": column for name, column in self._intake.save(slots).items()}
        return {**super().save(slots), **intake}

    def load(self, slots: Slots, columns: Columns) -> None:
        """Put back what `save` gave."""
        mine = {name: column for name, column in columns.items() if name.startswith(INTAKE)}
        super().load(slots, {name: column for name, column in columns.items() if name not in mine})
        self._intake.load(slots, {name.removeprefix(INTAKE): column for name, column in mine.items()})

    def fits(self, columns: Columns) -> bool:
        """Whether columns have the layout of today; buckets that wait are saved as wide as they are."""
        waiting = columns.get(f"{INTAKE}{BUCKETS}")
        if waiting is None or waiting.ndim != 2 or waiting.shape[1] > WAITING:
            return False
        return super().fits({**columns, f"{INTAKE}{BUCKETS}": waiting[:, :0]})

    def feed(self, slots: Slots, rows: NDArray[np.int64], readings: Readings, scores: Scores) -> None:
        """Score the intervals that rows complete."""
        done = self._intake.intervals(slots, rows, readings.batch, readings.parts, scores)
        if len(done.row):
            self.detector.update(done.slot, done.timestamp_ms, done.buckets, scores, done.row, 0)


class CategoryWatch(Watch[CategoryDetector]):
    """Categories go to the detector as codes."""

    def feed(self, slots: Slots, rows: NDArray[np.int64], readings: Readings, scores: Scores) -> None:
        """Score rows in their order."""
        assert readings.codes is not None
        named = np.isfinite(readings.batch.value[rows])
        scores.outcome[rows[~named]] = Outcome.NOT_A_NUMBER
        slots, rows = slots[named], rows[named]
        at_ms = readings.batch.timestamp_ms[rows]
        self.detector.update(slots, at_ms, readings.codes[rows], scores, rows, 0)


AnyWatch = NumberWatch | HistogramWatch | CategoryWatch


def make_watches(capacity: int, makers: Makers) -> dict[Form, AnyWatch]:
    """The watches of one shard.

    Parameters
    ----------
    capacity : int
    makers : Makers
    """
    watches: dict[Form, AnyWatch] = {Form.NUMBER: NumberWatch(makers.number(capacity))}
    if makers.histogram is not None:
        watches[Form.HISTOGRAM] = HistogramWatch(makers.histogram(capacity), capacity)
    if makers.category is not None:
        watches[Form.CATEGORY] = CategoryWatch(makers.category(capacity))
    return watches


def _layout(columns: Columns) -> dict[str, tuple[object, ...]]:
    return {name: (column.dtype, column.shape[1:]) for name, column in columns.items()}
