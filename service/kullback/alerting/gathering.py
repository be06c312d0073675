"""Who moved together with an alert, told at the moment it fires.

`alerting.incidents` groups alerts when somebody asks; here each alert that fires costs a few look-ups only,
so that a burst of thousands is told at once.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from kullback.alerting.decision import Decision
from kullback.alerting.incidents import WITHIN_MS, Pair, own_pairs, told

MOST_CROWDS = 10_000
FEWEST = 2


@dataclass(slots=True)
class _Crowd:
    """Alerts with one label in common that began within `WITHIN_MS` of the first."""

    first: Decision
    last_ms: int
    streams: set[str]


class Gathering:
    """Counts alerts by the labels that they share. Not thread-safe."""

    def __init__(self) -> None:
        self._crowds: dict[tuple[str, Pair], _Crowd] = {}

    def join(self, decision: Decision, tenant: str) -> str:
        """Let an alert in.

        Parameters
        ----------
        decision : Decision
        tenant : str
            Alerts of another do not count.

        Returns
        -------
        str
            E.g. `12 streams of job=api moved within 3m; first: …`; "" for the first of its kind.
        """
        crowds = dict(self._joined(decision, tenant))
        most = max((len(crowd.streams) for crowd in crowds.values()), default=0)
        if most < FEWEST:
            return ""
        shared = sorted(pair for pair, crowd in crowds.items() if len(crowd.streams) == most)
        largest = crowds[shared[0]]
        span_ms = largest.last_ms - largest.first.alert.starts_at_ms
        return told(most, tuple(shared), span_ms, largest.first)

    def _joined(self, decision: Decision, tenant: str) -> Iterator[tuple[Pair, _Crowd]]:
        onset_ms = decision.alert.starts_at_ms
        for pair in own_pairs(decision):
            crowd = self._crowds.pop((tenant, pair), None)
            if crowd is None or abs(onset_ms - crowd.first.alert.starts_at_ms) > WITHIN_MS:
                crowd = _Crowd(decision, onset_ms, set())
            crowd.streams.add(decision.stream)
            crowd.last_ms = max(crowd.last_ms, onset_ms)
            self._crowds[tenant, pair] = crowd  # the newest stand last
            yield pair, crowd
        while len(self._crowds) > MOST_CROWDS:
            del self._crowds[next(iter(self._crowds))]
