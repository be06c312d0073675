import json
import math

import numpy as np
import pytest
from tests.decoded_rules import assert_well_formed

from kullback.core.errors import DecodeError, ErrorId
from kullback.core.labels import Kind
from kullback.core.limits import Limits
from kullback.ingest.decoded import Decoded
from kullback.ingest.json_samples import JsonDecoder, NdjsonDecoder

NOW_MS = 1_795_328_801_679


def decode(*rows: object, decoder: JsonDecoder | None = None, now_ms: int = NOW_MS) -> Decoded:
    body = json.dumps(rows[0] if len(rows) == 1 else rows).encode()
    decoded = (decoder or JsonDecoder()).decode(body, now_ms)
    assert_well_formed(decoded)
    return decoded


def times(*rows: object, **more: object) -> list[int]:
    return decode(*rows, **more).batch.timestamp_ms.tolist()


def row(**fields: object) -> dict[str, object]:
    return {"metric": "m", **fields}


def test_a_single_value_with_its_time_and_labels() -> None:
    batch = decode(row(labels={"server": "web-1"}, value=0.12, timestamp_ms=5)).batch
    assert batch.series[0].labels == (("__name__", "m"), ("server", "web-1"))
    assert (batch.timestamp_ms.tolist(), batch.value.tolist()) == ([5], [0.12])
    assert batch.series[0].kind is Kind.GAUGE


def test_a_total_is_a_counter() -> None:
    assert decode({"metric": "m_total", "value": 1}).batch.series[0].kind is Kind.COUNTER


def test_values_with_their_times() -> None:
    batch = decode(row(values=[1, 2.5, 3], timestamps_ms=[7, 8, 9])).batch
    assert (batch.timestamp_ms.tolist(), batch.value.tolist()) == ([7, 8, 9], [1, 2.5, 3])


def test_rows_of_all_forms_keep_their_order() -> None:
    rows = [
        row(value=1, timestamp_ms=1),
        row(values=[2, 3], timestamps_ms=[2, 3]),
        row(value=4, timestamp_ms=4),
        {"metric": "h", "histogram": {"upper_bounds": [1, 2], "counts": [3, 4, 5]}, "timestamp_ms": 5},
        {"metric": "c", "category": "card", "timestamp_ms": 6},
        {"metric": "c", "categories": ["cash", "card"], "timestamps_ms": [7, 8]},
    ]
    batch = decode(rows).batch
    assert batch.timestamp_ms.tolist() == [1, 2, 3, 4, 5, 6, 7, 8]
    assert batch.value.tolist()[:4] == [1, 2, 3, 4]
    assert [series.kind for series in batch.series] == [Kind.GAUGE, Kind.HISTOGRAM, Kind.CATEGORY]
    assert [batch.categories[int(code)] for code in batch.value[5:]] == ["card", "cash", "card"]
    own = slice(batch.buckets.start[4], batch.buckets.start[5])
    assert batch.buckets.upper_bound[own].tolist() == [1, 2, math.inf]
    assert batch.buckets.count[own].tolist() == [3, 4, 5]


def test_null_and_the_texts_of_what_json_cannot_write_are_no_fault() -> None:
    decoded = decode(
        row(values=[None, "NaN", "+Inf", "-inf", 1], timestamps_ms=[1, 2, 3, 4, 5]), row(value=None)
    )
    assert decoded.refusals == ()
    np.testing.assert_array_equal(decoded.batch.value, [math.nan, math.nan, math.inf, -math.inf, 1, math.nan])


def test_a_value_without_a_time_is_of_now() -> None:
    assert times(row(value=1)) == [NOW_MS]


def test_first_values_without_times_lie_a_second_apart_and_end_now() -> None:
    assert times(row(values=[1, 2, 3])) == [NOW_MS - 2000, NOW_MS - 1000, NOW_MS]


