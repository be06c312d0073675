"""The server's TLS context, made anew when its files change."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from pathlib import Path

import structlog

from kullback.core.errors import ErrorId, KullbackError, RequestError
from kullback.http.web_config import TlsServerConfig, read_web_config

VERSIONS = {"TLS12": ssl.TLSVersion.TLSv1_2, "TLS13": ssl.TLSVersion.TLSv1_3}
VERIFY = {
    "NoClientCert": ssl.CERT_NONE,
    "RequestClientCert": ssl.CERT_OPTIONAL,
    "VerifyClientCertIfGiven": ssl.CERT_OPTIONAL,
    "RequireAndVerifyClientCert": ssl.CERT_REQUIRED,
}


def tls_context(config: TlsServerConfig) -> ssl.SSLContext:
    """A context for the given settings.

    Parameters
    ----------
    config : TlsServerConfig

    Raises
    ------
    RequestError
        BAD_CONFIG when a file cannot be used.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_cert_chain(config.cert_file, config.key_file)
        context.minimum_version = VERSIONS[config.min_version]
        context.maximum_version = VERSIONS[config.max_version]
        context.verify_mode = VERIFY[config.client_auth_type]
        if config.client_ca_file:
            context.load_verify_locations(config.client_ca_file)
        if config.cipher_suites:
            context.set_ciphers(":".join(config.cipher_suites))
    except (OSError, ValueError, ssl.SSLError) as problem:
        raise RequestError(ErrorId.BAD_CONFIG, f"tls_server_config cannot be used: {problem}") from problem
    return context


class FreshTls:
    """A context whose handshakes use the newest certificate.

    What is asked of clients (`client_auth_type`, `client_ca_file`) stays as it was at the start: OpenSSL
    takes a connection's verification from the context it began with.

    Parameters
    ----------
    web_config_file : Path

    Raises
    ------
    RequestError
        BAD_CONFIG when it cannot be used at the start; later the last good certificate stays.
    """

    def __init__(self, web_config_file: Path) -> None:
        self._path = web_config_file
        self.context = self._present = self._load()
        # Asked at every handshake, also of clients that name no server.
        self.context.sni_callback = self._refresh

    def _load(self) -> ssl.SSLContext:
        config = read_web_config(self._path).tls_server_config
        if config is None:
            raise RequestError(ErrorId.BAD_CONFIG, f"{self._path} has no tls_server_config any more.")
        self._files = [self._path, config.cert_file, config.key_file]
        self._seen = _ages(self._files)
        return tls_context(config)

    def _refresh(self, connection: ssl.SSLObject, server_name: str | None, context: ssl.SSLContext) -> None:
        if _ages(self._files) != self._seen:
            self._seen = _ages(self._files)
            try:
                self._present = self._load()
            except KullbackError as problem:
                structlog.get_logger().error("tls_reload_failed", detail=problem.detail)
        connection.context = self._present


def tls_factory(web_config_file: Path | None) -> Callable[..., ssl.SSLContext] | None:
    """What uvicorn is given as `ssl_context_factory`; None when plain HTTP is served.

    Parameters
    ----------
    web_config_file : Path or None

    Raises
    ------
    RequestError
        BAD_CONFIG.
    """
    if web_config_file is None or read_web_config(web_config_file).tls_server_config is None:
        return None
    fresh = FreshTls(web_config_file)
    return lambda *_: fresh.context


def _ages(files: list[Path]) -> list[float]:
    return [file.stat().st_mtime if file.exists() else 0.0 for file in files]
