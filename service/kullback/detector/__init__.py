"""The science: divergence of what a stream shows now from what it used to show, and when that is an alarm."""
