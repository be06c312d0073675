"""Lines of the scrape format, written by a compiled kernel: of 100 000 streams there are over a million.

Joining them in Python takes three times as long and holds the interpreter's lock meanwhile.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kullback.core.kernel import inner_kernel, kernel

Bytes = NDArray[np.uint8]
COMMA, NEWLINE = ord(","), ord("\n")


@dataclass(frozen=True, slots=True)
class Labels:
    """The label texts of streams, one behind the other.

    Parameters
    ----------
    text : uint8 array
    starts : int64 array, shape (n + 1,)
        Where each begins, and where the last ends.
    """

    text: Bytes
    starts: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Lines:
    """One line per stream: `before`, its labels, `after`, its number.

    Parameters
    ----------
    before, after : bytes
        Up to and with the opening brace; from behind the labels to the space before the number.
    rows : int64 array, shape (k,)
        Which streams.
    numbers : bytes
        Their numbers with commas between.
    """

    before: bytes
    after: bytes
    rows: NDArray[np.int64]
    numbers: bytes

    def size(self, labels: Labels) -> int:
        """How many bytes they take.

        Parameters
        ----------
        labels : Labels
        """
        own = np.diff(labels.starts)[self.rows].sum()
        # Each number but the last has a comma behind it; all have a newline instead.
        return int(own) + (len(self.before) + len(self.after)) * len(self.rows) + len(self.numbers) + 1

    def write(self, page: Bytes, labels: Labels) -> None:
        """Fill a part of a page that has just their size.

        Parameters
        ----------
        page : uint8 array
        labels : Labels
        """
        texts = (np.frombuffer(text, np.uint8) for text in (self.before, self.after, self.numbers))
        _write(page, labels.text, labels.starts, self.rows, *texts)


def stacked(texts: Sequence[bytes]) -> Labels:
    """Label texts as the kernel reads them.

    Parameters
    ----------
    texts : sequence of bytes
    """
    starts = np.zeros(len(texts) + 1, np.int64)
    np.cumsum(np.fromiter(map(len, texts), np.int64, len(texts)), out=starts[1:])
    return Labels(np.frombuffer(b"".join(texts), np.uint8), starts)


def page_of(parts: Sequence[bytes | Lines], labels: Labels) -> bytearray:
    """Texts and lines one behind the other, in memory that is taken once.

    Parameters
    ----------
    parts : sequence of bytes or Lines
        Lines of at least one stream each.
    labels : Labels
    """
    sizes = [part.size(labels) if isinstance(part, Lines) else len(part) for part in parts]
    body = bytearray(sum(sizes))
    page, first = np.frombuffer(body, np.uint8), 0
    for part, size in zip(parts, sizes, strict=True):
        place = page[first : first + size]
        if isinstance(part, Lines):
            part.write(place, labels)
        else:
            place[:] = np.frombuffer(part, np.uint8)
        first += size
    return body


def warmup() -> None:
    """Compile the kernel, or load it from Numba's cache."""
    page_of([Lines(b"", b"", np.zeros(1, np.int64), b"0")], stacked([b""]))


@kernel
def _write(
    page: Bytes,
    text: Bytes,
    starts: NDArray[np.int64],
    rows: NDArray[np.int64],
    before: Bytes,
    after: Bytes,
    numbers: Bytes,
) -> None:
    at = read = 0
    for row in rows:
        at = _copy(page, at, before, 0, len(before))
        at = _copy(page, at, text, starts[row], starts[row + 1])
        at = _copy(page, at, after, 0, len(after))
        stop = read
        while stop < len(numbers) and numbers[stop] != COMMA:
            stop += 1
        at = _copy(page, at, numbers, read, stop)
        page[at] = NEWLINE
        at, read = at + 1, stop + 1


@inner_kernel
def _copy(page: Bytes, at: int, source: Bytes, first: int, stop: int) -> int:
    for index in range(first, stop):
        page[at + index - first] = source[index]
    return at + stop - first
