"""Labels of streams as the scrape format writes them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from operator import attrgetter

from kullback.core.labels import NAME, TENANT, Labels, Series, escape
from kullback.core.tenant import tenant_of

TAKEN_NAMES = frozenset(("metric", "window"))
_NOT_IN_NAMES = re.compile(r"[^a-zA-Z0-9_]")
_ROOM_FOR_GONE = 2
_ID = attrgetter("id")


class LabelTexts:
    """Rendered label sets by stream id, so that a scrape does not escape what it escaped before.

    Parameters
    ----------
    tenants : bool
        Whether they say whose the stream is.
    """

    def __init__(self, tenants: bool = False) -> None:
        self.tenants = tenants
        self._texts: dict[str, bytes] = {}

    def __len__(self) -> int:
        return len(self._texts)

    def of(self, series: Sequence[Series]) -> list[bytes]:
        """The text between the braces for each stream.

        Parameters
        ----------
        series : sequence of Series
        """
        known = self._texts
        if len(known) > _ROOM_FOR_GONE * len(series) + 1000:
            known.clear()
        texts = list(map(known.get, map(_ID, series)))
        return [
            text or known.setdefault(one.id, label_text(one.labels, self.tenants))
            for text, one in zip(texts, series, strict=True)
        ]


def label_text(labels: Labels, tenants: bool = False) -> bytes:
    """A stream's labels as the scrape format writes them, the metric's name as `metric`.

    Labels whose names clash get `exported_` in front, as Prometheus does with a target's labels; names
    that the format does not allow get underscores.

    Parameters
    ----------
    labels : Labels
    tenants : bool
        Whether `tenant` says whose the stream is.
    """
    pairs = label_pairs(labels, tenants)
    return ",".join(f'{name}="{escape(value)}"' for name, value in pairs).encode("utf-8", "replace")


def label_pairs(labels: Labels, tenants: bool = False) -> list[tuple[str, str]]:
    """A stream's labels under the names that its scores have; see `label_text`.

    Parameters
    ----------
    labels : Labels
    tenants : bool
    """
    names = set(TAKEN_NAMES)
    pairs = [("metric", dict(labels).get(NAME, ""))]
    if tenants:
        names.add("tenant")
        pairs.append(("tenant", tenant_of(labels)))
    for name, value in labels:
        if name not in (NAME, TENANT):
            shown = _free_name(name, names)
            names.add(shown)
            pairs.append((shown, value))
    return pairs


def _free_name(name: str, taken: set[str]) -> str:
    shown = _NOT_IN_NAMES.sub("_", name)
    if shown[:1].isdigit() or shown.startswith("__"):
        shown = f"exported_{shown}"
    while shown in taken:
        shown = f"exported_{shown}"
    return shown
