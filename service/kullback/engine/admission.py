"""Whether a series that feeds no stream yet may open one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kullback.core.batch import Batch
from kullback.core.errors import ErrorId, Refusal, merge_refusals
from kullback.core.labels import Labels, Series, render
from kullback.core.limits import Limits
from kullback.core.profile import Profile
from kullback.core.tenant import tenant_of
from kullback.engine.families import NO_BOUND, bound_of, family_of, is_total
from kullback.engine.forms import Form, form_of
from kullback.engine.identity import identity_of, profile_for
from kullback.engine.streams import Stream, StreamTable

SHOWN_CHARACTERS = 120


@dataclass(frozen=True, slots=True)
class Candidate:
    """The stream that a series would open.

    Parameters
    ----------
    series : Series
        What identifies the stream.
    source : Labels
        What its profile matched.
    form : Form
    profile : Profile
    bound : float or None
        Upper bound when the incoming series is one bucket of it, `NO_BOUND` for its sum or count.
    """

    series: Series
    source: Labels
    form: Form
    profile: Profile
    bound: float | None = None

    @property
    def place(self) -> tuple[str, str]:
        """Tenant and metric name: what limits are counted by."""
        return tenant_of(self.series.labels), self.series.metric


class Admission:
    """Applies the limits on streams, counting those that requests of the same group are about to open.

    Parameters
    ----------
    table : StreamTable
    limits : Limits
    profiles : sequence of Profile
    place : callable
        Shard of a stream id, and how many slots are left there.
    forms : frozenset of Form
        Forms that are scored.
    """

    def __init__(
        self,
        table: StreamTable,
        limits: Limits,
        profiles: Sequence[Profile],
        place: Callable[[str], tuple[int, int]],
        forms: frozenset[Form],
    ) -> None:
        self.limits = limits
        self.profiles = tuple(profiles)
        self._table = table
        self._place = place
        self._forms = forms
        self._candidates: dict[str, Candidate] = {}
        self._awaited: dict[str, Candidate] = {}
        self._awaited_of_metric: Counter[tuple[str, str]] = Counter()
        self._awaited_of_tenant: Counter[str] = Counter()
        self._awaited_of_shard: Counter[int] = Counter()
        self._applied = False

    def room(self, batch: Batch) -> tuple[Batch, tuple[Refusal, ...]]:
        """Leave out the samples of series that may not open a stream.

        Parameters
        ----------
        batch : Batch
        """
        if self._applied:
            self._forget_awaited()
        numbers = self._table.route(batch.series)
        if None not in numbers:
            return batch, ()
        refused = {
            index: refusal
            for index in unrouted(batch, numbers)
            if (refusal := self._refusal(batch.series[index])) is not None
        }
        return _without(batch, refused) if refused else (batch, ())

    def candidate(self, series: Series) -> Candidate | None:
        """The stream that a series feeds, live or not; None when samples of its form are not scored.

        Parameters
        ----------
        series : Series
        """
        self._applied = True
        candidate = self._candidates.pop(series.key, None)
        if candidate is None or is_total(series):  # what `room` saw coming may not have come
            candidate = self._make(series)
        return candidate if candidate.form in self._forms else None

    def reconfigure(self, profiles: Sequence[Profile]) -> None:
        """Use other profiles from now on.

        Parameters
        ----------
        profiles : sequence of Profile
        """
        self.profiles = tuple(profiles)
        self._forget_awaited()

    def _forget_awaited(self) -> None:
        self._candidates.clear()
        self._awaited.clear()
        self._awaited_of_metric.clear()
        self._awaited_of_tenant.clear()
        self._awaited_of_shard.clear()
        self._applied = False

    def _make(self, series: Series) -> Candidate:
        if Form.HISTOGRAM in self._forms:
            if (bound := bound_of(series)) is not None:
                return self._plain(family_of(series), bound)
            if is_total(series):
                return self._total(series)
        return self._plain(series, None)

    def _total(self, series: Series) -> Candidate:
        """A sum or count belongs to its family, unless it came first and is a stream of its own by now."""
        alone, family = self._plain(series, None), self._plain(family_of(series), NO_BOUND)
        return family if self._find(alone) is None and self._find(family, Form.HISTOGRAM) else alone

    def _plain(self, series: Series, bound: float | None) -> Candidate:
        profile = profile_for(series.labels, self.profiles)
        identity = identity_of(series, profile)
        return Candidate(identity, series.labels, form_of(series.kind), profile, bound)

    def _find(self, candidate: Candidate, form: Form | None = None) -> Stream | Candidate | None:
        # While entries are applied only the table counts: a replay has not seen what `room` saw.
        awaited = None if self._applied else self._awaited.get(candidate.series.id)
        known = self._table.find(candidate.series.id) or awaited
        return known if known is not None and form in (None, known.form) else None

    def _refusal(self, series: Series) -> Refusal | None:
        candidate = self._candidates.get(series.key) or self._make(series)
        known = self._table.find(candidate.series.id) or self._awaited.get(candidate.series.id)
        if known is not None:
            refusal = _mismatch(candidate, known.form) if known.form != candidate.form else None
        else:
            refusal = self._no_room(candidate)
        if refusal is None:
            self._candidates[series.key] = candidate
            if known is None:
                self._await(candidate)
        return refusal

    def _await(self, candidate: Candidate) -> None:
        shard, _ = self._place(candidate.series.id)
        self._awaited[candidate.series.id] = candidate
        self._awaited_of_metric[candidate.place] += 1
        self._awaited_of_tenant[candidate.place[0]] += 1
        self._awaited_of_shard[shard] += 1

    def _no_room(self, candidate: Candidate) -> Refusal | None:
        if candidate.form not in self._forms:
            form = candidate.form.name.lower()
            return Refusal(ErrorId.UNSUPPORTED_SAMPLE, 1, f"{_shown(candidate.series)} has {form} samples.")
        limits, (tenant, metric) = self.limits, candidate.place
        streams = len(self._table) + len(self._awaited)
        shard, free = self._place(candidate.series.id)
        if streams >= limits.max_streams or free <= self._awaited_of_shard[shard]:
            full = f"{streams} streams are watched; there is no room for {_shown(candidate.series)}."
            return Refusal(ErrorId.TOO_MANY_STREAMS, 1, full)
        of_tenant = self._table.count_of_tenant.get(tenant, 0) + self._awaited_of_tenant[tenant]
        if 0 < limits.tenants.of(tenant) <= of_tenant:
            full = f"{of_tenant} streams of this tenant are watched; {_shown(candidate.series)} has no room."
            return Refusal(ErrorId.TOO_MANY_STREAMS_OF_TENANT, 1, full)
        of_metric = self._table.count_of_metric(tenant, metric) + self._awaited_of_metric[candidate.place]
        if 0 < limits.max_streams_per_metric <= of_metric:
            full = f"{of_metric} streams of {metric!r} are watched; {_shown(candidate.series)} has no room."
            return Refusal(ErrorId.TOO_MANY_STREAMS_PER_METRIC, 1, full)
        return None


def unrouted(batch: Batch, numbers: list[int | None]) -> list[int]:
    """Indices of the series that have samples in the batch and are not known to feed a stream.

    Parameters
    ----------
    batch : Batch
    numbers : list of int or None
        One per series, as `StreamTable.route` gives them.
    """
    samples = np.bincount(batch.stream_index, minlength=len(batch.series))
    return [index for index, number in enumerate(numbers) if number is None and samples[index]]


def _without(batch: Batch, refused: dict[int, Refusal]) -> tuple[Batch, tuple[Refusal, ...]]:
    samples: NDArray[np.int64] = np.bincount(batch.stream_index, minlength=len(batch.series))
    counted = [
        Refusal(refusal.error, int(samples[index]), refusal.detail) for index, refusal in refused.items()
    ]
    left_out = np.zeros(len(batch.series), bool)
    left_out[list(refused)] = True
    return batch.take(~left_out[batch.stream_index]), merge_refusals(counted)


def _mismatch(candidate: Candidate, form: Form) -> Refusal:
    was, came = form.name.lower(), candidate.form.name.lower()
    return Refusal(
        ErrorId.KIND_MISMATCH, 1, f"{_shown(candidate.series)} is a stream of {was} samples, not {came}."
    )


def _shown(series: Series) -> str:
    text = render(series.labels)
    return text if len(text) <= SHOWN_CHARACTERS else text[:SHOWN_CHARACTERS] + "…"
