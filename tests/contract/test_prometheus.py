"""A real Prometheus scrapes a node exporter and Kullback, writes into Kullback, and reads the score back."""

from __future__ import annotations

import hashlib
import json
import ssl
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import bcrypt
import httpx
import pytest
from tests.contract.certificates import make_certificate
from tests.contract.servers import COMPILED_WITHIN_S, eventually, find, free_port, kullback, running

METRIC = "node_memory_MemAvailable_bytes"
TOKEN, PASSWORD = "token-of-the-writing-prometheus", "password-of-the-scraper"
SCORED_WITHIN_S = 90.0

pytestmark = [pytest.mark.contract, pytest.mark.timeout(400)]


@dataclass
class Way:
    """How Prometheus reaches Kullback."""

    kullback: str
    write: dict[str, Any] = field(default_factory=dict)
    scrape: dict[str, Any] = field(default_factory=dict)
    context: ssl.SSLContext | bool = True
    auth: tuple[str, str] | None = None


@contextmanager
def node_exporter() -> Iterator[str]:
    address = f"127.0.0.1:{free_port()}"
    command = [
        find("prometheus-node-exporter"),
        f"--web.listen-address={address}",
        "--collector.disable-defaults",
    ]
    command += ["--collector.meminfo", "--collector.loadavg", "--collector.stat"]
    with running(command, f"http://{address}/metrics"):
        yield address


@contextmanager
def prometheus(folder: Path, exporter: str, way: Way) -> Iterator[str]:
    address = f"127.0.0.1:{free_port()}"
    target = way.kullback.partition("://")[2]
    configuration = {
        # Four samples a second, so that the first score (64 samples) does not take a minute.
        "global": {
            "scrape_interval": "250ms",
            "scrape_timeout": "250ms",
            "external_labels": {"cluster": "test"},
        },
        "scrape_configs": [
            {"job_name": "node", "static_configs": [{"targets": [exporter]}]},
            {
                "job_name": "kullback",
                "scrape_interval": "1s",
                "scrape_timeout": "1s",
                "static_configs": [{"targets": [target]}],
                **way.scrape,
            },
            {"job_name": "prometheus", "static_configs": [{"targets": [address]}]},
        ],
        "remote_write": [
            {
                "url": f"{way.kullback}/api/v1/write",
                "queue_config": {"batch_send_deadline": "500ms"},
                "write_relabel_configs": [{"source_labels": ["job"], "regex": "node", "action": "keep"}],
                **way.write,
            }
        ],
    }
    (folder / "prometheus.yml").write_text(json.dumps(configuration))
    command = [find("prometheus"), f"--config.file={folder / 'prometheus.yml'}"]
    command += [f"--storage.tsdb.path={folder / 'tsdb'}", f"--web.listen-address={address}"]
    with running(command, f"http://{address}/-/ready"):
        yield f"http://{address}"


def value_of(url: str, query: str) -> float | None:
    """The value of a PromQL query that gives one series; None while it gives none."""
    answer = httpx.get(f"{url}/api/v1/query", params={"query": query}, trust_env=False).json()
    assert answer["status"] == "success", answer
    found = answer["data"]["result"]
    assert len(found) < 2, found
    return float(found[0]["value"][1]) if found else None


def spacing_ms(url: str) -> float:
    """How far apart Prometheus' scrapes were; on a busy machine more than was asked for."""
    query = {"query": f'{METRIC}{{job="node"}}[1h]'}
    answer = httpx.get(f"{url}/api/v1/query", params=query, trust_env=False).json()
    (series,) = answer["data"]["result"]
    times_s = [time_s for time_s, _ in series["values"]]
    return float(1000 * (times_s[-1] - times_s[0]) / (len(times_s) - 1))


def read_back(url: str, way: Way) -> None:
    """The checks: written without a fault, scored, scraped, read by PromQL as the API tells it."""

    def scored() -> bool:
        return value_of(url, f'kullback_score{{metric="{METRIC}", exported_job="node"}}') is not None

    eventually(scored, SCORED_WITHIN_S, "the score in Prometheus")
    assert value_of(url, f'kullback_score{{metric="{METRIC}", cluster="test"}}') is not None
    assert value_of(url, f'kullback_stream_ready{{metric="{METRIC}"}}') == 1
    assert (value_of(url, f'kullback_divergence_nats{{metric="{METRIC}", window="16"}}') or 0) >= 0
    assert (value_of(url, 'kullback_samples_ingested_total{protocol="remote_write"}') or 0) > 64
    assert value_of(url, "sum(kullback_samples_rejected_total) or vector(0)") == 0
    assert value_of(url, "sum(prometheus_remote_storage_samples_failed_total) or vector(0)") == 0
    with httpx.Client(base_url=way.kullback, verify=way.context, auth=way.auth, trust_env=False) as client:
        (stream,) = client.get("/api/v1/streams", params={"match[]": METRIC}).json()["streams"]
    assert stream["labels"]["job"] == "node"
    assert stream["score"] is not None
    assert stream["interval_ms"] == pytest.approx(spacing_ms(url), rel=0.3)


def test_prometheus_writes_and_reads_the_score_back(tmp_path: Path) -> None:
    port = free_port()
    way = Way(f"http://127.0.0.1:{port}")
    with (
        kullback(tmp_path / "kullback", port),
        node_exporter() as exporter,
        prometheus(tmp_path, exporter, way) as url,
    ):
        read_back(url, way)


def secured(folder: Path, port: int) -> Way:
    """A web.yml with TLS, a user for scraping and a token for writing, and how Prometheus uses them."""
    certificate, key = make_certificate(folder)
    web = {
        "tls_server_config": {"cert_file": certificate.name, "key_file": key.name},
        "basic_auth_users": {"scraper": bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode()},
        "bearer_tokens": [
            {"name": "prometheus", "sha256": hashlib.sha256(TOKEN.encode()).hexdigest(), "scopes": ["write"]}
        ],
    }
    (folder / "web.yml").write_text(json.dumps(web))
    tls = {"tls_config": {"ca_file": str(certificate)}}
    return Way(
        f"https://127.0.0.1:{port}",
        {**tls, "authorization": {"credentials": TOKEN}},
        {**tls, "scheme": "https", "basic_auth": {"username": "scraper", "password": PASSWORD}},
        ssl.create_default_context(cafile=str(certificate)),
        ("scraper", PASSWORD),
    )


def test_prometheus_writes_and_scrapes_over_tls_with_credentials(tmp_path: Path) -> None:
    port, folder = free_port(), tmp_path / "kullback"
    folder.mkdir()
    way = secured(folder, port)
    options = {
        "server": {"listen": f"127.0.0.1:{port}", "web_config_file": str(folder / "web.yml")},
        "storage": {"path": str(folder / "storage")},
    }
    (folder / "kullback.yml").write_text(json.dumps(options))
    command = [sys.executable, "-m", "kullback", "serve", "--config", folder / "kullback.yml"]
    ready = f"{way.kullback}/-/ready"
    with (
        running(command, ready, ready_within_s=COMPILED_WITHIN_S, verify=way.context),
        node_exporter() as exporter,
    ):
        assert httpx.get(f"{way.kullback}/metrics", verify=way.context, trust_env=False).status_code == 401
        with prometheus(tmp_path, exporter, way) as url:
            written = 'kullback_samples_ingested_total{protocol="remote_write"}'
            eventually(lambda: value_of(url, written), SCORED_WITHIN_S, "samples written and counted")
            assert value_of(url, "sum(prometheus_remote_storage_samples_failed_total) or vector(0)") == 0
