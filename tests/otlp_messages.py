"""OTLP requests made with OpenTelemetry's own generated classes."""

from typing import Any

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric

DELTA, CUMULATIVE = 1, 2
MS = 1_000_000


def any_value(value: Any) -> AnyValue:
    """A Python value as OTLP holds it.

    Parameters
    ----------
    value : object
    """
    made = AnyValue()
    if isinstance(value, bool):
        made.bool_value = value
    elif isinstance(value, int):
        made.int_value = value
    elif isinstance(value, float):
        made.double_value = value
    elif isinstance(value, str):
        made.string_value = value
    elif isinstance(value, bytes):
        made.bytes_value = value
    elif isinstance(value, list):
        made.array_value.values.extend(any_value(one) for one in value)
        made.array_value.SetInParent()
    elif isinstance(value, dict):
        made.kvlist_value.values.extend(attributes(value))
        made.kvlist_value.SetInParent()
    return made


def attributes(given: dict[str, Any]) -> list[KeyValue]:
    """Attributes in the order given.

    Parameters
    ----------
    given : dict
    """
    return [KeyValue(key=key, value=any_value(value)) for key, value in given.items()]


class Exporter:
    """Builds one request."""

    def __init__(self) -> None:
        self.request = ExportMetricsServiceRequest()

    def resource(self, **given: Any) -> None:
        """Start the metrics of another resource; `__` in a key stands for a dot.

        Parameters
        ----------
        given : attributes
        """
        added = self.request.resource_metrics.add()
        added.resource.attributes.extend(
            attributes({key.replace("__", "."): value for key, value in given.items()})
        )
        added.scope_metrics.add().scope.name = "tests"

    def metric(self, name: str, unit: str = "") -> Metric:
        """Add a metric to the last resource.

        Parameters
        ----------
        name, unit : str
        """
        if not self.request.resource_metrics:
            self.resource()
        return self.request.resource_metrics[-1].scope_metrics[0].metrics.add(name=name, unit=unit)

    def gauge(self, name: str, value: float, unit: str = "", time_ms: int = 1, **labels: Any) -> Metric:
        """Add a gauge of one point.

        Parameters
        ----------
        name : str
        value : float
        unit : str
        time_ms : int
        labels : attributes
        """
        metric = self.metric(name, unit)
        point = metric.gauge.data_points.add(time_unix_nano=time_ms * MS, attributes=attributes(labels))
        point.as_double = value
        return metric
