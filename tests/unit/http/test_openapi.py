"""The OpenAPI document is complete, current, and its examples are true to their own schemas."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from kullback.core.errors import ErrorId
from kullback.http.api import described_app
from kullback.http.openapi import AT_THE_DOOR
from kullback.http.write import PATHS

SNAPSHOT = Path(__file__).parents[3] / "docs/openapi.json"
DOCUMENT: dict[str, Any] = described_app().openapi()
WITHOUT_BODY = {"204", "202"}


def operations() -> Iterator[tuple[str, dict[str, Any]]]:
    for path, methods in DOCUMENT["paths"].items():
        for method, operation in methods.items():
            yield f"{method.upper()} {path}", operation


OPERATIONS = dict(operations())


def contents(operation: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Media types of the request and of the answers on success, with what is said of them."""
    yield from operation.get("requestBody", {}).get("content", {}).items()
    for status, answer in operation["responses"].items():
        if status.startswith("2"):
            yield from answer.get("content", {}).items()


def examples(content: dict[str, Any]) -> list[Any]:
    several = [example["value"] for example in content.get("examples", {}).values()]
    return [*several, *([content["example"]] if "example" in content else [])]


def test_the_committed_document_is_current() -> None:
    committed = json.loads(SNAPSHOT.read_text(encoding="utf-8"))
    assert committed == DOCUMENT, "run `make openapi` and look at the difference"


def test_every_write_endpoint_is_described() -> None:
    assert set(PATHS) <= set(DOCUMENT["paths"])


@pytest.mark.parametrize("name", OPERATIONS)
def test_every_endpoint_has_a_summary_and_an_example(name: str) -> None:
    operation = OPERATIONS[name]
    assert operation["summary"]
    shown = [kind for kind, content in contents(operation) if examples(content)]
    protobuf_only = all("protobuf" in kind for kind, _ in contents(operation))
    silent = set(operation["responses"]) & WITHOUT_BODY
    assert shown or protobuf_only or silent, f"{name} has no example"


@pytest.mark.parametrize("name", OPERATIONS)
def test_examples_are_true_to_their_schemas(name: str) -> None:
    for kind, content in contents(OPERATIONS[name]):
        schema = content.get("schema")
        if schema and "json" in kind and "ndjson" not in kind:
            for example in examples(content):
                whole = {**schema, "components": DOCUMENT["components"]}
                jsonschema_rs.validate(whole, example)


def test_problem_examples_name_known_errors() -> None:
    codes = {error.code for error in ErrorId}
    for _, operation in operations():
        for answer in operation["responses"].values():
            problem = answer.get("content", {}).get("application/problem+json", {})
            for example in examples(problem):
                assert example["id"] in codes


@pytest.mark.parametrize("name", OPERATIONS)
def test_every_endpoint_says_what_it_answers_at_the_door(name: str) -> None:
    assert {"401", "403", "429"} <= set(OPERATIONS[name]["responses"])


def test_the_door_s_answers_have_examples() -> None:
    codes = {
        code
        for answer in DOCUMENT["components"]["responses"].values()
        for code in answer["content"]["application/problem+json"]["examples"]
    }
    assert codes == {error.code for error in AT_THE_DOOR}


def test_credentials_are_described_and_may_be_left_out_where_none_are_configured() -> None:
    assert DOCUMENT["security"] == [{}, {"basic": []}, {"bearer": []}]
    assert set(DOCUMENT["components"]["securitySchemes"]) == {"basic", "bearer"}


def test_every_reference_points_somewhere() -> None:
    text = json.dumps(DOCUMENT)
    names = {part.split('"')[0] for part in text.split("#/components/schemas/")[1:]}
    assert names <= set(DOCUMENT["components"]["schemas"])
