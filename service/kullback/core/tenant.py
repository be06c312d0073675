"""Tenants: households that share one service and see nothing of each other.

A tenant is a reserved label of its streams. So the id of a stream differs from tenant to tenant, and log,
snapshots and replay carry whose it is without knowing. `Deeds` writes the label at the door, whatever the
sender wrote there; `within` is what every question is narrowed by.

Names follow Grafana Mimir, so that one header serves both:
https://grafana.com/docs/mimir/latest/configure/about-tenant-ids/.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from kullback.core.batch import Batch
from kullback.core.labels import TENANT, Labels, Series, sorted_labels
from kullback.core.selector import Matcher, Selector

EVERYONE = ""
"""The tenant of a request while tenants are off: it sees all there is."""

ANONYMOUS = "anonymous"
"""Whose the streams without the label are: all that came while tenants were off."""

MAX_NAME_BYTES = 150
DEED_BYTES = 1000
"""A series without its texts, about."""

MOST_DEEDS_BYTES = 128 * 1024 * 1024
_NAME = re.compile(r"[0-9A-Za-z!\-_.*'()]+")
_RESERVED = (".", "..")


def name_problem(name: str) -> str:
    """Why a text cannot be the name of a tenant, "" when it can.

    Parameters
    ----------
    name : str
    """
    if len(name.encode("utf-8", "replace")) > MAX_NAME_BYTES:
        return f"a tenant's name has at most {MAX_NAME_BYTES} bytes"
    if not _NAME.fullmatch(name):
        return "a tenant's name has letters, digits and ! - _ . * ' ( ) only"
    return "a tenant's name cannot be . or .." if name in _RESERVED else ""


def tenant_of(labels: Labels) -> str:
    """Whose a stream is.

    Parameters
    ----------
    labels : Labels
    """
    return next((value for name, value in labels if name == TENANT), ANONYMOUS)


def owned_name(tenant: str, name: str) -> str:
    """A name among those of all tenants. Names are each tenant's own; neither they nor tenants have a slash.

    Parameters
    ----------
    tenant, name : str
    """
    return name if tenant in (ANONYMOUS, EVERYONE) else f"{tenant}/{name}"


def within(selector: Selector, tenant: str) -> Selector:
    """A selector narrowed to the streams of one tenant; its own matchers cannot widen it again.

    Parameters
    ----------
    selector : Selector
    tenant : str
        `EVERYONE` narrows nothing.
    """
    if tenant == EVERYONE:
        return selector
    own = Matcher(TENANT, "=", "" if tenant == ANONYMOUS else tenant, None)
    return Selector((own, *selector.matchers), selector.text)


class Deeds:
    """Puts samples down to their tenants. Remembers the series it made: they cost more than the samples.

    Parameters
    ----------
    most_bytes : int
        About what may be remembered; beyond it all is forgotten.
    """

    def __init__(self, most_bytes: int = MOST_DEEDS_BYTES) -> None:
        self._most_bytes = most_bytes
        self._bytes = 0
        self._owned: dict[tuple[str, str], Series] = {}

    def put(self, batch: Batch, tenant: str) -> Batch:
        """The batch with each series in the name of the tenant, whatever label the sender gave it.

        Parameters
        ----------
        batch : Batch
        tenant : str
            Not `EVERYONE`.
        """
        return replace(batch, series=tuple(self._of(series, tenant) for series in batch.series))

    def _of(self, series: Series, tenant: str) -> Series:
        known = self._owned.get((tenant, series.key))
        if known is None or known.unit != series.unit:
            known = _owned(series, tenant)
            self._remember(tenant, series, known)
        return known

    def _remember(self, tenant: str, series: Series, owned: Series) -> None:
        self._bytes += DEED_BYTES + sum(len(name) + len(value) for name, value in series.labels)
        if self._bytes > self._most_bytes:
            self._owned.clear()
            self._bytes = 0
        self._owned[tenant, series.key] = owned


def _owned(series: Series, tenant: str) -> Series:
    labels = [(name, value) for name, value in series.labels if name != TENANT]
    if tenant != ANONYMOUS:
        labels.append((TENANT, tenant))
    return Series(sorted_labels(labels), series.kind, series.unit)


@dataclass(frozen=True, slots=True)
class Quotas:
    """How many streams each tenant may have.

    Parameters
    ----------
    max_streams : int
        Of a tenant without a quota of its own; 0: no limit but that of the service.
    own : mapping of str to int
        By tenant.
    """

    max_streams: int = 0
    own: Mapping[str, int] = field(default_factory=dict)

    def of(self, tenant: str) -> int:
        """The most streams of a tenant, 0 where only the service's limit holds.

        Parameters
        ----------
        tenant : str
        """
        return self.own.get(tenant, self.max_streams)
