"""Field types that read what users write: durations, budgets, selectors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict

from kullback.core.budget import Budget, parse_budget
from kullback.core.duration import parse_duration_ms
from kullback.core.errors import RequestError
from kullback.core.selector import Selector, parse_selector

T = TypeVar("T")


def reader(read: Callable[[str], T]) -> BeforeValidator:
    """A validator that reads text with `read` and reports its refusal as a validation error.

    Parameters
    ----------
    read : callable str -> T
        Raises RequestError for text it cannot read.
    """

    def validate(value: Any) -> Any:
        if not isinstance(value, str):
            return value
        try:
            return read(value)
        except RequestError as problem:
            raise ValueError(problem.detail) from problem

    return BeforeValidator(validate)


Duration = Annotated[int, reader(parse_duration_ms)]
"""Milliseconds, written `90s`, `5m`, `30d`."""


class BudgetFields(BaseModel):
    """The long form of an alarm budget."""

    model_config = ConfigDict(extra="forbid")
    alarms: float
    per: str
    scope: str = "stream"


def read_budget(value: Any) -> Any:
    """A budget from its short (`1 per 30d`) or long (`{alarms, per, scope}`) form.

    Parameters
    ----------
    value : str or mapping

    Raises
    ------
    ValueError
        When it is neither.
    """
    if isinstance(value, Budget):
        return value
    try:
        if isinstance(value, str):
            return parse_budget(value)
        fields = BudgetFields.model_validate(value)
        if fields.scope not in ("stream", "fleet"):
            raise ValueError("scope must be stream or fleet")
        return parse_budget(
            f"{fields.alarms} per {fields.per}{' for all' if fields.scope == 'fleet' else ''}"
        )
    except RequestError as problem:
        raise ValueError(problem.detail) from problem


BudgetText = Annotated[Budget, BeforeValidator(read_budget)]
SelectorText = Annotated[Selector, reader(parse_selector)]
