"""Errors as answers: the one table from `ErrorId` to status, and `application/problem+json` (RFC 9457)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import orjson
import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from kullback.core.errors import ErrorId, KullbackError

RETRY_AFTER_S = 5
SHOWN_ERRORS = 5
PROBLEM_JSON = "application/problem+json"

STATUS: Mapping[ErrorId, int] = {
    ErrorId.BODY_TOO_LARGE: 413,
    ErrorId.UNPACKED_TOO_LARGE: 413,
    ErrorId.BAD_COMPRESSION: 400,
    ErrorId.BAD_JSON: 400,
    ErrorId.BAD_PROTOBUF: 400,
    ErrorId.BAD_LINE: 400,
    ErrorId.BAD_SAMPLE: 400,
    ErrorId.BAD_LABELS: 400,
    ErrorId.BAD_HISTOGRAM: 400,
    ErrorId.UNSUPPORTED_CONTENT_TYPE: 415,
    ErrorId.UNSUPPORTED_SAMPLE: 400,
    ErrorId.SAMPLE_TOO_OLD: 400,
    ErrorId.SAMPLE_IN_FUTURE: 400,
    ErrorId.SAMPLE_OUT_OF_ORDER: 400,
    ErrorId.TOO_MANY_STREAMS: 400,
    ErrorId.TOO_MANY_STREAMS_PER_METRIC: 400,
    ErrorId.TOO_MANY_STREAMS_OF_TENANT: 400,
    ErrorId.TOO_MANY_LABELS: 400,
    ErrorId.LABEL_NAME_TOO_LONG: 400,
    ErrorId.LABEL_VALUE_TOO_LONG: 400,
    ErrorId.KIND_MISMATCH: 400,
    ErrorId.TOO_MANY_SAMPLES: 413,
    ErrorId.QUEUE_FULL: 429,
    ErrorId.BODIES_FULL: 503,
    ErrorId.TOO_MANY_LISTENERS: 503,
    ErrorId.STORAGE_UNAVAILABLE: 503,
    ErrorId.STORAGE_IN_USE: 503,
    ErrorId.STORAGE_TOO_NEW: 503,
    ErrorId.STARTING_OR_STOPPING: 503,
    ErrorId.BAD_REQUEST: 400,
    ErrorId.BAD_SELECTOR: 400,
    ErrorId.BAD_CONFIG: 400,
    ErrorId.NOT_FOUND: 404,
    ErrorId.METHOD_NOT_ALLOWED: 405,
    ErrorId.CONFLICT: 409,
    ErrorId.UNAUTHENTICATED: 401,
    ErrorId.NO_TENANT: 401,
    ErrorId.BAD_TENANT: 400,
    ErrorId.FORBIDDEN: 403,
    ErrorId.RATE_LIMITED: 429,
    ErrorId.LIFECYCLE_DISABLED: 403,
    ErrorId.INTERNAL: 500,
}

_ERROR_OF_STATUS = {404: ErrorId.NOT_FOUND, 405: ErrorId.METHOD_NOT_ALLOWED, 413: ErrorId.BODY_TOO_LARGE}


def status_of(error: ErrorId) -> int:
    """The HTTP status of an error.

    Parameters
    ----------
    error : ErrorId
    """
    return STATUS[error]


def retry_headers(status: int) -> dict[str, str]:
    """`Retry-After` where trying again makes sense.

    Parameters
    ----------
    status : int
    """
    return {"Retry-After": str(RETRY_AFTER_S)} if status in (429, 503) else {}


def problem_document(error: ErrorId, status: int, text: str) -> dict[str, Any]:
    """The members of a problem document.

    Parameters
    ----------
    error : ErrorId
    status : int
    text : str
        The whole sentence, ids and options included.
    """
    return {
        "id": error.code,
        "title": error.value.meaning,
        "status": status,
        "detail": text,
        "option": error.option,
    }


def problem_response(error: ErrorId, detail: str = "", headers: Mapping[str, str] | None = None) -> Response:
    """An error as a problem document.

    Parameters
    ----------
    error : ErrorId
    detail : str
        What happened in this case.
    headers : mapping or None
        Further headers, e.g. `Allow`.
    """
    status = status_of(error)
    body = orjson.dumps(problem_document(error, status, error.text(detail)))
    return Response(body, status, {**retry_headers(status), **(headers or {})}, PROBLEM_JSON)


async def _on_kullback_error(request: Request, problem: Exception) -> Response:
    assert isinstance(problem, KullbackError)
    return problem_response(problem.error, problem.detail)


async def _on_http_error(request: Request, problem: Exception) -> Response:
    assert isinstance(problem, HTTPException)
    error = _ERROR_OF_STATUS.get(problem.status_code, ErrorId.BAD_REQUEST)
    what = f"{request.method} {request.url.path}: {problem.detail}"
    return problem_response(error, f"{what}.", problem.headers)


async def _on_invalid_request(request: Request, problem: Exception) -> Response:
    assert isinstance(problem, RequestValidationError)
    return problem_response(*invalid(problem.errors()))


def invalid(errors: Sequence[Any]) -> tuple[ErrorId, str]:
    """The id and the sentence for pydantic's list of errors.

    Parameters
    ----------
    errors : sequence of dict
    """
    lines = [f"{'.'.join(map(str, error['loc'])) or 'body'}: {error['msg']}" for error in errors]
    broken = any(error["type"] == "json_invalid" for error in errors)
    return ErrorId.BAD_JSON if broken else ErrorId.BAD_REQUEST, "; ".join(lines[:SHOWN_ERRORS]) + "."


async def _on_surprise(request: Request, problem: Exception) -> Response:
    structlog.get_logger().error("request_failed", path=request.url.path, exc_info=problem)
    return problem_response(ErrorId.INTERNAL)


def install(app: FastAPI) -> None:
    """Answer every error of `app` with a problem document.

    Parameters
    ----------
    app : FastAPI
    """
    app.add_exception_handler(KullbackError, _on_kullback_error)
    app.add_exception_handler(HTTPException, _on_http_error)
    app.add_exception_handler(RequestValidationError, _on_invalid_request)
    app.add_exception_handler(Exception, _on_surprise)
