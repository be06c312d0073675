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

KEY_MARKS = np.zeros((2, 256), np.bool_)
"""Bytes at which a key may end: in the first row that of measurement and tags, in the second a field's."""
KEY_MARKS[:, [SPACE, NEWLINE, BACKSLASH]] = True
KEY_MARKS[1, [EQUALS, COMMA]] = True
VALUE_ENDS = np.zeros(256, np.bool_)
VALUE_ENDS[[COMMA, SPACE, NEWLINE, RETURN]] = True

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
    # One loop over lines and fields, because handing the tables on costs as much as reading a field.
    at, number, stop, line, field, bad = 0, 1, len(body), 0, 0, 0
    full = False
    while at < stop and not full:
        while at < stop and body[at] in (SPACE, TAB, RETURN):
            at += 1
        if at < stop and body[at] != NEWLINE and body[at] != HASH:
            start, first, breaks = at, field, 0
            key_stop, at, why = read_head(body, at, stop)
            more = why == GOOD
            while more:
                name = at
                at, inside, why, name_stop, value, certainty = read_field(body, at, stop)
                breaks += inside
                more = why == GOOD and at < stop and body[at] == COMMA
                if why == GOOD and certainty != NONE:
                    full = field == len(found.value)
                    if full:
                        break
                    found.field_line[field], found.value[field], found.certainty[field] = (
                        line,
                        value,
                        certainty,
                    )
                    found.field_key[field, 0], found.field_key[field, 1] = name, name_stop
                    found.field_value[field, 0], found.field_value[field, 1] = name_stop + 1, at
                    field += 1
                at += more
            time, at, good = read_time(body, at, stop) if why == GOOD else (0, at, True)
            why = why if good else BAD_TIME
            if why != GOOD:
                field = first
                if bad < MOST_BAD_LINES:
                    found.bad_number[bad], found.bad_why[bad] = number, why
                bad += 1
            elif field > first:
                found.key[line, 0], found.key[line, 1] = start, key_stop
                found.number[line], found.time[line] = number, time
                line += 1
            number += breaks
        while at < stop and body[at] != NEWLINE:
            at += 1
        at += 1
        number += 1
    found.counts[0], found.counts[1], found.counts[2], found.counts[3] = line, field, bad, full


@kernel
def read_head(body: Bytes, at: int, stop: int) -> tuple[int, int, int]:
    """Where measurement and tags end, where the fields start, and what is wrong.

    Parameters
    ----------
    body : uint8 array
    at, stop : int
    """
    key_stop = key_end(body, at, stop, False)
    if key_stop == at or body[at] == COMMA:
        return key_stop, key_stop, NO_NAME
    fields = skip_spaces(body, key_stop, stop)
    if fields == stop or is_line_end(body[fields]):
        return key_stop, fields, NO_FIELDS
    return key_stop, fields, GOOD


@kernel
def read_field(body: Bytes, at: int, stop: int) -> tuple[int, int, int, int, float, int]:
    """Where a field ends, line breaks in its text, what is wrong, where its key ends, value and certainty.

    Parameters
    ----------
    body : uint8 array
    at, stop : int

    Returns
    -------
    tuple
        The certainty of a text is NONE: it is no sample.
    """
    start = at
    at = key_end(body, at, stop, True)
    key_stop = at
    if at in (start, stop) or body[at] != EQUALS:
        return at, 0, BAD_FIELD, key_stop, 0.0, NONE
    at += 1
    if at < stop and body[at] == QUOTE:
        after, breaks = text_end(body, at, stop)
        if after < 0:
            return at, 0, OPEN_TEXT, key_stop, 0.0, NONE
        why = GOOD if is_value_end(body, after, stop) else BAD_VALUE
        return after, breaks, why, key_stop, 0.0, NONE
    while at < stop and not VALUE_ENDS[body[at]]:
        at += 1
    value, certainty = read_value(body, key_stop + 1, at)
    return at, 0, (BAD_VALUE if certainty == NONE else GOOD), key_stop, value, certainty


@kernel
def key_end(body: Bytes, at: int, stop: int, field: bool) -> int:
    """Where a key ends: at an unescaped space or line break, a field's also at `=` and `,`.

    Parameters
    ----------
    body : uint8 array
    at, stop : int
    field : bool
    """
    row = 1 if field else 0
    while at < stop:
        if KEY_MARKS[row, body[at]]:
            if body[at] != BACKSLASH:
                break
            # What follows a backslash belongs to the key, unless the line ends there.
            at += at + 1 < stop and body[at + 1] != NEWLINE
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
    return at >= stop or VALUE_ENDS[body[at]]
