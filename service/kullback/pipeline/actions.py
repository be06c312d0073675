"""What people can ask for, as entries of the log.

{"do": "rebaseline" | "undo_rebaseline" | "undo_exclude" | "delete", "stream": id}
{"do": "exclude", "stream": id, "start_ms": …, "end_ms": …, "reason": …}
{"do": "feedback", "stream": id, "alert": id, "max_score": …,
 "verdict": "true_positive" | "false_positive" | null}
{"do": "add_maintenance", "id": …, "match": selector, "reason": …,
 "once": {"start_ms", "end_ms"} | "recurring": {"days", "at", "duration_ms", "zone"}}
{"do": "remove_maintenance", "id": …}
{"do": "add_marker", "id": …, "at_ms": …, "text": …, "match": selector, "url": …}
{"do": "remove_marker", "id": …}
{"do": "pin_reference", "name": …, …} | {"do": "unpin_reference", "name": …}
{"do": "watch", "profiles": […]}, said by the configuration and not by a person
{"do": "renew", "streams": {id: [values]}}, said by the service itself

Each may have a `tenant`; it then reaches what is that tenant's and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from kullback.alerting.alert import Reason
from kullback.alerting.feedback import Feedback, Verdict, threshold_factor
from kullback.alerting.maintenance import MaintenanceWindow
from kullback.alerting.schedule import Schedule, once, recurring
from kullback.core.budget import DAY_MS
from kullback.core.errors import ErrorId, RequestError
from kullback.core.saved_profile import load_profiles
from kullback.core.selector import parse_selector
from kullback.core.tenant import ANONYMOUS, EVERYONE, owned_name, within
from kullback.pipeline.fleet import Fleet
from kullback.pipeline.following import RENEW
from kullback.pipeline.markers import make_room
from kullback.pipeline.tenancy import OwnFleet
from kullback.storage.entry import Entry

Action = Mapping[str, Any]
MOST_REFERENCES = 2000
"""Of all tenants together; `http.references` bounds those of one."""

WATCH = "watch"
ENDED_KEPT_MS = 7 * DAY_MS
"""How long a maintenance window that is over stays in the list."""


def carry_out(fleet: Fleet, entry: Entry) -> Any:
    """Let an action take effect.

    Parameters
    ----------
    fleet : Fleet
    entry : Entry

    Raises
    ------
    RequestError
        NOT_FOUND, CONFLICT or BAD_REQUEST; nothing was changed. A replay meets the same error.
    """
    outcome = _ACTIONS[entry.action["do"]](fleet, entry.action, entry)
    if entry.action["do"] in (WATCH, RENEW):
        return outcome
    fleet.history.audit(entry.offset, entry.now_ms, entry.action, entry.action.get("tenant", ANONYMOUS))
    return outcome


def _own(fleet: Fleet, action: Action) -> OwnFleet:
    return OwnFleet(fleet, action.get("tenant", EVERYONE))


def _number(fleet: Fleet, action: Action) -> int:
    number = _own(fleet, action).engine.find(action["stream"])
    if number is None:
        raise RequestError(ErrorId.NOT_FOUND, f"There is no stream {action['stream']!r}.")
    return number


def _end_alert(fleet: Fleet, number: int, entry: Entry, reason: Reason) -> None:
    if not fleet.engine.contains(number, entry.offset):  # else a replay would end a later alert
        fleet.follow(fleet.alerts.end(np.array([number], np.int32), entry.now_ms, reason))


def retire(fleet: Fleet, number: int, entry: Entry) -> None:
    """Forget a stream that was deleted or abandoned.

    Parameters
    ----------
    fleet : Fleet
    number : int
    entry : Entry
    """
    _end_alert(fleet, number, entry, Reason.DELETED)
    stream = fleet.engine.close(number, entry.offset)
    fleet.facts.feedback.pop(stream.id, None)


def _rebaseline(fleet: Fleet, action: Action, entry: Entry) -> None:
    number = _number(fleet, action)
    fleet.engine.acts.rebaseline(number, entry.offset)
    _end_alert(fleet, number, entry, Reason.ACCEPTED)


def _undo_rebaseline(fleet: Fleet, action: Action, entry: Entry) -> None:
    fleet.engine.acts.undo_rebaseline(_number(fleet, action), entry.offset)


def _exclude(fleet: Fleet, action: Action, entry: Entry) -> None:
    number = _number(fleet, action)
    if action["end_ms"] <= action["start_ms"]:
        raise RequestError(ErrorId.BAD_REQUEST, "`end` must lie after `start`.")
    fleet.engine.acts.exclude(number, action["start_ms"], action["end_ms"], entry.offset)


def _undo_exclude(fleet: Fleet, action: Action, entry: Entry) -> None:
    fleet.engine.acts.undo_exclude(_number(fleet, action), entry.offset)


def _delete(fleet: Fleet, action: Action, entry: Entry) -> None:
    fleet.forget(_number(fleet, action), entry.now_ms, entry.offset)


def _feedback(fleet: Fleet, action: Action, entry: Entry) -> float:
    """The stream's new threshold factor."""
    number = _number(fleet, action)
    others = [v for v in fleet.facts.feedback.get(action["stream"], []) if v["alert"] != action["alert"]]
    verdicts = [*others, dict(action)] if action["verdict"] else others
    fleet.facts.feedback[action["stream"]] = verdicts
    factor = threshold_factor(
        Feedback(v["alert"], Verdict(v["verdict"]), float(v["max_score"])) for v in verdicts
    )
    fleet.engine.acts.set_feedback(number, factor, entry.offset)
    return factor


