"""What people look back on is complete, bounded, and the same after a replay."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import cramjam
import numpy as np
import pytest
from numpy.testing import assert_array_equal

from kullback.alerting.alert import Alert, Phase, Reason
from kullback.core.errors import KullbackError, Overloaded
from kullback.core.scores import Episode, Outcome, Scores, blank_scores
from kullback.storage.history import History
from kullback.storage.point import FIRST_POINT, POINT, QUANTILES, pack, quantile, thin, unpack
from kullback.storage.points import CHUNK_POINTS, Points

STEP_MS = 10_000
DAY_MS = 86_400_000
ID = "0123456789abcdef0123"
OTHER = "ffff456789abcdef0123"


def history(path: Path, retention_ms: int = 30 * DAY_MS) -> History:
    opened = History(path / "history.sqlite", 8, STEP_MS, retention_ms)
    opened.points.welcome(3, ID)
    opened.points.welcome(5, OTHER)
    return opened


def scored(at_ms: list[int], value: list[float], score: list[float], number: int = 3) -> Scores:
    scores = blank_scores(np.array(at_ms, np.int64))
    scores.stream[:], scores.value[:], scores.score[:] = number, value, score
    scores.divergence_nats[:], scores.leader[:], scores.episode[:] = 0.25, 4, Episode.READY
    return scores


def phases(scores: Scores, phase: Phase = Phase.INACTIVE) -> np.ndarray:
    return np.full(len(scores), phase, np.uint8)


def fill(kept: History, points: int, start_ms: int = 0, number: int = 3) -> None:
    at_ms = [start_ms + i * STEP_MS for i in range(points)]
    scores = scored(at_ms, [float(i) for i in range(points)], [i / 100 for i in range(points)], number)
    kept.record(scores, phases(scores))


def test_a_point_joins_the_samples_of_its_step(tmp_path: Path) -> None:
    kept = history(tmp_path)
    scores = scored([10_000, 12_000, 19_999, 20_000], [1.0, 5.0, 3.0, 9.0], [0.5, 2.0, 1.0, 0.1])
    kept.record(scores, phases(scores, Phase.FIRING))
    first, second = kept.scores(ID, 0, DAY_MS)
    assert (first["at_ms"], first["samples"], first["score"], first["max_score"]) == (10_000, 3, 1.0, 2.0)
    assert (first["mean"], first["least"], first["most"]) == (3.0, 1.0, 5.0)
    assert (first["phase"], first["leader"], first["ready"]) == (Phase.FIRING, 4, 1)
    assert (second["at_ms"], second["samples"]) == (20_000, 1)


def test_what_was_not_scored_leaves_no_trace(tmp_path: Path) -> None:
    kept = history(tmp_path)
    scores = scored([1, 2, 3], [1.0, np.nan, 3.0], [0.1, np.nan, 0.3])
    scores.outcome[1] = Outcome.NOT_A_NUMBER
    scores.stream[2] = -1
    kept.record(scores, phases(scores))
    (point,) = kept.scores(ID, 0, DAY_MS)
    assert (point["samples"], point["most"]) == (1, 1.0)


def test_a_score_of_the_warm_up_does_not_hide_a_later_one(tmp_path: Path) -> None:
    kept = history(tmp_path)
    scores = scored([1, 2, 3], [1.0, 1.0, 1.0], [np.nan, 0.5, np.nan])
    kept.record(scores, phases(scores))
    (point,) = kept.scores(ID, 0, DAY_MS)
    assert point["max_score"] == 0.5
    assert np.isnan(point["score"])


@pytest.mark.parametrize("points", [1, CHUNK_POINTS - 1, CHUNK_POINTS, CHUNK_POINTS + 1, 1000])
def test_every_point_is_found_whether_in_memory_or_on_disk(tmp_path: Path, points: int) -> None:
    kept = history(tmp_path)
    fill(kept, points)
    found = kept.scores(ID, 0, DAY_MS)
    assert_array_equal(found["at_ms"], np.arange(points) * STEP_MS)
    assert_array_equal(found["mean"], np.arange(points))
    middle = kept.scores(ID, 3 * STEP_MS, 5 * STEP_MS)
    assert middle["at_ms"].tolist() == [at for at in (30_000, 40_000, 50_000) if at < points * STEP_MS]
    assert len(kept.scores(OTHER, 0, DAY_MS)) == 0
    assert len(kept.scores("unknown", 0, DAY_MS)) == 0


def test_streams_do_not_mix(tmp_path: Path) -> None:
    kept = history(tmp_path)
    fill(kept, 40)
    fill(kept, 20, start_ms=STEP_MS, number=5)
    assert len(kept.scores(ID, 0, DAY_MS)) == 40
    assert_array_equal(kept.scores(OTHER, 0, DAY_MS)["mean"], np.arange(20))


def test_a_longer_step_joins_points(tmp_path: Path) -> None:
    kept = history(tmp_path)
    fill(kept, 60)
    minutes = kept.scores(ID, 0, DAY_MS, 60_000)
    assert_array_equal(minutes["at_ms"], np.arange(10) * 60_000)
    assert_array_equal(minutes["mean"], np.arange(10) * 6 + 2.5)
    assert_array_equal(minutes["least"], np.arange(10) * 6)
    assert_array_equal(minutes["most"], np.arange(10) * 6 + 5)
    assert_array_equal(minutes["samples"], 6)
    assert_array_equal(minutes["max_score"], minutes["score"])


def test_thin_leaves_out_steps_without_points() -> None:
    points = np.zeros(2, POINT)
    points["at_ms"], points["samples"] = [0, 600_000], 1
    assert thin(points, 60_000)["at_ms"].tolist() == [0, 600_000]
    assert len(thin(points[:0], 60_000)) == 0


def test_a_point_knows_the_quantiles_of_its_few_samples_exactly(tmp_path: Path) -> None:
    kept = history(tmp_path)
    values = [float(x) for x in np.random.default_rng(1).permutation(11)]
    scores = scored([10_000 + i for i in range(11)], [1e9 + x for x in values], [0.5] * 11)
    kept.record(scores, phases(scores))
    (point,) = kept.scores(ID, 0, DAY_MS)
    assert [float(quantile(point, name)) - 1e9 for name in QUANTILES] == [1.0, 5.0, 9.0]


def test_quantiles_of_many_samples_are_near_the_truth_and_the_same_in_any_split(tmp_path: Path) -> None:
    values = np.random.default_rng(2).normal(0, 1, 100_000)
    at_ms = np.repeat(np.arange(500) * STEP_MS, 200)
    found = []
    for parts in (1, 7):
        (folder := tmp_path / str(parts)).mkdir()
        kept = history(folder)
        for rows in np.array_split(np.arange(len(values)), parts):
            scores = scored(at_ms[rows].tolist(), values[rows].tolist(), [0.5] * len(rows))
            kept.record(scores, phases(scores))
        points = kept.scores(ID, 0, DAY_MS)
        found.append([quantile(points, name) for name in QUANTILES])
    assert_array_equal(found[0], found[1])
    assert np.mean(found[0], axis=1) == pytest.approx([-1.2, 0, 1.2], abs=0.1)


def test_joined_quantiles_of_single_samples_are_those_of_the_samples(tmp_path: Path) -> None:
    kept = history(tmp_path)
    fill(kept, 101)
    (point,) = kept.scores(ID, 0, DAY_MS, DAY_MS)
    assert [float(quantile(point, name)) for name in QUANTILES] == pytest.approx([10, 50, 90], abs=1)


def test_a_history_of_the_first_version_is_read_and_continued(tmp_path: Path) -> None:
    kept = history(tmp_path)
    fill(kept, CHUNK_POINTS)
    kept.points.close(np.array([3], np.int32))
    kept.flush(0)
    (points,) = (kept.scores(ID, 0, DAY_MS),)
    kept.close()
    with sqlite3.connect(tmp_path / "history.sqlite") as raw:
        first = b"".join(points[name].tobytes() for name in FIRST_POINT.names or ())
        raw.execute("UPDATE chunks SET points = ?", (bytes(cramjam.zstd.compress(first)),))
        raw.execute("ALTER TABLE chunks DROP COLUMN peak")
        raw.execute("PRAGMA user_version = 2")
    raw.close()
    again = history(tmp_path)
    fill(again, 2, start_ms=CHUNK_POINTS * STEP_MS)
    read = again.scores(ID, 0, DAY_MS)
    assert_array_equal(read["mean"][:CHUNK_POINTS], points["mean"])
    assert np.isnan(read["p50"][:CHUNK_POINTS]).all()
    assert not np.isnan(read["p50"][CHUNK_POINTS:]).any()


def test_growing_points_of_the_first_version_are_taken_up_from_a_snapshot() -> None:
    number = np.array([3], np.int32)
    old, today = Points(8, STEP_MS), Points(8, STEP_MS)
    scores = scored([10_000, 10_001], [4.0, 6.0], [0.1, 0.1])
    old.record(scores, phases(scores))
    saved = old.save(number)
    first = np.zeros(saved["points"].shape, FIRST_POINT)
    for name in FIRST_POINT.names or ():
        first[name] = saved["points"][name]
    today.load(number, {"points": first, "count": saved["count"]})
    today.welcome(3, ID)
    scores = scored([10_002], [5.0], [0.1])
    today.record(scores, phases(scores))
    (point,) = today.newest(ID)
    assert (point["samples"], point["mean"], float(quantile(point, "p50"))) == (3, 5.0, 5.0)


def test_packing_loses_nothing() -> None:
    rng = np.random.default_rng(0)
    points = np.frombuffer(rng.bytes(POINT.itemsize * 7), POINT)
    assert unpack(pack(points)).tobytes() == points.tobytes()


def test_a_replay_writes_the_same_rows(tmp_path: Path) -> None:
    kept = history(tmp_path)
    fill(kept, 10)
    numbers = np.array([3], np.int32)
    saved = kept.points.save(numbers)
    fill(kept, 50, start_ms=10 * STEP_MS)
    wanted = kept.scores(ID, 0, DAY_MS)
    kept.close()
    again = history(tmp_path)
    again.points.load(numbers, saved)
    fill(again, 50, start_ms=10 * STEP_MS)
    assert_array_equal(again.scores(ID, 0, DAY_MS), wanted)
    assert again._read("SELECT count(*) FROM chunks", ()) == [(3,)]


def test_the_history_of_a_closed_stream_stays_until_its_time(tmp_path: Path) -> None:
    kept = history(tmp_path)
    fill(kept, 5)
    kept.points.close(np.array([3], np.int32))
    assert len(kept.scores(ID, 0, DAY_MS)) == 5
    kept.points.welcome(3, OTHER)
    assert len(kept.points.newest(OTHER)) == 0
    fill(kept, 1, start_ms=40 * DAY_MS, number=5)
    kept.flush(40 * DAY_MS)
    assert len(kept.scores(ID, 0, DAY_MS)) == 0


def test_retention_drops_the_old_and_keeps_the_new(tmp_path: Path) -> None:
    kept = history(tmp_path, retention_ms=DAY_MS)
    fill(kept, 320)
    fill(kept, 32, start_ms=3 * DAY_MS)
    kept.put_alert({"id": "old", "stream": ID, "state": "resolved"}, alert(0, ended_ms=1))
    kept.put_alert({"id": "live", "stream": ID, "state": "firing"}, alert(0))
    kept.audit(1, 0, {"do": "x"})
    kept.flush(3 * DAY_MS)
    assert kept.scores(ID, 0, 4 * DAY_MS)["at_ms"].min() >= 3 * DAY_MS
    assert [one["id"] for one in kept.alerts()] == ["live"]
    assert kept.audits() == []


def test_a_clock_that_jumps_ahead_wipes_nothing(tmp_path: Path) -> None:
    kept = history(tmp_path, retention_ms=DAY_MS)
    fill(kept, 32)
    kept.audit(1, 0, {"do": "x"})
    kept.flush(10_000 * DAY_MS)
    assert len(kept.scores(ID, 0, DAY_MS)) == 32
    assert len(kept.audits()) == 1


def alert(started_ms: int, ended_ms: int | None = None) -> Alert:
    return Alert(
        number=3,
        phase=Phase.FIRING,
        started_ms=started_ms,
        starts_at_ms=started_ms,
        fired_at_ms=started_ms,
        ends_at_ms=ended_ms,
        last_anomalous_ms=started_ms,
        max_score=2.0,
        divergence_nats=0.5,
        leader=0,
        episodes=1,
        reason=Reason.ANOMALOUS,
    )


def test_an_alert_is_one_row_from_pending_to_resolved(tmp_path: Path) -> None:
    kept = history(tmp_path)
    for state in ("pending", "firing", "resolved"):
        kept.put_alert({"id": "a", "stream": ID, "state": state, "annotations": {"x": state}}, alert(5))
    kept.put_alert({"id": "b", "stream": OTHER, "state": "firing"}, alert(9))
    assert [one["id"] for one in kept.alerts()] == ["b", "a"]
    assert kept.alert("a") == {"id": "a", "stream": ID, "state": "resolved", "annotations": {"x": "resolved"}}
    assert kept.alert("none") is None
    assert [one["id"] for one in kept.alerts(state="firing")] == ["b"]
    assert [one["id"] for one in kept.alerts(stream=ID)] == ["a"]
    assert [one["id"] for one in kept.alerts(before_ms=9)] == ["a"]
    assert [one["id"] for one in kept.alerts(limit=1)] == ["b"]


def test_actions_are_audited_once(tmp_path: Path) -> None:
    kept = history(tmp_path)
    for _ in range(2):
        kept.audit(7, 100, {"do": "rebaseline", "author": "me"})
    kept.close()
    assert history(tmp_path).audits() == [(7, 100, {"do": "rebaseline", "author": "me"})]


def test_a_full_disk_loses_nothing_and_recovers(tmp_path: Path) -> None:
    kept = history(tmp_path)
    pages = kept._connection.execute("PRAGMA page_count").fetchone()[0]
    kept._connection.execute(f"PRAGMA max_page_count = {pages}")
    fill(kept, 5000)
    kept.flush(0)
    assert "full" in kept.problem
    with pytest.raises(Overloaded):
        list(kept.secure())
    kept._connection.execute("PRAGMA max_page_count = 100000")
    list(kept.secure())
    assert kept.problem == ""
    assert len(kept.scores(ID, 0, DAY_MS)) == 5000


def test_a_file_that_cannot_be_read_is_put_aside(tmp_path: Path) -> None:
    (tmp_path / "history.sqlite").write_bytes(b"no database" * 500)
    kept = history(tmp_path)
    assert kept.damaged is not None
    assert kept.damaged.exists()
    fill(kept, 3)
    assert len(kept.scores(ID, 0, DAY_MS)) == 3


def test_two_owners_are_refused(tmp_path: Path) -> None:
    kept = history(tmp_path)
    with pytest.raises(KullbackError, match="kb-storage-in-use"):
        history(tmp_path)
    kept.close()
    history(tmp_path).close()


def test_rows_that_wait_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kullback.storage.history.MAX_WAITING_ROWS", 10)
    kept = history(tmp_path)
    for offset in range(25):
        kept.audit(offset, 0, {})
    assert kept.lost_rows == 15
    assert [offset for offset, _, _ in kept.audits()] == list(range(24, 14, -1))


def test_the_file_says_its_version(tmp_path: Path) -> None:
    history(tmp_path).close()
    plain = sqlite3.connect(tmp_path / "history.sqlite")
    assert plain.execute("PRAGMA user_version").fetchone() == (4,)
    plain.close()


def test_a_file_from_before_tenants_is_that_of_anonymous(tmp_path: Path) -> None:
    plain = sqlite3.connect(tmp_path / "history.sqlite")
    plain.executescript(
        """
        CREATE TABLE chunks (stream TEXT, start_ms INTEGER, end_ms INTEGER, points BLOB);
        CREATE UNIQUE INDEX chunk ON chunks (stream, start_ms);
        CREATE TABLE alerts (id TEXT PRIMARY KEY, stream TEXT, state TEXT, started_ms INTEGER,
                             ended_ms INTEGER, document BLOB);
        CREATE TABLE audit (offset INTEGER PRIMARY KEY, now_ms INTEGER, action BLOB);
        INSERT INTO alerts VALUES ('a', 's', 'firing', 1, NULL, '{"id": "a"}');
        INSERT INTO audit VALUES (7, 100, '{"do": "x"}');
        PRAGMA user_version = 1
        """
    )
    plain.close()
    kept = history(tmp_path)
    assert kept.alert("a", "anonymous") == kept.alert("a") == {"id": "a"}
    assert kept.alert("a", "team-a") is None
    assert kept.alerts(tenant="team-a") == []
    assert kept.audits(tenant="anonymous") == [(7, 100, {"do": "x"})]
    assert kept.audits(tenant="team-a") == []


@pytest.mark.parametrize("written", [False, True])
def test_no_score_of_an_interval_is_above_what_its_chunks_allow(tmp_path: Path, written: bool) -> None:
    """In memory, in chunks that wait to be written, and on the disk."""
    kept = history(tmp_path)
    fill(kept, 5 * CHUNK_POINTS + 3)
    if written:
        kept.scores(ID, 0, DAY_MS)
    for first, last in ((0, 5), (CHUNK_POINTS, 2 * CHUNK_POINTS - 1), (70, 82), (3, 200)):
        span = (first * STEP_MS, last * STEP_MS)
        (bound, nothing) = kept.at_most([ID, OTHER], *span)
        highest = float(kept.scores(ID, *span)["max_score"].max()) if written else min(last, 82) / 100
        assert highest <= bound + 1e-6
        assert bound <= highest + CHUNK_POINTS / 100
        assert nothing == -np.inf
    assert kept.at_most([ID], 200 * STEP_MS, 300 * STEP_MS)[0] == -np.inf


def test_chunks_of_an_earlier_version_allow_anything(tmp_path: Path) -> None:
    kept = history(tmp_path)
    fill(kept, 3 * CHUNK_POINTS)
    kept.scores(ID, 0, DAY_MS)
    kept._connection.execute("UPDATE chunks SET peak = NULL")
    assert kept.at_most([ID], 0, CHUNK_POINTS * STEP_MS)[0] == np.inf