def test_further_values_fill_the_interval_since_the_last_request() -> None:
    decoder = JsonDecoder()
    times(row(values=[1]), decoder=decoder)
    later = NOW_MS + 10_000
    spread = times(row(values=[1, 2, 3, 4, 5]), decoder=decoder, now_ms=later)
    assert spread == [NOW_MS + 2000, NOW_MS + 4000, NOW_MS + 6000, NOW_MS + 8000, later]


def test_the_sender_may_say_how_far_apart_its_values_are() -> None:
    assert times(row(values=[1, 2, 3], interval_ms=50)) == [NOW_MS - 100, NOW_MS - 50, NOW_MS]


def test_values_that_arrive_faster_than_one_per_millisecond_get_rising_times() -> None:
    decoder = JsonDecoder()
    given = [ms for _ in range(5) for ms in times(row(values=[1, 2, 3]), row(value=4), decoder=decoder)]
    assert (np.diff(given) > 0).all()
    assert given[-1] - NOW_MS < 25


def test_values_after_a_long_silence_are_not_spread_into_the_past_that_is_refused() -> None:
    decoder = JsonDecoder()
    times(row(values=[1]), decoder=decoder)
    later = NOW_MS + 7 * 86_400_000
    first = times(row(values=[1, 2]), decoder=decoder, now_ms=later)[0]
    assert later - first < Limits().max_sample_age_ms


def test_labels_may_be_numbers_truth_values_or_null() -> None:
    labels = (
        decode(row(labels={"port": 8080, "tls": True, "none": None, "ratio": 0.5}, value=1))
        .batch.series[0]
        .labels
    )
    assert labels == (("__name__", "m"), ("port", "8080"), ("ratio", "0.5"), ("tls", "true"))


@pytest.mark.parametrize(
    ("bad", "error", "why"),
    [
        (5, ErrorId.BAD_SAMPLE, "Row 1 must be an object, not a number"),
        ({"value": 1}, ErrorId.BAD_SAMPLE, "Row 1 needs a non-empty text as `metric`"),
        ({"metric": "", "value": 1}, ErrorId.BAD_SAMPLE, "`metric`"),
        (row(), ErrorId.BAD_SAMPLE, "Row 1 (m) must have exactly one of value, values"),
        (row(value=1, values=[1]), ErrorId.BAD_SAMPLE, "it has value, values"),
        (
            row(value=1, timestamp=5),
            ErrorId.BAD_SAMPLE,
            "unknown field 'timestamp'; beside `value` it may have labels, metric, timestamp_ms",
        ),
        (row(value="1"), ErrorId.BAD_SAMPLE, "needs a number as `value`"),
        (row(value=True), ErrorId.BAD_SAMPLE, "needs a number as `value`"),
        (
            row(value=1, timestamp_ms="yesterday"),
            ErrorId.BAD_SAMPLE,
            "needs milliseconds since 1970 as `timestamp_ms`",
        ),
        (row(value=1, timestamp_ms=2**63), ErrorId.BAD_SAMPLE, "needs milliseconds"),
        (row(values=5), ErrorId.BAD_SAMPLE, "needs an array as `values`"),
        (row(values=[1], interval_ms=0), ErrorId.BAD_SAMPLE, "`interval_ms`"),
        (row(value=1, labels=[1]), ErrorId.BAD_SAMPLE, "needs an object as `labels`"),
        (row(value=1, labels={"a": [1]}), ErrorId.BAD_LABELS, "an array as the value of label 'a'"),
        (row(value=1, labels={"__name__": "x"}), ErrorId.BAD_LABELS, "occurs twice"),
        (row(value=1, labels={"": "x"}), ErrorId.BAD_LABELS, "is empty"),
        (row(category=""), ErrorId.BAD_SAMPLE, "non-empty text as `category`"),
        (row(category="x" * 3000), ErrorId.LABEL_VALUE_TOO_LONG, "longer than 2048 bytes"),
        (row(histogram=[]), ErrorId.BAD_HISTOGRAM, "must be an object of `upper_bounds` and `counts`"),
        (
            row(histogram={"upper_bounds": [1], "counts": [1, 2, 3]}),
            ErrorId.BAD_HISTOGRAM,
            "1 bounds need as many counts",
        ),
        (row(histogram={"upper_bounds": [], "counts": []}), ErrorId.BAD_HISTOGRAM, "0 bounds"),
        (row(histogram={"upper_bounds": [1, 1], "counts": [1, 2]}), ErrorId.BAD_HISTOGRAM, "must rise"),
        (row(histogram={"upper_bounds": [1, None], "counts": [1, 2]}), ErrorId.BAD_HISTOGRAM, "holds null"),
        (row(histogram={"upper_bounds": [1], "counts": [-1]}), ErrorId.BAD_HISTOGRAM, "must not be negative"),
    ],
)
def test_a_bad_row_is_refused_with_its_reason_and_the_others_kept(
    bad: object, error: ErrorId, why: str
) -> None:
    decoded = decode(bad, row(value=7))
    assert [refusal.error for refusal in decoded.refusals] == [error]
    assert why in decoded.refusals[0].detail
    assert decoded.batch.value.tolist() == [7]


