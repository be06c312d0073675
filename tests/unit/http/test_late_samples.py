"""Late, repeated and disordered samples, as docs/late-samples.md says, through HTTP."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import cramjam
import httpx
import numpy as np
import pytest
from tests.unit.http.conftest import feed, normal, serving
from tests.unit.http.test_write import PROTOBUF, counted
from tests.wire_messages import WriteRequest

SCRAPE_MS = 15_000
HOUR_SAMPLES = 240
TOLERANCE_MS = 60_000


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def scraped(count: int) -> list[int]:
    """Times of a scraper, the newest of them now."""
    last_ms = now_ms()
    return [last_ms - index * SCRAPE_MS for index in range(count)][::-1]


def write(
    client: httpx.Client, metric: str, times_ms: list[int], values: np.ndarray, query: str = "", **labels: str
) -> httpx.Response:
    """One remote write request with a sample per time."""
    message = WriteRequest()
    series = message.timeseries.add()
    for name, value in sorted({"__name__": metric, **labels}.items()):
        series.labels.add(name=name, value=value)
    for timestamp_ms, value in zip(times_ms, values, strict=True):
        series.samples.add(value=float(value), timestamp=timestamp_ms)
    packed = bytes(cramjam.snappy.compress_raw(message.SerializeToString()))
    headers = {"Content-Type": PROTOBUF, "Content-Encoding": "snappy"}
    return client.post(f"/api/v1/write{query}", content=packed, headers=headers)


def stream_of(client: httpx.Client, metric: str) -> dict[str, Any]:
    (stream,) = client.get("/api/v1/streams", params={"match[]": metric}).json()["streams"]
    return dict(stream)


def standing(client: httpx.Client, metric: str) -> tuple[Any, ...]:
    """What a replay must not change."""
    stream = stream_of(client, metric)
    return tuple(stream[name] for name in ("score", "samples", "state", "anomalies", "last_sample_ms"))


def test_an_hour_sent_again_after_a_restart_changes_nothing(client: httpx.Client) -> None:
    metric, times, values = "replayed_seconds", scraped(700), normal(700)
    assert write(client, metric, times, values).status_code == 204
    before = standing(client, metric)
    repeated = counted(client, "kullback_samples_unscored_total", protocol="remote_write", kind="duplicate")
    refused = counted(
        client, "kullback_samples_rejected_total", protocol="remote_write", reason="out_of_order"
    )
    for first in range(700 - HOUR_SAMPLES, 700, 40):
        again = write(client, metric, times[first : first + 40], values[first : first + 40])
        assert again.status_code == 204, again.text
    assert standing(client, metric) == before
    assert before[2] == "ok"
    now_repeated = counted(
        client, "kullback_samples_unscored_total", protocol="remote_write", kind="duplicate"
    )
    assert now_repeated - repeated == HOUR_SAMPLES
    now_refused = counted(
        client, "kullback_samples_rejected_total", protocol="remote_write", reason="out_of_order"
    )
    assert now_refused == refused


def irregular(count: int) -> list[int]:
    """Times without a step, over somewhat more than an hour, the newest of them now."""
    distances = np.random.default_rng(count).integers(2000, 11_000, count - 1)
    return [now_ms() - int(distances[index:].sum()) for index in range(count)]


def send_json(client: httpx.Client, metric: str, times_ms: list[int], values: np.ndarray) -> httpx.Response:
    row = {"metric": metric, "timestamps_ms": times_ms, "values": [float(value) for value in values]}
    return client.post("/api/v1/ingest?scores=none", json=row)


def send_influx(client: httpx.Client, metric: str, times_ms: list[int], values: np.ndarray) -> httpx.Response:
    measurement, _, key = metric.rpartition("_")
    lines = [f"{measurement} {key}={value} {at_ms}" for at_ms, value in zip(times_ms, values, strict=True)]
    return client.post("/write?precision=ms", content="\n".join(lines))


@pytest.mark.parametrize(
    ("protocol", "send"),
    [("remote_write", write), ("json", send_json), ("influx", send_influx)],
    ids=["remote_write", "json", "influx"],
)
def test_an_hour_of_irregular_times_sent_again_is_no_error_and_changes_nothing(
    client: httpx.Client, protocol: str, send: Callable[..., httpx.Response]
) -> None:
    metric, times, values = f"irregular_{protocol}_seconds", irregular(600), normal(600)
    for first in range(0, 600, 100):
        assert send(client, metric, times[first : first + 100], values[first : first + 100]).is_success
    before = standing(client, metric)
    unscored = {"protocol": protocol, "kind": "duplicate"}
    repeated = counted(client, "kullback_samples_unscored_total", **unscored)
    refusals = {"protocol": protocol, "reason": "out_of_order"}
    refused = counted(client, "kullback_samples_rejected_total", **refusals)
    for first in range(0, 600, 30):
        again = send(client, metric, times[first : first + 30], values[first : first + 30])
        assert again.is_success, again.text
    assert standing(client, metric) == before
    assert before[2] == "ok"
    assert counted(client, "kullback_samples_unscored_total", **unscored) - repeated == 600
    assert counted(client, "kullback_samples_rejected_total", **refusals) == refused
    (stream,) = client.get("/api/v1/streams", params={"match[]": metric}).json()["streams"]
    assert client.get("/api/v1/alerts", params={"stream": stream["id"]}).json()["alerts"] == []


def test_an_irregular_sender_goes_on_after_its_replay(client: httpx.Client) -> None:
    times, values = irregular(500), normal(500)
    assert write(client, "irregular_resumed_seconds", times[:400], values[:400]).status_code == 204
    assert write(client, "irregular_resumed_seconds", times[100:], values[100:]).status_code == 204
    assert stream_of(client, "irregular_resumed_seconds")["samples"] == 500


def test_a_replay_is_known_across_gaps_of_the_sender(client: httpx.Client) -> None:
    times = scraped(700)
    kept = times[:300] + times[304:500] + times[520:]
    assert write(client, "gaps_seconds", kept, normal(len(kept))).status_code == 204
    assert write(client, "gaps_seconds", kept, normal(len(kept))).status_code == 204


def test_a_replay_goes_on_with_what_is_new(client: httpx.Client) -> None:
    times, values = scraped(500), normal(500)
    assert write(client, "resumed_seconds", times[:400], values[:400]).status_code == 204
    assert write(client, "resumed_seconds", times[160:], values[160:]).status_code == 204
    stream = stream_of(client, "resumed_seconds")
    assert stream["samples"] == 500


def test_a_histogram_sent_again_changes_nothing(client: httpx.Client) -> None:
    times = scraped(300)
    rows = [
        {
            "metric": "replayed_histogram",
            "histogram": {"upper_bounds": [0.1, 1.0], "counts": [5 + index % 3, 2, 1]},
            "timestamp_ms": timestamp_ms,
        }
        for index, timestamp_ms in enumerate(times)
    ]
    first = client.post("/api/v1/ingest?scores=none", json=rows)
    assert first.status_code == 200, first.text
    before = standing(client, "replayed_histogram")
    again = client.post("/api/v1/ingest?scores=none", json=rows[60:]).json()
    assert (again["accepted"], again["rejected"], again["duplicates"]) == (0, 0, 240)
    assert standing(client, "replayed_histogram") == before


def test_a_late_sample_is_refused_where_no_tolerance_is_set(client: httpx.Client) -> None:
    times = scraped(10)
    write(client, "late_seconds", times, normal(10))
    answer = write(client, "late_seconds", [times[5] + 1], normal(1))
    assert answer.status_code == 400
    assert "kb-sample-out-of-order" in answer.text
    assert "out_of_order_ms" in answer.text


@pytest.fixture(scope="module")
def tolerant(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    with serving(tmp_path_factory.mktemp("tolerant"), limits={"out_of_order_ms": TOLERANCE_MS}) as client:
        yield client


def test_a_late_sample_within_the_tolerance_is_scored_and_once_only(tolerant: httpx.Client) -> None:
    times = scraped(10)
    write(tolerant, "late_seconds", times, normal(10))
    late_ms = times[-1] - TOLERANCE_MS + 1
    assert write(tolerant, "late_seconds", [late_ms], normal(1)).status_code == 204
    assert write(tolerant, "late_seconds", [late_ms], normal(1)).status_code == 204
    stream = stream_of(tolerant, "late_seconds")
    assert (stream["samples"], stream["last_sample_ms"]) == (11, times[-1])
    assert write(tolerant, "late_seconds", [times[0] + 1], normal(1)).status_code == 400


def test_an_hour_in_which_samples_overtook_each_other_may_be_sent_again(tolerant: httpx.Client) -> None:
    metric, times, values = "overtaken_seconds", scraped(HOUR_SAMPLES), normal(HOUR_SAMPLES)
    for place in range(20, HOUR_SAMPLES, 50):
        times[place], times[place + 1] = times[place + 1], times[place]
    assert write(tolerant, metric, times, values).status_code == 204
    before = standing(tolerant, metric)
    assert before[1] == HOUR_SAMPLES
    for first in range(0, HOUR_SAMPLES, 40):
        again = write(tolerant, metric, times[first : first + 40], values[first : first + 40])
        assert again.status_code == 204, again.text
    assert standing(tolerant, metric) == before


def test_a_late_value_of_a_counter_disturbs_no_rate(tolerant: httpx.Client) -> None:
    times = [now_ms() - 1000 * (200 - index) for index in range(200)]
    counts = np.cumsum(np.random.default_rng(1).integers(5, 16, 201)).astype(float)
    assert write(tolerant, "late_total", times, counts[:200]).status_code == 204
    assert write(tolerant, "late_total", [times[150] + 1], counts[150:151]).status_code == 204
    assert write(tolerant, "late_total", [times[-1] + 1000], counts[200:]).status_code == 204
    stream = stream_of(tolerant, "late_total")
    windows = tolerant.get(f"/api/v1/streams/{stream['id']}/windows?window=16").json()
    assert stream["samples"] == 200
    assert all(quantile["current"] < 20 for quantile in windows["quantiles"]), windows["quantiles"]


def test_samples_that_are_too_old_or_ahead_are_counted_by_reason(client: httpx.Client) -> None:
    for reason, at_ms in (("too_old", now_ms() - 4 * 3_600_000), ("in_future", now_ms() + 3_600_000)):
        labels = {"protocol": "remote_write", "reason": reason}
        before = counted(client, "kullback_samples_rejected_total", **labels)
        assert write(client, f"{reason}_seconds", [at_ms], normal(1)).status_code == 400
        assert counted(client, "kullback_samples_rejected_total", **labels) == before + 1


def test_backfill_takes_what_is_too_old(client: httpx.Client) -> None:
    old_ms = now_ms() - 4 * 3_600_000
    assert write(client, "old_seconds", [old_ms], normal(1), "?backfill=true").status_code == 204


def test_an_alert_on_very_late_data_goes_on_between_requests(client: httpx.Client) -> None:
    late_ms = -2 * 3_600_000
    stream = feed(client, "very_late_seconds", normal(1500), later_ms=late_ms)
    feed(client, "very_late_seconds", normal(60, 2) + 0.4, later_ms=late_ms + 60_000)
    (alert,) = client.get("/api/v1/alerts", params={"stream": stream}).json()["alerts"]
    assert alert["state"] == "firing"
    looks = client.get("/api/v1/status").json()["uptime_s"]
    while client.get("/api/v1/status").json()["uptime_s"] < looks + 3:  # deadlines are looked at every second
        assert stream_of(client, "very_late_seconds")["state"] == "firing"
        time.sleep(0.1)
    feed(client, "very_late_seconds", normal(5, 3) + 0.4, later_ms=late_ms + 65_000)
    (same,) = client.get("/api/v1/alerts", params={"stream": stream}).json()["alerts"]
    assert (same["id"], same["state"]) == (alert["id"], "firing")
