"""A scrape target with a native histogram, written in the protobuf exposition format from its specification.

The Python client library cannot expose native histograms; Prometheus reads them in this format only.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from math import ceil, log2

from tests.wire_messages import message_classes

SCHEMA = 3
PER_SCRAPE = 40
TYPE_HISTOGRAM = 4
PROTOBUF = "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited"
MESSAGES = message_classes(
    "kullback_test_client",
    {
        "LabelPair": {"name": (1, "string"), "value": (2, "string")},
        "BucketSpan": {"offset": (1, "sint32"), "length": (2, "uint32")},
        "Histogram": {
            "sample_count": (1, "uint64"),
            "sample_sum": (2, "double"),
            "schema": (5, "sint32"),
            "zero_threshold": (6, "double"),
            "zero_count": (7, "uint64"),
            "positive_span": (12, "*BucketSpan"),
            "positive_delta": (13, "*sint64"),
        },
        "Metric": {"label": (1, "*LabelPair"), "histogram": (7, "Histogram")},
        "MetricFamily": {
            "name": (1, "string"),
            "help": (2, "string"),
            "type": (3, "int32"),
            "metric": (4, "*Metric"),
        },
    },
)


class Latencies:
    """A histogram of exponential buckets that grows with every look at it."""

    def __init__(self) -> None:
        self._counts: dict[int, int] = {}
        self._sum = 0.0
        self._random = random.Random(1)

    def exposed(self) -> bytes:
        """The family after some more observations, with its length in front."""
        for _ in range(PER_SCRAPE):
            value = self._random.gammavariate(20, 0.005)
            index = ceil(log2(value) * 2**SCHEMA)
            self._counts[index] = self._counts.get(index, 0) + 1
            self._sum += value
        body = self._family().SerializeToString()
        length, prefix = len(body), bytearray()
        while length > 0x7F:
            prefix.append(length & 0x7F | 0x80)
            length >>= 7
        return bytes([*prefix, length]) + body

    def _family(self) -> object:
        family = MESSAGES["MetricFamily"](name="demo_native_seconds", help="Demo.", type=TYPE_HISTOGRAM)
        histogram = family.metric.add().histogram
        histogram.sample_count, histogram.sample_sum = sum(self._counts.values()), self._sum
        histogram.schema, histogram.zero_threshold = SCHEMA, 1e-9
        first, last, before = min(self._counts), max(self._counts), 0
        histogram.positive_span.add(offset=first, length=last - first + 1)
        for index in range(first, last + 1):
            count = self._counts.get(index, 0)
            histogram.positive_delta.append(count - before)
            before = count
        return family


@contextmanager
def native_target() -> Iterator[str]:
    """Serve the histogram while the block runs; HOST:PORT of the target."""
    latencies = Latencies()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = latencies.exposed()
            self.send_response(200)
            self.send_header("Content-Type", PROTOBUF)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing on the console."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
