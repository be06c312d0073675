"""Keep what other detectors scored: their figures change only when their code or the streams do."""

from __future__ import annotations

import hashlib
import pickle
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from benchmarks.detection.sizes import Sizes
from benchmarks.detection.watch import Detector

T = TypeVar("T")
SOURCES = ("detection/*.py", "peers/*.py")
UNRELATED = {"__main__", "keep", "kullback", "plots", "sections", "table"}
SECTIONS = {"binned", "bursts", "delays", "false_alarms", "following", "life", "mixed", "nab", "servers"}
"""Modules of one section each; its results depend on no other of them."""


@dataclass(frozen=True, slots=True)
class Keep:
    """A folder of results by what they depend on.

    Parameters
    ----------
    folder : Path or None
        None: keep nothing.
    """

    folder: Path | None

    def result(self, section: str, detector: Detector, sizes: Sizes, compute: Callable[[], T]) -> T:
        """The kept result, or a new one.

        Parameters
        ----------
        section : str
        detector : Detector
        sizes : Sizes
        compute : callable
        """
        if self.folder is None or detector.name.startswith("Kullback"):
            return compute()
        path = self.folder / f"{section}-{self._key(section, detector, sizes)}.pickle"
        if path.exists():
            kept: T = pickle.loads(path.read_bytes())
            return kept
        result = compute()
        self.folder.mkdir(parents=True, exist_ok=True)
        path.write_bytes(pickle.dumps(result))
        return result

    def _key(self, section: str, detector: Detector, sizes: Sizes) -> str:
        digest = hashlib.sha256(f"{section} {detector.name} {sizes}".encode())
        root, foreign = Path(__file__).parent.parent, SECTIONS - {section.partition("-")[0]}
        for path in sorted(path for pattern in SOURCES for path in root.glob(pattern)):
            if path.stem not in UNRELATED | foreign:
                digest.update(path.read_bytes())
        return digest.hexdigest()[:16]
