"""How every compiled kernel is compiled: once, cached on disk, outside the interpreter's lock."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from hashlib import blake2b
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from numba import njit
from numba.core import config

P = ParamSpec("P")
R = TypeVar("R")

PACKAGE = Path(__file__).parent.parent
_BASE = Path(config.CACHE_DIR or PACKAGE / "__pycache__" / "kernels")  # type: ignore[attr-defined]


def kernel(function: Callable[P, R]) -> Callable[P, R]:
    """Compile a function of arrays and numbers with Numba, keeping its type for the checker.

    Parameters
    ----------
    function : callable

    Returns
    -------
    callable
        Divides as NumPy does (no exception), keeps IEEE NaN semantics, releases the interpreter's lock.
    """
    _choose_cache(function.__module__)
    compiled: Callable[P, R] = njit(cache=True, nogil=True, error_model="numpy")(function)
    return compiled


def inner_kernel(function: Callable[P, R]) -> Callable[P, R]:
    """As `kernel`, for a function that only kernels call: no entry from Python is compiled.

    Parameters
    ----------
    function : callable

    Returns
    -------
    callable
        Callable from compiled code only.
    """
    _choose_cache(function.__module__)
    # The stubs of Numba do not know the options that leave the entries from Python and C out.
    compile_inner: Any = njit
    options = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}
    compiled: Callable[P, R] = compile_inner(cache=True, nogil=True, error_model="numpy", **options)(function)
    return compiled


def _choose_cache(module: str) -> None:
    """Let Numba keep what it compiles next in a folder that stands for the sources of the module's room.

    Numba looks at the file of a kernel only: a kernel that calls one of another file would come from the
    cache with the old callee in it, and a cache of another version might not even load.
    """
    room = module.split(".")[1] if "." in module else module
    config.CACHE_DIR = str(_BASE / f"{room}-{_fingerprint(room)}")  # type: ignore[attr-defined]


@lru_cache
def _fingerprint(room: str) -> str:
    digest = blake2b(digest_size=8)
    for folder in (PACKAGE / "core", PACKAGE / room):
        for path in sorted(folder.rglob("*.py")):
            digest.update(path.read_bytes())
    return digest.hexdigest()
