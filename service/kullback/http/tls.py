"""The server's TLS context, made anew when its files change."""

from __future__ import annotations

import ssl
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

    Parameters
    ----------
    web_config_file : Path
        Must have a `tls_server_config`.

    Raises
    ------
    RequestError
        BAD_CONFIG when it cannot be used at the start; later the last good one stays.
    """

    def __init__(self, web_config_file: Path) -> None:
        self._path = web_config_file
        self._seen, self._present = self._load()
        self.context = tls_context(self._config())
        # Asked at every handshake, also of clients that name no server.
        self.context.sni_callback = self._refresh

    def _config(self) -> TlsServerConfig:
        config = read_web_config(self._path).tls_server_config
        if config is None:
            raise RequestError(ErrorId.BAD_CONFIG, f"{self._path} has no tls_server_config any more.")
        return config

    def _load(self) -> tuple[tuple[float, ...], ssl.SSLContext]:
        config = self._config()
        files = [self._path, config.cert_file, config.key_file, config.client_ca_file or self._path]
        self._files = files
        return _ages(files), tls_context(config)

    def _refresh(self, connection: ssl.SSLObject, server_name: str | None, context: ssl.SSLContext) -> None:
        if _ages(self._files) != self._seen:
            try:
                self._seen, self._present = self._load()
            except KullbackError as problem:
                self._seen = _ages(self._files)
                structlog.get_logger().error("tls_reload_failed", detail=problem.detail)
        connection.context = self._present


def _ages(files: list[Path]) -> tuple[float, ...]:
    return tuple(file.stat().st_mtime if file.exists() else 0.0 for file in files)
