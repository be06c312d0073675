"""What streams are compared with instead of their own newest past."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kullback.core.labels import stream_id
from kullback.detector.pinned import pinned_of
from kullback.engine.comparison import Comparison, comparison, leader_labels
from kullback.engine.forms import Detector, Form
from kullback.engine.plans import Plans
from kullback.engine.shards import Shards
from kullback.engine.streams import StreamTable

Values = NDArray[np.float64]
Act = Callable[[Iterable[int], int, Callable[[int, Any, int], object]], None]


class References:
    """Pinned references, and those of streams that follow others.

    Parameters
    ----------
    table : StreamTable
    shards : Shards
    plans : Plans
    act : callable
        Does something to streams by their numbers, as a log entry says: (numbers, offset, action).
    """

    def __init__(self, table: StreamTable, shards: Shards, plans: Plans, act: Act) -> None:
        self._table, self._shards, self._plans = table, shards, plans
        self._act = act

    def pin(self, reference: str, values: Values, offset: int) -> None:
        """Compare the streams whose profiles name a reference with these samples from now on.

        Parameters
        ----------
        reference : str
            Its name among those of all tenants.
        values : float64 array, shape (n,)
            Finite.
        offset : int
        """
        self._plans.references[reference] = pinned_of(values)
        self._replan_for(reference, offset)

    def unpin(self, reference: str, offset: int) -> None:
        """Compare the streams whose profiles name a reference with their own past again.

        Parameters
        ----------
        reference : str
        offset : int
        """
        self._plans.references.pop(reference, None)
        self._replan_for(reference, offset)

    def know(self, references: Mapping[str, Values]) -> None:
        """Remember pinned references, before streams are restored.

        Parameters
        ----------
        references : mapping of str to float64 array
        """
        self._plans.references = {name: pinned_of(values) for name, values in references.items()}

    @property
    def followers(self) -> tuple[int, ...]:
        """Numbers of the streams that are to be compared with another stream."""
        return tuple(self._table.followers)

    def leader_of(self, number: int) -> int | None:
        """The stream of numbers that one is to be compared with; None when there is none.

        Parameters
        ----------
        number : int
        """
        leader = self._table.find(stream_id(leader_labels(self._table.at(number))))
        if leader is None or leader.form is not Form.NUMBER or leader.number == number:
            return None
        return leader.number

    def newest(self, number: int, count: int) -> Values:
        """The newest samples of a stream of numbers, rising.

        Parameters
        ----------
        number, count : int
        """
        detector, slot = self._shards.of_numbers(number)
        return detector.newest(slot, count)

    def renew(self, number: int, values: Values, offset: int) -> None:
        """Compare a stream that follows another one with that one's samples.

        Parameters
        ----------
        number : int
        values : float64 array, shape (n,)
            Rising.
        offset : int
        """
        self._act((number,), offset, lambda _, detector, slot: detector.renew(slot, values))

    def comparison(self, number: int) -> Comparison:
        """With what a stream is compared.

        Parameters
        ----------
        number : int
        """
        stream = self._table.at(number)
        if stream.form is not Form.NUMBER:
            return comparison(stream, False, 0, None)
        detector, slot = self._shards.of_numbers(number)
        leader = self.leader_of(number) if stream.profile.reference.stream else None
        samples = None if leader is None else self.samples(leader)
        return comparison(stream, detector.is_held(slot), detector.past.covered_ms(slot), samples)

    def samples(self, number: int) -> int:
        """How many samples of a stream were scored.

        Parameters
        ----------
        number : int
        """
        detector, slot = self._shards.of_numbers(number)
        return detector.samples(slot)

    def is_held(self, number: int) -> bool:
        """Whether a stream of numbers has another reference than its own newest past.

        Parameters
        ----------
        number : int
        """
        detector, slot = self._shards.of_numbers(number)
        return detector.is_held(slot)

    def _replan_for(self, reference: str, offset: int) -> None:
        named = [one.number for one in self._table if self._plans.reference_of(one) == reference]

        def replan(number: int, detector: Detector, slot: int) -> None:
            detector.replan(np.array([slot], np.int32), self._plans.of(self._table.at(number)))

        self._act(named, offset, replan)
