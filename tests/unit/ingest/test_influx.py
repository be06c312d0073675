import math

import numpy as np
import pytest
from tests.decoded_rules import assert_well_formed

from kullback.core.errors import DecodeError, ErrorId
from kullback.core.labels import Kind
from kullback.core.limits import Limits
from kullback.ingest.decoded import Decoded
from kullback.ingest.influx import InfluxDecoder

NOW_MS = 1_795_328_801_679


def decode(text: str | bytes, precision: str = "ns") -> Decoded:
    body = text.encode() if isinstance(text, str) else text
    decoded = InfluxDecoder().decode(body, NOW_MS, precision)
    assert_well_formed(decoded)
    return decoded


def rows(text: str, precision: str = "ns") -> list[tuple]:
    decoded = decode(text, precision)
    assert decoded.refusals == ()
    batch = decoded.batch
    return [
        (batch.series[i].labels, ms, value)
        for i, ms, value in zip(
            batch.stream_index, batch.timestamp_ms.tolist(), batch.value.tolist(), strict=True
        )
    ]


def name(metric: str, **labels: str) -> tuple:
    return tuple(sorted({"__name__": metric, **labels}.items()))


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("cpu usage=0.5 1795328801679000000", [(name("cpu_usage"), NOW_MS, 0.5)]),
        ("cpu,host=a,cpu=cpu0 usage=1 5000000", [(name("cpu_usage", host="a", cpu="cpu0"), 5, 1.0)]),
        (
            "cpu usage=1,idle=2i,up=3u 5000000",
            [(name("cpu_usage"), 5, 1), (name("cpu_idle"), 5, 2), (name("cpu_up"), 5, 3)],
        ),
        ("cpu usage=1", [(name("cpu_usage"), NOW_MS, 1.0)]),
        ("cpu usage=-1.5e-3 -5000000", [(name("cpu_usage"), -5, -0.0015)]),
        ("a b=t,c=T,d=true,e=True,f=TRUE 1", [(name(f"a_{field}"), 0, 1) for field in "bcdef"]),
        ("a b=f,c=F,d=false,e=False,f=FALSE 1", [(name(f"a_{field}"), 0, 0) for field in "bcdef"]),
        ('a b="text",c=1,d="with \\"quotes\\", commas = and\nbreaks" 1000000', [(name("a_c"), 1, 1.0)]),
        ('a b="only text" 1', []),
        (
            r"my\ cpu\,x,ta\=g\ 1=v\,a\ l\=ue fi\ eld=1 1000000",
            [(name("my_cpu_x_fi_eld", ta_g_1="v,a l=ue"), 1, 1.0)],
        ),
        ("net.if-in,inter-face=eth0 5xx=1 1000000", [(name("net_if_in_5xx", inter_face="eth0"), 1, 1.0)]),
        ("# a comment\n\n  \r\ncpu usage=1 1000000\r\n", [(name("cpu_usage"), 1, 1.0)]),
        ("  cpu  usage=1  1000000  ", [(name("cpu_usage"), 1, 1.0)]),
        ("t,path=C:\\\\dir v=1 1000000", [(name("t_v", path="C:\\dir"), 1, 1.0)]),
        ("t,a=x=y v=1 1000000", [(name("t_v", a="x=y"), 1, 1.0)]),
        ("t,a= v=1 1000000", [(name("t_v"), 1, 1.0)]),
        ("größe,ort=köln wert=1 1000000", [(name("gr__e_wert", ort="köln"), 1, 1.0)]),
        ("", []),
    ],
)  # fmt: skip
def test_a_line_becomes_a_sample_per_number(line: str, expected: list) -> None:
    assert rows(line) == expected


@pytest.mark.parametrize(
    ("precision", "time"),
    [
        ("ns", NOW_MS * 10**6),
        ("", NOW_MS * 10**6),
        ("us", NOW_MS * 1000),
        ("u", NOW_MS * 1000),
        ("µ", NOW_MS * 1000),
        ("ms", NOW_MS),
    ],
)
def test_precisions_below_a_second(precision: str, time: int) -> None:
    assert rows(f"cpu usage=1 {time}", precision)[0][1] == NOW_MS


@pytest.mark.parametrize(("precision", "unit_ms"), [("s", 1000), ("m", 60_000), ("h", 3_600_000)])
def test_precisions_above_a_second(precision: str, unit_ms: int) -> None:
    assert rows("cpu usage=1 498000", precision)[0][1] == 498_000 * unit_ms


def test_an_unknown_precision_names_the_known_ones() -> None:
    with pytest.raises(DecodeError, match="ns, n, us, u, µ, ms, s, m, h"):
        decode("cpu usage=1", "days")


