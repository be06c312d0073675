"""Compiling the decoders' kernels before the first request needs them."""

from __future__ import annotations

from kullback.ingest.influx import InfluxDecoder
from kullback.ingest.otlp import OtlpDecoder
from kullback.ingest.remote_write import RemoteWriteDecoder
from kullback.ingest.remote_write2 import RemoteWrite2Decoder

WRITE_1 = (
    b"\n\x1c\n\r\n\x08__name__\x12\x01x\x12\x0b\t\x00\x00\x00\x00\x00\x00\xf0?\x10\x07"
    b'\n\x1a\n\r\n\x08__name__\x12\x01x"\tZ\x02\x10\x01b\x01\x02x\x07'
)
"""One sample and one native histogram."""
WRITE_2 = (
    b'"\x00"\x08__name__"\x01x*\x15\n\x02\x01\x02\x12\x0b\t\x00\x00\x00\x00\x00\x00\xf0?\x10\x07*\x02\x08\x01'
)
"""One sample with metadata."""
OTLP = (
    b"\ns\n\x00\x12o\n\x07\n\x05tests\x12#\n\x01x*\x1e\n\x1c\x19@B\x0f\x00\x00\x00\x00\x00"
    b"!\x00\x00\x00\x00\x00\x00\xf0?:\x08\n\x01a\x12\x03\n\x01b\x12-\n\x01yJ(\n&2\x10"
    b"\x01\x00\x00\x00\x00\x00\x00\x00\x02\x00\x00\x00\x00\x00\x00\x00:\x08\x00\x00\x00\x00\x00\x00\xf0?"
    b"J\x08\n\x01a\x12\x03\n\x01b\x12\x10\n\x01zR\x0b\n\t9\x01\x00\x00\x00\x00\x00\x00\x00"
)
"""A gauge with an attribute, an explicit and an exponential histogram."""
LINE = b"x,a=b y=1.5 1"


def warmup() -> None:
    """Decode one small body of each compiled protocol, so that every kernel is compiled or loaded."""
    RemoteWriteDecoder().decode(WRITE_1, 0)
    RemoteWrite2Decoder().decode(WRITE_2, 0)
    OtlpDecoder().decode(OTLP, 0)
    InfluxDecoder().decode(LINE, 0)
