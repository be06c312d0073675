"""What people can ask for, as entries of the log.

{"do": "rebaseline" | "undo_rebaseline" | "delete", "stream": id}
{"do": "exclude", "stream": id, "start_ms": …, "end_ms": …, "reason": …}
{"do": "feedback", "stream": id, "alert": id, "max_score": …,
 "verdict": "true_positive" | "false_positive" | null}
{"do": "add_maintenance", "id": …, "match": selector, "reason": …,
 "once": {"start_ms", "end_ms"} | "recurring": {"days", "at", "duration_ms", "zone"}}
{"do": "remove_maintenance", "id": …}
{"do": "pin_reference", "name": …, …} | {"do": "unpin_reference", "name": …}
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from kullback.alerting.alert import Reason
from kullback.alerting.feedback import Feedback, Verdict, threshold_factor
from kullback.alerting.maintenance import MaintenanceWindow
from kullback.alerting.schedule import Schedule, once, recurring
from kullback.core.budget import DAY_MS
from kullback.core.errors import ErrorId, RequestError
from kullback.core.selector import parse_selector
from kullback.storage.entry import Entry

if TYPE_CHECKING:
    from kullback.pipeline.pipeline import Pipeline

Action = Mapping[str, Any]
ENDED_KEPT_MS = 7 * DAY_MS
"""How long a maintenance window that is over stays in the list."""


def carry_out(pipeline: Pipeline, entry: Entry) -> Any:
    """Let an action take effect.

    Parameters
    ----------
    pipeline : Pipeline
    entry : Entry

    Raises
    ------
    RequestError
        NOT_FOUND, CONFLICT or BAD_REQUEST; nothing was changed. A replay meets the same error.
    """
    outcome = _ACTIONS[entry.action["do"]](pipeline, entry.action, entry)
    pipeline.history.audit(entry.offset, entry.now_ms, entry.action)
    return outcome


def _number(pipeline: Pipeline, action: Action) -> int:
    number = pipeline.engine.find(action["stream"])
    if number is None:
        raise RequestError(ErrorId.NOT_FOUND, f"There is no stream {action['stream']!r}.")
    return number


def _end_alert(pipeline: Pipeline, number: int, entry: Entry, reason: Reason) -> None:
    if not pipeline.engine.contains(number, entry.offset):  # else a replay would end a later alert
        pipeline.follow(pipeline.alerts.end(np.array([number], np.int32), entry.now_ms, reason))


def retire(pipeline: Pipeline, number: int, entry: Entry) -> None:
    """Forget a stream that was deleted or abandoned.

    Parameters
    ----------
    pipeline : Pipeline
    number : int
    entry : Entry
    """
    _end_alert(pipeline, number, entry, Reason.DELETED)
    stream = pipeline.engine.close(number, entry.offset)
    pipeline.facts.feedback.pop(stream.id, None)


def _rebaseline(pipeline: Pipeline, action: Action, entry: Entry) -> None:
    number = _number(pipeline, action)
    pipeline.engine.rebaseline(number, entry.offset)
    _end_alert(pipeline, number, entry, Reason.ACCEPTED)


def _undo_rebaseline(pipeline: Pipeline, action: Action, entry: Entry) -> None:
    pipeline.engine.undo_rebaseline(_number(pipeline, action), entry.offset)


def _exclude(pipeline: Pipeline, action: Action, entry: Entry) -> None:
    number = _number(pipeline, action)
    if action["end_ms"] <= action["start_ms"]:
        raise RequestError(ErrorId.BAD_REQUEST, "`end` must lie after `start`.")
    pipeline.engine.strike(number, action["start_ms"], action["end_ms"], entry.offset)


def _delete(pipeline: Pipeline, action: Action, entry: Entry) -> None:
    pipeline.forget(_number(pipeline, action), entry.now_ms, entry.offset)


def _feedback(pipeline: Pipeline, action: Action, entry: Entry) -> float:
    """The stream's new threshold factor."""
    number = _number(pipeline, action)
    others = [v for v in pipeline.facts.feedback.get(action["stream"], []) if v["alert"] != action["alert"]]
    verdicts = [*others, dict(action)] if action["verdict"] else others
    pipeline.facts.feedback[action["stream"]] = verdicts
    factor = threshold_factor(
        Feedback(v["alert"], Verdict(v["verdict"]), float(v["max_score"])) for v in verdicts
    )
    pipeline.engine.set_feedback(number, factor, entry.offset)
    return factor


def _add_maintenance(pipeline: Pipeline, action: Action, entry: Entry) -> None:
    for ended in pipeline.maintenance.forget_ended(entry.now_ms - ENDED_KEPT_MS):
        pipeline.facts.maintenance.pop(ended.id, None)
    put_in_force(pipeline, action)
    pipeline.facts.maintenance[action["id"]] = dict(action)


def put_in_force(pipeline: Pipeline, action: Action) -> None:
    """Let a maintenance window hold, now or after a restart.

    Parameters
    ----------
    pipeline : Pipeline
    action : mapping
        An `add_maintenance` action.
    """
    match = parse_selector(action["match"])
    window = MaintenanceWindow(action["id"], match, schedule_of(action), action.get("reason", ""))
    pipeline.maintenance.add(window, pipeline.engine.select(match))


def schedule_of(action: Action) -> Schedule:
    """The schedule an `add_maintenance` action holds.

    Parameters
    ----------
    action : mapping

    Raises
    ------
    RequestError
        BAD_REQUEST.
    """
    return once(**action["once"]) if "once" in action else recurring(**action["recurring"])


def _remove_maintenance(pipeline: Pipeline, action: Action, _entry: Entry) -> None:
    pipeline.maintenance.remove(action["id"])
    pipeline.facts.maintenance.pop(action["id"], None)


def _pin_reference(pipeline: Pipeline, action: Action, _entry: Entry) -> None:
    pipeline.facts.references[action["name"]] = dict(action)


def _unpin_reference(pipeline: Pipeline, action: Action, _entry: Entry) -> None:
    if pipeline.facts.references.pop(action["name"], None) is None:
        raise RequestError(ErrorId.NOT_FOUND, f"There is no reference {action['name']!r}.")


_ACTIONS: dict[str, Callable[[Pipeline, Action, Entry], Any]] = {
    "rebaseline": _rebaseline,
    "undo_rebaseline": _undo_rebaseline,
    "exclude": _exclude,
    "delete": _delete,
    "feedback": _feedback,
    "add_maintenance": _add_maintenance,
    "remove_maintenance": _remove_maintenance,
    "pin_reference": _pin_reference,
    "unpin_reference": _unpin_reference,
}
