import gzip
import tracemalloc
import zlib

import cramjam
import pytest

from kullback.core.errors import DecodeError, ErrorId
from kullback.core.limits import Limits
from kullback.ingest.body import unpack

TEXT = b"one two three " * 1000
LIMITS = Limits(max_body_bytes=1 << 20, max_unpacked_bytes=len(TEXT))

PACKED = {
    "": TEXT,
    "identity": TEXT,
    "gzip": gzip.compress(TEXT),
    "deflate": zlib.compress(TEXT),
    "zstd": bytes(cramjam.zstd.compress(TEXT)),
    "snappy": bytes(cramjam.snappy.compress_raw(TEXT)),
}


@pytest.mark.parametrize("coding", PACKED)
def test_every_coding_comes_back_as_it_was(coding: str) -> None:
    assert unpack(PACKED[coding], coding, LIMITS) == TEXT


@pytest.mark.parametrize(
    ("coding", "packed"),
    [
        ("deflate", zlib.compressobj(wbits=-15).compress(TEXT)),
        ("gzip", gzip.compress(TEXT[:700]) + gzip.compress(TEXT[700:])),
        ("snappy", bytes(cramjam.snappy.compress(TEXT))),
        ("GZIP ", gzip.compress(TEXT)),
    ],
    ids=["deflate without wrapper", "two gzip members", "snappy frames", "upper case"],
)
def test_variants_that_senders_use_are_read(coding: str, packed: bytes) -> None:
    if coding == "deflate":
        packer = zlib.compressobj(wbits=-15)
        packed = packer.compress(TEXT) + packer.flush()
    assert unpack(packed, coding, LIMITS) == TEXT


@pytest.mark.parametrize("coding", PACKED)
def test_one_byte_over_the_unpacked_limit_is_refused(coding: str) -> None:
    tight = Limits(max_unpacked_bytes=len(TEXT) - 1)
    with pytest.raises(DecodeError, match="max_unpacked_bytes") as caught:
        unpack(PACKED[coding], coding, tight)
    assert caught.value.error is ErrorId.UNPACKED_TOO_LARGE


def test_a_body_over_the_packed_limit_is_refused_before_unpacking() -> None:
    with pytest.raises(DecodeError, match="max_body_bytes"):
        unpack(b"\x00" * 11, "snappy", Limits(max_body_bytes=10))


@pytest.mark.parametrize("coding", ["gzip", "deflate", "zstd", "snappy"])
@pytest.mark.parametrize("cut", [0, 1, 5, -1, -4])
def test_a_cut_body_is_bad_compression(coding: str, cut: int) -> None:
    packed = PACKED[coding][:cut]
    if not packed and coding in ("gzip", "deflate"):
        assert unpack(packed, coding, LIMITS) == b""
        return
    with pytest.raises(DecodeError) as caught:
        unpack(packed, coding, LIMITS)
    assert caught.value.error is ErrorId.BAD_COMPRESSION


def test_an_unknown_coding_names_the_known_ones() -> None:
    with pytest.raises(DecodeError, match="gzip, x-gzip, deflate, zstd, snappy"):
        unpack(TEXT, "br", LIMITS)


@pytest.mark.parametrize("coding", ["gzip", "deflate", "zstd"])
def test_a_bomb_is_refused_within_the_limit(coding: str) -> None:
    bomb = b"\x00" * (64 << 20)
    packed = {
        "gzip": gzip.compress(bomb, 6),
        "deflate": zlib.compress(bomb, 6),
        "zstd": bytes(cramjam.zstd.compress(bomb)),
    }[coding]
    limits = Limits(max_unpacked_bytes=1 << 20)
    tracemalloc.start()
    with pytest.raises(DecodeError) as caught:
        unpack(packed, coding, limits)
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert caught.value.error is ErrorId.UNPACKED_TOO_LARGE
    assert peak_bytes < 3 << 20


def test_a_snappy_block_that_announces_four_gigabytes_is_refused_by_its_header() -> None:
    with pytest.raises(DecodeError) as caught:
        unpack(b"\xff\xff\xff\xff\x0fabc", "snappy", Limits())
    assert caught.value.error is ErrorId.UNPACKED_TOO_LARGE
