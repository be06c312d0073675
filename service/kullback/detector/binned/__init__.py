"""Streams whose samples are distributions over bins: histograms, and categories as one-hot ones."""
