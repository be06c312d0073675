"""What people decided and the service must not forget; part of every snapshot."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

Document = dict[str, Any]
"""JSON values, in the form of the action that made them."""


@dataclass(slots=True)
class Facts:
    """Decisions in force.

    Parameters
    ----------
    maintenance : dict of str to Document
        Maintenance windows by id.
    feedback : dict of str to list of Document
        Verdicts on alerts by stream id, oldest first.
    references : dict of str to Document
        Pinned references by name.
    markers : dict of str to Document
        Markers by id.
    profiles : list of Document
        How streams are watched, since the last reload or start that changed it; empty before the first.
    """

    maintenance: dict[str, Document] = field(default_factory=dict)
    feedback: dict[str, list[Document]] = field(default_factory=dict)
    references: dict[str, Document] = field(default_factory=dict)
    markers: dict[str, Document] = field(default_factory=dict)
    profiles: list[Document] = field(default_factory=list)

    def pinned_values(self) -> dict[str, NDArray[np.float64]]:
        """The samples of every pinned reference."""
        return {key: np.array(fact["values"], np.float64) for key, fact in self.references.items()}

    def save(self) -> Document:
        """The decisions as JSON values."""
        return {
            "maintenance": self.maintenance,
            "feedback": self.feedback,
            "references": self.references,
            "markers": self.markers,
            "profiles": self.profiles,
        }

    def load(self, saved: Mapping[str, Any]) -> None:
        """Put back what `save` gave.

        Parameters
        ----------
        saved : mapping
        """
        self.maintenance = dict(saved["maintenance"])
        self.feedback = {stream: list(verdicts) for stream, verdicts in saved["feedback"].items()}
        self.references = dict(saved["references"])
        self.markers = dict(saved.get("markers", {}))  # not in snapshots of the first versions
        self.profiles = list(saved.get("profiles", []))
