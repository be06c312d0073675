"""One fuzz target per decoder: the decoder, and real bodies to start from."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from random import Random

from tests.decoded_rules import assert_well_formed
from tests.fuzz.mutation import mutated, rewritten

from kullback.core.errors import DecodeError
from kullback.core.limits import Limits
from kullback.ingest.body import UNPACKERS, unpack
from kullback.ingest.decoded import Decoded
from kullback.ingest.json_samples import JsonDecoder, NdjsonDecoder
from kullback.ingest.remote_write import RemoteWriteDecoder

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
    }
