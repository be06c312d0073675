"""One fuzz target per decoder: the decoder, and real bodies to start from."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from random import Random

from google.protobuf.json_format import MessageToJson
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from tests.decoded_rules import assert_well_formed
from tests.fuzz.mutation import mutated, rewritten
from tests.otlp_messages import Exporter
from tests.wire_messages import Request, WriteRequest

from kullback.core.errors import DecodeError
from kullback.core.limits import Limits
from kullback.ingest.body import UNPACKERS, unpack
from kullback.ingest.collectd import CollectdDecoder
from kullback.ingest.decoded import Decoded
from kullback.ingest.influx import InfluxDecoder
from kullback.ingest.json_samples import JsonDecoder, NdjsonDecoder
from kullback.ingest.opentsdb import OpenTsdbDecoder
from kullback.ingest.otlp import OtlpDecoder
from kullback.ingest.otlp_json import OtlpJsonDecoder
from kullback.ingest.remote_write import RemoteWriteDecoder
from kullback.ingest.remote_write2 import RemoteWrite2Decoder

GOLDEN = Path(__file__).parent.parent / "golden"
NOW_MS = 1_795_328_801_679
LIMITS = Limits(max_unpacked_bytes=1 << 22)

JSON_ROWS = (
    b'{"metric": "a", "labels": {"b": "c"}, "value": 0.12, "timestamp_ms": 1795328801679}',
    b'{"metric": "a", "values": [0.12, null, 3], "timestamps_ms": [1795328801679, 1795328802679, 5]}',
    b'{"metric": "a", "values": [1, 2.5], "interval_ms": 50}',
    b'{"metric": "h", "histogram": {"upper_bounds": [0.1, 0.5, 1.0], "counts": [12, 7, 1, 0]}}',
    b'{"metric": "p", "category": "card"}',
    b'{"metric": "p", "categories": ["card", "cash", "card"]}',
)

INFLUX_LINES = rb"""cpu,host=a,cpu=cpu0 usage_idle=99.49748743718593,usage_user=0.5 1795328801679000000
disk,path=/,fstype=ext4 free=12630519808i,used_percent=4.2e1,ok=true 1795328801679000000
# comment
we\ ather\,x,lo\=c=us\ midwest temp=-8.2e-1,text="say \"hi\", a=b",n=5u 1795328801679000000
net bytes_recv=123456789012345678901234567890,err=NaN"""


@dataclass(frozen=True)
class Target:
    """A decoder under fire.

    Parameters
    ----------
    decode : callable
        Takes a body.
    seeds : tuple of bytes
        Valid bodies.
    json : bool
        Whether seeds are JSON, so that they can be changed in ways that leave JSON.
    """

    decode: Callable[[bytes], Decoded | bytes]
    seeds: tuple[bytes, ...]
    json: bool = False

    def shoot(self, body: bytes) -> None:
        """Decode a body; only DecodeError may be raised, and what comes back must be well formed.

        Parameters
        ----------
        body : bytes
        """
        try:
            decoded = self.decode(body)
        except DecodeError:
            return
        if isinstance(decoded, Decoded):
            assert_well_formed(decoded)
        else:
            assert len(decoded) <= LIMITS.max_unpacked_bytes

    def bodies(self, random: Random) -> Iterable[bytes]:
        """Endless damaged bodies.

        Parameters
        ----------
        random : Random
        """
        while True:
            if self.json and random.random() < 0.7:
                yield rewritten(random, random.choice(self.seeds))
            else:
                yield mutated(random, random.choice(self.seeds), random.choice(self.seeds))


def golden(pattern: str, encoding: str = "") -> tuple[bytes, ...]:
    """Unpacked golden bodies, the small ones.

    Parameters
    ----------
    pattern, encoding : str
    """
    bodies = (unpack(path.read_bytes(), encoding, Limits()) for path in sorted(GOLDEN.glob(pattern)))
    return tuple(body for body in bodies if len(body) < 10_000)


def unpacked_by_first_byte(body: bytes) -> bytes:
    """Unpack with the coding that the first byte picks.

    Parameters
    ----------
    body : bytes
    """
    codings = sorted(UNPACKERS)
    return unpack(body[1:], codings[body[0] % len(codings)] if body else "", LIMITS)


def packed_seeds() -> tuple[bytes, ...]:
    """Packed bodies, each after a byte that picks its coding."""
    codings = sorted(UNPACKERS)
    snappy = (GOLDEN / "vmagent/001.bin").read_bytes()
    gzip = (GOLDEN / "otlp/gzip_001.bin").read_bytes()
    return bytes([codings.index("snappy")]) + snappy, bytes([codings.index("gzip")]) + gzip


def otlp_bodies() -> tuple[bytes, ...]:
    """Golden bodies of the OpenTelemetry SDK, and one with every kind of attribute and an ended series."""
    exporter = Exporter()
    exporter.resource(service__name="a", service__instance__id="b")
    exporter.gauge("x", 1.5, unit="By/s", list=["a", 1, 2.5], map={"b": {"c": b"d"}}, yes=True)
    exporter.metric("y").gauge.data_points.add(flags=1)
    exporter.metric("z").summary.data_points.add(count=5)
    return *golden("otlp/none*.bin"), *golden("otlp/delta*.bin"), exporter.request.SerializeToString()


def as_json(body: bytes) -> bytes:
    """A metrics request in its JSON form.

    Parameters
    ----------
    body : bytes
    """
    return MessageToJson(ExportMetricsServiceRequest.FromString(body), indent=None).encode()


def as_version_2(body: bytes) -> bytes:
    """A write request of version 1.0 in version 2.0.

    Parameters
    ----------
    body : bytes
    """
    symbols: dict[str, int] = {"": 0}
    request = Request()
    for series in WriteRequest.FromString(body).timeseries:
        refs = [
            symbols.setdefault(text, len(symbols)) for one in series.labels for text in (one.name, one.value)
        ]
        added = request.timeseries.add(labels_refs=refs)
        added.metadata.type = len(refs) % 8
        for sample in series.samples:
            added.samples.add(value=sample.value, timestamp=sample.timestamp)
        for histogram in series.histograms:
            added.histograms.add().ParseFromString(histogram.SerializeToString())
    request.symbols.extend(symbols)
    return request.SerializeToString()


def by(decoder: type) -> Callable[[bytes], Decoded]:
    """A decode function that keeps its decoder, as the service does.

    Parameters
    ----------
    decoder : type
    """
    kept = decoder(LIMITS)
    return lambda body: kept.decode(body, NOW_MS)


def targets() -> dict[str, Target]:
    """All targets by name."""
    return {
        "body": Target(unpacked_by_first_byte, packed_seeds()),
        "json": Target(by(JsonDecoder), (*JSON_ROWS, b"[" + b",".join(JSON_ROWS) + b"]"), json=True),
        "ndjson": Target(by(NdjsonDecoder), (b"\n".join(JSON_ROWS), JSON_ROWS[0])),
        "remote_write": Target(
            by(RemoteWriteDecoder),
            golden("remote_write_native/*.bin", "snappy") + golden("vmagent/*.bin", "snappy"),
        ),
        "remote_write2": Target(
            by(RemoteWrite2Decoder), tuple(map(as_version_2, golden("vmagent/*.bin", "snappy")))
        ),
        "otlp": Target(by(OtlpDecoder), otlp_bodies()),
        "otlp_json": Target(by(OtlpJsonDecoder), tuple(map(as_json, otlp_bodies())), json=True),
        "influx": Target(by(InfluxDecoder), (INFLUX_LINES, *INFLUX_LINES.splitlines())),
        "collectd": Target(
            by(CollectdDecoder), golden("collectd/json*.bin") + golden("collectd/kairosdb*.bin"), json=True
        ),
        "opentsdb": Target(by(OpenTsdbDecoder), golden("netdata/*_002.bin"), json=True),
    }
