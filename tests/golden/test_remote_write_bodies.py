"""Bodies of real Prometheus and vmagent, read as an independent protobuf reader reads them."""

import struct
from itertools import accumulate
from pathlib import Path

import cramjam
import numpy as np
import pytest
from tests.wire_messages import WriteRequest

from kullback.core.batch import STALE_MARKER_BITS
from kullback.core.labels import Kind, sorted_labels
from kullback.core.limits import Limits
from kullback.ingest.body import unpack
from kullback.ingest.remote_write import RemoteWriteDecoder

HERE = Path(__file__).parent
BODIES = sorted(
    path
    for folder in ("remote_write", "remote_write_native", "vmagent")
    for path in HERE.glob(f"{folder}/*.bin")
)
NOW_MS = 1_795_328_801_679


def bits(value: float) -> int:
    return int(struct.unpack("<Q", struct.pack("<d", value))[0])


def expected(unpacked: bytes) -> tuple[list[tuple], list[tuple]]:
    request = WriteRequest.FromString(unpacked)
    samples, histograms = [], []
    for series in request.timeseries:
        labels = sorted_labels((label.name, label.value) for label in series.labels)
        samples += [(labels, sample.timestamp, bits(sample.value)) for sample in series.samples]
        histograms += [(labels, histogram) for histogram in series.histograms]
    return samples, histograms


def read(unpacked: bytes) -> tuple:
    batch = RemoteWriteDecoder().decode(unpacked, NOW_MS).batch
    rows = [
        (batch.series[index], int(ms), bits(float(value)))
        for index, ms, value in zip(batch.stream_index, batch.timestamp_ms, batch.value, strict=True)
    ]
    return batch, rows


@pytest.mark.parametrize("path", BODIES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_every_sample_is_read_bit_for_bit_and_in_order(path: Path) -> None:
    unpacked = unpack(path.read_bytes(), "snappy", Limits())
    samples, histograms = expected(unpacked)
    batch, rows = read(unpacked)
    scalars = [(series.labels, ms, value) for series, ms, value in rows if series.kind is not Kind.HISTOGRAM]
    assert scalars == samples
    assert [series.labels for series, *_ in rows if series.kind is Kind.HISTOGRAM] == [
        labels for labels, _ in histograms
    ]
    assert len(set(batch.series)) == len(batch.series)


@pytest.mark.parametrize("path", BODIES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_nothing_of_a_real_body_is_refused(path: Path) -> None:
    unpacked = unpack(path.read_bytes(), "snappy", Limits())
    assert RemoteWriteDecoder().decode(unpacked, NOW_MS).refusals == ()


def native_bodies() -> list[tuple]:
    found = []
    for path in sorted(HERE.glob("remote_write_native/*.bin")):
        unpacked = bytes(cramjam.snappy.decompress_raw(path.read_bytes()))
        _, histograms = expected(unpacked)
        if histograms:
            found.append((unpacked, [histogram for _, histogram in histograms]))
    return found


def test_native_histograms_keep_every_observation() -> None:
    checked = 0
    for unpacked, histograms in native_bodies():
        batch, rows = read(unpacked)
        of_histograms = [i for i, (series, *_) in enumerate(rows) if series.kind is Kind.HISTOGRAM]
        for row, histogram in zip(of_histograms, histograms, strict=True):
            if bits(histogram.sum) == STALE_MARKER_BITS:
                continue
            own = slice(batch.buckets.start[row], batch.buckets.start[row + 1])
            held = histogram.zero_count_int + sum(accumulate(histogram.positive_deltas))
            assert batch.buckets.count[own].sum() == held
            assert (np.diff(batch.buckets.upper_bound[own]) > 0).all()
            assert batch.buckets.cumulative[row]
            checked += 1
    assert checked > 3


def test_a_stale_native_histogram_is_a_stale_marker_without_buckets() -> None:
    stale, marked = 0, 0
    for unpacked, histograms in native_bodies():
        batch, rows = read(unpacked)
        marked += sum(bits(histogram.sum) == STALE_MARKER_BITS for histogram in histograms)
        for row, (series, _, value) in enumerate(rows):
            if series.kind is Kind.HISTOGRAM and value == STALE_MARKER_BITS:
                assert batch.buckets.start[row] == batch.buckets.start[row + 1]
                stale += 1
    assert stale == marked > 0


def test_bucket_and_total_series_are_counters_and_others_gauges() -> None:
    unpacked = unpack((HERE / "remote_write_native/001.bin").read_bytes(), "snappy", Limits())
    kinds = {series.metric: series.kind for series in read(unpacked)[0].series}
    assert kinds["demo_latency_seconds_bucket"] is Kind.COUNTER
    assert kinds["demo_requests_total"] is Kind.COUNTER
    assert kinds["up"] is Kind.GAUGE


def test_a_body_of_metadata_only_is_an_empty_success() -> None:
    unpacked = unpack((HERE / "remote_write/005.bin").read_bytes(), "snappy", Limits())
    assert len(WriteRequest.FromString(unpacked).metadata) > 0
    decoded = RemoteWriteDecoder().decode(unpacked, NOW_MS)
    assert len(decoded.batch) == 0
    assert decoded.refusals == ()
