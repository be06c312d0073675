"""The alert book: each alert in words, kept for people and handed to receivers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kullback.alerting.alert import Alert, Phase, Transition
from kullback.alerting.decision import Decision, Wording, alert_id, decide
from kullback.alerting.gathering import Gathering
from kullback.alerting.state import AlertStates
from kullback.core.tenant import tenant_of
from kullback.core.units import unit_of
from kullback.detector.phrases import words
from kullback.engine.local import LocalEngine
from kullback.outputs.alert_json import alert_json
from kullback.pipeline.markers import Marker, remark, suspect
from kullback.storage.history import History

EXPLAINING = ("description", "top_bins", "quantiles", "marker", "incident")
"""Annotations that say what was seen when an alert began."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where links in alerts lead.

    Parameters
    ----------
    external_url : str
        The service's own page; "" leaves the links out.
    runbook_url : str
        Where it says what to do; "" leaves the annotation out.
    tenants : bool
        Whether alerts say whose they are.
    """

    external_url: str = ""
    runbook_url: str = ""
    tenants: bool = False


class AlertBook:
    """Writes each transition down.

    Parameters
    ----------
    history : History
    address : Address
    deliver : callable
        Hands decisions to the receivers; silent while the log is replayed.
    """

    def __init__(
        self, history: History, address: Address, deliver: Callable[[Sequence[Decision]], None]
    ) -> None:
        self.silent = True
        self._history = history
        self._address = address
        self._deliver = deliver
        self._explanations: dict[int, Mapping[str, str]] = {}
        self._gathering = Gathering()

    def take(self, transition: Transition, engine: LocalEngine, markers: Mapping[str, Marker]) -> None:
        """Write a transition down and hand it on.

        Parameters
        ----------
        transition : Transition
        engine : LocalEngine
            Asked why, at the moment the alert begins.
        markers : mapping of str to Marker
            One of them may be the cause.
        """
        number = transition.number
        if transition.before is Phase.INACTIVE or transition.fires:
            self._explanations[number] = _explained(transition, engine, markers)
        decision = self._decide(transition.alert, engine)
        tenant = tenant_of(engine.stream(number).series.labels)
        if transition.fires and (incident := self._gathering.join(decision, tenant)):
            self._explanations[number] = {**self._explanations[number], "incident": incident}
            decision = self._decide(transition.alert, engine)
        self._history.put_alert(alert_json(decision), transition.alert, tenant)
        if transition.after is Phase.INACTIVE:
            self._explanations.pop(number, None)
        if not self.silent and transition.after is not Phase.PENDING:
            self._deliver([decision])

    def current(
        self, document: Mapping[str, Any], alerts: AlertStates, engine: LocalEngine
    ) -> Mapping[str, Any]:
        """An alert as it stands now; the history holds it as it was at its last transition.

        Parameters
        ----------
        document : mapping
            From the history.
        alerts : AlertStates
        engine : LocalEngine
        """
        number = engine.find(document["stream"])
        alert = None if number is None else alerts.alert(number)
        if alert is None or alert_id(document["stream"], alert) != document["id"]:
            return document
        return alert_json(self._decide(alert, engine))

    def live(self, alerts: AlertStates, engine: LocalEngine) -> list[Decision]:
        """The alerts that have not ended.

        Parameters
        ----------
        alerts : AlertStates
        engine : LocalEngine
        """
        found = (alerts.alert(int(number)) for number in alerts.live())
        return [self._decide(alert, engine) for alert in found if alert is not None]

    def _decide(self, alert: Alert, engine: LocalEngine) -> Decision:
        stream = engine.stream(alert.number)
        wording = Wording(
            severity=stream.profile.severity,
            explanation=self._explanation(alert, stream.id),
            runbook_url=self._address.runbook_url,
            external_url=self._address.external_url,
            tenant=tenant_of(stream.series.labels) if self._address.tenants else "",
        )
        return decide(alert, stream.id, stream.series.labels, wording)

    def _explanation(self, alert: Alert, stream_id: str) -> Mapping[str, str]:
        """What was said when the alert began; from the history after a restart."""
        if alert.number not in self._explanations:
            written: Mapping[str, Any] = self._history.alert(alert_id(stream_id, alert)) or {}
            said = written.get("annotations", {})
            self._explanations[alert.number] = {name: said[name] for name in EXPLAINING if name in said}
        return self._explanations[alert.number]


def _explained(
    transition: Transition, engine: LocalEngine, markers: Mapping[str, Marker]
) -> Mapping[str, str]:
    series, onset_ms = engine.stream(transition.number).series, transition.alert.starts_at_ms
    told = words(engine.views.explain(transition.number), unit_of(series))
    marker = suspect(markers, series.labels, onset_ms, transition.at_ms)
    if marker is None:
        return told
    return {
        **told,
        "description": f"{told['description']}; {remark(marker, onset_ms)}",
        "marker": f"{marker['text']} {marker['url']}".strip(),
    }
