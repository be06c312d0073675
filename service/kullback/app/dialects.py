"""Which protocol is read at which path."""

from __future__ import annotations

from collections.abc import Mapping

from kullback.core.limits import Limits
from kullback.http.protocols.dialect import Dialect
from kullback.http.protocols.native import NativeDialect
from kullback.http.protocols.remote_write import RemoteWriteDialect
from kullback.ingest.json_samples import JsonDecoder, NdjsonDecoder
from kullback.ingest.remote_write import RemoteWriteDecoder


def build_dialects(limits: Limits) -> Mapping[str, Dialect]:
    """The write protocols by path.

    Parameters
    ----------
    limits : Limits
    """
    remote_write = RemoteWriteDecoder(limits)
    return {
        "/api/v1/ingest": NativeDialect(JsonDecoder(limits), NdjsonDecoder(limits)),
        "/api/v1/write": RemoteWriteDialect(remote_write, remote_write),
    }
