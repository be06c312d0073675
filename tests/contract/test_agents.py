"""Real agents, configured with nothing but the snippet of their page, push to a real Kullback."""

from __future__ import annotations

import gzip
import json
import os
import shlex
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families
from tests.contract.native_target import native_target
from tests.contract.servers import eventually, find, free_port, kullback, running
from tests.contract.snippets import snippet
from tests.contract.test_prometheus import node_exporter

ARRIVES_WITHIN_S = 60.0

pytestmark = [pytest.mark.contract, pytest.mark.timeout(400)]


class Service:
    """A Kullback that runs, and what agents sent to it."""

    def __init__(self, address: str, http: httpx.Client) -> None:
        self.address = address
        self.ready_url = f"http://{address}/-/ready"
        self.http = http
        self._refused_before = self.refused()

    def streams(self, selector: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]]
        found = self.http.get("/api/v1/streams", params={"match[]": selector, "limit": 1000}).json()[
            "streams"
        ]
        return found

    def await_streams(self, selector: str, samples: int = 2) -> list[dict[str, Any]]:
        """The selected streams, once one of them has been fed some times."""

        def fed() -> list[dict[str, Any]]:
            found = self.streams(selector)
            return found if any(stream["samples"] >= samples for stream in found) else []

        return eventually(fed, ARRIVES_WITHIN_S, f"samples of {selector}")

    def detail(self, stream: dict[str, Any]) -> dict[str, Any]:
        found: dict[str, Any] = self.http.get(f"/api/v1/streams/{stream['id']}").json()
        return found

    def refused(self) -> dict[tuple[str, str], float]:
        """How many samples were refused, by protocol and reason."""
        return self._counted("kullback_samples_rejected_total", "protocol", "reason")

    def _counted(self, name: str, *labels: str) -> dict[Any, float]:
        families = text_string_to_metric_families(self.http.get("/metrics").text)
        samples = (sample for family in families for sample in family.samples if sample.name == name)
        return {tuple(map(sample.labels.get, labels)): sample.value for sample in samples if sample.value}

    def assert_nothing_refused(self, protocol: str) -> None:
        assert self._counted("kullback_samples_ingested_total", "protocol")[(protocol,)] > 0
        assert self.refused() == self._refused_before


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    port = free_port()
    with kullback(tmp_path_factory.mktemp("kullback"), port):
        yield f"127.0.0.1:{port}"


@pytest.fixture
def service(address: str) -> Iterator[Service]:
    with httpx.Client(base_url=f"http://{address}", trust_env=False, timeout=30) as http:
        yield Service(address, http)


def test_collectd_writes_gauges_and_counters(service: Service, tmp_path: Path) -> None:
    program = find("collectd")
    settings = f"""
        Hostname "collectd-host"
        BaseDir "{tmp_path}"
        PIDFile "{tmp_path}/collectd.pid"
        TypesDB "/usr/share/collectd/types.db"
        Interval 1
        LoadPlugin cpu
        LoadPlugin load
        LoadPlugin memory
    """
    path = tmp_path / "collectd.conf"
    path.write_text(settings + snippet("collectd", "apache", service.address))
    with running([program, "-f", "-C", path], service.ready_url):
        (load,) = service.await_streams('collectd_load_load_shortterm{instance="collectd-host"}')
        idle = service.await_streams('collectd_cpu_cpu{instance="collectd-host",type="idle"}')
        used = service.await_streams('collectd_memory_memory{type="used"}')
    assert load["form"] == "number"
    assert {stream["labels"]["cpu"] for stream in idle} == {str(cpu) for cpu in range(os.cpu_count() or 1)}
    assert service.detail(idle[0])["counter"]
    assert not service.detail(used[0])["counter"]
    service.assert_nothing_refused("collectd")


