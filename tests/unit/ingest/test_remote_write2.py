import pytest
from tests.decoded_rules import assert_well_formed
from tests.wire_messages import Request

from kullback.core.errors import DecodeError, ErrorId
from kullback.core.labels import Kind
from kullback.core.limits import Limits
from kullback.ingest.decoded import Decoded
from kullback.ingest.remote_write2 import RemoteWrite2Decoder
from kullback.ingest.write_request import Written, written

NOW_MS = 1_795_328_801_679


class Sender:
    """Builds requests as the specification says: symbols first, "" at index 0."""

    def __init__(self) -> None:
        self.request = Request(symbols=[""])

    def symbol(self, text: str) -> int:
        if text not in self.request.symbols:
            self.request.symbols.append(text)
        return list(self.request.symbols).index(text)

    def series(self, *labels: tuple[str, str], samples: tuple = (), kind: int = 0, unit: str = "") -> object:
        refs = [self.symbol(text) for pair in labels for text in pair]
        added = self.request.timeseries.add(labels_refs=refs)
        added.metadata.type = kind
        added.metadata.unit_ref = self.symbol(unit)
        for timestamp, value in samples:
            added.samples.add(timestamp=timestamp, value=value)
        return added

    def decode(self, decoder: RemoteWrite2Decoder | None = None) -> Decoded:
        decoded = (decoder or RemoteWrite2Decoder()).decode(self.request.SerializeToString(), NOW_MS)
        assert_well_formed(decoded)
        return decoded


def name(text: str) -> tuple[str, str]:
    return ("__name__", text)


def test_labels_come_from_the_symbols() -> None:
    sender = Sender()
    sender.series(name("up"), ("job", "node"), samples=((5, 1.0), (6, 2.0)))
    sender.series(name("up"), ("job", "other"), samples=((7, 3.0),))
    batch = sender.decode().batch
    assert [series.labels for series in batch.series] == [
        (name("up"), ("job", "node")),
        (name("up"), ("job", "other")),
    ]
    assert batch.stream_index.tolist() == [0, 0, 1]
    assert batch.timestamp_ms.tolist() == [5, 6, 7]


def test_the_same_series_under_other_symbol_numbers_is_the_same_object() -> None:
    decoder = RemoteWrite2Decoder()
    one, other = Sender(), Sender()
    one.series(name("up"), ("job", "node"), samples=((5, 1.0),))
    other.series(("zzz", "x"), name("y"), samples=((5, 1.0),))
    other.series(("job", "node"), name("up"), samples=((5, 1.0),))
    first = one.decode(decoder).batch.series[0]
    assert other.decode(decoder).batch.series[1] is first


def test_a_symbol_number_that_means_something_else_now_is_another_series() -> None:
    decoder = RemoteWrite2Decoder()
    for text in ("a", "b", "a", "c"):
        sender = Sender()
        sender.series(name(text), samples=((5, 1.0),))
        assert sender.decode(decoder).batch.series[0].metric == text


@pytest.mark.parametrize(
    ("kind", "metric", "expected"),
    [
        (1, "requests", Kind.COUNTER),
        (2, "memory_total", Kind.GAUGE),
        (3, "latency_count", Kind.COUNTER),
        (3, "latency_sum", Kind.COUNTER),
        (5, "latency_sum", Kind.COUNTER),
        (5, "latency", Kind.GAUGE),
        (0, "requests_total", Kind.COUNTER),
        (0, "threads_count", Kind.GAUGE),
    ],
)
def test_the_metric_type_says_what_counts(kind: int, metric: str, expected: Kind) -> None:
    sender = Sender()
    sender.series(name(metric), samples=((5, 1.0),), kind=kind, unit="seconds")
    series = sender.decode().batch.series[0]
    assert (series.kind, series.unit) == (expected, "seconds")


