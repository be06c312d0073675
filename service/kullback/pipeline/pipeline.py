"""The one path of a request through the service. Lives on the owner thread."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from time import perf_counter
from typing import Any

from kullback.alerting.maintenance import Maintenance
from kullback.alerting.state import AlertStates
from kullback.core.errors import ErrorId, KullbackError, Overloaded, RequestError, merge_refusals
from kullback.core.limits import Limits, admit
from kullback.core.profile import Profile
from kullback.core.saved_profile import load_profiles, save_profiles
from kullback.core.scores import Scores
from kullback.engine.local import LocalEngine
from kullback.outputs.score_desk import ScoreDesk
from kullback.pipeline.actions import WATCH, carry_out, put_in_force, retire
from kullback.pipeline.book import AlertBook
from kullback.pipeline.checkpoint import Checkpoint
from kullback.pipeline.fleet import Fleet
from kullback.pipeline.following import RENEW, Following
from kullback.pipeline.owner import Progress
from kullback.pipeline.receipt import Receipt
from kullback.pipeline.receipts import receipt_of
from kullback.pipeline.request import Request
from kullback.storage.entry import ACTION, Entry
from kullback.storage.history import History
from kullback.storage.log import SqliteLog

CROWDED = (
    ErrorId.TOO_MANY_STREAMS,
    ErrorId.TOO_MANY_STREAMS_PER_METRIC,
    ErrorId.TOO_MANY_STREAMS_OF_TENANT,
)
ADVANCE_MS = 1000
"""How often alerts whose deadline passed are looked for while nothing arrives."""


class Pipeline(Fleet):
    """A fleet that takes requests: remembers them, scores them, and lets alerts follow.

    Parameters
    ----------
    log : SqliteLog
    checkpoint : Checkpoint
    limits : Limits
    meter_append : callable
        Takes the seconds that a group took to become durable.
    engine, alerts, maintenance, book, history
        The parts of the fleet.
    profiles : sequence of Profile
        How the configuration says that streams are watched from this start on.
    """

    def __init__(
        self,
        log: SqliteLog,
        checkpoint: Checkpoint,
        limits: Limits,
        meter_append: Callable[[float], None],
        engine: LocalEngine,
        alerts: AlertStates,
        maintenance: Maintenance,
        book: AlertBook,
        history: History,
        profiles: Sequence[Profile] = (),
    ) -> None:
        super().__init__(engine, alerts, maintenance, book, history)
        self._configured = save_profiles(profiles)
        self.log = log
        self.checkpoint = checkpoint
        self.limits = limits
        self.replayed_samples = 0
        self.score_desks: tuple[ScoreDesk, ...] = ()
        """Who is sent every score."""
        self._meter_append = meter_append
        self._advanced_ms = 0
        self._following = Following()

    def receive(self, requests: list[Request]) -> list[Receipt | Exception]:
        """Carry out the requests of one group: one flush to disk, then each is scored in its order.

        Parameters
        ----------
        requests : list of Request

        Returns
        -------
        list of Receipt or Exception
            One per request, in their order. When the log cannot be written all fail and nothing is applied.
        """
        admitted = [self._admit(request) for request in requests]
        logged = [request for request in admitted if _is_logged(request)]
        begin_s = perf_counter()
        try:
            offsets = iter(self.log.append([_entry(request) for request in logged]))
        except KullbackError as problem:
            return [problem if _is_logged(request) else receipt_of(request) for request in admitted]
        self._meter_append(perf_counter() - begin_s)
        return [
            self._score(request, next(offsets)) if _is_logged(request) else receipt_of(request)
            for request in admitted
        ]

    def act(self, action: Mapping[str, Any], now_ms: int) -> Any:
        """Carry out what a person asked for; in the log like a request, so that a replay repeats it.

        Parameters
        ----------
        action : mapping
            JSON values; see `kullback.pipeline.actions`.
        now_ms : int

        Raises
        ------
        KullbackError
            When it cannot be done; nothing was changed.
        """
        entry = Entry(now_ms, ACTION, action=action)
        (offset,) = self.log.append([entry])
        return self.apply(replace(entry, offset=offset))

    def apply(self, entry: Entry) -> Any:
        """Let an entry of the log take effect: live and in a replay alike.

        Parameters
        ----------
        entry : Entry

        Returns
        -------
        Scores, or what the action gives
        """
        if entry.action.get("do") == WATCH:  # no time passes with it: it may be a start's
            return carry_out(self, entry)
        for stream in self.engine.abandoned(entry.now_ms):
            retire(self, stream.number, entry)
        if entry.protocol == ACTION:
            return carry_out(self, entry)
        scores = self.engine.update(entry.batch, entry.now_ms, entry.offset)
        self.welcome(self.engine.opened)
        muted = self.maintenance.muted(scores.stream, scores.timestamp_ms)
        if muted is not None:
            self.keep_out(scores, muted, entry.offset)
        # A backfill's deadlines are those of its data: the present has nothing to say about them.
        backfilled = entry.any_age and len(entry.batch)
        now_ms = int(entry.batch.timestamp_ms.min()) if backfilled else entry.now_ms
        self.follow(self.alerts.step(scores, now_ms, muted))
        self.history.record(scores, self.alerts.phases(scores.stream))
        if not self.book.silent:
            for desk in self.score_desks:
                desk.take(scores, lambda number: self.engine.stream(number).series)
        return scores

    def reconfigure(self, profiles: Sequence[Profile], limits: Limits, now_ms: int) -> None:
        """Watch as new profiles say, within new limits. Profiles go through the log: a replay needs them.

        Parameters
        ----------
        profiles : sequence of Profile
        limits : Limits
            Those on all streams hold from the next start on: memory is laid out once.
        now_ms : int

        Raises
        ------
        Overloaded
            STORAGE_UNAVAILABLE: nothing was changed.
        """
        saved = save_profiles(profiles)
        if saved != self.facts.profiles:
            self.act({"do": WATCH, "profiles": saved}, now_ms)
        self.limits = limits
        self.engine.set_quotas(limits.tenants)

    def write_scores_to(self, desks: tuple[ScoreDesk, ...]) -> None:
        """Give every score to these from now on; what is still owed to others is given up.

        Parameters
        ----------
        desks : tuple of ScoreDesk
        """
        gone = set(self.score_desks) - set(desks)
        self.score_desks = desks
        for desk in gone:
            desk.close()

    def breathe(self, now_ms: int) -> float:
        """A slice of background work between two groups.

        Parameters
        ----------
        now_ms : int

        Returns
        -------
        float
            Seconds until more is wanted.
        """
        if now_ms - self._advanced_ms >= ADVANCE_MS:
            self._advanced_ms = now_ms
            self.follow(self.alerts.advance(now_ms))
            self.history.flush(now_ms)
            with suppress(Overloaded):  # tried again in a second; writers are told by `append`
                self._renew(now_ms)
                self.log.flush()
        busy = self.checkpoint.step(self, now_ms)
        return 0.0 if busy else ADVANCE_MS / 1000

    def _renew(self, now_ms: int) -> None:
        if streams := self._following.due(self.engine):
            self.act({"do": RENEW, "streams": streams}, now_ms)

    def recover(self) -> Iterator[Progress]:
        """Take up the newest snapshot and replay the log behind it, telling how far it is."""
        for restored_ratio in self.checkpoint.restore(self):
            yield Progress("taking up its snapshot", restored_ratio / 2)
        self.welcome(self.engine)
        for window in self.facts.maintenance.values():
            put_in_force(self, window)
        after = self.checkpoint.offset
        first, last = after + 1, self.log.last_offset
        known = {stream.series.labels: stream.series for stream in self.engine}
        for entry in self.log.replay(after, known):
            with suppress(RequestError):  # an action that was refused when it was asked for, too
                self.apply(entry)
            self.replayed_samples += len(entry.batch)
            yield Progress("replaying its log", (1 + (entry.offset - first + 1) / (last - first + 1)) / 2)
        self._watch_as_configured()
        self.book.silent = False
        yield Progress("ready", 1.0)

    def _watch_as_configured(self) -> None:
        """What changed in the configuration while the service was down holds from here in the log on."""
        if self._configured == self.facts.profiles:
            return
        try:
            self.act({"do": WATCH, "profiles": self._configured}, 0)
        except Overloaded:  # the disk is full: it holds all the same, and the next start writes it down
            self.watch(load_profiles(self._configured), 0)

    @property
    def losses(self) -> tuple[str, ...]:
        """What could not be read at the start, for the service's own log."""
        return (
            *(
                f"Log from offset {damage.offset}: {damage.why}; kept as {damage.kept}."
                for damage in self.log.damage
            ),
            *(f"Snapshot at offset {bad.offset}: {bad.why}." for bad in self.checkpoint.unusable),
            *([f"History: kept as {self.history.damaged}."] if self.history.damaged else []),
            *(
                [f"{self.engine.restarted_streams} streams learn anew: they were saved in another layout."]
                if self.engine.restarted_streams
                else []
            ),
        )

    def close(self) -> None:
        """Write a last snapshot and let go of the files."""
        self.checkpoint.finish(self)
        self.history.close()
        self.log.close()

    def _admit(self, request: Request) -> Request:
        batch, refused = admit(request.batch, self.limits, request.now_ms, any_age=request.any_age)
        batch, crowded = self.engine.room(batch)
        return replace(request, batch=batch, refusals=merge_refusals([*request.refusals, *refused, *crowded]))

    def _score(self, request: Request, offset: int) -> Receipt:
        scores: Scores = self.apply(replace(_entry(request), offset=offset))
        return receipt_of(request, scores, self)


def _is_logged(request: Request) -> bool:
    """One that found no room for its streams is, too: time passes with it, and the silent ones make room."""
    return len(request.batch) > 0 or any(refusal.error in CROWDED for refusal in request.refusals)


def _entry(request: Request) -> Entry:
    return Entry(request.now_ms, request.protocol, request.batch, request.any_age)