def test_netdata_writes_its_charts(service: Service, tmp_path: Path) -> None:
    program = find("netdata")
    folders = {name: tmp_path / name for name in ("config", "cache", "lib", "log")}
    for folder in folders.values():
        folder.mkdir()
    (folders["config"] / "exporting.conf").write_text(snippet("netdata", "ini", service.address))
    directories = "\n".join(f"    {name} = {folder}" for name, folder in folders.items())
    (folders["config"] / "netdata.conf").write_text(
        f"[global]\n    hostname = netdata-host\n    run as user = {os.environ.get('USER', 'root')}\n"
        f"[directories]\n{directories}\n"
        "[db]\n    mode = ram\n[web]\n    mode = none\n[ml]\n    enabled = no\n[health]\n    enabled = no\n"
        "[plugins]\n    proc = yes\n    timex = no\n    tc = no\n    idlejitter = no\n    cgroups = no\n"
        "    apps = no\n    ebpf = no\n    python.d = no\n    go.d = no\n    charts.d = no\n    nfacct = no\n"
        "    diskspace = no\n    slabinfo = no\n    ioping = no\n    perf = no\n    statsd = no\n"
    )
    command = [program, "-D", "-c", folders["config"] / "netdata.conf", "-P", tmp_path / "netdata.pid"]
    with running(command, service.ready_url):
        found = service.await_streams('netdata_system_cpu_user{host="netdata-host"}')
    assert len(found) == 1
    assert not service.streams('{__name__=~"netdata_netdata_.*"}')
    service.assert_nothing_refused("opentsdb")


def test_vmagent_writes_what_it_scrapes(service: Service, tmp_path: Path) -> None:
    program, storage = find("vmagent"), f"127.0.0.1:{free_port()}"
    database = [find("victoria-metrics"), f"-httpListenAddr={storage}", f"-storageDataPath={tmp_path}/db"]
    text = snippet("vmagent", "sh", service.address).replace("victoria-metrics:8428", storage)
    text = text.replace("\\\n", " ").replace("prometheus.yml", str(tmp_path / "prometheus.yml"))
    words = shlex.split(text)
    agent = f"127.0.0.1:{free_port()}"
    command = [program, *words[1:], f"-httpListenAddr={agent}", f"-remoteWrite.tmpDataPath={tmp_path}/queue"]
    with node_exporter() as exporter, running(database, f"http://{storage}/health"):
        scraped = {"job_name": "vmagent-node", "static_configs": [{"targets": [exporter]}]}
        settings = {"global": {"scrape_interval": "1s"}, "scrape_configs": [scraped]}
        (tmp_path / "prometheus.yml").write_text(json.dumps(settings))
        with running(command, f"http://{agent}/health"):
            (load,) = service.await_streams('node_load1{job="vmagent-node"}')
            stored = eventually(lambda: value_in(storage, 'node_load1{job="vmagent-node"}'), ARRIVES_WITHIN_S)
    assert load["labels"]["instance"] == exporter
    assert stored
    service.assert_nothing_refused("remote_write")


def value_in(storage: str, query: str) -> Any:
    answer = httpx.get(f"http://{storage}/api/v1/query", params={"query": query}, trust_env=False)
    return answer.json()["data"]["result"]


INSTRUMENTS = """
import random, time
from opentelemetry import metrics

meter = metrics.get_meter("contract")
requests = meter.create_counter("orders", unit="{order}")
latency = meter.create_histogram("http.server.request.duration", unit="s")
depth = meter.create_up_down_counter("queue.depth")
for _ in range(4):
    for _ in range(50):
        requests.add(1, {"http.route": "/buy"})
        latency.record(random.gammavariate(20, 0.005), {"http.route": "/buy"})
    depth.add(1)
    time.sleep(0.2)
    assert metrics.get_meter_provider().force_flush()
metrics.get_meter_provider().shutdown()
"""
BY_ENVIRONMENT = """
from opentelemetry import metrics
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader

metrics.set_meter_provider(MeterProvider([PeriodicExportingMetricReader(OTLPMetricExporter())]))
"""