def test_native_histograms_and_created_timestamps_are_read() -> None:
    sender = Sender()
    sender.series(name("requests_total"), samples=((5, 1.0),)).created_timestamp = 3
    added = sender.series(name("h"))
    added.histograms.add(
        timestamp=9,
        schema=-53,
        custom_values=[1, 2],
        positive_spans=[{"length": 3}],
        positive_deltas=[4, 1, 1],
    )
    decoded = sender.decode()
    assert [series.kind for series in decoded.batch.series] == [Kind.COUNTER, Kind.HISTOGRAM]
    assert decoded.batch.buckets.count.tolist() == [4, 5, 6]
    assert written(decoded.batch) == Written(samples=1, histograms=1, exemplars=0)


def test_unpacked_references_are_read_too() -> None:
    # symbols "", "__name__", "up"; one series whose references are single varints.
    body = b"\x22\x00" + b"\x22\x08__name__" + b"\x22\x02up" + b"\x2a\x08\x08\x01\x08\x02\x12\x02\x10\x05"
    assert RemoteWrite2Decoder().decode(body, NOW_MS).batch.series[0].metric == "up"


def test_metadata_and_exemplars_alone_are_an_empty_success() -> None:
    sender = Sender()
    sender.series(name("x"), kind=1).exemplars.add(value=1.0, timestamp=5)
    decoded = sender.decode()
    assert (len(decoded.batch), decoded.refusals) == (0, ())
    assert written(decoded.batch) == Written(0, 0, 0)


@pytest.mark.parametrize("references", [[1], [1, 99], [1, 2, 3], [2**32 - 1, 0]])
def test_bad_references_are_refused_and_other_series_kept(references: list[int]) -> None:
    sender = Sender()
    sender.series(name("good"), samples=((5, 1.0),))
    bad = sender.request.timeseries.add(labels_refs=references)
    bad.samples.add(timestamp=1, value=2.0)
    bad.samples.add(timestamp=2, value=2.0)
    decoded = sender.decode()
    assert [(refusal.error, refusal.count) for refusal in decoded.refusals] == [(ErrorId.BAD_LABELS, 2)]
    assert decoded.batch.value.tolist() == [1.0]


def test_a_good_series_after_one_of_the_same_bad_bytes_is_read() -> None:
    decoder = RemoteWrite2Decoder()
    bad = Sender()
    bad.request.timeseries.add(labels_refs=[7]).samples.add(timestamp=1)
    assert bad.decode(decoder).refused == 1
    empty = Sender()
    empty.request.timeseries.add().samples.add(timestamp=1)
    assert "no labels at all" in empty.decode(decoder).refusals[0].detail


def test_symbols_that_are_not_utf8_only_lose_the_series_that_use_them() -> None:
    sender = Sender()
    sender.series(name("badly"), samples=((5, 1.0),))
    sender.series(name("good"), samples=((5, 2.0),))
    body = sender.request.SerializeToString().replace(b"badly", b"b\xff\xfedy")
    decoded = RemoteWrite2Decoder().decode(body, NOW_MS)
    assert decoded.batch.value.tolist() == [2.0]
    assert decoded.refusals[0].error is ErrorId.BAD_LABELS


def test_a_long_help_text_is_no_fault_but_a_long_label_is() -> None:
    sender = Sender()
    sender.series(name("good"), samples=((5, 1.0),)).metadata.help_ref = sender.symbol("h" * 5000)
    sender.series(name("l" * 5000), samples=((5, 2.0),))
    decoded = sender.decode()
    assert decoded.batch.value.tolist() == [1.0]
    assert decoded.refusals[0].error is ErrorId.LABEL_VALUE_TOO_LONG


def test_more_labels_than_allowed_are_refused() -> None:
    sender = Sender()
    sender.series(name("x"), *((f"l{i}", "v") for i in range(64)), samples=((5, 1.0),))
    assert sender.decode().refusals[0].error is ErrorId.TOO_MANY_LABELS


def test_references_that_stand_for_more_text_than_a_body_may_hold_are_refused() -> None:
    sender = Sender()
    for i in range(100):
        sender.series(name("n" * 2000), (f"l{i}", "v" * 2000), samples=((5, 1.0),))
    with pytest.raises(DecodeError) as caught:
        sender.decode(RemoteWrite2Decoder(Limits(max_unpacked_bytes=100_000)))
    assert caught.value.error is ErrorId.UNPACKED_TOO_LARGE
