"""Histograms and categories through the whole service, in the forms in which they are sent."""

from __future__ import annotations

import struct
import time
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from tests.unit.http.conftest import STEP_MS, serving
from tests.unit.http.test_write import PROTOBUF, field, ingest, remote_write, varint

GOLDEN = Path(__file__).parents[2] / "golden"
BOUNDS = (0.05, 0.1, 0.25, 0.5, 1.0, np.inf)
INTERVALS, SHIFTED = 400, 40


def counts(rng: np.random.Generator, median: float, size: int = 200) -> np.ndarray:
    """Observations per bucket of one interval."""
    return np.histogram(rng.lognormal(np.log(median), 0.6, size), (0.0, *BOUNDS))[0]


def intervals(seed: int = 5) -> np.ndarray:
    """Counts of intervals that become slower at the end."""
    rng = np.random.default_rng(seed)
    return np.array([counts(rng, 0.1 if i < INTERVALS else 0.25) for i in range(INTERVALS + SHIFTED)])


def times_ms(count: int) -> list[int]:
    end_ms = time.time_ns() // 1_000_000
    return [end_ms - (count - 1 - index) * STEP_MS for index in range(count)]


def scrape(
    metric: str, cumulative: np.ndarray, timestamp_ms: int, bounds: tuple[float, ...] = BOUNDS
) -> bytes:
    """A remote write 1.0 message of a classic histogram, cumulative over time and over bounds."""
    message = b""
    for bound, value in zip(bounds, cumulative, strict=True):
        le = "+Inf" if np.isinf(bound) else str(bound)
        labels = [("__name__", f"{metric}_bucket"), ("le", le)]
        series = b"".join(field(1, field(1, n.encode()) + field(2, v.encode())) for n, v in labels)
        sample = field(2, b"\x09" + struct.pack("<d", value) + b"\x10" + varint(timestamp_ms))
        message += field(1, series + sample)
    return message


def slower(metric: str) -> list[dict[str, Any]]:
    """The same intervals as JSON."""
    return [
        {
            "metric": metric,
            "histogram": {"upper_bounds": BOUNDS[:-1], "counts": row.tolist()},
            "timestamp_ms": at_ms,
        }
        for row, at_ms in zip(intervals(6), times_ms(INTERVALS + SHIFTED), strict=True)
    ]


def payments() -> list[str]:
    """Payments of which a third is of a new kind at the end."""
    rng = np.random.default_rng(7)
    before = rng.choice(["card", "cash"], 1500, p=[0.7, 0.3])
    return [*map(str, before), *map(str, rng.choice(["card", "cash", "wallet"], 120))]


def categories(metric: str, names: list[str]) -> dict[str, Any]:
    return {"metric": metric, "categories": names, "timestamps_ms": times_ms(len(names))}


