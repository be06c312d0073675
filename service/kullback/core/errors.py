"""Every user-visible error, once.

An `ErrorId` is immutable: its code ends the error text, its reason labels
`kullback_samples_rejected_total`, its code is `id` in JSON and the anchor in docs/errors.md.
Ids of errors that no longer exist move to `RETIRED` and are never given away again.

    KullbackError
    ├── DecodeError      a body is not what its protocol says
    ├── RequestError     a request that cannot be carried out as asked
    └── Overloaded       nothing was applied; the sender should try again later
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum


@dataclass(frozen=True, slots=True)
class ErrorFacts:
    """What is fixed about one error: code, metric reason, meaning and the option that changes it."""

    code: str
    reason: str
    meaning: str
    option: str | None = None


class ErrorId(Enum):
    """All errors a user can meet; the member's value holds the facts."""

    BODY_TOO_LARGE = ErrorFacts(
        "kb-body-too-large", "body_too_large", "The packed body is larger than allowed.", "max_body_bytes"
    )
    UNPACKED_TOO_LARGE = ErrorFacts(
        "kb-unpacked-too-large",
        "unpacked_too_large",
        "The body unpacks to more bytes than allowed.",
        "max_unpacked_bytes",
    )
    TOO_MANY_SAMPLES = ErrorFacts(
        "kb-too-many-samples",
        "too_many_samples",
        "One request holds more samples than allowed.",
        "max_samples_per_request",
    )
    BAD_COMPRESSION = ErrorFacts(
        "kb-bad-compression", "bad_compression", "The body could not be unpacked with its content encoding."
    )
    BAD_JSON = ErrorFacts("kb-bad-json", "bad_json", "The body is not valid JSON.")
    BAD_PROTOBUF = ErrorFacts("kb-bad-protobuf", "bad_protobuf", "The body is not a valid protobuf message.")
    BAD_LINE = ErrorFacts("kb-bad-line", "bad_line", "A line does not follow the line protocol.")
    BAD_SAMPLE = ErrorFacts("kb-bad-sample", "bad_sample", "A sample does not have the documented form.")
    BAD_LABELS = ErrorFacts("kb-bad-labels", "bad_labels", "A label set is malformed.")
    BAD_HISTOGRAM = ErrorFacts(
        "kb-bad-histogram", "bad_histogram", "A histogram's bounds or counts do not fit together."
    )
    UNSUPPORTED_CONTENT_TYPE = ErrorFacts(
        "kb-unsupported-content-type",
        "unsupported_content_type",
        "The content type or encoding is not one this endpoint reads.",
    )
    UNSUPPORTED_SAMPLE = ErrorFacts(
        "kb-unsupported-sample", "unsupported_sample", "A data point is of a type Kullback does not watch."
    )
    SAMPLE_TOO_OLD = ErrorFacts(
        "kb-sample-too-old", "too_old", "A sample is older than allowed.", "max_sample_age_ms"
    )
    SAMPLE_IN_FUTURE = ErrorFacts(
        "kb-sample-in-future", "in_future", "A sample lies too far in the future.", "future_tolerance_ms"
    )
    SAMPLE_OUT_OF_ORDER = ErrorFacts(
        "kb-sample-out-of-order",
        "out_of_order",
        "A sample is older than its stream's newest one by more than the tolerance.",
        "out_of_order_ms",
    )
    TOO_MANY_STREAMS = ErrorFacts(
        "kb-too-many-streams", "too_many_streams", "No room for another stream.", "max_streams"
    )
    TOO_MANY_STREAMS_PER_METRIC = ErrorFacts(
        "kb-too-many-streams-per-metric",
        "too_many_streams_per_metric",
        "No room for another stream of this metric name.",
        "max_streams_per_metric",
    )
    TOO_MANY_STREAMS_OF_TENANT = ErrorFacts(
        "kb-too-many-streams-of-tenant",
        "too_many_streams_of_tenant",
        "No room for another stream of this tenant.",
        "tenants.max_streams",
    )
    TOO_MANY_LABELS = ErrorFacts(
        "kb-too-many-labels", "too_many_labels", "A series has too many labels.", "max_labels_per_series"
    )
    LABEL_NAME_TOO_LONG = ErrorFacts(
        "kb-label-name-too-long", "label_name_too_long", "A label name is too long.", "max_label_name_bytes"
    )
    LABEL_VALUE_TOO_LONG = ErrorFacts(
        "kb-label-value-too-long",
        "label_value_too_long",
        "A label value is too long.",
        "max_label_value_bytes",
    )
    KIND_MISMATCH = ErrorFacts(
        "kb-kind-mismatch", "kind_mismatch", "A stream changed its kind (number, histogram or category)."
    )
    QUEUE_FULL = ErrorFacts(
        "kb-queue-full", "queue_full", "The ingest queue is full; nothing was applied.", "max_queue_samples"
    )
    BODIES_FULL = ErrorFacts(
        "kb-bodies-full",
        "bodies_full",
        "The bodies of the requests in progress take up too much memory; nothing was applied.",
        "max_inflight_bytes",
    )
    TOO_MANY_LISTENERS = ErrorFacts(
        "kb-too-many-listeners",
        "too_many_listeners",
        "As many clients listen to events as are allowed.",
        "max_event_listeners",
    )
    STORAGE_UNAVAILABLE = ErrorFacts(
        "kb-storage-unavailable", "storage_unavailable", "The log cannot be written; nothing was applied."
    )
    STORAGE_IN_USE = ErrorFacts(
        "kb-storage-in-use",
        "storage_in_use",
        "Another process owns the storage directory.",
        "storage.path",
    )
    STORAGE_TOO_NEW = ErrorFacts(
        "kb-storage-too-new",
        "storage_too_new",
        "The storage directory was written by a newer version of Kullback.",
    )
    STARTING_OR_STOPPING = ErrorFacts(
        "kb-not-ready", "not_ready", "The service is starting or stopping; nothing was applied."
    )
    BAD_REQUEST = ErrorFacts(
        "kb-bad-request", "bad_request", "A parameter or body is not what is documented."
    )
    BAD_SELECTOR = ErrorFacts("kb-bad-selector", "bad_selector", "A PromQL-style selector cannot be read.")
    BAD_CONFIG = ErrorFacts("kb-bad-config", "bad_config", "The configuration is not valid.")
    NOT_FOUND = ErrorFacts("kb-not-found", "not_found", "There is no such stream, alert, reference or page.")
    METHOD_NOT_ALLOWED = ErrorFacts(
        "kb-method-not-allowed", "method_not_allowed", "The endpoint does not take this method."
    )
    CONFLICT = ErrorFacts("kb-conflict", "conflict", "The present state does not allow this action.")
    UNAUTHENTICATED = ErrorFacts("kb-unauthenticated", "unauthenticated", "Credentials are missing or wrong.")
    NO_TENANT = ErrorFacts(
        "kb-no-tenant", "no_tenant", "The request does not say whose it is; send X-Scope-OrgID."
    )
    BAD_TENANT = ErrorFacts("kb-bad-tenant", "bad_tenant", "X-Scope-OrgID is not the name of one tenant.")
    FORBIDDEN = ErrorFacts("kb-forbidden", "forbidden", "The credentials do not allow this action.")
    RATE_LIMITED = ErrorFacts(
        "kb-rate-limited",
        "rate_limited",
        "A bearer token has sent more requests than its requests_per_minute in web.yml.",
    )
    LIFECYCLE_DISABLED = ErrorFacts(
        "kb-lifecycle-disabled",
        "lifecycle_disabled",
        "Lifecycle endpoints are switched off.",
        "web.enable-lifecycle",
    )
    INTERNAL = ErrorFacts("kb-internal", "internal", "An error on Kullback's side; please report it.")

    @property
    def code(self) -> str:
        """The immutable id, e.g. `kb-sample-too-old`."""
        return self.value.code

    @property
    def reason(self) -> str:
        """The value of the `reason` label of the rejected counter."""
        return self.value.reason

    @property
    def option(self) -> str | None:
        """The option that moves the limit, where there is one."""
        return self.value.option

    def text(self, detail: str = "") -> str:
        """The sentence users read: detail (or the general meaning), the option, the id.

        Parameters
        ----------
        detail : str
            What happened in this case, with the numbers; the general meaning when empty.
        """
        option = f" Change `{self.option}` to move this limit." if self.option else ""
        return f"{detail or self.value.meaning}{option} [{self.code}]"


