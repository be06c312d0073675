"""OpenAPI of the raw write endpoints, written by hand because FastAPI does not see their bodies."""

from __future__ import annotations

from typing import Any

from kullback.core.errors import ErrorId
from kullback.http.docs import PROBLEM_SCHEMA
from kullback.http.problems import PROBLEM_JSON, problem_document

JsonObject = dict[str, Any]

ROW_EXAMPLES = {
    "one": {
        "metric": "response_time_seconds",
        "labels": {"server": "web-1"},
        "value": 0.12,
        "timestamp_ms": 1795328801679,
    },
    "several": {
        "metric": "response_time_seconds",
        "labels": {"server": "web-1"},
        "values": [0.12, 0.2, 0.11],
        "timestamps_ms": [1795328801679, 1795328802679, 1795328803679],
    },
    "histogram": {
        "metric": "response_time_seconds",
        "labels": {"server": "web-1"},
        "histogram": {"upper_bounds": [0.1, 0.5, 1.0], "counts": [12, 7, 1, 0]},
    },
    "category": {"metric": "payment_channel", "category": "card"},
}
ROW: JsonObject = {
    "type": "object",
    "required": ["metric"],
    "properties": {
        "metric": {"type": "string", "minLength": 1},
        "labels": {"type": "object", "additionalProperties": {"type": "string"}},
        "value": {"type": ["number", "null"]},
        "timestamp_ms": {"type": "integer", "description": "Left out: the time of arrival."},
        "values": {"type": "array", "items": {"type": ["number", "null"]}},
        "timestamps_ms": {"type": "array", "items": {"type": "integer"}},
        "histogram": {
            "type": "object",
            "required": ["upper_bounds", "counts"],
            "properties": {
                "upper_bounds": {"type": "array", "items": {"type": "number"}},
                "counts": {"type": "array", "items": {"type": "number", "minimum": 0}},
            },
        },
        "category": {"type": "string"},
    },
}
REFUSAL_EXAMPLE = {
    "id": "kb-sample-too-old",
    "count": 2,
    "message": ErrorId.SAMPLE_TOO_OLD.text("A sample of up is 10800001 ms old; the limit is 10800000 ms."),
    "option": "max_sample_age_ms",
}
RECEIPT_EXAMPLE = {
    "accepted": 3,
    "rejected": 2,
    "duplicates": 0,
    "not_a_number": 0,
    "errors": [REFUSAL_EXAMPLE],
    "scores": [
        {
            "stream": "0f3a5c7e9b1d2f4a6c8e",
            "score": 0.31,
            "max_score": 0.4,
            "divergence_nats": 0.02,
            "state": "ok",
        }
    ],
}
NUMBER_OR_NULL = {"type": ["number", "null"]}
RECEIPT: JsonObject = {
    "type": "object",
    "required": ["accepted", "rejected", "errors", "scores"],
    "properties": {
        "accepted": {"type": "integer"},
        "rejected": {"type": "integer"},
        "duplicates": {"type": "integer"},
        "not_a_number": {"type": "integer"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["id", "count", "message", "option"],
                "properties": {
                    "id": {"type": "string"},
                    "count": {"type": "integer"},
                    "message": {"type": "string"},
                    "option": {"type": ["string", "null"]},
                },
            },
        },
        "scores": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["stream", "score", "state"],
                "properties": {
                    "stream": {"type": "string"},
                    "score": NUMBER_OR_NULL,
                    "max_score": NUMBER_OR_NULL,
                    "divergence_nats": NUMBER_OR_NULL,
                    "state": {"type": "string"},
                },
            },
        },
    },
}
BINARY = {"type": "string", "contentMediaType": "application/octet-stream"}
TEXT = {"type": "string"}


def _problem(error: ErrorId, status: int) -> JsonObject:
    example = problem_document(error, status, error.text())
    return {PROBLEM_JSON: {"schema": PROBLEM_SCHEMA, "example": example}}


def _operation(
    summary: str,
    accepts: JsonObject,
    answers: dict[str, JsonObject],
    parameters: list[JsonObject] | None = None,
) -> JsonObject:
    """One POST; every write endpoint can also be answered with 413, 415, 429 and 503."""
    always = {
        "413": "The body is too large, packed or unpacked, or holds too many samples.",
        "415": "The content type or encoding is not one this endpoint reads.",
        "429": "The queue is full; nothing was applied. Try again after `Retry-After` seconds.",
        "503": "Starting, stopping or the log cannot be written; nothing was applied.",
    }
    responses = {status: {"description": text} for status, text in always.items()} | answers
    operation: JsonObject = {
        "tags": ["Writing"],
        "summary": summary,
        "requestBody": {"required": True, "content": accepts},
        "responses": dict(sorted(responses.items())),
    }
    if parameters:
        operation["parameters"] = parameters
    return {"post": operation}


