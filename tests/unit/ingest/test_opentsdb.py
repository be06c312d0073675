import json
import math

import pytest
from tests.decoded_rules import assert_well_formed

from kullback.core.errors import DecodeError, ErrorId
from kullback.ingest.decoded import Decoded
from kullback.ingest.opentsdb import OpenTsdbDecoder

NOW_MS = 1_795_328_801_679
POINT = {
    "metric": "sys.cpu.nice",
    "timestamp": 1795328801,
    "value": 18,
    "tags": {"host": "web01", "dc.name": "lga"},
}
DIMENSION = {
    "prefix": "netdata",
    "hostname": "vm",
    "labels": {"_is_ephemeral": "false"},
    "chart_id": "system.cpu",
    "chart_name": "system.cpu",
    "units": "percentage",
    "id": "user",
    "name": "user",
    "value": 3.5,
    "timestamp": 1795328746,
}


def decode(points: object) -> Decoded:
    decoded = OpenTsdbDecoder().decode(json.dumps(points).encode(), NOW_MS)
    assert_well_formed(decoded)
    return decoded


def test_one_point_or_an_array_of_points() -> None:
    for points in (POINT, [POINT]):
        batch = decode(points).batch
        assert batch.series[0].labels == (("__name__", "sys_cpu_nice"), ("dc_name", "lga"), ("host", "web01"))
        assert (batch.timestamp_ms.tolist(), batch.value.tolist()) == ([1795328801000], [18])


@pytest.mark.parametrize(
    ("timestamp", "ms"),
    [
        (1795328801, 1795328801000),
        (1795328801679, 1795328801679),
        (1795328801.5, 1795328801500),
        ("1795328801", 1795328801000),
        (None, NOW_MS),
    ],
)
def test_times_are_seconds_or_milliseconds(timestamp: object, ms: int) -> None:
    assert decode({**POINT, "timestamp": timestamp}).batch.timestamp_ms.tolist() == [ms]


@pytest.mark.parametrize(
    ("value", "expected"), [("42", 42.0), ("-1.5e3", -1500.0), (7, 7.0), ("NaN", math.nan), (None, math.nan)]
)
def test_values_may_be_texts(value: object, expected: float) -> None:
    found = decode({**POINT, "value": value}).batch.value[0]
    assert found == expected or (math.isnan(found) and math.isnan(expected))


def test_netdata_json_names_the_series_as_its_opentsdb_connector_does() -> None:
    by_connector = {
        "metric": "netdata.system.cpu.user",
        "timestamp": 1795328746,
        "value": 3.5,
        "tags": {"host": "vm", "_is_ephemeral": "false"},
    }
    of_json, of_opentsdb = decode(DIMENSION).batch, decode(by_connector).batch
    assert of_json.series[0].labels == of_opentsdb.series[0].labels
    assert of_json.series[0].unit == "percentage"
    assert of_json.timestamp_ms.tolist() == of_opentsdb.timestamp_ms.tolist()


@pytest.mark.parametrize(
    ("change", "error", "why"),
    [
        ({"metric": ""}, ErrorId.BAD_SAMPLE, "needs a text as `metric`"),
        ({"metric": 5}, ErrorId.BAD_SAMPLE, "needs a text as `metric`"),
        ({"value": "high"}, ErrorId.BAD_SAMPLE, "needs a number as `value`"),
        ({"value": "1e"}, ErrorId.BAD_SAMPLE, "needs a number as `value`"),
        ({"value": True}, ErrorId.BAD_SAMPLE, "needs a number as `value`"),
        ({"timestamp": "noon"}, ErrorId.BAD_SAMPLE, "needs seconds or milliseconds"),
        ({"timestamp": 1e300}, ErrorId.BAD_SAMPLE, "needs seconds or milliseconds"),
        ({"tags": [1]}, ErrorId.BAD_SAMPLE, "needs an object as `tags`"),
        ({"tags": {"a": [1]}}, ErrorId.BAD_LABELS, "needs a text as tag 'a'"),
        ({"tags": {"a.b": "1", "a-b": "2"}}, ErrorId.BAD_LABELS, "occurs twice"),
    ],
)
def test_a_bad_point_is_refused_with_its_place_and_the_others_kept(
    change: dict, error: ErrorId, why: str
) -> None:
    decoded = decode([POINT, {**POINT, **change}, POINT])
    assert len(decoded.batch) == 2
    assert [(refusal.error, refusal.count) for refusal in decoded.refusals] == [(error, 1)]
    assert "Entry 2 " in decoded.refusals[0].detail
    assert why in decoded.refusals[0].detail


@pytest.mark.parametrize("body", [b"", b"put sys.cpu 1 2", b"[", b"5"])
def test_a_body_of_another_form_is_refused(body: bytes) -> None:
    with pytest.raises(DecodeError):
        OpenTsdbDecoder().decode(body, NOW_MS)