def _add_maintenance(fleet: Fleet, action: Action, entry: Entry) -> None:
    for ended in fleet.maintenance.forget_ended(entry.now_ms - ENDED_KEPT_MS):
        fleet.facts.maintenance.pop(ended.id, None)
    put_in_force(fleet, action)
    fleet.facts.maintenance[action["id"]] = dict(action)


def _watch(fleet: Fleet, action: Action, entry: Entry) -> None:
    fleet.facts.profiles = list(action["profiles"])
    fleet.watch(load_profiles(fleet.facts.profiles), entry.offset)


def put_in_force(fleet: Fleet, action: Action) -> None:
    """Let a maintenance window hold, now or after a restart.

    Parameters
    ----------
    fleet : Fleet
    action : mapping
        An `add_maintenance` action.
    """
    match = within(parse_selector(action["match"]), action.get("tenant", EVERYONE))
    window = MaintenanceWindow(action["id"], match, schedule_of(action), action.get("reason", ""))
    fleet.maintenance.add(window, fleet.engine.select(match))


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


def _remove_maintenance(fleet: Fleet, action: Action, _entry: Entry) -> None:
    if action["id"] not in _own(fleet, action).facts.maintenance:
        raise RequestError(ErrorId.NOT_FOUND, f"There is no maintenance window {action['id']!r}.")
    fleet.maintenance.remove(action["id"])
    fleet.facts.maintenance.pop(action["id"], None)


def _add_marker(fleet: Fleet, action: Action, _entry: Entry) -> None:
    parse_selector(action["match"])
    fleet.facts.markers[action["id"]] = dict(action)
    make_room(fleet.facts.markers, action.get("tenant", EVERYONE))


def _remove_marker(fleet: Fleet, action: Action, _entry: Entry) -> None:
    if action["id"] not in _own(fleet, action).facts.markers:
        raise RequestError(ErrorId.NOT_FOUND, f"There is no marker {action['id']!r}.")
    del fleet.facts.markers[action["id"]]


def _pin_reference(fleet: Fleet, action: Action, entry: Entry) -> None:
    known, key = fleet.facts.references, _reference_key(action)
    if key not in known and len(known) >= MOST_REFERENCES:
        detail = f"All tenants together have {MOST_REFERENCES} references already."
        raise RequestError(ErrorId.CONFLICT, detail)
    known[key] = dict(action)
    fleet.engine.references.pin(key, np.array(action["values"], np.float64), entry.offset)


def _unpin_reference(fleet: Fleet, action: Action, entry: Entry) -> None:
    if fleet.facts.references.pop(_reference_key(action), None) is None:
        raise RequestError(ErrorId.NOT_FOUND, f"There is no reference {action['name']!r}.")
    fleet.engine.references.unpin(_reference_key(action), entry.offset)


def _renew(fleet: Fleet, action: Action, entry: Entry) -> None:
    for stream, values in action["streams"].items():
        number = fleet.engine.find(stream)
        if number in fleet.engine.references.followers:
            fleet.engine.references.renew(number, np.array(values, np.float64), entry.offset)


def _reference_key(action: Action) -> str:
    return owned_name(action.get("tenant", ANONYMOUS), action["name"])


_ACTIONS: dict[str, Callable[[Fleet, Action, Entry], Any]] = {
    "rebaseline": _rebaseline,
    "undo_rebaseline": _undo_rebaseline,
    "exclude": _exclude,
    "undo_exclude": _undo_exclude,
    "delete": _delete,
    "feedback": _feedback,
    "add_maintenance": _add_maintenance,
    "remove_maintenance": _remove_maintenance,
    "add_marker": _add_marker,
    "remove_marker": _remove_marker,
    "pin_reference": _pin_reference,
    "unpin_reference": _unpin_reference,
    WATCH: _watch,
    RENEW: _renew,
}
