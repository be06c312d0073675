"""However the buckets of classic histograms are divided among requests, the same intervals come of them."""

from __future__ import annotations

from itertools import pairwise
from math import inf

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.engine.test_histograms import bucket, seen, watching
from tests.unit.engine.tiny import batch

from kullback.engine.differences import WAITING
from kullback.engine.local import LocalEngine

Row = tuple[object, int, float]
BOUNDS = (0.1, 0.5, 1.0, 5.0, inf)
KNOWN = 2
"""Scrapes after which the bounds are known."""
AHEAD = 3
"""Requests by which one sender may be ahead of another."""


def scrapes(count: int, seed: int, reset_at: int) -> list[list[Row]]:
    """Buckets of a process that begins anew once."""
    rng = np.random.default_rng(seed)
    added = rng.poisson(3, (count, len(BOUNDS))).cumsum(axis=1)
    totals = np.concatenate((added[:reset_at].cumsum(axis=0), added[reset_at:].cumsum(axis=0)))
    return [
        [(bucket(bound), 1000 * at, float(total)) for bound, total in zip(BOUNDS, row, strict=True)]
        for at, row in enumerate(totals, 1)
    ]


def fed(*requests: list[Row]) -> list[tuple[int, int, list[float], list[float]]]:
    one: LocalEngine = watching()
    for offset, request in enumerate(requests, 1):
        one.update(batch(*request), 0, offset)
    return seen(one)


@settings(max_examples=60, deadline=None)
@given(count=st.integers(3, 400), seed=st.integers(0, 1000), data=st.data())
def test_one_request_gives_what_a_request_per_scrape_gives(
    count: int, seed: int, data: st.DataObject
) -> None:
    by_time = scrapes(count, seed, data.draw(st.integers(0, count)))
    order = data.draw(st.permutations(range(len(BOUNDS))))
    by_series = [scrape[place] for place in order for scrape in by_time]
    wanted = fed(*by_time)
    # The interval of a reset that raises some totals cannot be told from a broken scrape.
    assert count - 2 <= len(wanted) <= count - 1
    assert fed(by_series) == wanted
    assert fed([row for scrape in by_time for row in scrape]) == wanted


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 1000), data=st.data())
def test_series_may_be_cut_into_requests_anywhere_once_the_bounds_are_known(
    seed: int, data: st.DataObject
) -> None:
    count = data.draw(st.integers(KNOWN + 1, WAITING // len(BOUNDS)))
    by_time = scrapes(count, seed, data.draw(st.integers(0, count)))
    order = data.draw(st.permutations(range(len(BOUNDS))))
    by_series = [scrape[place] for place in order for scrape in by_time[KNOWN:]]
    cuts = sorted(data.draw(st.sets(st.integers(1, len(by_series) - 1), max_size=6)))
    requests = [by_series[first:stop] for first, stop in pairwise([0, *cuts, len(by_series)])]
    assert fed(*by_time[:KNOWN], *requests) == fed(*by_time)


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 1000), data=st.data())
def test_senders_that_run_ahead_of_each_other_lose_nothing(seed: int, data: st.DataObject) -> None:
    """Each of Prometheus' shards sends its series in the order of time, at its own pace."""
    count = data.draw(st.integers(KNOWN + 1, 60))
    by_time = scrapes(count, seed, data.draw(st.integers(0, count)))
    shard = data.draw(st.lists(st.integers(0, 2), min_size=len(BOUNDS), max_size=len(BOUNDS)))
    queues = [
        [[row for place, row in enumerate(scrape) if shard[place] == one] for scrape in by_time[KNOWN:]]
        for one in range(3)
    ]
    requests, sent = [], [0, 0, 0]
    while any(queues):
        least = min(sent[one] for one in range(3) if queues[one])
        one = data.draw(st.sampled_from([i for i in range(3) if queues[i] and sent[i] < least + AHEAD]))
        size = data.draw(st.integers(1, 8))
        requests.append([row for scrape in queues[one][:size] for row in scrape])
        del queues[one][:size]
        sent[one] += 1
    assert fed(*by_time[:KNOWN], *(request for request in requests if request)) == fed(*by_time)
