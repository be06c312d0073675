"""Bytes to batches: one decoder per protocol; decoders do not know each other."""

from kullback.ingest.warmup import warmup

__all__ = ["warmup"]
