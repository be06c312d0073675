"""The table of streams: by id, by number, by tenant and metric name, and by the series that feed them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from operator import attrgetter

import numpy as np
from numpy.typing import NDArray

from kullback.core.labels import NAME, TENANT, Kind, Labels, Series
from kullback.core.profile import Profile
from kullback.core.selector import Selector
from kullback.core.tenant import ANONYMOUS, tenant_of
from kullback.engine.forms import Form

MAX_ROUTES_PER_STREAM = 256
MAX_ANSWERS = 16
_KEY = attrgetter("key")


@dataclass(frozen=True, slots=True)
class Stream:
    """A series that is watched.

    Parameters
    ----------
    number : int
        Row of all its state: slot · shards + shard.
    series : Series
        What identifies it.
    source : Labels
        Label set of the first series that fed it; profiles match against these.
    form : Form
    profile : Profile
    created_ms : int
    opened_offset : int
        Log entry that opened it; tells two streams apart that had the same number one after the other.
    feedback : float
        Factor on its alarm line, from what users said of past alerts.
    """

    number: int
    series: Series
    source: Labels
    form: Form
    profile: Profile
    created_ms: int
    opened_offset: int
    feedback: float = 1.0

    @property
    def id(self) -> str:
        """The id users see."""
        return self.series.id

    @property
    def counter(self) -> bool:
        """Whether its numbers only rise, so that their rate is scored; the profile overrules the series."""
        if self.form is not Form.NUMBER or self.profile.counter is None:
            return self.series.kind is Kind.COUNTER
        return self.profile.counter


class StreamTable:
    """All live streams."""

    def __init__(self) -> None:
        self._by_id: dict[str, Stream] = {}
        self._by_number: dict[int, Stream] = {}
        self._shelves: dict[str, dict[str, dict[int, None]]] = {}
        self._count_of_tenant: Counter[str] = Counter()
        self._routes: dict[str, int] = {}
        self._answers: dict[int, tuple[Sequence[Series], list[int | None]]] = {}
        self._keys: dict[int, list[str]] = {}
        self._bounds: dict[str, float] = {}
        self.followers: dict[int, None] = {}
        """Numbers of the streams that are to be compared with another stream."""

    def __len__(self) -> int:
        return len(self._by_id)

    def __iter__(self) -> Iterator[Stream]:
        return iter(self._by_id.values())

    def __contains__(self, number: int) -> bool:
        return number in self._by_number

    def find(self, stream_id: str) -> Stream | None:
        """The stream of an id.

        Parameters
        ----------
        stream_id : str
        """
        return self._by_id.get(stream_id)

    def at(self, number: int) -> Stream:
        """The stream of a number.

        Parameters
        ----------
        number : int

        Raises
        ------
        KeyError
        """
        return self._by_number[number]

    def route(self, series: Sequence[Series]) -> list[int | None]:
        """The number each incoming series was last found to feed; None when that must be worked out.

        Parameters
        ----------
        series : sequence of Series
            Asked for twice by each request, and again and again by a replay: where all are known the answer
            to the same object is remembered, and must be left as it is.
        """
        asked, numbers = self._answers.get(id(series), ((), []))
        if asked is not series:
            numbers = list(map(self._routes.get, map(_KEY, series)))
            if None not in numbers:
                if len(self._answers) == MAX_ANSWERS:
                    self._answers.clear()
                self._answers[id(series)] = series, numbers
        return numbers

    def add(self, stream: Stream) -> None:
        """Take up a stream, or put a changed one in place of that with its number.

        Parameters
        ----------
        stream : Stream
        """
        if stream.number not in self._by_number:
            self._shelve(stream)
        self._by_id[stream.id] = self._by_number[stream.number] = stream
        self.followers.pop(stream.number, None)
        if stream.profile.reference.stream and stream.form is Form.NUMBER:
            self.followers[stream.number] = None

    def learn(self, series: Series, number: int, bound: float | None = None) -> None:
        """Remember which stream a series feeds.

        Parameters
        ----------
        series : Series
        number : int
        bound : float or None
            Upper bound of a series that is one bucket of a histogram, `NO_BOUND` for its sum or count.
        """
        self._answers.clear()
        keys = self._keys.setdefault(number, [])
        if len(keys) >= MAX_ROUTES_PER_STREAM:  # an ignored label that changes all the time
            self._unlearn(keys.pop(0))
        keys.append(series.key)
        self._routes[series.key] = number
        if bound is not None:
            self._bounds[series.key] = bound

    def part_bounds(self, series: Sequence[Series]) -> NDArray[np.float64]:
        """The bound that was learnt with each series, NaN for one that is a stream of its own.

        Parameters
        ----------
        series : sequence of Series
        """
        return np.array(list(map(self._bounds.get, map(_KEY, series))), np.float64)

    def remove(self, number: int) -> Stream:
        """Drop a stream and what leads to it.

        Parameters
        ----------
        number : int

        Raises
        ------
        KeyError
        """
        stream = self._by_number.pop(number)
        del self._by_id[stream.id]
        self.followers.pop(number, None)
        for key in self._keys.pop(number, ()):
            self._unlearn(key)
        self._unshelve(stream)
        return stream

    def forget_routes(self) -> None:
        """Work out anew which stream each series feeds; after profiles changed."""
        self._answers.clear()
        self._routes.clear()
        self._keys.clear()
        self._bounds.clear()

    def count_of_metric(self, tenant: str, metric: str) -> int:
        """Live streams of a metric name.

        Parameters
        ----------
        tenant, metric : str
        """
        return len(self._shelves.get(tenant, {}).get(metric, ()))

    @property
    def count_of_tenant(self) -> Mapping[str, int]:
        """Live streams by tenant; 0 of one that has none."""
        return self._count_of_tenant

    def select(self, selector: Selector) -> NDArray[np.int32]:
        """Numbers of the streams a selector matches, rising.

        Parameters
        ----------
        selector : Selector
        """
        streams = self._candidates(selector)
        return np.array(
            sorted(one.number for one in streams if selector.matches(one.series.labels)), np.int32
        )

    def _unlearn(self, key: str) -> None:
        self._answers.clear()
        del self._routes[key]
        self._bounds.pop(key, None)

    def _shelve(self, stream: Stream) -> None:
        tenant = tenant_of(stream.series.labels)
        self._count_of_tenant[tenant] += 1
        self._shelves.setdefault(tenant, {}).setdefault(stream.series.metric, {})[stream.number] = None

    def _unshelve(self, stream: Stream) -> None:
        tenant, metric = tenant_of(stream.series.labels), stream.series.metric
        self._count_of_tenant[tenant] -= 1
        shelf = self._shelves[tenant]
        del shelf[metric][stream.number]
        if not shelf[metric]:
            del shelf[metric]
        if not shelf:
            del self._shelves[tenant], self._count_of_tenant[tenant]

    def _candidates(self, selector: Selector) -> Iterator[Stream]:
        """The streams of the selector's tenant and metric name, where it fixes them."""
        fixed = {matcher.label: matcher.value for matcher in selector.matchers if matcher.operator == "="}
        shelves = list(self._shelves.values())
        if TENANT in fixed:
            shelves = [self._shelves.get(fixed[TENANT] or ANONYMOUS, {})]
        if fixed.get(NAME):
            shelves = [{"": shelf.get(fixed[NAME], {})} for shelf in shelves]
        numbers = chain.from_iterable(chain.from_iterable(shelf.values() for shelf in shelves))
        return map(self._by_number.__getitem__, numbers)
