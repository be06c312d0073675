import json
import math

import numpy as np
import pytest
from tests.decoded_rules import assert_well_formed

from kullback.core.errors import DecodeError, ErrorId
from kullback.core.labels import Kind
from kullback.ingest.collectd import CollectdDecoder
from kullback.ingest.decoded import Decoded

NOW_MS = 1_795_328_801_679


def values(*given: object, types: tuple = ("gauge",), names: tuple = ("value",), **more: object) -> dict:
    return {
        "values": list(given),
        "dstypes": list(types),
        "dsnames": list(names),
        "time": 1795328801.679,
        "interval": 2.0,
        "host": "h1",
        "plugin": "df",
        "plugin_instance": "root",
        "type": "df_complex",
        "type_instance": "free",
        **more,
    }


def decode(*lists: object, decoder: CollectdDecoder | None = None) -> Decoded:
    decoded = (decoder or CollectdDecoder()).decode(json.dumps(lists).encode(), NOW_MS)
    assert_well_formed(decoded)
    return decoded


def test_names_and_labels_of_a_value_list() -> None:
    batch = decode(values(5)).batch
    assert batch.series[0].labels == (
        ("__name__", "collectd_df_df_complex"),
        ("df", "root"),
        ("instance", "h1"),
        ("type", "free"),
    )
    assert (batch.timestamp_ms.tolist(), batch.value.tolist()) == ([1795328801679], [5])


def test_each_data_source_is_a_series_and_derives_are_counters() -> None:
    batch = decode(
        values(1, 2, types=("derive", "counter"), names=("rx", "tx"), plugin_instance="", type_instance="")
    ).batch
    assert [series.labels for series in batch.series] == [
        (("__name__", f"collectd_df_df_complex_{name}"), ("instance", "h1")) for name in ("rx", "tx")
    ]
    assert {series.kind for series in batch.series} == {Kind.COUNTER}


@pytest.mark.parametrize("sign", [None, 0.5])
def test_a_host_that_stores_rates_sends_gauges_from_then_on(sign: float | None) -> None:
    decoder = CollectdDecoder()
    derive = {"types": ("derive",)}
    assert decode(values(1, **derive), decoder=decoder).batch.series[0].kind is Kind.COUNTER
    assert decode(values(sign, **derive), decoder=decoder).batch.series[0].kind is Kind.GAUGE
    assert decode(values(1, **derive), decoder=decoder).batch.series[0].kind is Kind.GAUGE
    assert decode(values(1, host="h2", **derive), decoder=decoder).batch.series[0].kind is Kind.COUNTER


def test_null_is_no_fault() -> None:
    decoded = decode(values(None))
    assert decoded.refusals == ()
    assert math.isnan(decoded.batch.value[0])


def test_names_become_what_prometheus_can_write() -> None:
    labels = decode(values(1, plugin="my-plugin", type="ping.time")).batch.series[0].labels
    assert labels[0] == ("__name__", "collectd_my_plugin_ping_time")
    assert ("my_plugin", "root") in labels


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        (5, "is not an object"),
        (values(1, values=5), "needs an array as `values`"),
        (values(1, 2), "as many `dstypes`"),
        (values(1, types=("guess",)), "does not know"),
        (values("x"), "needs a number as `values`"),
        (values(1, time="now"), "needs seconds since 1970"),
        (values(1, time=1e300), "needs seconds since 1970"),
        (values(1, host=""), "needs a text as `host`"),
        (values(1, plugin=None), "needs a text as `plugin`"),
        (values(1, type_instance=5), "needs a text as `type_instance`"),
    ],
)
def test_a_bad_value_list_is_refused_with_its_place_and_the_others_kept(bad: object, why: str) -> None:
    decoded = decode(values(1), bad, values(2))
    assert decoded.batch.value.tolist() == [1, 2]
    assert [refusal.error for refusal in decoded.refusals] == [ErrorId.BAD_SAMPLE]
    assert "Entry 2 " in decoded.refusals[0].detail
    assert why in decoded.refusals[0].detail


def test_another_format_is_told_how_to_become_json() -> None:
    with pytest.raises(DecodeError, match='Format "JSON"'):
        CollectdDecoder().decode(b"PUTVAL h1/df-root/df_complex-free interval=2.000 1795328801.679:5", NOW_MS)


def test_times_are_rounded_to_milliseconds() -> None:
    batch = decode(values(1, time=1795328801.6789), values(1, time=1795328801)).batch
    np.testing.assert_array_equal(batch.timestamp_ms, [1795328801679, 1795328801000])