def streams_of(client: httpx.Client, selector: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = client.get("/api/v1/streams", params={"match[]": selector}).json()[
        "streams"
    ]
    return found


def test_classic_buckets_become_one_stream_that_fires_when_requests_slow_down(client: httpx.Client) -> None:
    cumulative = np.cumsum(np.cumsum(intervals(), axis=1), axis=0)
    for row, at_ms in zip(cumulative, times_ms(len(cumulative)), strict=True):
        assert remote_write(client, scrape("checkout_seconds", row, at_ms)).status_code == 204
    (stream,) = streams_of(client, '{__name__="checkout_seconds"}')
    assert stream["form"] == "histogram"
    assert stream["anomalies"] == 1
    assert stream["samples"] == INTERVALS + SHIFTED - 1, "the first is what the second is compared with"
    assert stream["observations"] == pytest.approx(200 * stream["samples"], abs=200)
    why = client.get(f"/api/v1/streams/{stream['id']}/explain").json()
    assert why["anomalous"]
    assert "of the divergence comes from" in why["sentence"]
    assert why["median_change"] == pytest.approx(0.15, abs=0.05)
    (alert,) = client.get(f"/api/v1/alerts?stream={stream['id']}").json()["alerts"]
    assert alert["state"] == "firing"


def test_an_outage_sent_series_by_series_in_one_request_is_the_same_as_scrape_by_scrape(
    client: httpx.Client,
) -> None:
    cumulative = np.cumsum(np.cumsum(intervals(), axis=1), axis=0)
    times = times_ms(len(cumulative))
    for row, at_ms in zip(cumulative, times, strict=True):
        remote_write(client, scrape("by_scrape_seconds", row, at_ms))
    by_series = [
        scrape("by_series_seconds", row[[place]], at_ms, (bound,))
        for place, bound in enumerate(BOUNDS)
        for row, at_ms in zip(cumulative, times, strict=True)
    ]
    assert remote_write(client, b"".join(by_series)).status_code == 204
    (one,), (two,) = streams_of(client, "by_scrape_seconds"), streams_of(client, "by_series_seconds")
    for name in ("samples", "observations", "score", "divergence_nats", "anomalies", "last_sample_ms"):
        assert one[name] == two[name], name


def test_buckets_that_wait_survive_a_restart(tmp_path: Path) -> None:
    cumulative = np.cumsum(np.cumsum(intervals(), axis=1), axis=0)[:40]
    scrapes = list(zip(cumulative, times_ms(40), strict=True))
    early, late = (slice(0, 4), slice(4, None))
    with serving(tmp_path) as client:
        for row, at_ms in scrapes[:20]:
            remote_write(client, scrape("restarted_seconds", row, at_ms))
        begun = [scrape("restarted_seconds", row[early], at_ms, BOUNDS[early]) for row, at_ms in scrapes[20:]]
        assert remote_write(client, b"".join(begun)).status_code == 204
        (before,) = streams_of(client, "restarted_seconds")
        assert before["samples"] == 19
    with serving(tmp_path) as client:
        assert streams_of(client, "restarted_seconds")[0]["samples"] == 19
        missing = [scrape("restarted_seconds", row[late], at_ms, BOUNDS[late]) for row, at_ms in scrapes[20:]]
        assert remote_write(client, b"".join(missing)).status_code == 204
        assert streams_of(client, "restarted_seconds")[0]["samples"] == 39


def test_json_histograms_are_scored_and_shown_in_their_own_buckets(client: httpx.Client) -> None:
    receipt = ingest(client, slower("json_seconds"), "?scores=all").json()
    assert receipt["rejected"] == 0
    (score,) = receipt["scores"]
    assert score["max_score"] > 1
    window = client.get(f"/api/v1/streams/{score['stream']}/windows?window=16").json()
    assert [one["upper"] for one in window["bins"]] == [*BOUNDS[:-1], None]
    assert sum(one["contribution_nats"] for one in window["bins"]) == pytest.approx(window["divergence_nats"])
    assert sum(one["current_ratio"] for one in window["bins"]) == pytest.approx(1)


def test_a_new_category_fires_and_is_named(client: httpx.Client) -> None:
    names = payments()
    (score,) = ingest(client, categories("payments", names), "?scores=all").json()["scores"]
    assert score["max_score"] > 1
    why = client.get(f"/api/v1/streams/{score['stream']}/explain").json()
    assert "comes from category wallet going from 0 % to" in why["sentence"]
    assert why["sentence"].endswith("of samples")
    assert why["move"]["name"] == "wallet"
    bins = why["window"]["bins"]
    assert [one["name"] for one in bins] == ["new or other", *dict.fromkeys(names)]
    shown = client.get(f"/ui/streams/{score['stream']}/window").json()["figure"]
    assert "wallet" in str(shown)


def test_one_minimum_effect_holds_histograms_and_categories_and_explain_tells(tmp_path: Path) -> None:
    with serving(tmp_path, profiles=[{"minimum_effect": {"absolute": 0.8}}]) as client:
        for body in (slower("held_seconds"), categories("held_payments", payments())):
            (score,) = ingest(client, body, "?scores=all").json()["scores"]
            assert score["max_score"] < 1
            why = client.get(f"/api/v1/streams/{score['stream']}/explain").json()
            assert not why["anomalous"]
            gate = why["gates"][-1]
            assert (gate["name"], gate["limit"], gate["passed"]) == ("minimum effect", 0.8, False)
            assert 0.05 < gate["value"] < 0.8
            assert "held there by the minimum effect" in why["sentence"]


def test_native_histograms_become_streams_of_histograms(client: httpx.Client) -> None:
    for path in sorted((GOLDEN / "remote_write_native").glob("*.bin")):
        body, sent = path.read_bytes(), {"Content-Type": PROTOBUF, "Content-Encoding": "snappy"}
        answer = client.post("/api/v1/write?backfill=true", content=body, headers=sent)
        assert answer.status_code == 204, answer.text
    streams = client.get("/api/v1/streams?limit=1000").json()["streams"]
    native = [one for one in streams if one["form"] == "histogram" and one["labels"].get("job")]
    assert native
    assert all(one["observations"] > 0 for one in native if one["samples"])
    assert any(one["samples"] for one in native)


@pytest.mark.parametrize("bad", [-1, "NaN", "Infinity", None])
def test_bad_counts_are_refused_and_good_histograms_kept(client: httpx.Client, bad: Any) -> None:
    good = {"upper_bounds": [1, 2], "counts": [1, 2, 3]}
    rows = [
        {"metric": "hostile", "histogram": good},
        {"metric": "hostile", "histogram": {**good, "counts": [1, bad, 3]}},
    ]
    receipt = ingest(client, rows).json()
    assert (receipt["accepted"], receipt["rejected"]) == (1, 1)


def test_intervals_without_observations_are_accepted_and_not_counted(client: httpx.Client) -> None:
    empty = {"upper_bounds": [1, 2], "counts": [0, 0, 0]}
    at_ms = times_ms(5)
    rows = [{"metric": "idle", "histogram": empty, "timestamp_ms": at} for at in at_ms]
    (score,) = ingest(client, rows, "?scores=all").json()["scores"]
    shown = client.get(f"/api/v1/streams/{score['stream']}").json()
    assert (shown["samples"], shown["observations"]) == (0, 0)
    assert shown["score"] is None