def test_a_bad_value_in_a_column_is_named_and_its_neighbours_kept() -> None:
    decoded = decode(row(values=[1, "x", 3, {}], timestamps_ms=[10, 20, 30, 40]))
    assert decoded.batch.timestamp_ms.tolist() == [10, 30]
    assert decoded.refusals[0].count == 2
    assert "values[1] is a text" in decoded.refusals[0].detail


def test_a_column_whose_times_do_not_fit_is_refused_with_all_its_samples() -> None:
    decoded = decode(row(values=[1, 2, 3], timestamps_ms=[10, 20]))
    assert (len(decoded.batch), decoded.refused) == (0, 3)
    assert "has 3 samples but 2 in `timestamps_ms`" in decoded.refusals[0].detail


@pytest.mark.parametrize(
    "body", [b"", b"{", b'{"metric": "m", "value": NaN}', b'"\xff"', b"[" * 5000, b"[1,]"]
)
def test_a_body_that_is_not_json_is_refused(body: bytes) -> None:
    with pytest.raises(DecodeError) as caught:
        JsonDecoder().decode(body, NOW_MS)
    assert caught.value.error is ErrorId.BAD_JSON


@pytest.mark.parametrize("body", [b"5", b'"x"', b"null"])
def test_a_body_of_something_else_is_refused(body: bytes) -> None:
    with pytest.raises(DecodeError, match="object or an array"):
        JsonDecoder().decode(body, NOW_MS)


def test_an_empty_array_is_an_empty_success() -> None:
    assert decode([]).refusals == ()


def test_more_samples_than_one_request_may_hold_are_refused() -> None:
    with pytest.raises(DecodeError, match="max_samples_per_request"):
        decode(row(values=[1] * 11), decoder=JsonDecoder(Limits(max_samples_per_request=10)))


@pytest.mark.parametrize("decoder", [JsonDecoder, NdjsonDecoder])
def test_a_body_of_countless_empty_parts_is_refused_before_it_is_parsed(decoder: type) -> None:
    with pytest.raises(DecodeError, match="max_samples_per_request"):
        decoder(Limits(max_samples_per_request=10)).decode(b"[" + b"{}," * 1000 + b"{}]", NOW_MS)


def test_ndjson_refuses_bad_lines_alone_and_names_them() -> None:
    body = b'{"metric": "m", "value": 1}\n\nnonsense\n{"metric": "m"}\r\n{"metric": "m", "value": 2}'
    decoded = NdjsonDecoder().decode(body, NOW_MS)
    assert decoded.batch.value.tolist() == [1, 2]
    assert [refusal.error for refusal in decoded.refusals] == [ErrorId.BAD_JSON, ErrorId.BAD_SAMPLE]
    assert "Line 3 " in decoded.refusals[0].detail
    assert "Line 4 " in decoded.refusals[1].detail