def _query(name: str, description: str, *values: str) -> JsonObject:
    return {
        "name": name,
        "in": "query",
        "required": False,
        "description": description,
        "schema": {"type": "string", "enum": list(values)},
    }


_DONE_204: JsonObject = {"204": {"description": "Everything was kept."}}
_INFLUX: JsonObject = {
    **_DONE_204,
    "400": {
        "description": "Some lines were not used; the others are kept.",
        "content": {
            "application/json": {
                "example": {"code": "invalid", "message": "Kept 1 samples, refused 1. …", "lines": [2]}
            }
        },
    },
}
_LINE = "response_time,server=web-1 seconds=0.12 1795328801679000000"
_INFLUX_OPERATION = (
    {"text/plain": {"schema": TEXT, "example": _LINE}},
    _INFLUX,
    [_query("precision", "Unit of the timestamps.", "ns", "us", "ms", "s")],
)

WRITE_DOCS: dict[str, JsonObject] = {
    "/api/v1/ingest": _operation(
        "Samples as JSON or NDJSON",
        {
            "application/json": {
                "schema": {"anyOf": [ROW, {"type": "array", "items": ROW}]},
                "examples": {name: {"value": row} for name, row in ROW_EXAMPLES.items()},
            },
            "application/x-ndjson": {"schema": TEXT, "example": '{"metric": "up", "value": 1}\n'},
        },
        {
            "200": {
                "description": "The receipt; valid samples are kept even when others are refused.",
                "content": {"application/json": {"schema": RECEIPT, "example": RECEIPT_EXAMPLE}},
            },
            "400": {"description": "Nothing was valid.", "content": _problem(ErrorId.BAD_SAMPLE, 400)},
        },
        [
            _query("scores", "Touched streams in the receipt: up to 100, none or all.", "none", "all"),
            _query("backfill", "Take samples of any age.", "true", "false"),
        ],
    ),
    "/api/v1/write": _operation(
        "Prometheus remote write 1.0 and 2.0",
        {"application/x-protobuf": {"schema": BINARY}},
        {
            **_DONE_204,
            "400": {
                "description": "Some samples were refused, as the text says; the others are kept.",
                "content": {"text/plain": {"schema": TEXT, "example": "Kept 9 samples, refused 1. …"}},
            },
        },
    ),
    "/v1/metrics": _operation(
        "OTLP over HTTP",
        {
            "application/x-protobuf": {"schema": BINARY},
            "application/json": {"schema": {"type": "object"}, "example": {"resourceMetrics": []}},
        },
        {
            "200": {
                "description": "`partialSuccess` says what was refused; the rest is kept.",
                "content": {
                    "application/x-protobuf": {"schema": BINARY},
                    "application/json": {
                        "example": {"partialSuccess": {"rejectedDataPoints": "1", "errorMessage": "…"}}
                    },
                },
            },
            "400": {
                "description": "`google.rpc.Status`.",
                "content": {
                    "application/json": {"example": {"message": "… [kb-bad-json]"}},
                    "application/x-protobuf": {"schema": BINARY},
                },
            },
        },
    ),
    "/write": _operation("Influx line protocol", *_INFLUX_OPERATION),
    "/api/v2/write": _operation("Influx line protocol, version 2 path", *_INFLUX_OPERATION),
    "/collectd": _operation(
        "collectd's write_http, JSON",
        {
            "application/json": {
                "schema": {"type": "array", "items": {"type": "object"}},
                "example": [
                    {
                        "values": [0.12],
                        "dstypes": ["gauge"],
                        "dsnames": ["value"],
                        "time": 1795328801.679,
                        "interval": 10.0,
                        "host": "web-1",
                        "plugin": "load",
                        "plugin_instance": "",
                        "type": "load",
                        "type_instance": "",
                    }
                ],
            }
        },
        {
            "200": {"description": "Everything was kept."},
            "400": {"description": "Some values were refused.", "content": _problem(ErrorId.BAD_SAMPLE, 400)},
        },
    ),
    "/api/put": _operation(
        "OpenTSDB put, JSON",
        {
            "application/json": {
                "schema": {"anyOf": [{"type": "object"}, {"type": "array", "items": {"type": "object"}}]},
                "example": {
                    "metric": "sys.load",
                    "timestamp": 1795328801679,
                    "value": 0.12,
                    "tags": {"host": "web-1"},
                },
            }
        },
        {
            **_DONE_204,
            "400": {
                "description": "Some points were refused; the others are kept.",
                "content": _problem(ErrorId.BAD_SAMPLE, 400)
                | {
                    "application/json": {
                        "example": {
                            "error": {"code": 400, "message": "Kept 1 samples, refused 1. …"},
                            "success": 1,
                            "failed": 1,
                        }
                    }
                },
            },
        },
    ),
}
