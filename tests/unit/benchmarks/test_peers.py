import numpy as np
import pytest
from benchmarks.peers import DUMMIES, PEERS, Feed, Peer
from benchmarks.peers.charts import cusum_limit, page_hinkley
from benchmarks.peers.dspot import fit_pareto
from benchmarks.peers.tail import tail_nats, two_sided_z
from benchmarks.peers.window import trailing_moments

FEED = Feed(60_000, 10_000)
FAST = [p for p in PEERS if p.cost_us < 2.0]


def noise(streams: int, samples: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((streams, samples))


@pytest.mark.parametrize("peer", FAST, ids=lambda p: p.name)
def test_scores_are_finite_and_missing_samples_score_nothing(peer: Peer) -> None:
    values = noise(2, 3_000)
    values[:, ::7] = np.nan
    scores = peer.score(values, FEED)
    assert np.isfinite(scores).all()
    assert (scores[:, ::7] == 0).all()


@pytest.mark.parametrize("peer", FAST, ids=lambda p: p.name)
def test_scores_are_causal(peer: Peer) -> None:
    values = noise(1, 3_000)
    later = values.copy()
    later[:, 2_500:] += 5.0
    before = peer.score(values, FEED)[:, :2_500]
    assert np.array_equal(before, peer.score(later, FEED)[:, :2_500])


@pytest.mark.parametrize("name", ["DSPOT", "windowed Gaussian", "|x-median|/MAD", "|difference|/MAD"])
def test_a_spike_is_seen_by_those_that_judge_single_samples(name: str) -> None:
    values = noise(1, 4_000)
    values[0, 3_500] += 12.0
    (peer,) = [p for p in PEERS if p.name == name]
    assert peer.score(values, FEED)[0, 3_500] > 1.0


@pytest.mark.parametrize("name", ["CUSUM", "EWMA"])
def test_charts_keep_their_run_length_roughly_on_the_noise_they_are_made_for(name: str) -> None:
    values = noise(20, 8_000)
    (peer,) = [p for p in PEERS if p.name == name]
    over = peer.score(values, FEED)[:, 4_096:] >= 1.0
    assert (over[:, 1:] & ~over[:, :-1]).sum() < 10 * values[:, 4_096:].size / FEED.samples_per_alarm


def test_random_dummy_crosses_its_line_at_the_budget() -> None:
    crossed = (DUMMIES[1].score(np.zeros((100, 10_000)), FEED) >= 1).sum()
    assert 60 < crossed < 140


def test_pareto_fit_recovers_shape_and_scale() -> None:
    u = np.random.default_rng(1).random(20_000)
    shape, scale = fit_pareto(2.0 / 0.3 * (u**-0.3 - 1.0), 0.0)
    assert shape == pytest.approx(0.3, abs=0.05)
    assert scale == pytest.approx(2.0, rel=0.05)


def test_trailing_moments_are_median_and_mad() -> None:
    x = noise(1, 500)[0]
    centre, spread = trailing_moments(x, 100, 10, 1)
    past = x[400 - 10 - 100 : 400 - 10]
    assert centre[400] == pytest.approx(np.median(past))
    assert spread[400] == pytest.approx(1.4826 * np.median(np.abs(past - np.median(past))), rel=0.05)


def test_tail_is_continuous_where_the_series_takes_over() -> None:
    assert float(tail_nats(7.999)) == pytest.approx(float(tail_nats(8.001)), abs=0.05)
    assert float(tail_nats(two_sided_z(1_000))) == pytest.approx(np.log(1_000), rel=1e-6)


def test_siegmunds_limit_matches_the_textbook() -> None:
    assert cusum_limit(465.0, 0.5) == pytest.approx(5.0, abs=0.05)


def test_page_hinkley_agrees_with_river() -> None:
    drift = pytest.importorskip("river.drift")
    x = np.cumsum(noise(1, 2_000)[0]) * 0.3
    detector, alarms = drift.PageHinkley(), []
    for t, value in enumerate(x.tolist()):
        detector.update(value)
        if detector.drift_detected:
            alarms.append(t)
    assert alarms == np.flatnonzero(page_hinkley(x[None], FEED)[0] > 1.0).tolist()
