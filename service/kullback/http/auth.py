"""Who may do what: basic auth and bearer tokens of `web.yml`, read again when the file changes.

Scopes: `write` sends samples, `read` reads and compares, `admin` does everything. Users of basic auth
have all of them, as in Prometheus.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import hmac
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import bcrypt
import structlog

from kullback.core.errors import ErrorId, KullbackError, Overloaded, RequestError
from kullback.http.web_config import SCOPES, BearerToken, WebConfig, read_web_config
from kullback.http.write import PATHS as WRITE_PATHS

ASKING_IS_READING = frozenset(("/api/v1/compare", "/api/v1/backtest", "/ui/compare", "/ui/backtest"))
MAX_REMEMBERED = 1024
_NOBODY = b"$2b$10$fTwi1eggSHmOGJIUGbVL3Of3ttjiAeRSqdfdEgx/pGL.b6H1mdDOe"
"""A hash that is checked for unknown users, so that the time of an answer does not tell who exists."""


def needed_scope(method: str, path: str) -> str:
    """The scope a request needs.

    Parameters
    ----------
    method, path : str
    """
    if path in WRITE_PATHS:
        return "write"
    if method in ("GET", "HEAD", "OPTIONS") or path in ASKING_IS_READING:
        return "read"
    return "admin"


@dataclass(frozen=True, slots=True)
class Identity:
    """Who sends a request, for the audit, and what they may do."""

    name: str
    scopes: frozenset[str]
    tenant: str = ""
    """The only tenant they may name; "" when they may name any."""


ANYBODY = Identity("", frozenset(SCOPES))


@dataclass(slots=True)
class Bucket:
    """A token bucket that fills by `per_minute` and holds as many."""

    per_minute: int
    level: float = field(init=False)
    at_ms: int = 0

    def __post_init__(self) -> None:
        self.level = float(self.per_minute)

    def take(self, now_ms: int) -> bool:
        """Whether one more request fits.

        Parameters
        ----------
        now_ms : int
        """
        passed_ms = max(0, now_ms - self.at_ms)
        self.level = min(self.per_minute, self.level + passed_ms * self.per_minute / 60_000)
        self.at_ms = now_ms
        if self.level < 1:
            return False
        self.level -= 1
        return True


class Gate:
    """Lets requests in, or says why not.

    Parameters
    ----------
    web_config_file : Path or None
        None lets everybody in.
    clock : callable -> int
        Unix time, ms.
    tenants : bool
        Whether credentials may be bound to tenants; a binding that nobody looks at would open everything.

    Raises
    ------
    RequestError
        BAD_CONFIG when the file is bad at the start; a later bad file changes nothing.
    """

    def __init__(self, web_config_file: Path | None, clock: Callable[[], int], tenants: bool = False) -> None:
        self._path = web_config_file
        self._clock = clock
        self._tenants = tenants
        self._salt = os.urandom(32)
        self._age = _age(web_config_file)
        self._use(read_web_config(web_config_file) if web_config_file else WebConfig())

    @property
    def headers(self) -> Mapping[str, str]:
        """Headers the file wants on every answer."""
        return self.config.http_server_config.headers

    def _use(self, config: WebConfig) -> None:
        if config.binds_to_tenants and not self._tenants:
            raise RequestError(
                ErrorId.BAD_CONFIG, f"{self._path} binds credentials to tenants; set tenants.enabled for it."
            )
        self.config = config
        self._proven: dict[bytes, Identity] = {}
        self._buckets = {
            token.name: Bucket(token.requests_per_minute)
            for token in config.bearer_tokens
            if token.requests_per_minute
        }

    async def admit(self, method: str, path: str, authorization: str) -> Identity:
        """The sender of a request.

        Parameters
        ----------
        method, path : str
        authorization : str
            The header, "" when absent.

        Raises
        ------
        KullbackError
            UNAUTHENTICATED, FORBIDDEN or RATE_LIMITED.
        """
        self._refresh()
        if not self.config.asks_for_credentials or path in self.config.auth_excluded_paths:
            return ANYBODY
        identity = await self._identify(authorization)
        needed = needed_scope(method, path)
        if needed not in identity.scopes and "admin" not in identity.scopes:
            raise RequestError(ErrorId.FORBIDDEN, f"{identity.name} lacks the scope {needed}.")
        bucket = self._buckets.get(identity.name)
        if bucket and not bucket.take(self._clock()):
            raise Overloaded(ErrorId.RATE_LIMITED, f"{identity.name} has sent too many requests.")
        return identity

    def _refresh(self) -> None:
        age = _age(self._path)
        if self._path is None or age == self._age:
            return
        self._age = age
        try:
            self._use(read_web_config(self._path))
        except KullbackError as problem:
            structlog.get_logger().error("web_config_reload_failed", detail=problem.detail)

    async def _identify(self, authorization: str) -> Identity:
        kind, _, rest = authorization.partition(" ")
        identity = None
        if kind.lower() == "bearer":
            identity = _owner_of(rest.strip(), self.config.bearer_tokens)
        elif kind.lower() == "basic":
            identity = await self._basic(rest.strip())
        if identity is None:
            raise RequestError(ErrorId.UNAUTHENTICATED)
        return identity

    async def _basic(self, encoded: str) -> Identity | None:
        """bcrypt is slow on purpose: it runs in a thread, and a proven pair is remembered by its HMAC."""
        proof = hmac.digest(self._salt, encoded.encode("utf-8", "replace"), "sha256")
        if proof in self._proven:
            return self._proven[proof]
        user, password = _pair(encoded)
        stored = self.config.basic_auth_users.get(user)
        right = await asyncio.to_thread(_matches, password, stored.encode() if stored else _NOBODY)
        if not right or stored is None:
            return None
        if len(self._proven) >= MAX_REMEMBERED:
            self._proven.clear()
        tenant = self.config.basic_auth_tenants.get(user, "")
        return self._proven.setdefault(proof, Identity(user, frozenset(SCOPES), tenant))


def _owner_of(token: str, known: list[BearerToken]) -> Identity | None:
    """Compared with every hash in constant time; tokens are random, so one round of SHA-256 is enough."""
    digest = hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()
    found = None
    for candidate in known:
        if hmac.compare_digest(digest, candidate.sha256.lower()):
            found = candidate
    return Identity(found.name, frozenset(found.scopes), found.tenant or "") if found else None


def _pair(encoded: str) -> tuple[str, bytes]:
    try:
        user, _, password = base64.b64decode(encoded, validate=True).partition(b":")
    except (binascii.Error, ValueError):
        return "", b""
    return user.decode("utf-8", "replace"), password


def _matches(password: bytes, stored: bytes) -> bool:
    # bcrypt itself looks at 72 bytes only; what is longer cannot have been hashed as it is.
    return len(password) <= 72 and b"\0" not in password and bcrypt.checkpw(password, stored)


def _age(path: Path | None) -> tuple[int, int]:
    try:
        status = path.stat() if path else None
    except OSError:
        return 0, 0
    return (status.st_mtime_ns, status.st_size) if status else (0, 0)
