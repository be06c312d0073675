"""`kullback warmup`: compile the kernels once, so that the first request does not wait."""

from __future__ import annotations

from rich.console import Console


def warmup() -> None:
    """Compile the kernels and fill Numba's cache.

    Run it while an image is built; the cache lies in NUMBA_CACHE_DIR, or beside the package.
    """
    from kullback.app import compile_kernels  # noqa: PLC0415 - importing it compiles; --help should not wait

    with Console(stderr=True).status("Compiling kernels…"):
        compile_kernels()
