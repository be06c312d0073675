"""The vocabulary every other room speaks: batches, labels, limits, errors, profiles."""
