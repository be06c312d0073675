"""Protobuf classes of remote write 1.0 and 2.0, declared from the specifications by field number.

An independent reader and writer for tests and benchmarks: it shares no code with the decoders.
"""

from __future__ import annotations

from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

F = descriptor_pb2.FieldDescriptorProto
SCALARS = {
    "double": F.TYPE_DOUBLE,
    "int64": F.TYPE_INT64,
    "uint64": F.TYPE_UINT64,
    "uint32": F.TYPE_UINT32,
    "int32": F.TYPE_INT32,
    "sint32": F.TYPE_SINT32,
    "sint64": F.TYPE_SINT64,
    "string": F.TYPE_STRING,
}

HISTOGRAM = {
    "count_int": (1, "uint64"),
    "count_float": (2, "double"),
    "sum": (3, "double"),
    "schema": (4, "sint32"),
    "zero_threshold": (5, "double"),
    "zero_count_int": (6, "uint64"),
    "zero_count_float": (7, "double"),
    "negative_spans": (8, "*BucketSpan"),
    "negative_deltas": (9, "*sint64"),
    "negative_counts": (10, "*double"),
    "positive_spans": (11, "*BucketSpan"),
    "positive_deltas": (12, "*sint64"),
    "positive_counts": (13, "*double"),
    "reset_hint": (14, "int32"),
    "timestamp": (15, "int64"),
    "custom_values": (16, "*double"),
}
SPAN = {"offset": (1, "sint32"), "length": (2, "uint32")}
SAMPLE = {"value": (1, "double"), "timestamp": (2, "int64")}

VERSION_1 = {
    "Label": {"name": (1, "string"), "value": (2, "string")},
    "Sample": SAMPLE,
    "BucketSpan": SPAN,
    "Histogram": HISTOGRAM,
    "Exemplar": {"labels": (1, "*Label"), "value": (2, "double"), "timestamp": (3, "int64")},
    "TimeSeries": {
        "labels": (1, "*Label"),
        "samples": (2, "*Sample"),
        "exemplars": (3, "*Exemplar"),
        "histograms": (4, "*Histogram"),
    },
    "MetricMetadata": {
        "type": (1, "int32"),
        "metric_family_name": (2, "string"),
        "help": (4, "string"),
        "unit": (5, "string"),
    },
    "WriteRequest": {"timeseries": (1, "*TimeSeries"), "metadata": (3, "*MetricMetadata")},
}
# The first release candidates had one created timestamp per series, the final text has a start per sample.
VERSION_2 = {
    "Sample": {**SAMPLE, "start_timestamp": (3, "int64")},
    "BucketSpan": SPAN,
    "Histogram": {**HISTOGRAM, "start_timestamp": (17, "int64")},
    "Exemplar": {"labels_refs": (1, "*uint32"), "value": (2, "double"), "timestamp": (3, "int64")},
    "Metadata": {"type": (1, "int32"), "help_ref": (3, "uint32"), "unit_ref": (4, "uint32")},
    "TimeSeries": {
        "labels_refs": (1, "*uint32"),
        "samples": (2, "*Sample"),
        "histograms": (3, "*Histogram"),
        "exemplars": (4, "*Exemplar"),
        "metadata": (5, "Metadata"),
        "created_timestamp": (6, "int64"),
    },
    "Request": {"symbols": (4, "*string"), "timeseries": (5, "*TimeSeries")},
}


def message_classes(package: str, messages: dict[str, dict[str, tuple[int, str]]]) -> dict[str, Any]:
    """Classes of the messages declared by field number and type; `*` stands for repeated."""
    file = descriptor_pb2.FileDescriptorProto(name=f"{package}.proto", package=package, syntax="proto3")
    for name, fields in messages.items():
        message = file.message_type.add(name=name)
        for field, (number, declared) in fields.items():
            repeated = F.LABEL_REPEATED if declared.startswith("*") else F.LABEL_OPTIONAL
            kind = declared.lstrip("*")
            added = message.field.add(name=field, number=number, label=repeated)
            if kind in SCALARS:
                added.type = SCALARS[kind]
            else:
                added.type, added.type_name = F.TYPE_MESSAGE, f".{package}.{kind}"
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    find = pool.FindMessageTypeByName
    return {name: message_factory.GetMessageClass(find(f"{package}.{name}")) for name in messages}


V1 = message_classes("kullback_test_v1", VERSION_1)
V2 = message_classes("kullback_test_v2", VERSION_2)
WriteRequest = V1["WriteRequest"]
Request = V2["Request"]
