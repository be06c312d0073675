"""One stream seen closely: its windows, why it is anomalous, where its alarm line lies."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from kullback.detector.alarm_limits import AlarmLimits
from kullback.engine.categories import Categories
from kullback.engine.shards import Shards


class Views:
    """What detectors tell of a stream, with the names of its categories.

    Parameters
    ----------
    shards : Shards
    categories : Categories
    """

    def __init__(self, shards: Shards, categories: Categories) -> None:
        self._shards, self._categories = shards, categories

    def categories(self, number: int) -> tuple[str, ...]:
        """Names of a stream's categories: the first has code 1, names beyond the last have code 0.

        Parameters
        ----------
        number : int
        """
        return self._categories.names(number)

    def lengths(self, number: int) -> tuple[int, ...]:
        """Lengths in samples of a stream's current windows.

        Parameters
        ----------
        number : int
        """
        detector, slot = self._shards.detector(number)
        return detector.lengths(slot)

    def windows(self, number: int, window: int) -> Any:
        """Reference and one current window side by side.

        Parameters
        ----------
        number : int
        window : int
            Its length in samples.
        """
        detector, slot = self._shards.detector(number)
        view = detector.windows(slot, window)
        names = self._categories.of_bins(number)
        return replace(view, names=names[: len(view.edges) - 1]) if names else view

    def explain(self, number: int) -> Any:
        """Why a stream is anomalous, or why not.

        Parameters
        ----------
        number : int
        """
        detector, slot = self._shards.detector(number)
        found = detector.explain(slot)
        names = self._categories.of_bins(number)
        return found.named(names[: len(found.view.edges) - 1]) if names else found

    def alarm_limits(self, number: int) -> AlarmLimits:
        """Values below and above which a stream's next sample alone raises an alarm, None where none does.

        Parameters
        ----------
        number : int
        """
        detector, slot = self._shards.detector(number)
        return detector.alarm_limits(slot)

    def leader_text(self, number: int, leader: int) -> str:
        """The statistic and window that a leader of a stream's scores stands for.

        Parameters
        ----------
        number : int
        leader : int
        """
        return self._shards.detector(number)[0].leader_text(leader)
