"""A remote write 2.0 sender, built from the specification, and what it is told.

https://prometheus.io/docs/specs/prw/remote_write_spec_2_0/
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import cramjam
import httpx
import pytest
from tests.unit.http.test_write import counted
from tests.wire_messages import Request, WriteRequest

from kullback.core.batch import STALE_MARKER

V1, V2 = "prometheus.WriteRequest", "io.prometheus.write.v2.Request"
COUNTER, GAUGE = 1, 2
PREFIX = "x-prometheus-remote-write-"
HIGHEST_U64 = 2**64 - 1


@dataclass
class Sender:
    """Keeps a symbols table, sends 2.0 and falls back to 1.0 when told 415, as the specification asks."""

    client: httpx.Client
    proto: str = V2
    message: Any = field(default_factory=Request)
    _symbols: dict[str, int] = field(default_factory=lambda: {"": 0})

    def symbol(self, text: str) -> int:
        return self._symbols.setdefault(text, len(self._symbols))

    def series(self, kind: int = GAUGE, **labels: str) -> Any:
        series = self.message.timeseries.add()
        pairs = sorted({"__name__": labels.pop("name"), **labels}.items())
        series.labels_refs.extend(self.symbol(text) for pair in pairs for text in pair)
        series.metadata.type = kind
        series.metadata.help_ref = self.symbol("What it is.")
        return series

    def send(self, **headers: str) -> httpx.Response:
        self.message.symbols.extend(self._symbols)
        packed = bytes(cramjam.snappy.compress_raw(self.message.SerializeToString()))
        sent = {
            "Content-Encoding": "snappy",
            "Content-Type": f"application/x-protobuf;proto={self.proto}",
            "X-Prometheus-Remote-Write-Version": "2.0.0",
            "User-Agent": "kullback-test/1",
        }
        return self.client.post("/api/v1/write", content=packed, headers={**sent, **headers})


@pytest.fixture
def sender(client: httpx.Client) -> Sender:
    return Sender(client)


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def written(answer: httpx.Response) -> dict[str, int]:
    names = ("samples", "histograms", "exemplars")
    return {name: int(answer.headers[f"{PREFIX}{name}-written"]) for name in names}


def integer_histogram(series: Any, timestamp_ms: int, counts: Sequence[int]) -> None:
    histogram = series.histograms.add(count_int=sum(counts), sum=1.5, schema=3, timestamp=timestamp_ms)
    histogram.positive_spans.add(offset=0, length=len(counts))
    before = 0
    for count in counts:
        histogram.positive_deltas.append(count - before)
        before = count


def test_everything_of_the_message_is_accepted_and_told(sender: Sender, client: httpx.Client) -> None:
    start_ms = now_ms() - 60_000
    gauge = sender.series(name="prw2_depth", queue="größe")
    gauge.created_timestamp = start_ms
    for index in range(3):
        gauge.samples.add(value=index, timestamp=start_ms + 1000 * index)
    exemplar = gauge.exemplars.add(value=1, timestamp=start_ms)
    exemplar.labels_refs.extend([sender.symbol("trace_id"), sender.symbol("abc")])
    native = sender.series(name="prw2_seconds")
    for index in range(4):
        integer_histogram(native, start_ms + 1000 * index, [5 * (index + 1), 2 * (index + 1)])
    answer = sender.send()
    assert (answer.status_code, answer.text) == (204, "")
    assert written(answer) == {"samples": 3, "histograms": 4, "exemplars": 0}
    found = client.get("/api/v1/streams", params={"match[]": '{__name__=~"prw2_(depth|seconds)"}'}).json()
    forms = {stream["metric"]: (stream["form"], stream["labels"]) for stream in found["streams"]}
    assert forms == {"prw2_depth": ("number", {"queue": "größe"}), "prw2_seconds": ("histogram", {})}


def test_the_type_makes_a_counter_of_a_name_that_does_not_tell(sender: Sender, client: httpx.Client) -> None:
    series = sender.series(COUNTER, name="prw2_bytes_sent")
    for index in range(5):
        series.samples.add(value=100.0 * index, timestamp=now_ms() - 5000 + 1000 * index)
    assert sender.send().status_code == 204
    (stream,) = client.get("/api/v1/streams", params={"match[]": "prw2_bytes_sent"}).json()["streams"]
    assert client.get(f"/api/v1/streams/{stream['id']}").json()["counter"] is True


def test_a_partial_failure_keeps_what_is_valid_and_counts_it(sender: Sender) -> None:
    good, late = sender.series(name="prw2_good"), sender.series(name="prw2_late")
    good.samples.add(value=1, timestamp=now_ms())
    late.samples.add(value=1, timestamp=now_ms() - 20_000_000)
    nameless = sender.message.timeseries.add()
    nameless.labels_refs.extend([sender.symbol("only"), sender.symbol("label")])
    nameless.samples.add(value=1, timestamp=now_ms())
    broken = sender.message.timeseries.add()
    broken.labels_refs.extend([4_000_000_000, 1])
    broken.samples.add(value=1, timestamp=now_ms())
    answer = sender.send()
    assert answer.status_code == 400
    assert written(answer)["samples"] == 2  # senders only SHOULD name their series
    assert "kb-sample-too-old" in answer.text
    assert "kb-bad-labels" in answer.text


def test_a_retry_of_the_same_message_is_a_success(client: httpx.Client) -> None:
    start_ms = now_ms() - 10_000
    for _ in range(2):
        sender = Sender(client)
        series = sender.series(name="prw2_again")
        for index in range(10):
            series.samples.add(value=index, timestamp=start_ms + 1000 * index)
        assert sender.send().status_code == 204
    (stream,) = client.get("/api/v1/streams", params={"match[]": "prw2_again"}).json()["streams"]
    assert stream["last_sample_ms"] == start_ms + 9000


def test_metadata_without_samples_is_a_success(sender: Sender) -> None:
    sender.series(COUNTER, name="prw2_metadata_only")
    answer = sender.send()
    assert answer.status_code == 204
    assert written(answer) == {"samples": 0, "histograms": 0, "exemplars": 0}


@pytest.mark.parametrize("proto", ["io.prometheus.write.v3.Request", "nonsense"])
def test_an_unknown_message_is_415_so_that_the_sender_falls_back(client: httpx.Client, proto: str) -> None:
    sender = Sender(client, proto)
    sender.series(name="prw2_never").samples.add(value=1, timestamp=now_ms())
    assert sender.send().status_code == 415
    older = WriteRequest()
    older.timeseries.add().labels.add(name="__name__", value="prw1_instead")
    older.timeseries[0].samples.add(value=1, timestamp=now_ms())
    packed = bytes(cramjam.snappy.compress_raw(older.SerializeToString()))
    headers = {"Content-Type": f"application/x-protobuf;proto={V1}", "Content-Encoding": "snappy"}
    assert client.post("/api/v1/write", content=packed, headers=headers).status_code == 204


def test_a_body_that_is_no_message_wrote_nothing_and_says_so(client: httpx.Client) -> None:
    packed = bytes(cramjam.snappy.compress_raw(b"\xff\xff"))
    headers = {"Content-Type": f"application/x-protobuf;proto={V2}", "Content-Encoding": "snappy"}
    answer = client.post("/api/v1/write", content=packed, headers=headers)
    assert answer.status_code == 400
    assert written(answer) == {"samples": 0, "histograms": 0, "exemplars": 0}


def test_a_body_over_the_limit_wrote_nothing_and_says_so(client: httpx.Client) -> None:
    headers = {"Content-Type": f"application/x-protobuf;proto={V2}", "Content-Encoding": "snappy"}
    answer = client.post("/api/v1/write", content=bytes(1_100_000), headers=headers)
    assert answer.status_code == 413
    assert "max_body_bytes" in answer.text
    assert written(answer) == {"samples": 0, "histograms": 0, "exemplars": 0}


def test_wild_numbers_are_refused_and_their_neighbours_kept(sender: Sender) -> None:
    wild = sender.series(name="prw2_wild")
    histogram = wild.histograms.add(count_int=HIGHEST_U64, schema=3, timestamp=now_ms())
    histogram.positive_spans.add(offset=2_000_000_000, length=4_000_000_000)
    sender.series(name="prw2_tame").samples.add(value=1, timestamp=now_ms())
    answer = sender.send()
    assert answer.status_code == 400
    assert written(answer)["samples"] == 1


def test_a_counter_that_began_anew_has_no_negative_rate_and_no_wild_one(
    sender: Sender, client: httpx.Client
) -> None:
    begin_ms = now_ms() - 400_000
    series = sender.series(COUNTER, name="prw2_requests_total")
    for index in range(400):
        restarted = index >= 200
        series.samples.add(
            value=10.0 * (index - 199 if restarted else index + 1_000_000),
            timestamp=begin_ms + 1000 * index,
            start_timestamp=begin_ms + 199_000 if restarted else begin_ms - 3_600_000,
        )
    answer = sender.send()
    assert (answer.status_code, written(answer)["samples"]) == (204, 400)
    (stream,) = client.get("/api/v1/streams", params={"match[]": "prw2_requests_total"}).json()["streams"]
    windows = client.get(f"/api/v1/streams/{stream['id']}/windows?window=256").json()
    rates = [quantile[side] for quantile in windows["quantiles"] for side in ("reference", "current")]
    assert rates == pytest.approx([10.0] * len(rates))
    assert stream["anomalies"] == 0


def test_a_stale_marker_is_taken_and_is_no_sample(sender: Sender, client: httpx.Client) -> None:
    counted_as = {"protocol": "remote_write", "kind": "stale"}
    before = counted(client, "kullback_samples_unscored_total", **counted_as)
    series = sender.series(name="prw2_ended")
    series.samples.add(value=1.0, timestamp=now_ms() - 1000)
    series.samples.add(value=float(STALE_MARKER), timestamp=now_ms())
    native = sender.series(name="prw2_ended_seconds")
    native.histograms.add(sum=float(STALE_MARKER), timestamp=now_ms())
    assert sender.send().status_code == 204
    assert counted(client, "kullback_samples_unscored_total", **counted_as) == before + 2
    (stream,) = client.get("/api/v1/streams", params={"match[]": "prw2_ended"}).json()["streams"]
    assert stream["samples"] == 1


def test_native_histograms_with_bounds_of_their_own_keep_them(sender: Sender, client: httpx.Client) -> None:
    bounds, each = [0.1, 0.5, 1.0], [5, 3, 1, 1]
    series = sender.series(name="prw2_custom_seconds")
    for index in range(1, 101):
        totals = [index * count for count in each]
        histogram = series.histograms.add(
            schema=-53, count_int=sum(totals), sum=1.0, timestamp=now_ms() - 200_000 + 1000 * index
        )
        histogram.custom_values.extend(bounds)
        histogram.positive_spans.add(offset=0, length=4)
        histogram.positive_deltas.extend([totals[0], *(b - a for a, b in pairwise(totals))])
        histogram.start_timestamp = now_ms() - 3_600_000
    answer = sender.send()
    assert (answer.status_code, written(answer)["histograms"]) == (204, 100)
    (stream,) = client.get("/api/v1/streams", params={"match[]": "prw2_custom_seconds"}).json()["streams"]
    assert (stream["form"], stream["samples"], stream["observations"]) == ("histogram", 99, 990)
    window = client.get(f"/api/v1/streams/{stream['id']}/windows?window=16").json()
    assert [one["upper"] for one in window["bins"]] == [*bounds, None]
    shares = [count / sum(each) for count in each]
    assert [one["current_ratio"] for one in window["bins"]] == pytest.approx(shares, abs=0.02)
