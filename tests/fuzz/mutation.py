"""Random damage to real bodies: what a hostile or broken sender might send."""

from random import Random
from typing import Any

import orjson

INTERESTING = (
    b"\x00", b"\xff", b"\x80", b"\x7f", b"\xff" * 9 + b"\x01", b"\xff\xff\xff\xff\x0f", b"\x80" * 12,
    b"NaN", b"null", b"1e999", b"-", b'"', b"\\", b",", b"{", b"[", b"[" * 2000, b"18446744073709551616",
    b"\xed\xa0\x80", b"\n", b" ", b"=", b"\x0a\x00", b"\x12\x00", b"99999999999999999999i",
)  # fmt: skip


def mutated(random: Random, body: bytes, other: bytes) -> bytes:
    """A body with one to five random changes.

    Parameters
    ----------
    random : Random
    body, other : bytes
        The body to damage and one to splice from.
    """
    changed = bytearray(body)
    for _ in range(random.choice((1, 1, 1, 2, 5))):
        at = random.randint(0, len(changed))
        length = random.choice((1, 1, 2, 8, 50))
        choice = random.choice((0, 0, 0, 0, 1, 1, 2, 3, 4, 5, 6))
        if choice == 0 and changed:
            changed[at % len(changed)] ^= 1 << random.randrange(8)
        elif choice == 1 and changed:
            changed[at % len(changed)] = random.randrange(256)
        elif choice == 2:
            del changed[at : at + length]
        elif choice == 3:
            changed[at:at] = random.choice(INTERESTING)
        elif choice == 4:
            changed[at : at + length] = random.choice(INTERESTING)
        elif choice == 5:
            there = random.randint(0, len(other))
            changed[at:at] = other[there : there + random.choice((4, 40, 400))]
        else:
            changed[at:at] = changed[at : at + random.choice((4, 40, 400))]
    if random.random() < 0.1:
        del changed[random.randint(0, len(changed)) :]
    return bytes(changed)


ODD_VALUES: tuple[Any, ...] = (
    None, True, -1, 0, 2**63, 2**64 - 1, 1e308, -0.5, "", "NaN", "x" * 3000, "\u0000",
    [], {}, [[]], {"a": None}, ["x"],
)  # fmt: skip


def rewritten(random: Random, body: bytes) -> bytes:
    """A JSON body with one value, anywhere, replaced, removed or doubled.

    Parameters
    ----------
    random : Random
    body : bytes
        Valid JSON.
    """
    root = [orjson.loads(body)]
    where, key = random.choice(list(_places(root)))
    change = random.randrange(4)
    if change == 0 and where is not root:
        del where[key]
    elif change == 1 and isinstance(where, list):
        where.append(where[key])
    elif change == 2 and isinstance(where, dict):
        where[str(random.choice(ODD_VALUES))] = where[key]
    else:
        where[key] = random.choice(ODD_VALUES)
    return orjson.dumps(root[0])


def _places(tree: Any) -> Any:
    keys = list(tree) if isinstance(tree, dict) else range(len(tree)) if isinstance(tree, list) else ()
    for key in keys:
        yield tree, key
        yield from _places(tree[key])
