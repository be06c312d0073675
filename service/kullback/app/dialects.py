"""Which protocol is read at which path."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from kullback.core.limits import Limits
from kullback.http.protocols.dialect import Dialect
from kullback.http.protocols.influx import InfluxDialect
from kullback.http.protocols.native import NativeDialect
from kullback.http.protocols.otlp import OtlpDialect
from kullback.http.protocols.plain import CollectdDialect, OpenTsdbDialect
from kullback.http.protocols.remote_write import RemoteWriteDialect
from kullback.ingest.collectd import CollectdDecoder
from kullback.ingest.influx import InfluxDecoder
from kullback.ingest.json_samples import JsonDecoder, NdjsonDecoder
from kullback.ingest.opentsdb import OpenTsdbDecoder
from kullback.ingest.otlp import OtlpDecoder
from kullback.ingest.otlp_json import OtlpJsonDecoder
from kullback.ingest.remote_write import RemoteWriteDecoder
from kullback.ingest.remote_write2 import RemoteWrite2Decoder


def build_dialects(limits: Limits, resource_labels: Sequence[str] = ()) -> Mapping[str, Dialect]:
    """The write protocols by path.

    Parameters
    ----------
    limits : Limits
    resource_labels : sequence of str
        OpenTelemetry's resource attributes that become labels.
    """
    influx = InfluxDialect(InfluxDecoder(limits))
    return {
        "/api/v1/ingest": NativeDialect(JsonDecoder(limits), NdjsonDecoder(limits)),
        "/api/v1/write": RemoteWriteDialect(RemoteWriteDecoder(limits), RemoteWrite2Decoder(limits)),
        "/v1/metrics": OtlpDialect(
            OtlpDecoder(limits, resource_labels), OtlpJsonDecoder(limits, resource_labels)
        ),
        "/write": influx,
        "/api/v2/write": influx,
        "/collectd": CollectdDialect(CollectdDecoder(limits)),
        "/api/put": OpenTsdbDialect(OpenTsdbDecoder(limits)),
    }
