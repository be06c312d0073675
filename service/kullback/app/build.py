"""Objects from settings."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from kullback.alerting.decision import Decision
from kullback.alerting.maintenance import Maintenance
from kullback.alerting.state import AlertStates
from kullback.core.errors import ErrorId, RequestError
from kullback.detector.category import CategoryDetector
from kullback.detector.histogram import HistogramDetector
from kullback.detector.past import PAST
from kullback.detector.scalar import ScalarDetector
from kullback.detector.shapes import shape_for
from kullback.engine.forms import Makers
from kullback.engine.local import LocalEngine
from kullback.engine.shards import slots_per_shard
from kullback.outputs.alertmanager import AlertmanagerDesk
from kullback.outputs.desk import Desk
from kullback.outputs.exposure import Exposure
from kullback.outputs.meters import Meters
from kullback.outputs.score_desk import ScoreDesk
from kullback.outputs.webhook import WebhookDesk
from kullback.pipeline.book import Address, AlertBook
from kullback.pipeline.checkpoint import Checkpoint
from kullback.pipeline.pipeline import Pipeline
from kullback.settings import Settings
from kullback.settings.sections import AlertingSettings, MetricsSettings
from kullback.storage.history import History
from kullback.storage.log import SqliteLog
from kullback.storage.snapshots import Snapshots


def bytes_per_stream(settings: Settings) -> int:
    """What a stream takes in memory at most: one that is compared with its own past keeps that, too.

    Parameters
    ----------
    settings : Settings
    """
    profiles = settings.build_profiles()
    past_bytes = PAST.itemsize if any(profile.reference.ago_ms for profile in profiles) else 0
    return ScalarDetector(1, shape_for(profiles)).bytes_per_stream + past_bytes


def build_desks(settings: AlertingSettings) -> list[Desk]:
    """A desk per receiver of alerts.

    Parameters
    ----------
    settings : AlertingSettings

    Raises
    ------
    RequestError
        BAD_CONFIG when a webhook's key cannot be read.
    """
    managers: list[Desk] = [AlertmanagerDesk(url, settings.resend_interval) for url in settings.alertmanagers]
    webhooks: list[Desk] = [WebhookDesk(hook.url, _secret(hook.secret_file)) for hook in settings.webhooks]
    return [*managers, *webhooks]


def build_score_desks(
    settings: MetricsSettings, tenants: bool, present: Iterable[ScoreDesk] = ()
) -> tuple[ScoreDesk, ...]:
    """A desk per receiver of scores; one that is there already and stays as it was keeps what it is owed.

    Parameters
    ----------
    settings : MetricsSettings
    tenants : bool
        Whether scores say whose they are.
    present : iterable of ScoreDesk

    Raises
    ------
    RequestError
        BAD_CONFIG when a token cannot be read.
    """
    wanted = [
        ScoreDesk(one.url, one.match, tenants, _secret(one.bearer_token_file).decode("utf-8", "replace"))
        for one in settings.remote_write
    ]
    known = {desk.address: desk for desk in present}
    return tuple({desk.address: known.get(desk.address, desk) for desk in wanted}.values())


def _secret(path: Path | None) -> bytes:
    try:
        return path.read_bytes().strip() if path else b""
    except OSError as problem:
        reason = f"A key or token cannot be read: {problem}."
        raise RequestError(ErrorId.BAD_CONFIG, reason) from problem


def build_pipeline(
    settings: Settings, meters: Meters, deliver: Callable[[Sequence[Decision]], None]
) -> Pipeline:
    """The pipeline on the storage directory, which must belong to this process.

    Parameters
    ----------
    settings : Settings
    meters : Meters
    deliver : callable
        Hands decisions to the receivers.

    Raises
    ------
    KullbackError
        When the storage cannot be used.
    """
    storage, limits, profiles = settings.storage, settings.build_limits(), settings.build_profiles()
    numbers = slots_per_shard(limits.max_streams, storage.shards) * storage.shards
    alerts = AlertStates(numbers)
    address = Address(settings.server.external_url, settings.alerting.runbook_url, settings.tenants.enabled)
    history = History(storage.path / "history.sqlite", numbers, storage.history_step, storage.retention)
    shape = shape_for(profiles)
    engine = LocalEngine(
        limits,
        profiles,
        Makers(
            number=lambda slots: ScalarDetector(slots, shape),
            histogram=lambda slots: HistogramDetector(slots, shape.windows),
            category=lambda slots: CategoryDetector(slots, shape.windows),
        ),
        shards=storage.shards,
        expire_after_ms=settings.limits.expire_streams_after,
        companions={"alerts": alerts, "history": history.points},
    )
    log, snapshots = SqliteLog(storage.path / "log", storage.sync), Snapshots(storage.path / "snapshots")
    snapshots.seek()
    return Pipeline(
        log=log,
        checkpoint=Checkpoint(snapshots, log, storage.snapshot_interval),
        limits=limits,
        meter_append=meters.appended,
        engine=engine,
        alerts=alerts,
        maintenance=Maintenance(numbers),
        book=AlertBook(history, address, deliver),
        history=history,
        profiles=profiles,
    )


def build_exposure(settings: MetricsSettings) -> Exposure:
    """Which streams appear on /metrics.

    Parameters
    ----------
    settings : MetricsSettings
    """
    return Exposure(
        settings.expose,
        settings.selector,
        settings.score_above,
        settings.top,
        settings.max_exposed_streams,
    )