def instrumented(program: str, environment: dict[str, str]) -> None:
    """Run a program that measures, as its own process; what its exporter complains of fails the test."""
    done = subprocess.run(
        [sys.executable, "-c", program + INSTRUMENTS],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert "Failed to export" not in done.stderr, done.stderr
    assert "artial" not in done.stderr, done.stderr


CHOICES = {
    "cumulative": {},
    "delta": {"OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE": "delta"},
    "gzip": {"OTEL_EXPORTER_OTLP_COMPRESSION": "gzip"},
    "exponential": {
        "OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION": "base2_exponential_bucket_histogram"
    },
    "delta_exponential": {
        "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE": "delta",
        "OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION": "base2_exponential_bucket_histogram",
    },
}


@pytest.mark.parametrize("choice", CHOICES)
def test_the_opentelemetry_sdk_writes(service: Service, choice: str) -> None:
    environment = {"OTEL_SERVICE_NAME": choice, "OTEL_RESOURCE_ATTRIBUTES": "service.instance.id=pod-1"}
    instrumented(snippet("opentelemetry", "python", service.address), {**environment, **CHOICES[choice]})
    expect_instruments(service, choice)


def test_the_opentelemetry_sdk_writes_where_its_environment_says(service: Service) -> None:
    exports = snippet("opentelemetry", "sh", service.address).splitlines()
    environment = dict(line.removeprefix("export ").split("=", 1) for line in exports)
    instrumented(BY_ENVIRONMENT, {**environment, "OTEL_RESOURCE_ATTRIBUTES": "service.instance.id=pod-1"})
    expect_instruments(service, environment["OTEL_SERVICE_NAME"])


def expect_instruments(service: Service, job: str) -> None:
    own = f'job="{job}",instance="pod-1"'
    (orders,) = service.await_streams(f'orders_total{{{own},http_route="/buy"}}')
    (latency,) = service.await_streams(f'http_server_request_duration_seconds{{{own},http_route="/buy"}}')
    (depth,) = service.await_streams(f"queue_depth{{{own}}}")
    forms = [orders["form"], latency["form"], depth["form"]]
    assert forms == ["number", "histogram", "number"]
    assert service.detail(orders)["counter"] == (not job.startswith("delta"))  # deltas are rates already
    assert not service.detail(depth)["counter"]
    service.assert_nothing_refused("otlp")


def test_prometheus_writes_native_histograms(service: Service, tmp_path: Path) -> None:
    program, address = find("prometheus"), f"127.0.0.1:{free_port()}"
    settings = yaml.safe_load(snippet("prometheus", "yaml", service.address))
    settings["remote_write"][0]["send_native_histograms"] = True
    with native_target() as target:
        scraped = {"job_name": "native", "static_configs": [{"targets": [target]}]}
        settings |= {"global": {"scrape_interval": "250ms"}, "scrape_configs": [scraped]}
        (tmp_path / "prometheus.yml").write_text(yaml.safe_dump(settings))
        command = [program, f"--config.file={tmp_path}/prometheus.yml", f"--web.listen-address={address}"]
        command += [f"--storage.tsdb.path={tmp_path}/tsdb", "--enable-feature=native-histograms"]
        with running(command, f"http://{address}/-/ready"):
            (latency,) = service.await_streams('demo_native_seconds{job="native"}')
            assert service.await_streams('up{job="native"}')
    assert latency["form"] == "histogram"
    service.assert_nothing_refused("remote_write")


def test_the_lines_of_the_page_for_scripts_are_answered_as_it_says(service: Service) -> None:
    find("curl")
    receipts = []
    for nth in range(2):
        command = ["bash", "-euo", "pipefail", "-c", snippet("curl", "sh", service.address, nth)]
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
        receipts.append(json.loads(done.stdout))
    value, column = receipts
    assert (value["accepted"], value["rejected"], value["errors"]) == (1, 0, [])
    assert value["scores"][0]["state"] == "warming_up"
    assert column["accepted"] == 2
    assert service.await_streams('response_time_seconds{server="web-1"}', samples=1)
    assert service.await_streams("queue_depth{}", samples=2)


@pytest.mark.parametrize("nth", [0, 1])
def test_the_settings_of_the_page_of_telegraf_lead_to_where_its_lines_are_read(
    service: Service, nth: int
) -> None:
    """Telegraf itself is in no Debian archive: this sends what its two output plugins do."""
    ((plugin, (output,)),) = tomllib.loads(snippet("telegraf", "toml", service.address, nth))[
        "outputs"
    ].items()
    path, query = {
        "influxdb_v2": ("/api/v2/write", {"bucket": output.get("bucket"), "org": output.get("organization")}),
        "influxdb": ("/write", {"db": output.get("database"), "consistency": "any"}),
    }[plugin]
    lines = f'{plugin}_cpu,host=a usage_idle=99.5,cores=4i,ok=true,model="x" {time.time_ns()}\n'
    assert output["content_encoding"] == "gzip"
    answer = httpx.post(
        f"{output['urls'][0]}{path}",
        params=query,
        content=gzip.compress(lines.encode()),
        headers={"Content-Encoding": "gzip", "Content-Type": "text/plain; charset=utf-8"},
        trust_env=False,
    )
    assert answer.status_code == 204, answer.text
    for field in ("usage_idle", "cores", "ok"):
        assert service.await_streams(f'{plugin}_cpu_{field}{{host="a"}}', samples=1)
    service.assert_nothing_refused("influx")
