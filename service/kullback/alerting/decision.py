"""An alert as its receivers and the alert book are told of it: identity, labels, annotations."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from kullback.alerting.alert import Alert, Phase, Reason
from kullback.core.labels import NAME, TENANT, Labels, render, sorted_labels

ALERTNAME = "KullbackStreamAnomalous"
OWN_LABELS = ("alertname", "metric", "severity")
CLASH_PREFIX = "exported_"
_NOT_IN_NAMES = re.compile(r"[^a-zA-Z0-9_]")
_ENDINGS = {
    Reason.RECOVERED: "is back to normal",
    Reason.NO_DATA: "sends no samples any more; its anomaly can no longer be judged",
    Reason.MAINTENANCE: "is under maintenance; its anomaly is no longer followed",
    Reason.ACCEPTED: "was accepted as normal at its present level",
    Reason.DELETED: "is no longer watched",
}


@dataclass(frozen=True, slots=True)
class Wording:
    """What a decision adds to the facts.

    Parameters
    ----------
    severity : str
        From the stream's profile.
    explanation : mapping of str to str
        Annotations that say what moved: `description`, the sentence, and what stands behind it.
    runbook_url : str
        "" leaves the annotation out.
    external_url : str
        Under which people reach this service; "" leaves links to the stream's page out.
    tenant : str
        Whose the stream is; "" leaves the label out.
    """

    severity: str = "warning"
    explanation: Mapping[str, str] = field(default_factory=dict)
    runbook_url: str = ""
    external_url: str = ""
    tenant: str = ""


@dataclass(frozen=True, slots=True)
class Decision:
    """An anomaly that passed its rule.

    Parameters
    ----------
    id : str
        Same for the same alert, also when a log is replayed.
    stream : str
        The stream's id.
    labels : Labels
        Who the alert is: the stream's labels, `alertname`, `metric`, `severity` and, with tenants,
        `tenant`; never a score.
    annotations : mapping of str to str
        `summary`, `description`, `top_bins`, `quantiles`, `marker`, `page`, `runbook_url`.
    page_url : str
        The stream's page at the time of the onset; "" when the service does not know its own address.
    alert : Alert
    """

    id: str
    stream: str
    labels: Labels
    annotations: Mapping[str, str]
    page_url: str
    alert: Alert


def decide(alert: Alert, stream: str, labels: Labels, wording: Wording) -> Decision:
    """Put an alert into words.

    Parameters
    ----------
    alert : Alert
    stream : str
        The stream's id.
    labels : Labels
        The stream's labels.
    wording : Wording
    """
    page = f"{wording.external_url.rstrip('/')}/streams/{stream}?time={alert.starts_at_ms}"
    page_url = page if wording.external_url else ""
    annotations = {
        "summary": f"{render(labels)} {_ending(alert)}",
        **wording.explanation,
        "page": page_url,
        "runbook_url": wording.runbook_url,
    }
    return Decision(
        id=alert_id(stream, alert),
        stream=stream,
        labels=alert_labels(labels, wording.severity, wording.tenant),
        annotations={name: text for name, text in annotations.items() if text},
        page_url=page_url,
        alert=alert,
    )


def alert_id(stream: str, alert: Alert) -> str:
    """The stable id of an alert: its stream and the timestamp of the sample that began it.

    Parameters
    ----------
    stream : str
        The stream's id.
    alert : Alert
    """
    return f"{stream}-{alert.started_ms}"


def alert_labels(labels: Labels, severity: str, tenant: str = "") -> Labels:
    """The label set that is an alert's identity towards Prometheus and Alertmanager.

    Parameters
    ----------
    labels : Labels
        The stream's. Its metric name becomes `metric`; names that clash with the alert's own get `exported_`
        in front, characters that Prometheus does not allow become `_`.
    severity : str
    tenant : str
        "" leaves the label out.
    """
    own = {"alertname": ALERTNAME, "severity": severity} | ({"tenant": tenant} if tenant else {})
    for name, value in labels:
        if name == TENANT:
            continue
        label = "metric" if name == NAME else _allowed(name)
        while name != NAME and (label in OWN_LABELS or label in own):
            label = CLASH_PREFIX + label
        own[label] = value
    return sorted_labels(own.items())


def _allowed(name: str) -> str:
    allowed = _NOT_IN_NAMES.sub("_", name)
    return f"_{allowed}" if allowed[0].isdigit() else allowed


def _ending(alert: Alert) -> str:
    if alert.phase is Phase.SHIFTED:
        return "has moved to a new level"
    if alert.phase is not Phase.INACTIVE:
        return "is anomalous"
    return _ENDINGS.get(alert.reason, _ENDINGS[Reason.RECOVERED])