RETIRED: frozenset[str] = frozenset()
"""Codes that were used once and must not come back with another meaning."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """`count` samples refused for one reason; `detail` describes the first of them."""

    error: ErrorId
    count: int
    detail: str = ""


def merge_refusals(refusals: Iterable[Refusal]) -> tuple[Refusal, ...]:
    """One refusal per error, counts added, the first detail kept.

    Parameters
    ----------
    refusals : iterable of Refusal

    Returns
    -------
    tuple of Refusal
        In order of first appearance.
    """
    merged: dict[ErrorId, Refusal] = {}
    for refusal in refusals:
        seen = merged.get(refusal.error)
        count = refusal.count + (seen.count if seen else 0)
        merged[refusal.error] = Refusal(refusal.error, count, seen.detail if seen else refusal.detail)
    return tuple(merged.values())


class KullbackError(Exception):
    """Base of all errors Kullback raises on purpose.

    Parameters
    ----------
    error : ErrorId
    detail : str
        What happened in this case; shown to the user.
    """

    def __init__(self, error: ErrorId, detail: str = "") -> None:
        super().__init__(error.text(detail))
        self.error = error
        self.detail = detail


class DecodeError(KullbackError):
    """A body is not what its protocol says; nothing of it could be used."""


class RequestError(KullbackError):
    """A request cannot be carried out as asked."""


class Overloaded(KullbackError):
    """Nothing was applied; the sender should try again later."""
