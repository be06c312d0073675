"""Handshakes use the certificate of `web.yml`, also the one that replaced it."""

from __future__ import annotations

import os
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
import uvicorn
import yaml
from starlette.responses import PlainTextResponse
from tests.contract.certificates import make_certificate

from kullback.core.errors import ErrorId, RequestError
from kullback.http.tls import tls_factory


def web_yml(folder: Path, **tls: str) -> Path:
    file = folder / "web.yml"
    file.write_text(
        yaml.safe_dump({"tls_server_config": {"cert_file": "server.crt", "key_file": "server.key", **tls}})
    )
    return file


@contextmanager
def serving(file: Path) -> Iterator[str]:
    config = uvicorn.Config(PlainTextResponse("in"), log_config=None, ssl_context_factory=tls_factory(file))
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield f"https://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()


def asked(url: str, authority: Path, client: tuple[Path, Path] | None = None) -> str:
    context = ssl.create_default_context(cafile=str(authority))
    if client:
        context.load_cert_chain(*client)
    return httpx.get(url, verify=context, trust_env=False).text


def test_a_new_certificate_is_used_without_a_restart(tmp_path: Path) -> None:
    first, _ = make_certificate(tmp_path, "server")
    old = tmp_path / "old.crt"
    old.write_bytes(first.read_bytes())
    with serving(web_yml(tmp_path)) as url:
        assert asked(url, old) == "in"
        make_certificate(tmp_path, "server")
        os.utime(first, (1, 1))
        assert asked(url, first) == "in"
        with pytest.raises(httpx.ConnectError):
            asked(url, old)
        first.write_text("no certificate")
        assert asked(url, _presented(tmp_path, url)) == "in"


def _presented(folder: Path, url: str) -> Path:
    """The certificate that the server presents now, as a file."""
    host, port = url.removeprefix("https://").split(":")
    file = folder / "presented.crt"
    file.write_text(ssl.get_server_certificate((host, int(port))))
    return file


def test_clients_must_show_a_certificate_when_asked(tmp_path: Path) -> None:
    server, _ = make_certificate(tmp_path, "server")
    client = make_certificate(tmp_path, "client")
    stranger = make_certificate(tmp_path, "stranger")
    options = {"client_auth_type": "RequireAndVerifyClientCert", "client_ca_file": "client.crt"}
    with serving(web_yml(tmp_path, **options)) as url:
        assert asked(url, server, client) == "in"
        for wrong in (None, stranger):
            with pytest.raises((httpx.TransportError, ssl.SSLError)):
                asked(url, server, wrong)


def test_what_is_asked_of_clients_changes_without_a_restart(tmp_path: Path) -> None:
    server, _ = make_certificate(tmp_path, "server")
    client, other = make_certificate(tmp_path, "client"), make_certificate(tmp_path, "other")
    file = web_yml(tmp_path)
    with serving(file) as url:
        assert asked(url, server) == "in"
        web_yml(tmp_path, client_auth_type="RequireAndVerifyClientCert", client_ca_file="client.crt")
        os.utime(file, (1, 1))
        assert asked(url, server, client) == "in"
        for wrong in (None, other):
            with pytest.raises((httpx.TransportError, ssl.SSLError)):
                asked(url, server, wrong)
        client[0].write_bytes(other[0].read_bytes())
        os.utime(client[0], (2, 2))
        assert asked(url, server, other) == "in"
        web_yml(tmp_path)
        os.utime(file, (3, 3))
        assert asked(url, server) == "in"


def test_old_protocols_are_refused(tmp_path: Path) -> None:
    server, _ = make_certificate(tmp_path, "server")
    with serving(web_yml(tmp_path, min_version="TLS13")) as url:
        context = ssl.create_default_context(cafile=str(server))
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        with pytest.raises(httpx.TransportError):
            httpx.get(url, verify=context, trust_env=False)


def test_without_tls_settings_plain_http_is_served(tmp_path: Path) -> None:
    file = tmp_path / "web.yml"
    file.write_text("{}")
    assert tls_factory(file) is None
    assert tls_factory(None) is None


def test_files_that_cannot_be_used_stop_the_start(tmp_path: Path) -> None:
    with pytest.raises(RequestError) as caught:
        tls_factory(web_yml(tmp_path))
    assert caught.value.error is ErrorId.BAD_CONFIG
