import numpy as np
import pytest
from benchmarks.detection import mixed
from benchmarks.detection.bursts import LEAD, scene
from benchmarks.detection.changes import CHANGES
from benchmarks.detection.delays import delays_of, matched_threshold
from benchmarks.detection.false_alarms import ratio_of
from benchmarks.detection.nulls import NULLS, Family, rates
from benchmarks.detection.table import Section, Table
from benchmarks.detection.watch import episodes_of


@pytest.mark.parametrize("family", NULLS, ids=lambda f: f.name)
def test_null_families_draw_the_asked_shape_and_repeat(family: Family) -> None:
    first = family.draw(np.random.default_rng(3), 3, 500)
    assert first.shape == (3, 500)
    assert np.array_equal(first, family.draw(np.random.default_rng(3), 3, 500), equal_nan=True)


def test_changes_leave_the_past_alone_and_change_the_future() -> None:
    for change in CHANGES:
        rng = np.random.default_rng(5)
        values = change.base(rng, 2, 300)
        after = change.apply(rng, values[:, 200:].copy(), values[:, :200])
        assert after.shape == (2, 100), change.name
        assert not np.array_equal(after, values[:, 200:]), change.name


def test_rates_count_anew_from_a_reset() -> None:
    got = rates(np.array([[0.0, 60.0, 180.0, 30.0]]), 60_000)
    assert np.isnan(got[0, 0])
    assert got[0, 1:].tolist() == [1.0, 2.0, 0.5]


def test_ratio_is_alarms_over_budget() -> None:
    started = np.zeros((10, 1_000), bool)
    started[:3, 100] = True
    got = ratio_of(started, np.ones_like(started), 1_000)
    assert got.value == pytest.approx(0.3)
    assert got.alarms == 3
    assert got.error > 0


def test_one_noisy_stream_widens_the_error() -> None:
    spread, lumped = np.zeros((10, 1_000), bool), np.zeros((10, 1_000), bool)
    spread[:, 5] = True
    lumped[0, ::100] = True
    counted = np.ones_like(spread)
    assert ratio_of(lumped, counted, 1_000).error > 2 * ratio_of(spread, counted, 1_000).error


def test_matched_threshold_gives_the_asked_run_length() -> None:
    rng = np.random.default_rng(0)
    score = -np.log(rng.random((200, 5_000)))
    assert matched_threshold(score, 10_000) == pytest.approx(np.log(10_000), abs=0.4)


def test_delay_counts_from_the_first_changed_sample_as_one() -> None:
    over = np.zeros((4, 400), bool)
    over[0, 300] = True
    over[1, 309] = True
    over[3, 299] = True
    assert delays_of(over, 300, 50).tolist() == [1.0, 10.0, np.inf]


def test_episode_ends_after_sixteen_calm_samples() -> None:
    over = np.zeros((1, 60), bool)
    over[0, [10, 20, 50]] = True
    anomalous, started = episodes_of(over)
    assert np.flatnonzero(started[0]).tolist() == [10, 50]
    assert anomalous[0, 35]
    assert not anomalous[0, 36]


def test_bursts_lie_after_the_lead_and_are_labelled_where_they_are() -> None:
    drawn = scene("daily", 2, 0)
    assert len(drawn.labels) == 2
    for stream in drawn.labels:
        assert (stream.start >= 0).all()
        assert (stream.end - stream.start + 1 <= 20).all()
        assert stream.closes.max() < drawn.values.shape[1] - LEAD


def test_section_writes_a_page_and_its_figures_as_json(tmp_path) -> None:
    table = Table("T", ("a|b", "c"), [("x", 1.234), ("y", None)], "note")
    Section("s", "Title", [table]).write(tmp_path, "command", {"seed": 1})
    page = (tmp_path / "s.md").read_text()
    assert "| a\\|b | c |" in page
    assert "| y | – |" in page
    assert (tmp_path / "s.json").read_bytes().startswith(b"{")


def test_drawn_incidents_lie_after_the_lead_apart_from_each_other_and_change_their_stream() -> None:
    drawn = mixed.scene(3, 1)
    again = mixed.scene(3, 1)
    assert np.array_equal(drawn.values, again.values)
    for stream, kinds in zip(drawn.labels, drawn.kinds, strict=True):
        assert len(stream.start) == len(kinds) == 4
        assert (stream.opens > 0).all()
        assert (stream.closes < mixed.SAMPLES - mixed.LEAD).all()
        assert (stream.opens[1:] > stream.closes[:-1]).all()
    assert drawn.days == pytest.approx(30, abs=1.5)


@pytest.mark.parametrize("name", mixed.KINDS)
def test_every_kind_of_incident_disturbs(name: str) -> None:
    rng = np.random.default_rng(4)
    quiet = rng.standard_normal(50)
    disturbed = mixed.KINDS[name].disturb(rng, quiet.copy(), 5.0, -4.0)
    assert disturbed.shape == quiet.shape
    assert not np.allclose(disturbed[1:], quiet[1:])
