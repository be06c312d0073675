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


class FreshTls(ssl.SSLContext):
    """A context whose handshakes follow the newest `web.yml`: certificate, versions, demands on clients.

    An event loop asks the context it was given for the TLS of each connection; this one hands the question on
    to the present context. What is served by a socket of its own (`wrap_socket`) is not wanted here.
    """

    _path: Path
    _present: ssl.SSLContext
    _files: list[Path]
    _seen: list[float]

    @classmethod
    def of(cls, web_config_file: Path) -> FreshTls:
        """The context for a file.

        Parameters
        ----------
        web_config_file : Path

        Raises
        ------
        RequestError
            BAD_CONFIG when it cannot be used at the start; later the last good one stays.
        """
        fresh = cls(ssl.PROTOCOL_TLS_SERVER)
        fresh._path = web_config_file
        fresh._load()
        return fresh

    def wrap_bio(
        self,
        incoming: ssl.MemoryBIO,
        outgoing: ssl.MemoryBIO,
        server_side: bool = False,
        server_hostname: str | bytes | None = None,
        session: ssl.SSLSession | None = None,
    ) -> ssl.SSLObject:
        """The TLS of one connection."""
        self._refresh()
        return self._present.wrap_bio(incoming, outgoing, server_side, server_hostname, session)

    def _load(self) -> None:
        config = read_web_config(self._path).tls_server_config
        if config is None:
            raise RequestError(ErrorId.BAD_CONFIG, f"{self._path} has no tls_server_config any more.")
        files = [self._path, config.cert_file, config.key_file, config.client_ca_file]
        self._files = [file for file in files if file]
        self._seen = _ages(self._files)
        self._present = tls_context(config)

    def _refresh(self) -> None:
        if _ages(self._files) == self._seen:
            return
        self._seen = _ages(self._files)
        try:
            self._load()
        except KullbackError as problem:
            structlog.get_logger().error("tls_reload_failed", detail=problem.detail)


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
    fresh = FreshTls.of(web_config_file)
    return lambda *_: fresh


def _ages(files: list[Path]) -> list[float]:
    return [file.stat().st_mtime if file.exists() else 0.0 for file in files]
