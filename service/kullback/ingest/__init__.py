"""Bytes to batches: one decoder per protocol; decoders do not know each other."""