def test_special_numbers_pass() -> None:
    values = decode("a b=NaN,c=-Inf,d=+inf,e=1e400 1").batch.value
    np.testing.assert_array_equal(values, [math.nan, -math.inf, math.inf, math.inf])


def test_numbers_of_many_digits_are_rounded_as_python_rounds_them() -> None:
    texts = [
        "0.1000000000000000055511151231257827",
        "9007199254740993",
        "1e-320",
        "123456789012345678901234567890",
    ]
    values = decode("a " + ",".join(f"f{i}={text}" for i, text in enumerate(texts))).batch.value
    assert values.tolist() == [float(text) for text in texts]


def test_large_integers_keep_float_precision() -> None:
    values = decode("a b=9223372036854775807i,c=18446744073709551615u").batch.value
    assert values.tolist() == [float(2**63 - 1), float(2**64 - 1)]


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("cpu", "no fields"),
        ("cpu ", "no fields"),
        ("cpu,host=a", "no fields"),
        ("cpu usage", "key=value"),
        ("cpu usage= 1", "neither a number"),
        ("cpu =1 1", "key=value"),
        ("cpu usage=1, 5", "key=value"),
        ("cpu usage=1,,b=2", "key=value"),
        ("cpu usage=abc 1", "neither a number"),
        ("cpu usage=1.5i 1", "neither a number"),
        ("cpu usage=i 1", "neither a number"),
        ("cpu usage=1_0 1", "neither a number"),
        ('cpu usage="x"y 1', "neither a number"),
        ('cpu usage="x 1', "not closed"),
        ("cpu usage=1 tomorrow", "not a whole number"),
        ("cpu usage=1 1.5", "not a whole number"),
        ("cpu usage=1 -", "not a whole number"),
        ("cpu usage=1 99999999999999999999", "not a whole number"),
        (",host=a usage=1 1", "no measurement"),
        ("cpu,host usage=1 1", "not written as key=value"),
        ("cpu,,a=b usage=1 1", "not written as key=value"),
        ("cpu,=b usage=1 1", "not written as key=value"),
        ("cpu,a=1,a=2 usage=1 1", "occurs twice"),
    ],
)
def test_a_bad_line_is_refused_with_its_number_and_the_others_kept(line: str, why: str) -> None:
    text = f"# first\ngood a=1 1000000\n{line}\ngood a=2 2000000"
    if "not closed" in why:
        text = f"# first\ngood a=1 1000000\ngood a=2 2000000\n{line}"
    decoded = decode(text)
    assert decoded.batch.value.tolist() == [1, 2]
    assert [(refusal.error, refusal.count) for refusal in decoded.refusals] == [(ErrorId.BAD_LINE, 1)]
    number = 4 if "not closed" in why else 3
    assert decoded.lines == (number,)
    assert f"Line {number}: " in decoded.refusals[0].detail
    assert why in decoded.refusals[0].detail


def test_the_good_fields_of_a_bad_line_are_not_kept() -> None:
    assert len(decode("cpu a=1,b=2,c=x 1").batch) == 0


def test_lines_after_a_text_with_line_breaks_are_numbered_on() -> None:
    assert decode('a b="1\n2\n3",c=1 1\nbad').lines == (4,)


def test_labels_that_are_not_utf8_are_refused_alone() -> None:
    decoded = decode(b"cpu,a=\xff\xfe usage=1 1\ncpu \xff=1 1\ncpu usage=2 1")
    assert decoded.lines == (1, 2)
    assert decoded.batch.value.tolist() == [2.0]


def test_a_time_beyond_range_for_its_precision_is_refused() -> None:
    decoded = decode("cpu usage=1 1795328801679000000\ncpu usage=2 5", "h")
    assert decoded.lines == (1,)
    assert "precision" in decoded.refusals[0].detail
    assert decoded.batch.value.tolist() == [2.0]


def test_thousands_of_bad_lines_are_counted_and_a_thousand_named() -> None:
    decoded = decode("bad\n" * 5000)
    assert decoded.refused == 5000
    assert len(decoded.lines) == 1000


def test_more_samples_than_allowed_are_refused() -> None:
    with pytest.raises(DecodeError, match="max_samples_per_request"):
        InfluxDecoder(Limits(max_samples_per_request=10)).decode(b"a b=1\n" * 11, NOW_MS)


def test_totals_are_counters() -> None:
    assert decode("http requests_total=1").batch.series[0].kind is Kind.COUNTER


def test_the_same_series_is_the_same_object_in_every_request() -> None:
    decoder = InfluxDecoder()
    first = decoder.decode(b"cpu,a=b usage=1 1", NOW_MS).batch.series[0]
    assert decoder.decode(b"cpu,a=b usage=2 2", NOW_MS).batch.series[0] is first
