"""What holds for every test."""

from __future__ import annotations

import os

from hypothesis import settings

settings.register_profile("kullback", deadline=None, derandomize="CI" in os.environ)
"""No time limit per example: the first may compile kernels, and machines differ. The same examples for every
run of continuous integration, so that a change is judged by what it changes; new ones at every desk."""
settings.load_profile("kullback")
