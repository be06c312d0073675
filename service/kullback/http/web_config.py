"""`web.yml`: TLS and credentials in Prometheus' web-config format, and bearer tokens of our own.

Format: https://prometheus.io/docs/prometheus/latest/configuration/https/. Paths are relative to the file.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from kullback.core.errors import ErrorId, RequestError
from kullback.core.tenant import name_problem

SCOPES = ("write", "read", "admin")
Scope = Literal["write", "read", "admin"]
ClientAuth = Literal[
    "NoClientCert", "RequestClientCert", "VerifyClientCertIfGiven", "RequireAndVerifyClientCert"
]


def _tenant(name: str) -> str:
    if problem := name_problem(name):
        raise ValueError(problem)
    return name


TenantName = Annotated[str, AfterValidator(_tenant)]


def _bcrypt(text: str) -> str:
    if not text.startswith(("$2a$", "$2b$", "$2y$")):
        raise ValueError('must be a bcrypt hash, such as `htpasswd -nBC 10 ""` makes')
    return text


class Section(BaseModel):
    """A mapping whose unknown keys are errors."""

    model_config = ConfigDict(extra="forbid")


class TlsServerConfig(Section):
    """Certificate, and what is asked of clients."""

    cert_file: Path
    key_file: Path
    client_auth_type: ClientAuth = "NoClientCert"
    client_ca_file: Path | None = None
    min_version: Literal["TLS12", "TLS13"] = "TLS12"
    max_version: Literal["TLS12", "TLS13"] = "TLS13"
    cipher_suites: list[str] = []


class HttpServerConfig(Section):
    """Further headers on every answer; `http2` is accepted and without effect."""

    http2: bool = True
    headers: dict[str, str] = {}


class BearerToken(Section):
    """A token, known by its hash: `printf %s "$TOKEN" | sha256sum`."""

    name: str
    sha256: Annotated[str, Field(pattern=r"^[0-9a-fA-F]{64}$")]
    scopes: list[Scope] = Field(min_length=1)
    requests_per_minute: int = Field(0, ge=0, description="0: no limit.")
    tenant: TenantName | None = Field(None, description="The only one it is for; needs tenants.enabled.")


class WebConfig(Section):
    """The whole file."""

    tls_server_config: TlsServerConfig | None = None
    http_server_config: HttpServerConfig = HttpServerConfig()
    basic_auth_users: dict[str, Annotated[str, AfterValidator(_bcrypt)]] = {}
    auth_excluded_paths: list[str] = ["/-/healthy", "/-/ready"]
    basic_auth_tenants: dict[str, TenantName] = {}
    bearer_tokens: list[BearerToken] = []

    @property
    def asks_for_credentials(self) -> bool:
        """Whether anybody must say who they are."""
        return bool(self.basic_auth_users or self.bearer_tokens)

    @property
    def binds_to_tenants(self) -> bool:
        """Whether some credentials are for one tenant only."""
        return bool(self.basic_auth_tenants or any(token.tenant for token in self.bearer_tokens))


def read_web_config(path: Path) -> WebConfig:
    """Read and check the file.

    Parameters
    ----------
    path : Path

    Raises
    ------
    RequestError
        BAD_CONFIG, naming the member; no secret is repeated.
    """
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
        config = WebConfig.model_validate(content)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as problem:
        raise RequestError(ErrorId.BAD_CONFIG, f"Cannot read {path}: {problem}") from problem
    except ValidationError as problem:
        found = problem.errors(include_input=False, include_url=False)
        lines = "; ".join(f"{'.'.join(map(str, error['loc']))}: {error['msg']}" for error in found)
        raise RequestError(ErrorId.BAD_CONFIG, f"{path} is not valid: {lines}") from problem
    if strangers := config.basic_auth_tenants.keys() - config.basic_auth_users:
        names = ", ".join(sorted(strangers))
        raise RequestError(ErrorId.BAD_CONFIG, f"{path}: basic_auth_tenants names unknown users: {names}.")
    _check_tls(config.tls_server_config, path)
    return config


def _check_tls(tls: TlsServerConfig | None, path: Path) -> None:
    if tls is None:
        return
    tls.cert_file, tls.key_file = (path.parent / file for file in (tls.cert_file, tls.key_file))
    tls.client_ca_file = path.parent / tls.client_ca_file if tls.client_ca_file else None
    if "Verify" in tls.client_auth_type and tls.client_ca_file is None:
        raise RequestError(ErrorId.BAD_CONFIG, f"{path}: {tls.client_auth_type} needs client_ca_file.")
