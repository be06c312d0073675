"""How endpoints describe their answers to OpenAPI."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field

from kullback.core.errors import ErrorId
from kullback.http.problems import PROBLEM_JSON, problem_document, status_of

PROBLEM_SCHEMA = {"$ref": "#/components/schemas/Problem"}
Responses = dict[int | str, dict[str, Any]]
NULL = "\0null"
"""Stands for null in examples: FastAPI drops members that are None from its document."""


class Problem(BaseModel):
    """An error (RFC 9457)."""

    id: str = Field(description="Immutable code, see docs/errors.md.")
    title: str = Field(description="What the error means.")
    status: int
    detail: str = Field(description="What happened, with the numbers and the option to change.")
    option: str | None = Field(description="The option that moves the limit, where there is one.")


def answers(example: Any, *errors: ErrorId, status: int = 200) -> Responses:
    """The `responses=` of an endpoint.

    Parameters
    ----------
    example : Any
        Of the body on success; None when there is none.
    *errors : ErrorId
        Those the endpoint can answer besides the ones every endpoint can.
    status : int
        On success.
    """
    content = (
        {"content": {"application/json": {"example": with_nulls(example)}}} if example is not None else {}
    )
    found: Responses = {status: {"description": "Success.", **content}}
    for error in (ErrorId.BAD_REQUEST, *errors, ErrorId.STARTING_OR_STOPPING):
        found |= _problem(error, found)
    return found


def _problem(error: ErrorId, known: Responses) -> Responses:
    """The entry of an error's status, its example joined to those of the same status."""
    status = status_of(error)
    examples = known.get(status, {}).get("content", {}).get(PROBLEM_JSON, {}).get("examples", {})
    shown = {**examples, error.code: {"value": with_nulls(problem_document(error, status, error.text()))}}
    return {
        status: {
            "description": " ".join(sorted(shown)),
            "content": {PROBLEM_JSON: {"schema": PROBLEM_SCHEMA, "examples": shown}},
        }
    }


def with_nulls(example: Any) -> Any:
    """An example whose nulls survive FastAPI.

    Parameters
    ----------
    example : Any
        JSON values.
    """
    return replaced(example, None, NULL)


def replaced(content: Any, old: Any, new: Any) -> Any:
    """JSON values with every `old` turned into `new`.

    Parameters
    ----------
    content : Any
    old, new : Any
    """
    if isinstance(content, dict):
        return {key: replaced(value, old, new) for key, value in content.items()}
    if isinstance(content, list):
        return [replaced(value, old, new) for value in content]
    return new if content == old and type(content) is type(old) else content
