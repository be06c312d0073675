"""The OpenAPI document: FastAPI's own, with the raw write endpoints and hand-read bodies added."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from kullback.core.errors import ErrorId
from kullback.http.docs import NULL, Problem, Responses, answers, replaced
from kullback.http.problems import status_of
from kullback.http.write_docs import WRITE_DOCS

DESCRIPTION = """Kullback watches streams of samples for changes of their distribution.

Every stream has a **score**: 1.0 is its alarm line, set so that the alarm budget is kept. Errors are
`application/problem+json` with an immutable `id`, what happened in `detail`, and the `option` to change."""

CREDENTIALS = {
    "basic": {"type": "http", "scheme": "basic", "description": "Users of the web configuration file."},
    "bearer": {"type": "http", "scheme": "bearer", "description": "Tokens of the web configuration file."},
}
AT_THE_DOOR = (ErrorId.UNAUTHENTICATED, ErrorId.NO_TENANT, ErrorId.FORBIDDEN, ErrorId.RATE_LIMITED)
"""What any endpoint may answer before it is asked, where credentials or tenants are configured."""


def _door_responses() -> Responses:
    statuses = {status_of(error) for error in AT_THE_DOOR}
    return {
        str(status): answer for status, answer in answers(None, *AT_THE_DOOR).items() if status in statuses
    }


DOOR_RESPONSES = _door_responses()
DOOR_REFERENCES = {status: {"$ref": f"#/components/responses/{status}"} for status in DOOR_RESPONSES}


def install(app: FastAPI) -> None:
    """Let `app` describe all its endpoints.

    Parameters
    ----------
    app : FastAPI
    """
    cache: dict[str, Any] = {}

    def document() -> dict[str, Any]:
        if not cache:
            cache.update(openapi_document(app))
        return cache

    app.openapi = document  # type: ignore[method-assign] # the way FastAPI documents for its extension


def openapi_document(app: FastAPI) -> dict[str, Any]:
    """The whole document.

    Parameters
    ----------
    app : FastAPI
    """
    bare = get_openapi(title=app.title, version=app.version, description=DESCRIPTION, routes=app.routes)
    document: dict[str, Any] = replaced(bare, NULL, None)
    document["paths"] = {**WRITE_DOCS, **document["paths"]}
    schemas = document["components"]["schemas"] | {"Problem": Problem.model_json_schema()}
    for path in document["paths"].values():
        for operation in path.values():
            operation["responses"].pop("422", None)  # invalid requests are 400 here
            operation["responses"] = {**DOOR_REFERENCES, **operation["responses"]}
            _hoist(operation.get("requestBody", {}), schemas)
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    document["components"] |= {
        "schemas": dict(sorted(schemas.items())),
        "responses": replaced(DOOR_RESPONSES, NULL, None),
        "securitySchemes": CREDENTIALS,
    }
    # {}: without credentials, where none are configured
    document["security"] = [{}, *({name: []} for name in CREDENTIALS)]
    return document


def _hoist(body: Mapping[str, Any], schemas: dict[str, Any]) -> None:
    """Move the definitions of a hand-read body to where its references point."""
    for content in body.get("content", {}).values():
        schemas.update(content.get("schema", {}).pop("$defs", {}))
