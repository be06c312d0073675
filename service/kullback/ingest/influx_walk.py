"""Walking Influx line protocol, compiled (docs.influxdata.com, "Line protocol reference").

A line is `measurement[,tag=value…] field=value[,field=value…] [timestamp]`; a backslash escapes the next
byte; texts stand in double quotes and may hold line breaks.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kullback.core.errors import DecodeError, ErrorId
from kullback.core.kernel import kernel
from kullback.core.limits import Limits
from kullback.ingest.decimals import EXACT, MINUS, NINE, NONE, PLUS, UNSURE, ZERO, read_decimal
from kullback.ingest.wire import Bytes, Positions

SPACE, COMMA, EQUALS, QUOTE, BACKSLASH, NEWLINE, RETURN, HASH, TAB = 32, 44, 61, 34, 92, 10, 13, 35, 9

GOOD, NO_FIELDS, BAD_FIELD, BAD_VALUE, OPEN_TEXT, BAD_TIME, NO_NAME = 0, 1, 2, 3, 4, 5, 6
PROBLEMS = {
    NO_FIELDS: "it has no fields",
    BAD_FIELD: "a field is not written as key=value",
    BAD_VALUE: "a field's value is neither a number, a truth value nor a text in quotes",
    OPEN_TEXT: "a text is not closed by a quote",
    BAD_TIME: "its timestamp is not a whole number",
    NO_NAME: "it has no measurement",
}
WHOLE_SUFFIXES = (ord("i"), ord("u"))
SIGNS = (PLUS, MINUS)
NO_TIME = np.iinfo(np.int64).min
LATEST = 2**62
MOST_BAD_LINES = 1000


class Lines(NamedTuple):
    """What a body holds.

    Parameters
    ----------
    key : int64 array, shape (lines, 2)
        Measurement and tags of each good line that has a sample.
    number : int64 array, shape (lines,)
        Its number, from 1.
    time : int64 array, shape (lines,)
        As written; NO_TIME when there is none.
    field_line : int64 array, shape (fields,)
        Index of the line.
    field_key, field_value : int64 array, shape (fields, 2)
    value : float64 array, shape (fields,)
    certainty : int8 array, shape (fields,)
        UNSURE values are to be read anew from `field_value`.
    bad_number, bad_why : int64 array, shape (MOST_BAD_LINES,)
        The first bad lines.
    counts : int64 array, shape (4,)
        Lines, fields, bad lines; 1 when there was no room for more fields.
    """

    key: Positions
    number: Positions
    time: Positions
    field_line: Positions
    field_key: Positions
    field_value: Positions
    value: NDArray[np.float64]
    certainty: NDArray[np.int8]
    bad_number: Positions
    bad_why: Positions
    counts: Positions


def walk(body: Bytes, limits: Limits) -> Lines:
    """Find the lines and fields of a body.

    Parameters
    ----------
    body : uint8 array
    limits : Limits

    Raises
    ------
    DecodeError
        TOO_MANY_SAMPLES.
    """
    equals, breaks = count_marks(body)
    most = limits.max_samples_per_request
    fields, lines = min(equals, most), min(breaks + 1, equals, most)
    found = Lines(
        np.empty((lines, 2), np.int64),
        np.empty(lines, np.int64),
        np.empty(lines, np.int64),
        np.empty(fields, np.int64),
        np.empty((fields, 2), np.int64),
        np.empty((fields, 2), np.int64),
        np.empty(fields, np.float64),
        np.empty(fields, np.int8),
        np.empty(MOST_BAD_LINES, np.int64),
        np.empty(MOST_BAD_LINES, np.int64),
        np.zeros(4, np.int64),
    )
    walk_lines(body, found)
    if found.counts[3]:
        detail = f"The body holds more than {most} samples."
        raise DecodeError(ErrorId.TOO_MANY_SAMPLES, detail)
    return found


@kernel
def count_marks(body: Bytes) -> tuple[int, int]:
    """How many equals signs and line breaks there are: bounds of fields and lines.

    Parameters
    ----------
    body : uint8 array
    """
    equals, breaks = 0, 0
    for byte in body:
        equals += byte == EQUALS
        breaks += byte == NEWLINE
    return equals, breaks


@kernel
def walk_lines(body: Bytes, found: Lines) -> None:
    """Read every line; the fields of a bad one are taken back.

    Parameters
    ----------
    body : uint8 array
    found : Lines, written
    """
    at, number, stop = 0, 1, len(body)
    counts = found.counts
    while at < stop and counts[3] == 0:
        while at < stop and body[at] in (SPACE, TAB, RETURN):
            at += 1
        if at < stop and body[at] != NEWLINE and body[at] != HASH:
            fields = counts[1]
            at, breaks, why = _read_line(body, at, number, found)
            if why != GOOD:
                counts[1] = fields
                if counts[2] < MOST_BAD_LINES:
                    found.bad_number[counts[2]], found.bad_why[counts[2]] = number, why
                counts[2] += 1
            elif counts[1] > fields:
                counts[0] += 1
            number += breaks
        while at < stop and body[at] != NEWLINE:
            at += 1
        at += 1
        number += 1


@kernel
def _read_line(body: Bytes, at: int, number: int, found: Lines) -> tuple[int, int, int]:
    """Where the line was left, line breaks inside its texts, and what is wrong with it."""
    stop, line, breaks = len(body), found.counts[0], 0
    start = at
    at = key_end(body, at, stop, False)
    if at == start or body[start] == COMMA:
        return at, 0, NO_NAME
    key_stop = at
    at = skip_spaces(body, at, stop)
    if at == stop or is_line_end(body[at]):
        return at, 0, NO_FIELDS
    while True:
        at, inside, why = _read_field(body, at, stop, line, found)
        breaks += inside
        if why != GOOD or at == stop or body[at] != COMMA:
            break
        at += 1
    if why != GOOD:
        return at, breaks, why
    time, at, good = read_time(body, at, stop)
    if not good:
        return at, breaks, BAD_TIME
    if line < len(found.number):
        found.key[line, 0], found.key[line, 1] = start, key_stop
        found.number[line], found.time[line] = number, time
    return at, breaks, GOOD


@kernel
def _read_field(body: Bytes, at: int, stop: int, line: int, found: Lines) -> tuple[int, int, int]:
    start = at
    at = key_end(body, at, stop, True)
    if at in (start, stop) or body[at] != EQUALS:
        return at, 0, BAD_FIELD
    key_stop = at
    at += 1
    if at < stop and body[at] == QUOTE:
        after, breaks = text_end(body, at, stop)
        if after < 0:
            return at, 0, OPEN_TEXT
        return after, breaks, GOOD if is_value_end(body, after, stop) else BAD_VALUE
    value_start = at
    while not is_value_end(body, at, stop):
        at += 1
    value, certainty = read_value(body, value_start, at)
    if certainty == NONE:
        return at, 0, BAD_VALUE
    field = found.counts[1]
    if field == len(found.value):
        found.counts[3] = 1
        return at, 0, GOOD
    found.field_line[field], found.value[field], found.certainty[field] = line, value, certainty
    found.field_key[field, 0], found.field_key[field, 1] = start, key_stop
    found.field_value[field, 0], found.field_value[field, 1] = value_start, at
    found.counts[1] = field + 1
    return at, 0, GOOD


@kernel
def key_end(body: Bytes, at: int, stop: int, field: bool) -> int:
    """Where a key ends: at an unescaped space or line break, a field's also at `=` and `,`.

    Parameters
    ----------
    body : uint8 array
    at, stop : int
    field : bool
    """
    while at < stop:
        byte = body[at]
        if byte == BACKSLASH and at + 1 < stop and body[at + 1] != NEWLINE:
            at += 1
        elif byte in (SPACE, NEWLINE) or (field and byte in (EQUALS, COMMA)):
            break
        at += 1
    return min(at, stop)


@kernel
def text_end(body: Bytes, at: int, stop: int) -> tuple[int, int]:
    """Index after the quoted text that starts at `at` (-1: not closed), and the line breaks inside.

    Parameters
    ----------
    body : uint8 array
    at, stop : int
    """
    breaks = 0
    at += 1
    while at < stop and body[at] != QUOTE:
        if body[at] == BACKSLASH:
            at += 1
        if at < stop and body[at] == NEWLINE:
            breaks += 1
        at += 1
    return (at + 1 if at < stop else -1), breaks


@kernel
def read_value(body: Bytes, at: int, stop: int) -> tuple[float, int]:
    """A number (`1.5`, `3i`, `3u`) or a truth value as 1 or 0.

    Parameters
    ----------
    body : uint8 array
    at, stop : int
    """
    if at == stop:
        return 0.0, NONE
    if body[stop - 1] in WHOLE_SUFFIXES:
        for i in range(at, stop - 1):
            if not (ZERO <= body[i] <= NINE or (i == at and body[i] in SIGNS)):
                return 0.0, NONE
        return read_decimal(body, at, stop - 1)
    value, certainty = read_decimal(body, at, stop)
    return read_word(body, at, stop) if certainty == NONE else (value, certainty)


@kernel
def read_word(body: Bytes, at: int, stop: int) -> tuple[float, int]:
    """A truth value, or one of the numbers that are words, which are left to Python.

    Parameters
    ----------
    body : uint8 array
    at, stop : int
    """
    if is_word(body, at, stop, b"true") or is_word(body, at, stop, b"t"):
        return 1.0, EXACT
    if is_word(body, at, stop, b"false") or is_word(body, at, stop, b"f"):
        return 0.0, EXACT
    start = at + 1 if body[at] in SIGNS else at
    special = is_word(body, start, stop, b"nan") or is_word(body, start, stop, b"inf")
    return 0.0, (UNSURE if special else NONE)


@kernel
def is_word(body: Bytes, at: int, stop: int, word: bytes) -> bool:
    """Whether a range spells a lower-case word, in any case.

    Parameters
    ----------
    body : uint8 array
    at, stop : int
    word : bytes
    """
    same = stop - at == len(word)
    for i in range(len(word)):
        same = same and body[at + i] | 32 == word[i]
    return same


@kernel
def read_time(body: Bytes, at: int, stop: int) -> tuple[int, int, bool]:
    """The timestamp at the end of a line (NO_TIME: none), the line's end, and whether it is well formed.

    Parameters
    ----------
    body : uint8 array
    at, stop : int
    """
    at = skip_spaces(body, at, stop)
    if at == stop or is_line_end(body[at]):
        return NO_TIME, at, True
    negative = body[at] == MINUS
    at += negative
    first, time = at, 0
    while at < stop and ZERO <= body[at] <= NINE:
        if time > LATEST // 10:
            return 0, at, False
        time = time * 10 + (int(body[at]) - ZERO)
        at += 1
    good = at > first
    at = skip_spaces(body, at, stop)
    return (-time if negative else time), at, good and (at == stop or is_line_end(body[at]))


@kernel
def skip_spaces(body: Bytes, at: int, stop: int) -> int:
    """Index of the first byte that is no space.

    Parameters
    ----------
    body : uint8 array
    at, stop : int
    """
    while at < stop and body[at] == SPACE:
        at += 1
    return at


@kernel
def is_line_end(byte: int) -> bool:
    """Whether a byte ends a line.

    Parameters
    ----------
    byte : int
    """
    return byte in (NEWLINE, RETURN)


@kernel
def is_value_end(body: Bytes, at: int, stop: int) -> bool:
    """Whether a field's value ends before an index.

    Parameters
    ----------
    body : uint8 array
    at, stop : int
    """
    return at >= stop or body[at] == COMMA or body[at] == SPACE or is_line_end(body[at])
