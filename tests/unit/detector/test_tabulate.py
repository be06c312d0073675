"""The shipped null distributions come out of their generator."""

from __future__ import annotations

import numpy as np

from kullback.detector.tables import load_null
from kullback.detector.tabulate import tabulate


def test_shipped_tables_are_what_the_generator_makes() -> None:
    small, shipped = tabulate(1 << 18, 600), load_null()
    assert np.array_equal(small.windows, shipped.windows)
    assert np.array_equal(small.sizes, shipped.sizes)
    common = (shipped.log_samples > np.log(200.0)) & (shipped.log_samples < np.log(5000.0))
    assert np.abs(small.threshold[-1, common] - shipped.threshold[-1, common]).max() < 0.7
    seen = (shipped.nats > 0.5) & (shipped.nats < 4.0)
    assert np.abs(small.nats - shipped.nats)[seen].max() < 0.6
    assert abs(small.location[0] - shipped.location[0]) < 1.0


def test_shipped_lines_rise_with_the_budget_and_fall_with_the_size_of_the_reference() -> None:
    shipped = load_null()
    assert (np.diff(shipped.threshold, axis=1) > 0).all()
    assert (np.diff(shipped.threshold, axis=0) <= 0).all()
    assert shipped.log_samples[0] <= np.log(1e3)
    assert shipped.log_samples[-1] >= np.log(1e7)
