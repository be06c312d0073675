"""`kullback` and `python -m kullback`."""

import os

# Before NumPy is imported. The arrays of a fleet are touched row by row as streams come: pages of 2 MB hold
# memory that no stream has, and took a start of 100 000 streams 3 s more; scores are not sooner with them.
os.environ.setdefault("NUMPY_MADVISE_HUGEPAGE", "0")

from kullback.cli import main

__all__ = ["main"]

if __name__ == "__main__":
    main()
