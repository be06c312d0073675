import numpy as np
from benchmarks.detection.kullback import Kullback, KullbackAlerts
from benchmarks.peers import Feed

FEED = Feed(60_000, 1_000)


def shifted() -> np.ndarray:
    values = np.random.default_rng(2).standard_normal((3, 700))
    values[:, 600:] += 9.0
    values[1, ::5] = np.nan
    return values


def test_every_stream_comes_back_in_its_own_row() -> None:
    together = Kullback().watch(shifted(), FEED)
    alone = Kullback().watch(shifted()[2:], FEED)
    assert together.score.shape == (3, 700)
    assert np.array_equal(together.score[2], alone.score[0])


def test_missing_samples_are_not_scored_and_a_big_shift_starts_an_episode() -> None:
    watched = Kullback().watch(shifted(), FEED)
    assert not watched.scored[1, ::5].any()
    assert watched.score[1, ::5].max() == 0.0
    assert watched.started[:, 600:640].any(axis=1).all()


def test_one_row_per_alert_keeps_the_first_row_only() -> None:
    every, alerts = Kullback().watch(shifted(), FEED), KullbackAlerts().watch(shifted(), FEED)
    assert np.array_equal(alerts.score[every.started], every.score[every.started])
    assert (alerts.score[every.anomalous & ~every.started] == 0.0).all()
