"""Label sets and the series they identify."""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum
from hashlib import blake2b

NAME = "__name__"
TENANT = "__tenant__"
"""Whose a stream is; see `kullback.core.tenant`. Never shown as a label."""

ID_BYTES = 10

Labels = tuple[tuple[str, str], ...]
"""Pairs of label name and value, sorted by name, the metric's name under `__name__`."""


class Kind(IntEnum):
    """What the samples of a series are."""

    GAUGE = 0
    COUNTER = 1
    HISTOGRAM = 2
    CATEGORY = 3


def sorted_labels(pairs: Iterable[tuple[str, str]]) -> Labels:
    """The canonical form of a label set: sorted by name, empty values dropped (they mean "absent").

    Parameters
    ----------
    pairs : iterable of (str, str)
        Later pairs win over earlier ones of the same name.
    """
    return tuple(sorted((name, value) for name, value in dict(pairs).items() if value))


def stream_id(labels: Labels) -> str:
    """The stable id of a label set: 20 hex digits of BLAKE2b over its length-prefixed UTF-8 bytes.

    Parameters
    ----------
    labels : Labels
        In canonical form.
    """
    parts: list[bytes] = []
    for pair in labels:
        for text in pair:
            encoded = text.encode("utf-8", "surrogatepass")
            parts += (len(encoded).to_bytes(4, "little"), encoded)
    return blake2b(b"".join(parts), digest_size=ID_BYTES).hexdigest()


class Series:
    """What a label set identifies. Immutable; made once per label set and then passed by reference.

    Parameters
    ----------
    labels : Labels
        In canonical form (see `sorted_labels`).
    kind : Kind
    unit : str
        Unit of the values as the protocol gives it (UCUM or Prometheus base unit), "" when unknown.
    """

    __slots__ = (
        "id",
        "key",
        "kind",
        "label_count",
        "labels",
        "unit",
        "widest_name_bytes",
        "widest_value_bytes",
    )

    def __init__(self, labels: Labels, kind: Kind = Kind.GAUGE, unit: str = "") -> None:
        self.labels = labels
        self.kind = kind
        self.unit = unit
        self.id = stream_id(labels)
        # What tables of series are keyed by: a str hashes and compares in C, a Series in Python.
        self.key = f"{self.id}{int(kind)}"
        # Measured once here because limits are checked on every request.
        self.label_count = sum(name != TENANT for name, _ in labels)
        self.widest_name_bytes = max((len(name.encode("utf-8", "replace")) for name, _ in labels), default=0)
        self.widest_value_bytes = max(
            (len(value.encode("utf-8", "replace")) for _, value in labels), default=0
        )

    @property
    def metric(self) -> str:
        """The metric's name, "" when the label set has none."""
        for name, value in self.labels:  # no generator: every stream of a start is asked
            if name == NAME:
                return value
        return ""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Series) and (self.labels, self.kind) == (other.labels, other.kind)

    def __hash__(self) -> int:
        return hash(self.id)

    def __repr__(self) -> str:
        return f"Series({render(self.labels)!r}, {self.kind.name})"


def kind_of_name(metric: str) -> Kind:
    """The kind a metric's name tells where the protocol does not: `…_total` is a counter (OpenMetrics §5.1).

    Parameters
    ----------
    metric : str
    """
    return Kind.COUNTER if metric.endswith("_total") else Kind.GAUGE


def render(labels: Labels) -> str:
    r"""The label set as PromQL writes it, e.g. `up{job="node"}`; quotes, backslashes and newlines escaped.

    Parameters
    ----------
    labels : Labels
    """
    metric = next((value for name, value in labels if name == NAME), "")
    pairs = [f'{name}="{escape(value)}"' for name, value in labels if name not in (NAME, TENANT)]
    return f"{metric}{{{','.join(pairs)}}}" if pairs or not metric else metric


def escape(value: str) -> str:
    """A label value as the Prometheus text format writes it between quotes.

    Parameters
    ----------
    value : str
    """
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
