"""Owns the streams: which series is which stream, in which slot of which shard, scored by which detector."""
