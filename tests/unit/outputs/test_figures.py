"""What the figures show."""

from __future__ import annotations

import numpy as np

from kullback.outputs.figures import score_figure

TIMES_MS = 1_700_000_000_000 + 10_000 * np.arange(30)


def test_the_ground_is_tinted_for_as_long_as_an_alert_lasts() -> None:
    spans = [(int(TIMES_MS[5]), int(TIMES_MS[9])), (int(TIMES_MS[20]), int(TIMES_MS[29]))]
    figure = score_figure(TIMES_MS, np.ones(30), lasting_ms=spans)
    tinted = [shape for shape in figure.layout.shapes if shape.type == "rect"]
    assert len(tinted) == 2
    assert "alert under way" in [trace.name for trace in figure.data]


def test_no_alert_no_tint() -> None:
    figure = score_figure(TIMES_MS, np.ones(30))
    assert "alert under way" not in [trace.name for trace in figure.data]
