"""Whose a request is: the one place on the way in.

As with Grafana Mimir the header `X-Scope-OrgID` says it, and whoever may reach the service is believed; a
credential of `web.yml` that is bound to a tenant says it too, and nothing else is believed then.
Every path needs a tenant unless it is listed here, so that a new endpoint is closed and not open.
"""

from __future__ import annotations

from collections.abc import Sequence

from kullback.core.errors import ErrorId, RequestError
from kullback.core.tenant import EVERYONE, name_problem

HEADER = "x-scope-orgid"
DOCUMENTS = ("/", "/alerts", "/compare", "/backtest", "/status", "/openapi.json", "/-/healthy", "/-/ready")
FOLDERS = ("/docs", "/static")
"""With `DOCUMENTS`: the same for everybody, with nothing of anybody in it."""

SHARED = ("/metrics", "/api/v1/status")
"""Tell the operator of all tenants, and a tenant of itself."""

OPERATORS = ("/api/v1/config", "/-/reload")
"""For the operator alone: for requests that name no tenant."""


class Tenancy:
    """Finds the tenant of each request.

    Parameters
    ----------
    enabled : bool
        While it is not, the header means nothing.
    """

    def __init__(self, enabled: bool = False) -> None:
        self.enabled = enabled

    def tenant(self, path: str, named: Sequence[str], bound: str) -> str:
        """Whose a request is, `EVERYONE` for one of the operator or while tenants are off.

        Parameters
        ----------
        path : str
        named : sequence of str
            Every value of the header.
        bound : str
            The tenant that the sender's credentials are for, "" when they are for none.

        Raises
        ------
        RequestError
            NO_TENANT, BAD_TENANT or FORBIDDEN.
        """
        if not self.enabled or path in DOCUMENTS or f"/{path.split('/')[1]}" in FOLDERS:
            return EVERYONE
        tenant = _agreed(_name(named), bound)
        if path in OPERATORS and tenant:
            raise RequestError(ErrorId.FORBIDDEN, f"{path} is the operator's; no tenant may ask for it.")
        if not tenant and path not in (*OPERATORS, *SHARED):
            raise RequestError(ErrorId.NO_TENANT)
        return tenant


def _name(named: Sequence[str]) -> str:
    if len(named) > 1:
        raise RequestError(ErrorId.BAD_TENANT, "X-Scope-OrgID was sent more than once.")
    name = named[0] if named else ""
    if name and (problem := name_problem(name)):
        raise RequestError(ErrorId.BAD_TENANT, f"X-Scope-OrgID cannot be {name[:40]!r}: {problem}.")
    return name


def _agreed(name: str, bound: str) -> str:
    if name and bound and name != bound:
        raise RequestError(ErrorId.FORBIDDEN, f"These credentials are for the tenant {bound!r} only.")
    return name or bound
