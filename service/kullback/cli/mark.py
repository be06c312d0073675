"""`kullback mark`: tell a running service that something was deployed."""

from __future__ import annotations

from typing import Annotated

import httpx
import typer
from rich.console import Console

from kullback.cli.options import TenantOption, TokenOption, UrlOption, labels_of
from kullback.client.calls import ApiError
from kullback.client.client import Client

FAILED = 1


def mark(
    text: Annotated[str, typer.Argument(help="What happened, such as 'deploy web v2.3'.")],
    match: Annotated[
        str, typer.Option(help="Streams it concerns, e.g. '{job=\"web\"}'; default: all.", show_default=False)
    ] = "",
    label: Annotated[list[str] | None, typer.Option(help="NAME=VALUE that the streams must have.")] = None,
    at: Annotated[
        str, typer.Option(help="When: RFC 3339, or Unix seconds; default: now.", show_default=False)
    ] = "",
    link: Annotated[
        str, typer.Option(help="URL of the pipeline run or the change.", show_default=False)
    ] = "",
    url: UrlOption = "http://localhost:9797",
    token: TokenOption = None,
    tenant: TenantOption = None,
) -> None:
    """Mark a deployment or another change, so that charts show it and alerts that begin soon after name it.

    Example: kullback mark "deploy web v2.3" --label job=web --link "$CI_PIPELINE_URL"
    """
    console = Console(stderr=True)
    try:
        with Client(url, token, tenant=tenant) as client:
            marked = client.mark(text, match, labels_of(label or []), at or None, link)
    except (ApiError, httpx.TransportError) as problem:
        reason = problem.detail if isinstance(problem, ApiError) else f"{url} cannot be reached: {problem}"
        console.print(reason, style="red", markup=False, highlight=False, soft_wrap=True)
        raise typer.Exit(FAILED) from problem
    typer.echo(f"{marked['id']}  {marked['time']}  {marked['text']}  {marked['match']}")
