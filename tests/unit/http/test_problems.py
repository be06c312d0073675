"""Every error has one status, and every answer that is an error says which."""

from __future__ import annotations

import httpx
import pytest

from kullback.core.errors import ErrorId
from kullback.http.problems import STATUS, problem_response


def test_every_error_has_a_status() -> None:
    assert set(STATUS) == set(ErrorId)
    assert all(400 <= status < 600 for status in STATUS.values())


def test_only_internal_errors_are_500() -> None:
    assert [error for error, status in STATUS.items() if status == 500] == [ErrorId.INTERNAL]


def test_overload_says_when_to_try_again() -> None:
    for error in (ErrorId.QUEUE_FULL, ErrorId.STORAGE_UNAVAILABLE, ErrorId.STARTING_OR_STOPPING):
        assert problem_response(error).headers["retry-after"] == "5"
    assert "retry-after" not in problem_response(ErrorId.NOT_FOUND).headers


@pytest.mark.parametrize(
    ("path", "error"),
    [
        ("/nowhere", "kb-not-found"),
        ("/api/v1/streams/nobody", "kb-not-found"),
        ("/api/v1/alerts/nobody", "kb-not-found"),
        ("/api/v1/streams?limit=0", "kb-bad-request"),
        ("/api/v1/streams?limit=x", "kb-bad-request"),
        ("/api/v1/streams?match[]={", "kb-bad-selector"),
        ("/api/v1/streams?state=weird", "kb-bad-request"),
        ("/api/v1/streams?sort=colour", "kb-bad-request"),
        ("/api/v1/streams?cursor=x", "kb-bad-request"),
        ("/api/v1/alerts?state=weird", "kb-bad-request"),
        ("/api/v1/correlate?start=yesterday", "kb-bad-request"),
    ],
)
def test_errors_are_problem_documents(client: httpx.Client, path: str, error: str) -> None:
    answer = client.get(path)
    problem = answer.json()
    assert answer.headers["content-type"] == "application/problem+json"
    assert (problem["id"], problem["status"]) == (error, answer.status_code)
    assert problem["detail"].endswith(f"[{error}]")
    assert "option" in problem
