"""Bodies that are one JSON object or an array of them, each good or bad alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson

from kullback.core.errors import DecodeError, ErrorId
from kullback.core.limits import Limits
from kullback.ingest.builder import Builder
from kullback.ingest.decoded import Decoded
from kullback.ingest.numbers import Bad, refuse_crowded

Tree = dict[str, Any]


def decode_objects(
    body: bytes, limits: Limits, read: Callable[[Builder, Tree], None], advice: str
) -> Decoded:
    """Read each object of a body into a batch; a bad one is refused alone.

    Parameters
    ----------
    body : bytes
    limits : Limits
    read : callable
        Adds an object's samples to the builder or raises Bad.
    advice : str
        What the sender should be set to, for bodies of another form.

    Raises
    ------
    DecodeError
        BAD_JSON, BAD_SAMPLE when the body is neither an object nor an array, or TOO_MANY_SAMPLES.
    """
    objects = load_objects(body, limits, advice)
    builder = Builder(limits.max_samples_per_request)
    for place, tree in enumerate(objects, 1):
        try:
            if not isinstance(tree, dict):
                raise Bad("is not an object")
            read(builder, tree)
        except Bad as problem:
            builder.refuse(problem.error, f"Entry {place} {problem}.", problem.count)
    return builder.build()


def load_objects(body: bytes, limits: Limits, advice: str) -> list[Any]:
    """The entries of a body, not yet looked at.

    Parameters
    ----------
    body : bytes
    limits : Limits
    advice : str

    Raises
    ------
    DecodeError
        See `decode_objects`.
    """
    refuse_crowded(body, limits.max_samples_per_request)
    try:
        objects = orjson.loads(body)
    except orjson.JSONDecodeError as problem:
        raise DecodeError(ErrorId.BAD_JSON, f"The body is not valid JSON ({advice}): {problem}.") from problem
    if isinstance(objects, dict):
        return [objects]
    if not isinstance(objects, list):
        raise DecodeError(ErrorId.BAD_SAMPLE, "The body must be a JSON object or an array of objects.")
    return objects


def text(tree: Tree, field: str, *, needed: bool = False) -> str:
    """A text of an object, "" when it is absent.

    Parameters
    ----------
    tree : dict
    field : str
    needed : bool
        Whether "" is bad.

    Raises
    ------
    Bad
        When it is something else.
    """
    value = tree.get(field)
    if value is None and not needed:
        return ""
    if not isinstance(value, str) or (needed and not value):
        raise Bad(f"needs a text as `{field}`")
    return value
